//! The end of sockets and contexts.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sinew::{
    Context, Dealer, EventKind, Pub, Pull, Push, RecvError, Rep, Req, SendErrorKind, SocketType,
    Sub,
};

use crate::support::{
    address, await_disconnect, await_event, await_peer, endpoints, frame, Raw, COMMAND, SOON,
};

/// Runs something that must not take longer than `SOON`.
#[track_caller]
fn soon<T: Send + 'static>(what: impl FnOnce() -> T + Send + 'static) -> T {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || done.send(what()));
    wait.recv_timeout(SOON).expect("it hangs")
}

fn nowhere() -> Vec<String> {
    let name = format!("ipc:///nonexistent/{}", std::process::id());
    vec!["tcp://127.0.0.1:9".into(), name, "inproc://nobody".into()]
}

#[test]
fn without_linger_close_gives_up_at_once_and_says_what_was_lost() {
    for endpoint in nowhere() {
        let push = Context::new()
            .socket(Push)
            .linger(Duration::ZERO)
            .connect(&endpoint)
            .unwrap();
        for _ in 0..5 {
            push.send("lost").unwrap();
        }
        assert_eq!(soon(|| push.close()).undelivered, 5, "{endpoint}");
    }
}

#[test]
fn a_short_linger_ends_and_says_what_was_lost() {
    for endpoint in nowhere() {
        let linger = Duration::from_millis(60);
        let push = Context::new()
            .socket(Push)
            .linger(linger)
            .connect(&endpoint)
            .unwrap();
        for _ in 0..5 {
            push.send("lost").unwrap();
        }
        let start = Instant::now();
        let report = soon(|| push.close());
        assert_eq!(report.undelivered, 5, "{endpoint}");
        assert!(start.elapsed() >= linger);
    }
}

#[test]
fn dropping_lingers_too_and_the_context_waits_for_it() {
    for endpoint in nowhere() {
        let linger = Duration::from_millis(60);
        let ctx = Context::new();
        let push = ctx.socket(Push).linger(linger).connect(&endpoint).unwrap();
        push.send("lost").unwrap();
        let start = Instant::now();
        soon(|| {
            drop(push);
            drop(ctx);
        });
        assert!(start.elapsed() >= linger, "{endpoint}");
    }
}

#[test]
fn linger_delivers_to_a_peer_that_comes_late() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/late", dir.path().display());
    for endpoint in [ipc, "inproc://late-linger".into()] {
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .linger(None)
            .reconnect_interval(Duration::from_millis(5))
            .connect(&endpoint)
            .unwrap();
        for n in 0..100 {
            push.send(n.to_string()).unwrap();
        }
        let closing = thread::spawn(move || push.close());
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        for n in 0..100 {
            assert_eq!(
                pull.recv_timeout(SOON).unwrap(),
                n.to_string().as_str(),
                "{endpoint}"
            );
        }
        assert_eq!(soon(|| closing.join().unwrap()).undelivered, 0);
    }
}

#[test]
fn a_slow_peer_loses_nothing() {
    for endpoint in endpoints("slow") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).recv_hwm(2).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
        for _ in 0..200 {
            push.send(vec![1; 32 * 1024]).unwrap();
        }
        let closing = thread::spawn(move || push.close());
        for _ in 0..200 {
            // Other things to do between two messages.
            thread::yield_now();
            assert_eq!(pull.recv_timeout(SOON).unwrap().byte_len(), 32 * 1024);
        }
        // Coming back for more shows that it has all.
        assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock), "{endpoint}");
        assert_eq!(soon(|| closing.join().unwrap()).undelivered, 0);
    }
}

#[test]
fn a_peer_that_reads_nothing_is_waited_for_no_longer_than_linger() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .send_buffer(Some(16 * 1024))
        .linger(Duration::from_millis(60))
        .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let monitor = push.monitor();
    let _deaf = Raw::accept(&listener).shake("PULL");
    await_peer(&monitor);
    for _ in 0..20 {
        push.send(vec![1; 1 << 20]).unwrap();
    }
    let lost = soon(|| push.close()).undelivered;
    assert!((1..=20).contains(&lost), "{lost}");
}

#[test]
fn a_peer_that_has_everything_but_never_hangs_up_is_not_waited_for_for_ever() {
    for linger in [None, Some(Duration::from_secs(3600))] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .linger(linger)
            .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
            .unwrap();
        let mut stubborn = Raw::accept(&listener).shake("PULL");
        push.send("all").unwrap();
        assert_eq!(stubborn.read_frame(), (0, b"all".to_vec()));
        assert_eq!(soon(|| push.close()).undelivered, 0);
        soon(|| drop(ctx));
    }
}

