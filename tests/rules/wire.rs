//! What peers may do on the wire, and what becomes of those that may not.

use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use sinew::{
    Context, Endpoint, EventKind, Monitor, Pub, Pull, Push, RecvError, Socket, SocketType, Sub,
};

use crate::support::{
    address, await_disconnect, await_event, await_peer, await_refusal, await_subscription, frame,
    Raw, A_WHILE, COMMAND, LONG, MORE, SOON,
};

#[test]
fn a_silent_client_is_closed_after_the_handshake_timeout() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .handshake_timeout(A_WHILE)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let mut silent = Raw::connect(&address(&pull));
    assert!(await_refusal(&monitor).contains("handshake_timeout"));
    assert_eq!(silent.await_end().len(), 64 + 28, "it got our greeting");

    // Talking slowly does not help.
    let mut slow = Raw::connect(&address(&pull));
    slow.write(&Raw::greeting(1, "NULL")[..20]);
    assert!(await_refusal(&monitor).contains("handshake_timeout"));
    slow.await_end();
}

#[test]
fn a_flood_of_silent_clients_does_not_stop_honest_ones() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let silent: Vec<_> = (0..1100).map(|_| Raw::connect(&address(&pull))).collect();
    let reason = await_refusal(&monitor);
    assert!(reason.contains("too many"), "{reason}");
    let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
    push.send("honest").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "honest");
    drop(silent);
}

#[test]
fn older_versions_and_other_protocols_are_refused_with_a_reason() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    for (bytes, word) in [
        (&b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08\0\0"[..], "2.0"),
        (b"\x01\0", "1.0"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "peer"),
    ] {
        let mut old = Raw::connect(&address(&pull));
        old.write(bytes);
        let reason = await_refusal(&monitor);
        assert!(reason.contains(word), "{reason}");
        old.await_end();
    }
}

#[test]
fn another_mechanism_is_refused_after_a_full_greeting() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull));
    raw.write(&Raw::greeting(1, "CURVE"));
    let reason = await_refusal(&monitor);
    assert!(
        reason.contains("CURVE") && reason.contains("NULL"),
        "{reason}"
    );
    let hello = [&Raw::greeting(1, "NULL")[10..], &Raw::ready("PULL")].concat();
    assert_eq!(raw.await_end()[10..], hello);
}

#[test]
fn a_peer_of_another_mechanism_that_hangs_up_at_once_is_still_told_apart() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull));
    // Our READY lies unread behind our greeting, so that closing resets the connection.
    raw.read(64);
    raw.write(&Raw::greeting(1, "CURVE"));
    drop(raw);
    let reason = await_refusal(&monitor);
    assert!(reason.contains("CURVE"), "{reason}");
}

#[test]
fn greeting_and_ready_are_said_without_waiting_for_the_peer() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull));
    assert_eq!(raw.read(64)[10..], Raw::greeting(1, "NULL")[10..]);
    assert_eq!(raw.read(28), Raw::ready("PULL"));
    // The peer's own may come one byte at a time, with the first message right behind.
    for byte in [
        Raw::greeting(1, "NULL"),
        Raw::ready("PUSH"),
        b"\0\x01x".to_vec(),
    ]
    .concat()
    {
        raw.write(&[byte]);
    }
    assert_eq!(pull.recv().unwrap(), b"x");
    let kinds: Vec<_> = std::iter::from_fn(|| monitor.try_recv().ok())
        .map(|event| event.kind)
        .collect();
    assert_eq!(kinds, [EventKind::Accepted, EventKind::HandshakeSucceeded]);
}

