//! Bodies that are the user's: what their `Drop` does is the user's code, and runs under no lock of ours.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{mpsc, Arc, Mutex};
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use sinew::{Context, Dealer, DynSocket, EventKind, Message, Pub, Pull, Push, Rep, Req, Sub};

use crate::support::{address, await_peer, await_subscription, Raw};

/// Nothing here takes this long, on the busiest machine; a test that hangs fails instead.
const HANG: Duration = Duration::from_secs(60);

/// What bodies know, and what is known of them.
#[derive(Default)]
struct Owner {
    sockets: Mutex<Vec<DynSocket>>,
    made: AtomicUsize,
    dropped: AtomicUsize,
    panics: bool,
}

impl Owner {
    fn new(panics: bool) -> Arc<Owner> {
        Arc::new(Owner {
            panics,
            ..Owner::default()
        })
    }

    /// The sockets that each body calls when it is dropped.
    fn knows(&self, sockets: impl IntoIterator<Item = DynSocket>) {
        self.sockets.lock().unwrap().extend(sockets);
    }

    fn body(self: &Arc<Owner>, size: usize) -> Message {
        self.made.fetch_add(1, Ordering::Relaxed);
        Message::from(Bytes::from_owner(Body {
            owner: Arc::clone(self),
            bytes: vec![b'a'; size],
        }))
    }

    /// Waits until every body is dropped. Sockets are closed in the background, by the reactor.
    fn await_all_dropped(&self) {
        while self.dropped.load(Ordering::Acquire) < self.made.load(Ordering::Acquire) {
            thread::yield_now();
        }
        self.sockets.lock().unwrap().clear();
    }
}

struct Body {
    owner: Arc<Owner>,
    bytes: Vec<u8>,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let sockets = self.owner.sockets.lock().unwrap().clone();
        for socket in sockets {
            socket.stats();
            socket.monitor();
            let _ = socket.try_send("from a body");
        }
        self.owner.dropped.fetch_add(1, Ordering::AcqRel);
        if self.owner.panics {
            panic!("a body of the user's");
        }
    }
}

/// Runs a test that hangs when it fails.
#[track_caller]
fn within_reason(test: impl FnOnce() + Send + 'static) {
    let (done, wait) = mpsc::channel();
    let thread = thread::spawn(move || {
        test();
        let _ = done.send(());
    });
    match wait.recv_timeout(HANG) {
        Err(mpsc::RecvTimeoutError::Timeout) => panic!("it hangs"),
        _ => thread.join().unwrap(),
    }
}

/// A size that is copied into no message, and one that is copied into no outbox.
const SMALL: usize = 100;
const LARGE: usize = 10_000;

#[test]
fn bodies_that_nobody_received_may_call_the_sockets_that_drop_them() {
    within_reason(|| {
        for panics in [false, true] {
            let ctx = Context::new();
            let owner = Owner::new(panics);
            let pull = ctx.socket(Pull).bind("inproc://unread").unwrap();
            // What the pull leaves unread is kept for the next one, and given up at once.
            let socket = ctx.socket(Push).linger(Some(Duration::ZERO));
            let push = socket.connect("inproc://unread").unwrap();
            let both = [pull.clone().into_dynamic(), push.clone().into_dynamic()];
            for _ in 0..600 {
                push.send(owner.body(SMALL)).unwrap();
            }
            // Some are in front, and some in the pipe.
            let first = pull.recv().unwrap();
            owner.knows(both);
            let _ = catch_unwind(AssertUnwindSafe(|| drop(first)));
            let _ = pull.close();
            let _ = push.close();
            owner.await_all_dropped();
        }
    });
}