/// A peer that gets 300 messages of 16 KiB, which are all in the two systems when this returns, and of
/// which its own holds but a few.
fn behind(linger: Option<Duration>) -> (Raw, sinew::Socket<Push>, sinew::Monitor) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    socket2::SockRef::from(&listener)
        .set_recv_buffer_size(64 * 1024)
        .unwrap();
    let push = Context::new()
        .socket(Push)
        .linger(linger)
        .send_hwm(2)
        .send_buffer(Some(8 << 20))
        .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let monitor = push.monitor();
    let peer = Raw::accept(&listener).shake("PULL");
    await_peer(&monitor);
    // With so short a queue the last is taken when hardly any is left.
    for _ in 0..BEHIND {
        push.send_timeout(vec![1; 16 * 1024], SOON).unwrap();
    }
    (peer, push, monitor)
}

const BEHIND: u64 = 300;

/// PING, with a time-to-live of zero and no context.
const PING: &[u8] = b"\x04PING\0\0";

/// The next message of a connection on which PONGs come too.
fn next_message(peer: &mut Raw) -> Vec<u8> {
    loop {
        let (flags, body) = peer.read_frame();
        if flags & COMMAND == 0 {
            return body;
        }
    }
}

#[test]
fn a_peer_that_is_behind_and_sends_heartbeats_gets_everything() {
    let (mut peer, push, monitor) = behind(None);
    let closing = thread::spawn(move || push.close());
    for _ in 0..5 {
        peer.send(COMMAND, PING);
        // Longer in all than the time that a peer has which has everything.
        match monitor.recv_timeout(Duration::from_millis(600)) {
            Err(RecvError::TimedOut) => {}
            other => panic!("{other:?}"),
        }
    }
    for n in 0..BEHIND {
        assert_eq!(next_message(&mut peer).len(), 16 * 1024, "message {n}");
    }
    peer.await_end();
    drop(peer);
    assert_eq!(soon(|| closing.join().unwrap()).undelivered, 0);
}