#[test]
fn a_caller_that_has_said_all_before_it_is_accepted_is_heard_at_once() {
    const MANY: usize = 200;
    for endpoint in ["tcp://127.0.0.1:*", "tcp://*:*"] {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(endpoint).unwrap();
        let monitor = pull.monitor();
        let at = (Ipv4Addr::LOCALHOST, address(&pull).port().unwrap());
        let at = Endpoint::from(SocketAddr::from(at));
        // Every other one has finished by then, too.
        let callers: Vec<_> = (0..MANY)
            .map(|number| {
                let mut raw = Raw::connect(&at);
                let hello = [
                    Raw::greeting(1, "NULL"),
                    Raw::ready("PUSH"),
                    b"\0\x01x".to_vec(),
                ];
                raw.write(&hello.concat());
                if number % 2 == 0 {
                    raw.0.shutdown(Shutdown::Write).unwrap();
                }
                raw
            })
            .collect();
        for _ in 0..MANY {
            assert_eq!(pull.recv().unwrap(), b"x");
        }
        for mut raw in callers {
            raw.read(64 + 28);
        }
        let kinds: Vec<_> = std::iter::from_fn(|| monitor.try_recv().ok())
            .map(|event| event.kind)
            .collect();
        let count = |wanted: &EventKind| kinds.iter().filter(|kind| *kind == wanted).count();
        assert_eq!(count(&EventKind::Accepted), MANY);
        assert_eq!(count(&EventKind::HandshakeSucceeded), MANY);
    }
}

#[test]
fn sockets_that_cannot_talk_are_told_so_on_both_sides() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(endpoint).unwrap();
        let sub = ctx.socket(Sub).open().unwrap();
        let (theirs, ours) = (pull.monitor(), sub.monitor());
        sub.connect(&address(&pull)).unwrap();
        for monitor in [&theirs, &ours] {
            let reason = await_refusal(monitor);
            assert!(
                reason.contains("SUB") && reason.contains("PULL"),
                "{reason}"
            );
        }
        // It goes on trying, ever more rarely.
        await_event(&ours, |k| matches!(k, EventKind::ConnectRetried { .. }));
    }
    let ctx = Context::new();
    let _pull = ctx.socket(Pull).bind("inproc://types").unwrap();
    let sub = ctx.socket(Sub).open().unwrap();
    let monitor = sub.monitor();
    sub.connect("inproc://types").unwrap();
    await_refusal(&monitor);
}

#[test]
fn a_frame_that_is_too_large_is_refused_on_its_header() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .max_message_size(1000)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let mut exact = Raw::connect(&address(&pull)).shake("PUSH");
    exact.send(0, &[1; 1000]);
    assert_eq!(pull.recv_timeout(SOON).unwrap().byte_len(), 1000);
    // Two frames may not come to more either.
    exact.send(MORE, &[1; 600]);
    exact.send(0, &[1; 600]);
    exact.await_end();
    let reason = await_disconnect(&monitor);
    assert!(reason.contains("1000"), "{reason}");
    let mut large = Raw::connect(&address(&pull)).shake("PUSH");
    large.write(&[LONG, 0x40, 0, 0, 0, 0, 0, 0, 0]);
    large.await_end();
    assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn a_declared_length_alone_takes_no_memory() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let before = resident_kib();
    let mut liars: Vec<_> = (0..50)
        .map(|_| Raw::connect(&address(&pull)).shake("PUSH"))
        .collect();
    for liar in &mut liars {
        liar.write(&[LONG, 0x40, 0, 0, 0, 0, 0, 0, 0]);
        liar.write(&[1; 100]);
    }
    let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
    push.send("honest").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "honest");
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < 100 * 1024, "{grown} KiB");
}

fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.trim().trim_end_matches(" kB").trim().parse().ok())
        .unwrap_or(0)
}

#[test]
fn garbage_after_the_handshake_ends_the_connection_only() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..50 {
        let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
        let mut noise = vec![0xf8];
        noise.extend((0..300).map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        }));
        // The peer may be gone before all is written.
        let _ = std::io::Write::write_all(&mut raw.0, &noise);
        await_disconnect(&monitor);
        raw.await_end();
    }
    let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
    push.send("honest").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "honest");
}

#[test]
fn bytes_may_come_one_by_one() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let mut raw = Raw::connect(&address(&pull));
    let all = [
        Raw::greeting(1, "NULL"),
        Raw::ready("PUSH"),
        frame(MORE, b"one"),
        frame(COMMAND, b"\x04PING\0\0ctx"),
        frame(0, &[2; 300]),
        frame(COMMAND, b"\x07UNKNOWNwhatever"),
        frame(0, b""),
    ]
    .concat();
    for byte in all {
        raw.write(&[byte]);
    }
    let message = pull.recv_timeout(SOON).unwrap();
    assert_eq!(message.get(0), Some(&b"one"[..]));
    assert_eq!(message.get(1), Some(&[2; 300][..]));
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "");
    raw.read(64);
    raw.read_frame();
    assert_eq!(raw.read_frame(), (COMMAND, b"\x04PONGctx".to_vec()));
}

