//! PAIR: one peer at a time, both ways (RFC 31).

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sinew::{
    Context, Endpoint, EventKind, Message, Monitor, Pair, PeerRefusal, Push, RecvError,
    SendErrorKind, Socket, SocketType,
};

use crate::support::{
    address, await_disconnect, await_event, await_peer, await_refusal, endpoints, Raw, A_WHILE,
    SOON,
};

/// A PAIR that comes back soon when it was refused.
fn connect(
    ctx: &Context,
    endpoint: impl TryInto<Endpoint, Error: Into<sinew::Error>>,
) -> Socket<Pair> {
    ctx.socket(Pair)
        .reconnect_interval(Duration::from_millis(5))
        .reconnect_interval_max(Duration::from_millis(20))
        .connect(endpoint)
        .unwrap()
}

/// Waits until a second peer is refused, and has the reason checked.
#[track_caller]
fn await_paired(monitor: &Monitor) -> sinew::Event {
    let event = await_event(monitor, |kind| {
        matches!(kind, EventKind::PeerRefused { .. })
    });
    let reason = PeerRefusal::Paired;
    assert_eq!(event.kind, EventKind::PeerRefused { reason });
    event
}

#[track_caller]
fn exchange(one: &Socket<Pair>, other: &Socket<Pair>, text: &str) {
    one.send_timeout(["there", text], SOON).unwrap();
    assert_eq!(
        other.recv_timeout(SOON).unwrap(),
        Message::from(["there", text])
    );
    other.send_timeout(["back", text], SOON).unwrap();
    assert_eq!(
        one.recv_timeout(SOON).unwrap(),
        Message::from(["back", text])
    );
}

#[test]
fn pair_sends_and_receives_in_any_order() {
    for endpoint in endpoints("pair-order") {
        let ctx = Context::new();
        let one = ctx.socket(Pair).bind(&endpoint).unwrap();
        let other = ctx.socket(Pair).connect(&address(&one)).unwrap();
        for pair in [&other, &one] {
            pair.send_timeout("first", SOON).unwrap();
            pair.send_timeout(["second", "", "frames"], SOON).unwrap();
        }
        for pair in [&one, &other] {
            assert_eq!(pair.recv_timeout(SOON).unwrap(), "first", "{endpoint}");
            let second = pair.recv_timeout(SOON).unwrap();
            assert_eq!(second, Message::from(["second", "", "frames"]));
            assert_eq!(pair.try_recv(), Err(RecvError::WouldBlock), "{endpoint}");
        }
    }
}

#[test]
fn pair_sends_and_receives_at_the_same_time() {
    const COUNT: usize = 20_000;
    for endpoint in endpoints("pair-both-ways") {
        let ctx = Context::new();
        let one = ctx.socket(Pair).bind(&endpoint).unwrap();
        let other = ctx.socket(Pair).connect(&address(&one)).unwrap();
        let threads: Vec<_> = [one, other]
            .into_iter()
            .flat_map(|pair| {
                let receiver = pair.clone();
                let sends = thread::spawn(move || {
                    for n in 0..COUNT {
                        pair.send_timeout(n.to_string(), SOON).unwrap();
                    }
                });
                let receives = thread::spawn(move || {
                    for n in 0..COUNT {
                        let message = receiver.recv_timeout(SOON).unwrap();
                        assert_eq!(message, n.to_string().as_str());
                    }
                });
                [sends, receives]
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    }
}

#[test]
fn pair_without_a_peer_gives_the_message_back_or_waits() {
    let ctx = Context::new();
    for endpoint in endpoints("pair-waits") {
        let one = ctx.socket(Pair).bind(&endpoint).unwrap();
        let error = one.try_send("early").unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::WouldBlock);
        assert_eq!(error.into_message(), "early");
        let error = one.send_timeout("late", A_WHILE).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::TimedOut);

        let (started, start) = mpsc::channel();
        let sender = one.clone();
        let waiting = thread::spawn(move || {
            started.send(()).unwrap();
            sender.send("patient")
        });
        start.recv().unwrap();
        let other = connect(&ctx, &address(&one));
        assert_eq!(other.recv_timeout(SOON).unwrap(), "patient", "{endpoint}");
        waiting.join().unwrap().unwrap();
    }
}

#[test]
fn pair_waits_while_its_peer_is_full() {
    let ctx = Context::new();
    let pair = ctx
        .socket(Pair)
        .send_hwm(3)
        .linger(Duration::ZERO)
        .connect("tcp://127.0.0.1:9")
        .unwrap();
    for _ in 0..3 {
        pair.try_send("queued").unwrap();
    }
    let error = pair.try_send("one too many").unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::WouldBlock);
    assert_eq!(pair.close().undelivered, 3);
}

