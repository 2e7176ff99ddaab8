//! Callers of one socket, its reactor and the reactors that help: no caller sleeps through what it waits for, and
//! the lease is never left without a thread that sees to the connections.

use super::explore;
use super::miniature::{spawn, Socket};

// ----- waking -----

#[test]
fn loom_a_sleeper_is_woken_by_another_thread() {
    explore(4, || {
        let socket = Socket::new(1);
        let producer = spawn(&socket, |socket| socket.put(7));
        assert_eq!(socket.recv(), Some(7));
        producer.join().unwrap();
    });
}

#[test]
fn loom_a_sleeper_is_woken_by_each_of_two() {
    explore(3, || {
        let socket = Socket::new(2);
        let near = spawn(&socket, |socket| socket.put(1));
        let far = spawn(&socket, |socket| socket.shared.deliver(2));
        let mut got = [socket.recv(), socket.recv()];
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        near.join().unwrap();
        far.join().unwrap();
    });
}

#[test]
fn loom_a_sleeper_is_woken_again() {
    explore(4, || {
        let socket = Socket::new(1);
        let producer = spawn(&socket, |socket| {
            socket.put(1);
            socket.put(2);
        });
        assert_eq!(socket.recv(), Some(1));
        assert_eq!(socket.recv(), Some(2));
        producer.join().unwrap();
    });
}

#[test]
fn loom_a_caller_that_waits_before_there_is_a_poll_drives_once_there_is() {
    explore(3, || {
        let socket = Socket::without_poll(1);
        let peer = spawn(&socket, |socket| {
            socket.make_poll();
            socket.shared.deliver(7);
        });
        assert_eq!(socket.recv(), Some(7));
        peer.join().unwrap();
    });
}

#[test]
fn loom_a_caller_that_looks_again_before_it_sleeps_misses_nothing() {
    explore(4, || {
        let socket = Socket::without_poll(2);
        socket.state.lock().looks_again = true;
        let producer = spawn(&socket, |socket| socket.put(7));
        let caller = spawn(&socket, Socket::recv);
        assert_eq!(caller.join().unwrap(), Some(7));
        producer.join().unwrap();
    });
}

// ----- help -----

#[test]
fn loom_a_helper_strands_neither_what_it_reads_nor_what_it_hands_back() {
    explore(3, || {
        let socket = Socket::new(2);
        socket.state.lock().ready.extend([1, 2]);
        let helper = spawn(&socket, Socket::help);
        let caller = spawn(&socket, |socket| {
            let mut got = [socket.recv(), socket.recv()];
            got.sort_unstable();
            assert_eq!(got, [Some(1), Some(2)]);
        });
        socket.run_reactor();
        helper.join().unwrap();
        caller.join().unwrap();
    });
}

// ----- two callers -----

#[test]
fn loom_a_follower_takes_its_turn() {
    explore(3, || {
        let socket = Socket::new(2);
        let peer = spawn(&socket, |socket| {
            socket.shared.deliver(1);
            socket.shared.deliver(2);
        });
        let second = spawn(&socket, Socket::recv);
        let mut got = [socket.recv(), second.join().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        peer.join().unwrap();
    });
}

#[test]
fn loom_two_callers_and_the_reactor_share_what_comes() {
    explore(2, || {
        let socket = Socket::new(3);
        let callers = [spawn(&socket, Socket::recv), spawn(&socket, Socket::recv)];
        let peer = spawn(&socket, |socket| {
            socket.shared.deliver(1);
            socket.put(2);
        });
        socket.run_reactor();
        let mut got = callers.map(|caller| caller.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        peer.join().unwrap();
    });
}

/// Something comes that is no message, and the caller that drives has no more time: the follower has to
/// be told, by no other than the caller that leaves.
#[test]
fn loom_a_caller_that_leaves_empty_handed_passes_the_turn_on() {
    explore(3, || {
        let socket = Socket::new(2);
        let hasty = spawn(&socket, Socket::recv_once);
        let patient = spawn(&socket, Socket::recv);
        socket.shared.stir();
        socket.shared.deliver(1);
        socket.shared.deliver(2);
        assert!(patient.join().unwrap().is_some());
        hasty.join().unwrap();
    });
}

/// The follower that was told that it is its turn goes away instead: the reactor finds out, and passes
/// the turn on.
#[test]
fn loom_a_turn_that_is_not_taken_is_not_lost() {
    explore(2, || {
        let socket = Socket::new(3);
        let fickle = spawn(&socket, Socket::recv_once);
        let patient = [spawn(&socket, Socket::recv), spawn(&socket, Socket::recv)];
        for message in 1..=3 {
            socket.shared.deliver(message);
        }
        socket.run_reactor();
        let fickle = fickle.join().unwrap();
        let patient = patient.map(|caller| caller.join().unwrap());
        assert!(patient.iter().all(|got| got.is_some() && *got != fickle));
    });
}

// ----- the lease -----

#[test]
fn loom_what_comes_after_the_caller_left_is_driven_by_the_reactor() {
    explore(3, || {
        let socket = Socket::new(2);
        let caller = spawn(&socket, |socket| assert!(socket.recv().is_some()));
        let peer = spawn(&socket, |socket| {
            socket.shared.deliver(1);
            socket.shared.deliver(2);
        });
        socket.run_reactor();
        caller.join().unwrap();
        peer.join().unwrap();
        assert!(socket.shared.read().is_empty(), "no thread drove");
        assert_eq!(socket.state.lock().inbox.len(), 1);
    });
}

#[test]
fn loom_the_lease_comes_and_goes() {
    explore(2, || {
        let socket = Socket::new(2);
        let caller = spawn(&socket, |socket| {
            assert!(socket.recv().is_some());
            assert!(socket.recv().is_some());
        });
        let peer = spawn(&socket, |socket| {
            for message in 0..3 {
                socket.shared.deliver(message);
            }
        });
        socket.run_reactor();
        caller.join().unwrap();
        peer.join().unwrap();
        assert!(socket.shared.read().is_empty(), "no thread drove");
        assert!(socket.state.lock().waiters.is_reactors());
    });
}

// ----- closing -----

#[test]
fn loom_closing_wakes_all_callers() {
    explore(3, || {
        let socket = Socket::new(2);
        let first = spawn(&socket, Socket::recv);
        let second = spawn(&socket, Socket::recv);
        socket.close();
        assert_eq!(first.join().unwrap(), None);
        assert_eq!(second.join().unwrap(), None);
    });
}

#[test]
fn loom_after_closing_the_reactor_drives() {
    explore(2, || {
        let socket = Socket::new(3);
        let caller = spawn(&socket, Socket::recv);
        let peer = spawn(&socket, |socket| socket.shared.deliver(1));
        let closer = spawn(&socket, Socket::close);
        socket.run_reactor();
        assert!(matches!(caller.join().unwrap(), None | Some(1)));
        peer.join().unwrap();
        closer.join().unwrap();
        assert!(socket.shared.read().is_empty(), "no thread drove");
        assert!(socket.state.lock().waiters.is_reactors());
    });
}

#[test]
fn loom_closing_wakes_callers_of_a_socket_that_has_inproc_peers_alone() {
    explore(3, || {
        let socket = Socket::without_poll(2);
        let callers = [spawn(&socket, Socket::recv), spawn(&socket, Socket::recv)];
        let mut state = socket.state.lock();
        state.closed = true;
        state.wake_waiters();
        socket.unlock(state);
        for caller in callers {
            assert_eq!(caller.join().unwrap(), None);
        }
    });
}