#[test]
fn a_ping_is_answered_while_the_application_is_elsewhere() {
    for kind in [SocketType::Pull, SocketType::Push, SocketType::Rep] {
        let ctx = Context::new();
        let socket = ctx.socket(kind).bind("tcp://127.0.0.1:*").unwrap();
        let peer = match kind {
            SocketType::Pull => "PUSH",
            SocketType::Push => "PULL",
            _ => "REQ",
        };
        let mut raw = Raw::connect(&address(&socket)).shake(peer);
        // A call that has just ended keeps the socket's poll for a moment.
        let _ = socket.try_recv();
        for context in [&b""[..], b"x", &[7; 16]] {
            raw.send(COMMAND, &[b"\x04PING\0\0", context].concat());
            let answer = [b"\x04PONG", context].concat();
            assert_eq!(raw.read_frame(), (COMMAND, answer));
        }
    }
}

#[test]
fn subscriptions_and_reconnects_go_on_while_the_application_is_elsewhere() {
    let dir = tempfile::tempdir().unwrap();
    let endpoint = format!("ipc://{}/elsewhere", dir.path().display());
    let ctx = Context::new();
    let sub = ctx
        .socket(Sub)
        .subscribe("")
        .reconnect_interval(Duration::from_millis(5))
        .connect(&endpoint)
        .unwrap();
    for _ in 0..3 {
        // No thread is inside a call of either socket.
        let publisher = ctx.socket(Pub).open().unwrap();
        let monitor = publisher.monitor();
        publisher.bind(&endpoint).unwrap();
        await_subscription(&monitor);
    }
    drop(sub);
}

#[test]
fn a_peer_is_given_up_when_it_is_silent_for_longer_than_its_own_ttl() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    let start = Instant::now();
    raw.send(COMMAND, b"\x04PING\x00\x02");
    let reason = await_disconnect(&monitor);
    assert!(reason.contains("silent"), "{reason}");
    let took = start.elapsed();
    assert!(took >= Duration::from_millis(190), "{took:?}");
}

/// A PUSH that sends heartbeats, its monitor, and the peer that it has.
fn beating(timeout: Duration) -> (Socket<Push>, Monitor, TcpListener, Raw) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = Context::new()
        .socket(Push)
        .heartbeat_interval(Duration::from_millis(20))
        .heartbeat_timeout(timeout)
        .heartbeat_ttl(Duration::from_millis(700))
        .reconnect_interval(Duration::from_millis(5))
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let raw = Raw::accept(&listener).shake("PULL");
    await_peer(&monitor);
    (push, monitor, listener, raw)
}

#[test]
fn heartbeats_keep_a_peer_that_answers() {
    let (_push, monitor, _listener, mut raw) = beating(SOON);
    for number in 1..=5 {
        let ping = [&b"\x04PING\x00\x07"[..], &[0, number]].concat();
        assert_eq!(raw.read_frame(), (COMMAND, ping));
        raw.send(COMMAND, b"\x04PONG");
    }
    assert_eq!(monitor.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn a_peer_hears_of_heartbeats_before_the_first_message() {
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .heartbeat_interval(Duration::from_secs(3600))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = push.monitor();
    let mut raw = Raw::connect(&address(&push)).shake("PULL");
    await_peer(&monitor);
    for word in [&b"first"[..], b"second"] {
        push.send(word).unwrap();
    }
    assert_eq!(raw.read_frame(), (COMMAND, b"\x04PING\0\0".to_vec()));
    assert_eq!(raw.read_frame(), (0, b"first".to_vec()));
    assert_eq!(raw.read_frame(), (0, b"second".to_vec()));
}

#[test]
fn heartbeats_find_a_silent_peer() {
    let (_push, monitor, listener, _silent) = beating(A_WHILE);
    let reason = await_disconnect(&monitor);
    assert!(reason.contains("heartbeat"), "{reason}");
    // It is connected anew.
    Raw::accept(&listener).shake("PULL");
}

#[test]
fn heartbeats_between_idle_sockets_keep_them_together() {
    let ctx = Context::new();
    let beat = Duration::from_millis(10);
    let pull = ctx
        .socket(Pull)
        .heartbeat_interval(beat)
        .heartbeat_timeout(SOON)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let push = ctx
        .socket(Push)
        .heartbeat_interval(beat)
        .heartbeat_timeout(SOON)
        .connect(&address(&pull))
        .unwrap();
    await_peer(&monitor);
    assert_eq!(
        monitor.recv_timeout(Duration::from_millis(300)),
        Err(RecvError::TimedOut)
    );
    push.send("x").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "x");
}

#[test]
fn an_error_command_is_told_to_the_monitor() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull));
    raw.write(&Raw::greeting(1, "NULL"));
    raw.send(COMMAND, b"\x05ERROR\x05never");
    let reason = await_refusal(&monitor);
    assert!(reason.contains("never"), "{reason}");
}