#[test]
fn pair_refuses_a_second_peer_and_says_so() {
    for endpoint in endpoints("pair-second") {
        let ctx = Context::new();
        let one = ctx.socket(Pair).bind(&endpoint).unwrap();
        let monitor = one.monitor();
        let first = connect(&ctx, &address(&one));
        await_peer(&monitor);
        let second = connect(&ctx, &address(&one));
        let event = await_paired(&monitor);
        assert_eq!(event.peer.unwrap().socket_type, SocketType::Pair);

        exchange(&one, &first, "undisturbed");
        assert_eq!(second.try_recv(), Err(RecvError::WouldBlock), "{endpoint}");
        assert_eq!(one.stats().peers, 1, "{endpoint}");
    }
}

#[test]
fn pair_closes_the_connection_of_a_second_peer() {
    let ctx = Context::new();
    let one = ctx.socket(Pair).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = one.monitor();
    let mut first = Raw::connect(&address(&one)).shake("PAIR");
    await_peer(&monitor);
    let mut second = Raw::connect(&address(&one)).shake("PAIR");
    second.send(0, b"to be thrown away");
    second.await_end();
    await_paired(&monitor);
    first.send(0, b"to be kept");
    assert_eq!(one.recv_timeout(SOON).unwrap(), "to be kept");
    one.send("still here").unwrap();
    assert_eq!(first.read_frame(), (0, b"still here".to_vec()));
}