#[test]
fn a_peer_that_sends_heartbeats_and_has_everything_is_not_left_before_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = Context::new()
        .socket(Push)
        .linger(None)
        .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let monitor = push.monitor();
    let mut peer = Raw::accept(&listener).shake("PULL");
    await_peer(&monitor);
    peer.send(COMMAND, PING);
    let (_, pong) = peer.read_frame();
    assert!(pong.starts_with(b"\x04PONG"));
    push.send("all").unwrap();
    let closing = thread::spawn(move || push.close());
    // Longer in all than the time that a silent peer has.
    for _ in 0..5 {
        peer.send(COMMAND, PING);
        match monitor.recv_timeout(Duration::from_millis(600)) {
            Err(RecvError::TimedOut) => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(next_message(&mut peer), b"all");
    peer.await_end();
    drop(peer);
    assert_eq!(soon(|| closing.join().unwrap()).undelivered, 0);
}

#[test]
fn what_the_system_still_holds_at_the_end_of_linger_is_undelivered() {
    let (mut peer, push, _monitor) = behind(Some(Duration::from_millis(50)));
    let lost = soon(|| push.close()).undelivered;
    // A word to a closed connection resets it.
    while peer.0.write_all(PING).is_ok() {}
    let mut rest = Vec::new();
    let _ = peer.0.read_to_end(&mut rest);
    let frame = frame(0, &vec![1; 16 * 1024]).len();
    let got = (rest.len() / frame) as u64;
    assert!(lost + got >= BEHIND, "{lost} lost, {got} came");
    // The system counts in bytes, of which up to 256 KiB are written together.
    assert!(lost + got <= BEHIND + 16, "{lost} lost, {got} came");
    assert!(lost > 0);
}

#[test]
fn what_a_peer_that_goes_has_not_taken_is_lost() {
    let (peer, push, monitor) = behind(Some(Duration::from_secs(1)));
    push.disconnect(&address(&push)).unwrap();
    // With unread bytes its system resets the connection.
    drop(peer);
    await_disconnect(&monitor);
    let lost = push.stats().dropped;
    assert!((200..=BEHIND).contains(&lost), "{lost}");
}

#[test]
fn a_broken_connection_with_a_full_inbox_is_not_waited_for() {
    let ctx = Context::new();
    let rep = ctx
        .socket(Rep)
        .linger(None)
        .recv_hwm(1)
        .send_buffer(Some(16 * 1024))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = rep.monitor();
    let mut peer = Raw::connect(&address(&rep)).shake("REQ");
    await_peer(&monitor);
    // One to be answered, and more than the inbox holds.
    for _ in 0..4 {
        peer.send(1, b"");
        peer.send(0, b"question");
    }
    rep.recv_timeout(SOON).unwrap();
    // More than the systems take, so that the rest waits here when the peer goes.
    rep.send(vec![1; 64 << 20]).unwrap();
    drop(peer);
    assert_eq!(soon(|| rep.close()).undelivered, 1);
}

#[test]
fn a_stranger_that_comes_while_a_socket_closes_does_not_hold_it_up() {
    for round in 0..200 {
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .linger(None)
            .handshake_timeout(None)
            .bind("tcp://127.0.0.1:*")
            .unwrap();
        let monitor = push.monitor();
        let at = address(&push);
        let stranger = std::net::TcpStream::connect(at.socket_addr().unwrap()).unwrap();
        if round % 2 == 0 {
            await_event(&monitor, |kind| *kind == EventKind::Accepted);
        }
        assert_eq!(soon(|| push.close()).undelivered, 0);
        drop(stranger);
    }
}

#[test]
fn peers_that_were_never_sent_a_message_are_not_waited_for() {
    for kind in [SocketType::Rep, SocketType::Push, SocketType::Pub] {
        // One that had been sent something has two seconds to read it, every time; a busy machine
        // makes some of the others take long.
        let quick = (0..10).any(|_| time_to_close(kind) < Duration::from_secs(1));
        assert!(quick, "{kind}");
    }
}

/// How long it takes when the peer was sent nothing, and does not go.
fn time_to_close(kind: SocketType) -> Duration {
    let socket = Context::new().socket(kind);
    let socket = socket.bind("tcp://127.0.0.1:*").unwrap();
    let monitor = socket.monitor();
    let of_peer = match kind {
        SocketType::Rep => "REQ",
        SocketType::Push => "PULL",
        _ => "SUB",
    };
    let _deaf = Raw::connect(&address(&socket)).shake(of_peer);
    await_peer(&monitor);
    let start = Instant::now();
    assert_eq!(socket.close().undelivered, 0);
    start.elapsed()
}

#[test]
fn close_wakes_everybody_who_is_blocked() {
    for endpoint in endpoints("blocked") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let push = ctx
            .socket(Push)
            .linger(Duration::ZERO)
            .send_hwm(1)
            .connect("tcp://127.0.0.1:9")
            .unwrap();
        push.send("fills it").unwrap();
        let (started, start) = mpsc::channel();
        let mut waiting = Vec::new();
        for _ in 0..4 {
            let (pull, push) = (pull.clone(), push.clone());
            let (at_recv, at_send) = (started.clone(), started.clone());
            waiting.push(thread::spawn(move || {
                at_recv.send(()).unwrap();
                assert_eq!(pull.recv(), Err(RecvError::Closed));
            }));
            waiting.push(thread::spawn(move || {
                at_send.send(()).unwrap();
                let error = push.send("x").unwrap_err();
                assert_eq!(error.kind(), SendErrorKind::Closed);
                assert_eq!(error.into_message(), "x");
            }));
        }
        waiting.iter().for_each(|_| start.recv().unwrap());
        let (other_pull, other_push) = (pull.clone(), push.clone());
        soon(|| {
            let _ = pull.close();
            let _ = push.close();
            waiting
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        });
        assert_eq!(other_pull.recv(), Err(RecvError::Closed));
        assert_eq!(
            other_push.send("x").unwrap_err().kind(),
            SendErrorKind::Closed
        );
        assert!(other_pull.bind("inproc://too-late").is_err());
        assert!(other_push.connect("tcp://127.0.0.1:9").is_err());
        assert!(other_push.connect("inproc://too-late").is_err());
    }
}

#[test]
fn closing_the_context_wakes_everybody_and_may_be_repeated() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let sub = ctx.socket(Sub).bind("inproc://x").unwrap();
    let push = ctx.socket(Push).open().unwrap();
    let req = ctx.socket(Req).open().unwrap();
    let rep = ctx.socket(Rep).bind("ipc://*").unwrap();
    let monitor = rep.monitor();
    let closed = Err(RecvError::Closed);
    let (expected, expected_rep) = (closed.clone(), closed.clone());
    let waiting = [
        thread::spawn(move || assert_eq!(pull.recv(), expected)),
        thread::spawn(move || assert_eq!(sub.recv(), closed)),
        thread::spawn(move || assert_eq!(rep.recv(), expected_rep)),
        thread::spawn(move || {
            assert_eq!(push.send("x").unwrap_err().kind(), SendErrorKind::Closed);
        }),
        thread::spawn(move || {
            assert_eq!(req.send("x").unwrap_err().kind(), SendErrorKind::Closed);
        }),
        thread::spawn(move || while monitor.recv().is_ok() {}),
    ];
    let again = ctx.clone();
    soon(move || {
        ctx.shutdown();
        ctx.shutdown();
        waiting.into_iter().for_each(|w| w.join().unwrap());
    });
    soon(move || drop(again));
}