/// Writes `bytes` again and again until the other side takes no more, which it is found to do by
/// the rounds of other work that pass meanwhile without room for another byte. Gives how many bytes it
/// took; fails beyond `most`.
#[track_caller]
fn write_until_stuck(raw: &mut Raw, bytes: &[u8], most: usize, mut work: impl FnMut()) -> usize {
    raw.0.set_nonblocking(true).unwrap();
    let (mut taken, mut stuck) = (0, 0);
    while stuck < 100 {
        let rest = &bytes[taken % bytes.len()..];
        match std::io::Write::write(&mut raw.0, rest) {
            Ok(count) => (taken, stuck) = (taken + count, 0),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                work();
                stuck += 1;
            }
            Err(error) => panic!("{error}"),
        }
        assert!(taken < most, "it took {taken} bytes");
    }
    raw.0.set_nonblocking(false).unwrap();
    taken
}

/// What the kernel's buffers of one loopback connection may hold, both ways, and something more.
const KERNELS: usize = 32 << 20;

#[test]
fn a_peer_that_does_not_read_its_pongs_is_not_read_and_all_are_answered_once_it_does() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    let ping = frame(COMMAND, b"\x04PING\0\x000123456789abcdef");
    let pong = frame(COMMAND, b"\x04PONG0123456789abcdef");
    let pings = ping.repeat(1000);
    let taken = write_until_stuck(&mut raw, &pings, KERNELS, || {
        push.send("honest").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "honest");
    });
    // The kernel took the last one in part, perhaps; it is finished once the others are answered.
    let (whole, begun) = (taken / ping.len(), taken % ping.len());
    for _ in 0..whole {
        assert_eq!(raw.read(pong.len()), pong);
    }
    raw.write(&ping[begun..]);
    assert_eq!(raw.read(pong.len()), pong);
    raw.send(0, b"still there");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "still there");
}

#[test]
fn messages_without_bytes_fill_an_inbox_by_what_they_take() {
    let ctx = Context::new();
    // Over tcp: a megabyte is some 14,000 messages of two bytes each on the wire.
    let pull = ctx
        .socket(Pull)
        .recv_hwm(0)
        .recv_hwm_bytes(1 << 20)
        .recv_buffer(Some(64 * 1024))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    await_peer(&monitor);
    let other = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let push = ctx.socket(Push).connect(&address(&other)).unwrap();
    let taken = write_until_stuck(&mut raw, &[0; 20_000], KERNELS / 2, || {
        push.send("honest").unwrap();
        assert_eq!(other.recv_timeout(SOON).unwrap(), "honest");
    });
    for n in 0..taken / 2 {
        assert_eq!(pull.recv_timeout(SOON).unwrap().byte_len(), 0, "{n}");
    }

    // Over inproc, to the message.
    let pull = ctx
        .socket(Pull)
        .recv_hwm(0)
        .recv_hwm_bytes(7200)
        .bind("inproc://without-bytes")
        .unwrap();
    let push = ctx
        .socket(Push)
        .send_hwm(0)
        .send_hwm_bytes(7200)
        .connect("inproc://without-bytes")
        .unwrap();
    let sent = (0..1000).take_while(|_| push.try_send("").is_ok()).count();
    assert_eq!(sent, 200);
    drop(pull);
}

