//! Tasks among those that wait: the lease is surrendered to the reactor, callers are guests, and a wake
//! is passed on.

use std::sync::Arc;
use std::task::{Poll, Waker};

use super::explore;
use super::miniature::{spawn, Parker, Socket};

#[test]
fn loom_a_task_is_woken_by_another_thread() {
    explore(3, || {
        let socket = Socket::new(2);
        socket.keep();
        let task = spawn(&socket, Socket::block_on);
        let other = spawn(&socket, |socket| socket.put(1));
        socket.run_reactor();
        assert_eq!(task.join().unwrap(), Some(1));
        other.join().unwrap();
    });
}

/// With the lease at home and a caller's, the reactor would look only by and by, and the task with it.
#[test]
fn loom_a_lease_that_a_caller_left_behind_is_surrendered_to_a_task() {
    explore(2, || {
        let socket = Socket::new(2);
        let worker = spawn(&socket, |socket| {
            assert_eq!(socket.recv(), Some(1));
            socket.keep();
            assert!(socket.state.lock().waiters.is_reactors());
            socket.block_on()
        });
        let peer = spawn(&socket, |socket| {
            socket.shared.deliver(1);
            socket.shared.deliver(2);
        });
        socket.run_reactor();
        assert_eq!(worker.join().unwrap(), Some(2));
        peer.join().unwrap();
    });
}

/// The caller is inside when the task begins to wait: it hands the lease over when it leaves.
#[test]
fn loom_a_caller_inside_hands_the_lease_over_when_a_task_waits() {
    explore(2, || {
        let socket = Socket::new(3);
        let caller = spawn(&socket, Socket::recv);
        let task = spawn(&socket, |socket| {
            socket.keep();
            socket.block_on()
        });
        let peer = spawn(&socket, |socket| {
            socket.shared.deliver(1);
            socket.shared.deliver(2);
        });
        socket.run_reactor();
        let mut got = [caller.join().unwrap(), task.join().unwrap()];
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        peer.join().unwrap();
        assert!(socket.state.lock().waiters.is_reactors());
    });
}

/// A guest keeps the driver from the reactor, which is told of an event once: whatever the guest left is
/// driven when it has gone.
#[test]
fn loom_a_guest_that_turns_the_reactor_away_strands_nothing() {
    explore(2, || {
        let socket = Socket::new(2);
        socket.keep();
        let guest = spawn(&socket, Socket::recv_once);
        let peer = spawn(&socket, |socket| {
            socket.shared.stir();
            socket.shared.deliver(1);
        });
        socket.run_reactor();
        let got = guest.join().unwrap();
        peer.join().unwrap();
        let left = socket.state.lock().inbox.pop_front();
        assert_eq!(got.or(left), Some(1), "nobody read it");
        assert!(socket.state.lock().waiters.is_reactors());
    });
}

#[test]
fn loom_a_task_that_was_woken_and_is_dropped_passes_the_wake_on() {
    explore(3, || {
        let socket = Socket::new(3);
        socket.keep();
        let fickle = spawn(&socket, |socket| {
            let waker = Waker::from(Arc::new(Parker::default()));
            let mut task = None;
            if let Poll::Ready(got) = socket.poll_recv(&mut task, &waker) {
                return got;
            }
            socket.forget(task);
            None
        });
        let task = spawn(&socket, Socket::block_on);
        let other = spawn(&socket, |socket| {
            socket.put(1);
            socket.put(2);
        });
        socket.run_reactor();
        assert!(task.join().unwrap().is_some());
        fickle.join().unwrap();
        other.join().unwrap();
    });
}

/// Both messages come at once, and wake one task.
#[test]
fn loom_a_task_that_takes_a_message_and_leaves_one_passes_the_wake_on() {
    explore(2, || {
        let socket = Socket::new(3);
        socket.keep();
        let tasks = [
            spawn(&socket, Socket::block_on),
            spawn(&socket, Socket::block_on),
        ];
        let other = spawn(&socket, |socket| {
            let mut state = socket.state.lock();
            state.inbox.extend([1, 2]);
            state.wake_waiters();
            socket.unlock(state);
        });
        socket.run_reactor();
        let mut got = tasks.map(|task| task.join().unwrap());
        got.sort_unstable();
        assert_eq!(got, [Some(1), Some(2)]);
        other.join().unwrap();
    });
}

#[test]
fn loom_closing_wakes_every_task() {
    explore(2, || {
        let socket = Socket::new(2);
        socket.keep();
        let tasks = [
            spawn(&socket, Socket::block_on),
            spawn(&socket, Socket::block_on),
        ];
        socket.close();
        socket.run_reactor();
        assert_eq!(tasks.map(|task| task.join().unwrap()), [None, None]);
    });
}