#[test]
fn pair_takes_no_message_that_comes_with_a_refused_peers_handshake() {
    let ctx = Context::new();
    let one = ctx.socket(Pair).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = one.monitor();
    let mut first = Raw::connect(&address(&one)).shake("PAIR");
    await_peer(&monitor);
    for _ in 0..20 {
        let mut second = Raw::connect(&address(&one));
        let all = [
            Raw::greeting(1, "NULL"),
            Raw::ready("PAIR"),
            crate::support::frame(0, b"uninvited"),
        ];
        second.write(&all.concat());
        second.await_end();
        await_paired(&monitor);
    }
    first.send(0, b"invited");
    assert_eq!(one.recv_timeout(SOON).unwrap(), "invited");
    assert_eq!(one.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn pair_takes_the_peer_that_it_refused_once_the_first_has_gone() {
    for endpoint in endpoints("pair-next") {
        let ctx = Context::new();
        let one = ctx.socket(Pair).bind(&endpoint).unwrap();
        let monitor = one.monitor();
        let first = connect(&ctx, &address(&one));
        await_peer(&monitor);
        let second = connect(&ctx, &address(&one));
        await_paired(&monitor);
        exchange(&one, &first, "first");
        let _ = first.close();
        await_disconnect(&monitor);
        await_peer(&monitor);
        exchange(&one, &second, "second");
    }
}

#[test]
fn pair_reconnects_to_a_peer_that_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let tcp = format!("tcp://{}", port.local_addr().unwrap());
    drop(port);
    let ipc = format!("ipc://{}/back", dir.path().display());
    for endpoint in [tcp.as_str(), ipc.as_str(), "inproc://pair-back"] {
        let ctx = Context::new();
        let one = connect(&ctx, endpoint);
        let monitor = one.monitor();
        for round in ["first", "second", "third"] {
            let other = loop {
                // The one before may not have let go of the name yet.
                match ctx.socket(Pair).bind(endpoint) {
                    Ok(other) => break other,
                    Err(_) => thread::yield_now(),
                }
            };
            await_peer(&monitor);
            exchange(&one, &other, round);
            let _ = other.close();
            await_disconnect(&monitor);
        }
    }
}

#[test]
fn pair_takes_its_next_peer_at_once_and_hears_the_last_one_first() {
    for endpoint in endpoints("pair-successor") {
        let ctx = Context::new();
        let one = ctx.socket(Pair).bind(&endpoint).unwrap();
        let monitor = one.monitor();
        let first = connect(&ctx, &address(&one));
        for n in 0..10 {
            first.send(format!("first {n}")).unwrap();
        }
        await_peer(&monitor);
        let _ = first.close();
        await_disconnect(&monitor);
        // Nothing of it is received yet; its successor need not wait for that.
        let second = connect(&ctx, &address(&one));
        await_peer(&monitor);
        one.send_timeout("welcome", SOON).unwrap();
        assert_eq!(second.recv_timeout(SOON).unwrap(), "welcome", "{endpoint}");
        second.send("second").unwrap();
        for n in 0..10 {
            let message = one.recv_timeout(SOON).unwrap();
            assert_eq!(message, format!("first {n}").as_str(), "{endpoint}");
        }
        assert_eq!(one.recv_timeout(SOON).unwrap(), "second", "{endpoint}");
    }
}

#[test]
fn pair_that_connects_twice_has_the_first_and_refuses_the_second() {
    for [here, there] in [
        ["tcp://127.0.0.1:*", "tcp://127.0.0.1:*"],
        ["ipc://*", "tcp://127.0.0.1:*"],
        ["inproc://pair-here", "inproc://pair-there"],
        ["inproc://pair-here", "ipc://*"],
        ["tcp://127.0.0.1:*", "inproc://pair-there"],
    ] {
        let ctx = Context::new();
        let first = ctx.socket(Pair).bind(here).unwrap();
        let second = ctx.socket(Pair).bind(there).unwrap();
        let one = connect(&ctx, &address(&first));
        let monitor = one.monitor();
        exchange(&one, &first, "first");
        one.connect(&address(&second)).unwrap();
        await_paired(&monitor);
        exchange(&one, &first, "still the first");

        one.disconnect(&address(&first)).unwrap();
        await_peer(&monitor);
        exchange(&one, &second, "second");
    }
}

#[test]
fn pair_talks_to_pair_alone() {
    let ctx = Context::new();
    let pair = ctx.socket(Pair).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pair.monitor();
    let _push = ctx.socket(Push).connect(&address(&pair)).unwrap();
    let reason = await_refusal(&monitor);
    assert!(reason.contains("PUSH"), "{reason}");
    let other = ctx
        .socket(SocketType::Pair)
        .connect(&address(&pair))
        .unwrap();
    other.send("a pair").unwrap();
    assert_eq!(pair.recv_timeout(SOON).unwrap(), "a pair");
}

/// Who is refused comes back until it has had its turn: none is forgotten.
#[test]
fn every_pair_that_waits_for_the_place_gets_it_in_the_end() {
    const VISITORS: usize = 6;
    const VISITS: usize = 10;
    for endpoint in endpoints("pair-visitors") {
        let ctx = Context::new();
        let host = ctx.socket(Pair).bind(&endpoint).unwrap();
        let visitors: Vec<_> = (0..VISITORS)
            .map(|visitor| {
                let (ctx, endpoint) = (ctx.clone(), address(&host));
                thread::spawn(move || {
                    for visit in 0..VISITS {
                        let text = format!("{visitor} {visit}");
                        let pair = ctx
                            .socket(Pair)
                            .reconnect_interval(Duration::from_millis(5))
                            .reconnect_interval_max(Duration::from_millis(20))
                            .linger(Duration::ZERO)
                            .connect(&endpoint)
                            .unwrap();
                        // What went over a connection that was then refused is lost with it; and
                        // what comes first may be meant for the one before.
                        loop {
                            let _ = pair.send_timeout(text.as_str(), A_WHILE);
                            match pair.recv_timeout(A_WHILE) {
                                Ok(echo) if echo == text.as_str() => break,
                                Ok(_) => {}
                                Err(error) => assert_eq!(error, RecvError::TimedOut),
                            }
                        }
                    }
                })
            })
            .collect();
        let (done, all_done) = mpsc::channel();
        let echo = host.clone();
        let echoing = thread::spawn(move || {
            while let Ok(message) = echo.recv() {
                // Its sender may have gone since.
                let _ = echo.try_send(message);
            }
        });
        thread::spawn(move || {
            let outcomes = visitors.into_iter().map(thread::JoinHandle::join);
            let _ = done.send(outcomes.collect::<Result<Vec<_>, _>>().is_ok());
        });
        let fine = all_done.recv_timeout(2 * SOON);
        assert_eq!(fine, Ok(true), "{endpoint}");
        let _ = host.close();
        echoing.join().unwrap();
    }
}

#[test]
fn a_pair_that_calls_itself_is_refused_and_others_are_not() {
    let ctx = Context::new();
    let pair = ctx.socket(Pair).immediate(true).bind("inproc://self");
    let pair = pair.unwrap();
    // Twice, so that one's end is the other's chance.
    pair.connect("inproc://self").unwrap();
    pair.connect("inproc://self").unwrap();
    assert_eq!(pair.stats().peers, 0);
    let other = ctx.socket(Pair).connect("inproc://self").unwrap();
    other.send("from another").unwrap();
    assert_eq!(pair.recv().unwrap(), "from another");
    drop(other);
    assert_eq!(pair.stats().peers, 0);
}