#[test]
fn bodies_that_nobody_wants_may_call_the_sockets_that_drop_them() {
    within_reason(|| {
        let ctx = Context::new();
        let owner = Owner::new(true);
        let publisher = ctx.socket(Pub).bind("inproc://unwanted").unwrap();
        let sub = ctx.socket(Sub).connect("inproc://unwanted").unwrap();
        sub.subscribe("a").unwrap();
        sub.subscribe("b").unwrap();
        publisher.send("b").unwrap();
        for _ in 0..300 {
            publisher.send(owner.body(SMALL)).unwrap();
        }
        publisher.send("b").unwrap();
        owner.knows([publisher.clone().into_dynamic(), sub.clone().into_dynamic()]);
        assert_eq!(sub.recv().unwrap(), "b");
        // The rest of the batch is in front, and the next one in the pipe.
        sub.unsubscribe("a").unwrap();
        assert_eq!(sub.recv().unwrap(), "b");
        owner.await_all_dropped();
    });
}

#[test]
fn replies_that_are_not_waited_for_may_call_the_sockets_that_drop_them() {
    within_reason(|| {
        let ctx = Context::new();
        let owner = Owner::new(true);
        let rep = ctx.socket(Rep).bind("inproc://stale").unwrap();
        let options = ctx.socket(Req).relaxed(true);
        let req = options.connect("inproc://stale").unwrap();
        for _ in 0..3 {
            req.send("ask").unwrap();
            rep.recv().unwrap();
            rep.send(owner.body(SMALL)).unwrap();
        }
        owner.knows([req.clone().into_dynamic(), rep.clone().into_dynamic()]);
        req.send("ask").unwrap();
        rep.recv().unwrap();
        let _ = req.close();
        // Nobody is there to hear it, and it is the caller who drops it.
        let reply = owner.body(SMALL);
        let _ = catch_unwind(AssertUnwindSafe(|| rep.send(reply)));
        owner.await_all_dropped();
    });
}

#[test]
fn bodies_that_could_not_be_delivered_may_call_the_sockets_that_drop_them() {
    within_reason(|| {
        for panics in [false, true] {
            for endpoint in ["tcp://127.0.0.1:1", "inproc://nobody"] {
                let ctx = Context::new();
                let owner = Owner::new(panics);
                let socket = ctx.socket(Push).linger(Some(Duration::ZERO));
                let push = socket.connect(endpoint).unwrap();
                for _ in 0..20 {
                    push.send(owner.body(LARGE)).unwrap();
                }
                owner.knows([push.clone().into_dynamic()]);
                let _ = push.close();
                owner.await_all_dropped();
            }
        }
    });
}

#[test]
fn bodies_that_the_reactor_drops_may_call_and_panic_and_it_goes_on() {
    within_reason(|| {
        let ctx = Context::new();
        let owner = Owner::new(true);
        let socket = ctx.socket(Push).send_hwm(20);
        let push = socket.bind("tcp://127.0.0.1:*").unwrap();
        let monitor = push.monitor();
        for _ in 0..3 {
            let peer = Raw::connect(&address(&push)).shake("PULL");
            await_peer(&monitor);
            // More than the system takes, of which the peer reads nothing.
            loop {
                let body = owner.body(1 << 20);
                // What is written at once, or refused, is dropped here, where its panic is ours.
                let sent = catch_unwind(AssertUnwindSafe(|| push.try_send(body)));
                if let Ok(Err(refused)) = sent {
                    let _ = catch_unwind(AssertUnwindSafe(|| drop(refused)));
                    break;
                }
            }
            owner.knows([push.clone().into_dynamic()]);
            drop(peer);
            loop {
                let event = monitor.recv_timeout(HANG).unwrap();
                if matches!(event.kind, EventKind::Disconnected { .. }) {
                    break;
                }
            }
            owner.await_all_dropped();
        }
        let pull = ctx.socket(Pull).connect(&address(&push)).unwrap();
        push.send("still there").unwrap();
        assert_eq!(pull.recv_timeout(HANG).unwrap(), "still there");
    });
}

#[test]
fn bodies_that_were_published_may_call_the_publisher() {
    within_reason(|| {
        let ctx = Context::new();
        let owner = Owner::new(false);
        let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:*").unwrap();
        let monitor = publisher.monitor();
        let sub = ctx.socket(Sub).connect(&address(&publisher)).unwrap();
        sub.subscribe("a").unwrap();
        await_subscription(&monitor);
        owner.knows([publisher.clone().into_dynamic()]);
        for _ in 0..30 {
            publisher.send(owner.body(LARGE)).unwrap();
            assert_eq!(sub.recv_timeout(HANG).unwrap().byte_len(), LARGE);
        }
        // None is kept until the next is published.
        owner.await_all_dropped();
    });
}