#[test]
fn a_peer_whose_message_is_larger_than_the_inbox_loses_its_connection() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .recv_hwm_bytes(10_000)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let mut fits = Raw::connect(&address(&pull)).shake("PUSH");
    fits.send(0, &[1; 10_000]);
    assert_eq!(pull.recv_timeout(SOON).unwrap().byte_len(), 10_000);
    // A frame that announces more, and frames without end.
    let mut large = Raw::connect(&address(&pull)).shake("PUSH");
    large.write(&[LONG, 0, 0, 0, 0, 0, 0, 0x27, 0x11]);
    let reason = await_disconnect(&monitor);
    assert!(reason.contains("recv_hwm_bytes"), "{reason}");
    large.await_end();
    let mut endless = Raw::connect(&address(&pull)).shake("PUSH");
    let _ = std::io::Write::write_all(&mut endless.0, &[MORE, 0].repeat(1000));
    let reason = await_disconnect(&monitor);
    assert!(reason.contains("recv_hwm_bytes"), "{reason}");
    endless.await_end();
    fits.send(0, b"next");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "next");
}

#[test]
fn a_socket_that_does_not_receive_discards_bodies_as_they_come() {
    let ctx = Context::new();
    let push = ctx.socket(Push).bind("tcp://127.0.0.1:*").unwrap();
    let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = publisher.monitor();
    for (mut raw, subscribes) in [
        (Raw::connect(&address(&push)).shake("PULL"), false),
        (Raw::connect(&address(&publisher)).shake_as(0, "SUB"), true),
    ] {
        // A frame that is never whole, of a message that is never whole, and then some.
        raw.send(MORE, &[1; 100_000]);
        raw.send(0, &[1; 100_000]);
        if subscribes {
            raw.send(0, b"\x01topic");
            await_subscription(&monitor);
        }
        raw.send(COMMAND, b"\x04PING\0\0here");
        assert_eq!(raw.read_frame(), (COMMAND, b"\x04PONGhere".to_vec()));
    }
    publisher.send("topic").unwrap();
    let limited = ctx
        .socket(Push)
        .max_message_size(1000)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = limited.monitor();
    let mut raw = Raw::connect(&address(&limited)).shake("PULL");
    raw.write(&[LONG, 0, 0, 0, 0, 0, 0, 0x03, 0xe9]);
    let reason = await_disconnect(&monitor);
    assert!(reason.contains("1000"), "{reason}");
}

#[test]
fn a_peer_hears_that_a_socket_with_a_full_inbox_lives() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .recv_hwm(10)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    for n in 0..30 {
        raw.send(0, format!("{n}").as_bytes());
    }
    // Behind messages for which there is no room.
    raw.send(COMMAND, b"\x04PING\0\0late");
    for _ in 0..5 {
        assert_eq!(raw.read_frame(), (COMMAND, b"\x04PONG".to_vec()));
    }
    for n in 0..30 {
        assert_eq!(pull.recv_timeout(SOON).unwrap(), n.to_string()[..]);
    }
    // The last of what was taken together is received when the application comes for more.
    assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
    // Read again, it answers; those before had been on their way.
    let answer = loop {
        let (flags, body) = raw.read_frame();
        assert_eq!(flags, COMMAND);
        if body != b"\x04PONG" {
            break body;
        }
    };
    assert_eq!(answer, b"\x04PONGlate");
}

#[test]
fn a_peer_of_3_0_is_told_nothing_that_it_does_not_know() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .recv_hwm(1)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut old = Raw::connect(&address(&pull)).shake_as(0, "PUSH");
    let mut new = Raw::connect(&address(&pull)).shake_as(1, "PUSH");
    for raw in [&mut old, &mut new] {
        raw.send(0, b"x");
        raw.send(0, b"y");
    }
    for _ in 0..3 {
        assert_eq!(new.read_frame(), (COMMAND, b"\x04PONG".to_vec()));
    }
    old.0.set_nonblocking(true).unwrap();
    let heard = std::io::Read::read(&mut old.0, &mut [0; 16]);
    assert_eq!(heard.unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
}

