//! What holds for sockets of one context that meet by name.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sinew::{Context, EventKind, Monitor, Pull, Push, RecvError, Rep, Req};

/// Nothing here takes this long, on the busiest machine; a test that hangs fails instead.
const HANG: Duration = Duration::from_secs(120);

/// Waits for `count` events of a kind.
#[track_caller]
fn await_events(monitor: &Monitor, count: usize, what: impl Fn(&EventKind) -> bool) {
    let mut seen = 0;
    while seen < count {
        match monitor.recv_timeout(HANG) {
            Ok(event) => seen += usize::from(what(&event.kind)),
            Err(error) => panic!("{error} after {seen} of {count}"),
        }
    }
}

fn met(kind: &EventKind) -> bool {
    matches!(kind, EventKind::HandshakeSucceeded)
}

#[test]
fn pulls_come_back_to_a_name_however_often_its_binder_closes() {
    const PULLS: usize = 8;
    let ctx = Context::new();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for number in 0..PULLS {
            let pull = ctx.socket(Pull).connect("inproc://again").unwrap();
            let done = &done;
            // Half of them sleep, half of them look all the time: the end of a binder is seen by
            // either in the middle of what it does.
            scope.spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    let got = if number % 2 == 0 {
                        pull.try_recv()
                    } else {
                        pull.recv_timeout(Duration::from_millis(20))
                    };
                    if matches!(got, Err(RecvError::WouldBlock)) {
                        std::thread::yield_now();
                    }
                }
            });
        }
        // Ends the threads also when an assertion fails.
        struct Done<'a>(&'a AtomicBool);
        impl Drop for Done<'_> {
            fn drop(&mut self) {
                self.0.store(true, Ordering::Relaxed);
            }
        }
        let _done = Done(&done);
        for _ in 0..300 {
            let push = ctx.socket(Push).open().unwrap();
            let monitor = push.monitor();
            push.bind("inproc://again").unwrap();
            await_events(&monitor, PULLS, met);
            assert_eq!(push.stats().peers, PULLS);
            for _ in 0..2 * PULLS {
                push.send("job").unwrap();
            }
            let _ = push.close();
        }
    });
}

#[test]
fn a_req_whose_rep_closes_while_it_waits_asks_the_next_one() {
    let ctx = Context::new();
    let req = ctx.socket(Req).connect("inproc://next").unwrap();
    for round in 0..300 {
        let rep = ctx.socket(Rep).bind("inproc://next").unwrap();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                assert_eq!(rep.recv_timeout(HANG).unwrap(), "ask");
                if round % 2 == 0 {
                    rep.send("answer").unwrap();
                }
                let _ = rep.close();
            });
            req.send_timeout("ask", HANG).unwrap();
            match req.recv_timeout(HANG) {
                Ok(answer) => assert_eq!(answer, "answer"),
                Err(error) => assert_eq!(error, RecvError::PeerGone),
            }
        });
    }
}

#[test]
fn the_count_of_peers_is_that_of_those_who_are_there() {
    let ctx = Context::new();
    for round in 0..100 {
        let pull = ctx.socket(Pull).open().unwrap();
        let events = pull.monitor();
        pull.bind("inproc://count").unwrap();
        let pushes: Vec<_> = (0..4)
            .map(|_| ctx.socket(Push).connect("inproc://count").unwrap())
            .collect();
        await_events(&events, 4, met);
        // One sends all it has and goes at once, from another thread than the one that counts.
        std::thread::scope(|scope| {
            for push in pushes {
                scope.spawn(move || {
                    push.send("last").unwrap();
                    let _ = push.close();
                });
            }
            let visitor = ctx.socket(Push).connect("inproc://count").unwrap();
            scope.spawn(move || drop(visitor));
            for _ in 0..4 {
                assert_eq!(pull.recv_timeout(HANG).unwrap(), "last");
            }
        });
        let stayer = ctx.socket(Push).connect("inproc://count").unwrap();
        stayer.send("stays").unwrap();
        assert_eq!(pull.recv_timeout(HANG).unwrap(), "stays");
        assert_eq!(pull.stats().peers, 1, "round {round}");
        assert_eq!(stayer.stats().peers, 1, "round {round}");
    }
}