/// Does something when it is dropped, if it is told to.
struct Dropped {
    armed: Arc<AtomicBool>,
    then: Mutex<Option<Box<dyn FnOnce() + Send>>>,
}

impl AsRef<[u8]> for Dropped {
    fn as_ref(&self) -> &[u8] {
        &[0; 10_000]
    }
}

impl Drop for Dropped {
    fn drop(&mut self) {
        if self.armed.swap(false, Ordering::AcqRel) {
            if let Some(then) = self.then.lock().unwrap().take() {
                then();
            }
        }
    }
}

#[test]
fn what_a_dropped_body_receives_comes_also_when_a_receiver_dropped_it() {
    let ctx = Context::new();
    let dealer = ctx.socket(Dealer).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = dealer.monitor();
    let stuck = Raw::connect(&address(&dealer)).shake("DEALER");
    await_peer(&monitor);
    let armed = Arc::new(AtomicBool::new(false));
    let (began, beginning) = mpsc::channel();
    let (done, result) = mpsc::channel();
    let full = loop {
        let (began, done, receiver) = (began.clone(), done.clone(), dealer.clone());
        let then: Box<dyn FnOnce() + Send> = Box::new(move || {
            began.send(()).unwrap();
            done.send(receiver.recv_timeout(HANG)).unwrap();
        });
        let (armed, then) = (Arc::clone(&armed), Mutex::new(Some(then)));
        if let Err(full) = dealer.try_send(Bytes::from_owner(Dropped { armed, then })) {
            break full;
        }
    };
    drop(full);
    armed.store(true, Ordering::Release);
    let peer = ctx.socket(Dealer).connect(address(&dealer)).unwrap();
    await_peer(&monitor);
    let (started, start) = mpsc::channel();
    let receiver = thread::spawn(move || {
        started.send(()).unwrap();
        dealer.recv_timeout(HANG)
    });
    // It is the receiver that finds the end of this connection, when it waits already.
    start.recv().unwrap();
    drop(stuck);
    beginning.recv_timeout(HANG).unwrap();
    peer.send("one").unwrap();
    peer.send("two").unwrap();
    let mut all = [result.recv().unwrap(), receiver.join().unwrap()].map(Result::unwrap);
    all.sort_by_key(|message| message.to_str().unwrap().to_owned());
    assert_eq!(all[0], "one");
    assert_eq!(all[1], "two");
}

#[test]
fn a_body_that_was_written_may_wait_for_the_socket_that_wrote_it() {
    within_reason(|| {
        for frames in 1..4 {
            let ctx = Context::new();
            let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
            let there = address(&pull);
            let _ = pull.close();
            let push = ctx.socket(Push).send_hwm(1).connect(&there).unwrap();
            let (dropped, wait) = mpsc::channel();
            let bodies = (0..frames).map(|_| {
                let (push, dropped) = (push.clone(), dropped.clone());
                let then: Box<dyn FnOnce() + Send> = Box::new(move || {
                    let sent = push.send_timeout("from a body", HANG / 2);
                    dropped.send(sent.is_ok()).unwrap();
                });
                let (armed, then) = (Arc::new(AtomicBool::new(true)), Mutex::new(Some(then)));
                Bytes::from_owner(Dropped { armed, then })
            });
            // It waits for a connection, so that the writer is the one that has it last.
            push.send(bodies.collect::<Message>()).unwrap();
            let pull = ctx.socket(Pull).bind(&there).unwrap();
            assert_eq!(pull.recv_timeout(HANG).unwrap().len(), frames);
            for _ in 0..frames {
                assert!(
                    wait.recv_timeout(HANG).unwrap(),
                    "there was no room in time"
                );
                assert_eq!(pull.recv_timeout(HANG).unwrap(), "from a body");
            }
        }
    });
}