#[test]
fn heartbeats_keep_a_connection_whose_receiver_is_busy() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .recv_hwm(10)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let push = ctx
        .socket(Push)
        .heartbeat_interval(Duration::from_millis(100))
        .heartbeat_timeout(Duration::from_secs(2))
        .heartbeat_ttl(Duration::from_secs(2))
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect(&address(&pull)).unwrap();
    await_peer(&monitor);
    let mut sent = 0;
    while push.try_send(sent.to_string()).is_ok() {
        sent += 1;
    }
    // More than twice as long as it would take to give the receiver up.
    assert_eq!(
        monitor.recv_timeout(Duration::from_secs(5)),
        Err(RecvError::TimedOut)
    );
    for n in 0..sent {
        assert_eq!(pull.recv_timeout(SOON).unwrap(), n.to_string()[..]);
    }
}

#[test]
fn a_peer_may_change_its_ttl_and_the_last_one_counts() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    for _ in 0..1000 {
        raw.send(COMMAND, b"\x04PING\xff\xff");
        raw.send(COMMAND, b"\x04PING\x00\x00");
    }
    raw.send(COMMAND, b"\x04PING\x00\x02");
    let reason = await_disconnect(&monitor);
    assert!(reason.contains("silent"), "{reason}");
}

#[test]
fn the_longest_topic_reaches_a_publisher_and_a_longer_one_is_refused_at_home() {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = publisher.monitor();
    let sub = ctx.socket(Sub).connect(&address(&publisher)).unwrap();
    let longest = vec![b't'; 65_536];
    sub.subscribe(&longest).unwrap();
    await_subscription(&monitor);
    publisher.send(&longest[..]).unwrap();
    assert_eq!(sub.recv_timeout(SOON).unwrap(), longest[..]);
    sub.unsubscribe(&longest).unwrap();
    await_event(&monitor, |k| matches!(k, EventKind::Unsubscribed { .. }));
    let error = sub.subscribe([b't'; 65_537]).unwrap_err().to_string();
    assert!(
        error.contains("65537 bytes") && error.contains("at most 65536"),
        "{error}"
    );
}

#[test]
fn a_peer_that_closes_on_our_greeting_is_told_apart_from_one_that_goes() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ctx = Context::new();
    let push = ctx.socket(Push).open().unwrap();
    let monitor = push.monitor();
    push.connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    // As JeroMQ 0.3 does: it reads a signature and closes on what comes behind it.
    let mut old = Raw::accept(&listener);
    old.write(b"\xff\0\0\0\0\0\0\0\x01\x7f");
    old.read(10);
    drop(old);
    let reason = await_refusal(&monitor);
    assert!(reason.contains("older than 3.0"), "{reason}");
    // One that knows our version is another matter.
    let mut other = Raw::accept(&listener);
    other.write(&Raw::greeting(1, "NULL"));
    other.read(64 + 28);
    drop(other);
    let reason = await_refusal(&monitor);
    assert!(reason.contains("type of socket"), "{reason}");
}

#[test]
fn a_handshake_goes_on_while_the_inbox_is_full() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .recv_hwm_bytes(72)
        .reconnect_interval(Duration::from_millis(1))
        .open()
        .unwrap();
    let monitor = pull.monitor();
    pull.connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let mut first = Raw::accept(&listener).shake("PUSH");
    await_peer(&monitor);
    // It breaks the protocol behind the message that fills the inbox.
    first.write(&[frame(0, b"fills"), vec![0xf8]].concat());
    await_disconnect(&monitor);
    // In pieces that are never whole, each of which is one pass and no more.
    let mut second = Raw::accept(&listener);
    second.write(&Raw::greeting(1, "NULL")[..40]);
    second.read(64 + 28);
    second.write(&Raw::greeting(1, "NULL")[40..]);
    second.write(&Raw::ready("PUSH"));
    await_peer(&monitor);
    second.send(0, b"next");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "fills");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "next");
}