#[test]
fn sockets_and_contexts_may_be_dropped_in_any_order() {
    for order in 0..6 {
        for endpoint in endpoints("order") {
            let ctx = Context::new();
            let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
            let push = ctx
                .socket(Push)
                .linger(Duration::from_millis(20))
                .connect(&address(&pull))
                .unwrap();
            push.send("x").unwrap();
            soon(move || match order {
                0 => drop((ctx, pull, push)),
                1 => drop((ctx, push, pull)),
                2 => drop((pull, ctx, push)),
                3 => drop((push, ctx, pull)),
                4 => drop((pull, push, ctx)),
                _ => drop((push, pull, ctx)),
            });
        }
    }
}

#[test]
fn what_a_closed_sender_sent_can_still_be_received() {
    for endpoint in endpoints("sent") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let monitor = pull.monitor();
        let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
        for n in 0..100 {
            push.send(n.to_string()).unwrap();
        }
        assert_eq!(soon(|| push.close()).undelivered, 0);
        await_disconnect(&monitor);
        for n in 0..100 {
            let got = pull.recv_timeout(SOON).unwrap();
            assert_eq!(got, n.to_string().as_str(), "{endpoint}");
        }
        assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
    }
}

#[test]
fn subscribers_and_receivers_close_at_once() {
    for endpoint in endpoints("at-once") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).linger(None).bind(&endpoint).unwrap();
        let sub = ctx
            .socket(Sub)
            .linger(None)
            .subscribe("")
            .connect(&address(&publisher))
            .unwrap();
        let away = ctx
            .socket(Sub)
            .linger(None)
            .subscribe("")
            .connect("tcp://127.0.0.1:9")
            .unwrap();
        soon(move || {
            assert_eq!(away.close().undelivered, 0);
            assert_eq!(sub.close().undelivered, 0);
            assert_eq!(publisher.close().undelivered, 0);
        });
    }
}

#[test]
fn a_name_that_is_given_up_is_waited_for_again() {
    // The caller may meet the old holder of the name just as it closes.
    for _ in 0..300 {
        let ctx = Context::new();
        let old = ctx.socket(Pull).bind("inproc://again").unwrap();
        let push = ctx.socket(Push).open().unwrap();
        let closing = thread::spawn(move || old.close());
        push.connect("inproc://again").unwrap();
        let _ = closing.join().unwrap();
        let new = ctx.socket(Pull).bind("inproc://again").unwrap();
        push.send("x").unwrap();
        assert_eq!(new.recv_timeout(SOON).unwrap(), "x");
    }
}

#[test]
fn what_a_disconnected_link_still_has_to_send_waits_for_no_receiver() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = format!("tcp://{}", listener.local_addr().unwrap());
    let ctx = Context::new();
    let dealer = ctx
        .socket(Dealer)
        .recv_hwm(1)
        .send_hwm(10)
        .linger(4 * SOON)
        .open()
        .unwrap();
    let monitor = dealer.monitor();
    dealer.connect(&there).unwrap();
    let mut peer = Raw::accept(&listener).shake("DEALER");
    await_peer(&monitor);
    // Nothing is received, so that the connection is not read to its end.
    (0..3).for_each(|_| peer.send(0, b"not received"));
    // Nor does the peer read: something waits that no connection has taken.
    while dealer.try_send(vec![7; 100_000]).is_ok() {}
    // With something unread, the system resets the connection.
    drop(peer);
    dealer.disconnect(&there).unwrap();
    await_disconnect(&monitor);
    let mut peer = Raw::accept(&listener).shake("DEALER");
    assert!(peer.await_end().len() > 100_000);
}

#[test]
fn a_full_link_that_is_disconnected_takes_nothing_more_while_it_empties() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let there = format!("tcp://{}", listener.local_addr().unwrap());
    let ctx = Context::new();
    let push = ctx.socket(Push).send_hwm(60).linger(4 * SOON);
    let push = push.open().unwrap();
    let monitor = push.monitor();
    push.connect(&there).unwrap();
    let mut peer = Raw::accept(&listener).shake("PULL");
    await_peer(&monitor);
    let mut taken = 0;
    while push.try_send(vec![7; 100_000]).is_ok() {
        taken += 1;
    }
    push.disconnect(&there).unwrap();
    let reading = thread::spawn(move || peer.await_end().len());
    while !reading.is_finished() {
        assert!(push.try_send("not for this peer").is_err());
        thread::yield_now();
    }
    assert!(reading.join().unwrap() >= taken * 100_000);
}
