//! A pipe between two sockets of one context: no announcement, room or message is lost.

use std::sync::Arc;

use loom::thread;

use super::explore;
use super::pair::{Pair, To};
use crate::link::pipe::pipe;
use crate::sync::Mutex;

#[test]
fn loom_what_a_sender_holds_back_is_received_though_it_does_nothing_more() {
    for limits in [(1, 0), (2, 0), (0, 0)] {
        for looks in 0..2 {
            explore(2, move || {
                let pair = Pair::new(limits);
                let sender = Arc::clone(&pair);
                let sender = thread::spawn(move || {
                    for text in ["1", "2", "3"] {
                        sender.send_fast(text);
                    }
                });
                for text in ["1", "2", "3"] {
                    assert_eq!(pair.recv_after(looks), text);
                }
                sender.join().unwrap();
            });
        }
    }
}

#[test]
fn loom_a_pipe_loses_no_announcement() {
    for limits in [(1, 0), (2, 0), (0, 0)] {
        explore(3, move || {
            let pair = Pair::new(limits);
            let sender = Arc::clone(&pair);
            let sender = thread::spawn(move || {
                for text in ["1", "2", "3"] {
                    sender.send(text.into());
                }
            });
            for text in ["1", "2", "3"] {
                assert_eq!(pair.recv(), text);
            }
            sender.join().unwrap();
        });
    }
}

#[test]
fn loom_a_receiver_that_waits_awake_for_a_pipe_misses_nothing_and_lets_no_other_oversleep() {
    explore(3, || {
        let pair = Pair::new((0, 0));
        let sender = Arc::clone(&pair);
        let sender = thread::spawn(move || ["1", "2"].map(|text| sender.send(text.into())));
        let other = Arc::clone(&pair);
        let other = thread::spawn(move || other.recv_after(0));
        let ours = pair.recv_after(1);
        let theirs = other.join().unwrap();
        sender.join().unwrap();
        assert!(ours != theirs, "each message once");
    });
}

#[test]
fn loom_a_pipe_that_is_emptied_unread_has_room_again() {
    explore(3, || {
        let pair = Pair::new((1, 0));
        let sender = Arc::clone(&pair);
        let sender = thread::spawn(move || {
            sender.send("stale".into());
            sender.send("fresh".into());
        });
        // REQ forgets old replies before it asks again.
        let mut to = pair.to.lock();
        to.inbox.clear();
        let (_, room) = to.pipe.clear_inward();
        drop(to);
        if room {
            pair.give_room();
        }
        while pair.recv() != "fresh" {}
        sender.join().unwrap();
    });
}

#[test]
fn loom_the_end_of_a_pipe_comes_after_its_last_message() {
    explore(3, || {
        let pair = Pair::new((0, 0));
        let sender = Arc::clone(&pair);
        let sender = thread::spawn(move || {
            sender.send("last".into());
            sender.from.lock().pipe.end();
            sender.to.lock().readable = true;
            sender.to_woken.notify_all();
        });
        assert_eq!(pair.recv(), "last");
        sender.join().unwrap();
        let mut to = pair.to.lock();
        let To { pipe, inbox, .. } = &mut *to;
        let taken = pipe.take(inbox);
        assert!(taken.messages == 0 && pipe.resume_wakeups());
    });
}

#[test]
fn loom_a_subscription_is_not_overtaken_by_an_older_cancellation() {
    explore(3, || {
        let (near, far) = pipe((0, 0), (0, 0));
        // How often a SUB wants a topic, and whether its PUB knows that it does.
        let sub = Arc::new(Mutex::new((near, 1_u32)));
        let publisher = Arc::new(Mutex::new((far, true)));
        let known = Arc::clone(&publisher);
        let change = move |subscribe: bool| {
            let mut state = sub.lock();
            let (pipe, wanted) = &mut *state;
            *wanted = if subscribe { *wanted + 1 } else { *wanted - 1 };
            if subscribe || *wanted == 0 {
                pipe.put_change(b"topic", subscribe);
            }
            drop(state);
            // The action, which the other thread's may overtake.
            let mut state = publisher.lock();
            let (pipe, known) = &mut *state;
            for change in pipe.take_changes() {
                *known = change.subscribe;
            }
        };
        let other = change.clone();
        let other = thread::spawn(move || other(false));
        change(true);
        other.join().unwrap();
        assert!(known.lock().1, "it is wanted once, whichever came first");
    });
}
