//! What bounds how many peers are let in, and what a socket holds for peers that are gone.

use std::io::Read;
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use sinew::{Context, Event, EventKind, Monitor, Pull, Push};

use super::support::*;

/// What happened so far, as far as it is of this kind.
fn count(monitor: &Monitor, what: impl Fn(&EventKind) -> bool) -> usize {
    let events = std::iter::from_fn(|| monitor.try_recv().ok());
    events.filter(|event| what(&event.kind)).count()
}

fn await_pause(monitor: &Monitor) -> String {
    let event = await_event(monitor, |kind| {
        matches!(kind, EventKind::AcceptPaused { .. })
    });
    match event.kind {
        EventKind::AcceptPaused { reason } => reason,
        _ => unreachable!(),
    }
}

#[test]
fn callers_above_max_connections_wait_and_come_in_when_one_goes() {
    let context = Context::new();
    let pull = context.socket(Pull).max_connections(2);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let there = address(&pull);
    let push = |body: &str| {
        let push = context.socket(Push).connect(&there).unwrap();
        push.send(body).unwrap();
        push
    };
    let first = push("1");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "1");
    let second = push("2");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "2");
    let third = push("3");
    assert!(await_pause(&monitor).contains("max_connections"));
    assert_eq!(pull.stats().peers, 2);
    let _ = first.close();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "3");
    drop((second, third));
}

#[test]
fn a_slow_handshake_keeps_its_place_while_nobody_waits_for_it() {
    let context = Context::new();
    let pull = context.socket(Pull).max_pending_handshakes(1);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut slow = Raw::connect(&address(&pull));
    // Longer than the two seconds after which one who waited would get the place.
    let end = Instant::now() + Duration::from_millis(2500);
    while let Ok(event) = monitor.recv_timeout(end.saturating_duration_since(Instant::now())) {
        let failed = matches!(event.kind, EventKind::HandshakeFailed { .. });
        assert!(!failed, "{event:?}");
    }
    slow = slow.shake("PUSH");
    slow.send(0, b"x");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "x");
}

#[test]
fn a_place_among_the_connections_is_seen_though_all_handshakes_are_taken() {
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .max_connections(2)
        .max_pending_handshakes(1)
        .handshake_timeout(None)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let there = address(&pull);
    let good = Raw::connect(&there).shake("PUSH");
    await_peer(&monitor);
    let silent = Raw::connect(&there);
    assert!(await_pause(&monitor).contains("max_connections"));
    let mut waits = Raw::connect(&there);
    waits.write(&Raw::greeting(1, "NULL"));
    waits.write(&Raw::ready("PUSH"));
    waits.send(0, b"x");
    // The listener has asked for it in vain: it says so for a later caller, once a second at most.
    let mut later = Vec::new();
    let paused = |event: Event| matches!(event.kind, EventKind::AcceptPaused { .. });
    while !monitor.recv_timeout(A_WHILE).is_ok_and(paused) {
        later.push(Raw::connect(&there));
    }
    drop(good);
    // The silent one gives its place to who waits, once it is old.
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "x");
    drop(silent);
}

#[test]
fn more_slow_handshakes_than_places_all_get_through() {
    let context = Context::new();
    let pull = context.socket(Pull).max_pending_handshakes(4);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut peers: Vec<_> = (0..40).map(|_| Raw::connect(&address(&pull))).collect();
    assert!(await_pause(&monitor).contains("max_pending_handshakes"));
    // Nobody has said anything. Four are in, and the others in the kernel's queue.
    assert!(count(&monitor, |kind| *kind == EventKind::HandshakeSucceeded) == 0);
    for peer in &mut peers {
        peer.write(&Raw::greeting(1, "NULL"));
        peer.write(&Raw::ready("PUSH"));
        peer.send(0, b"x");
    }
    // On a machine that stood still for seconds some may have outstayed: those call again, as every
    // peer does.
    for received in 0..40 {
        while pull.recv_timeout(Duration::from_secs(5)).is_err() {
            assert!(
                count(&monitor, |kind| matches!(
                    kind,
                    EventKind::HandshakeFailed { .. }
                )) > 0,
                "{received} of 40 got through, and none was sent away"
            );
            let mut again = Raw::connect(&address(&pull)).shake("PUSH");
            again.send(0, b"x");
            peers.push(again);
        }
    }
}

#[test]
fn a_good_peer_gets_through_a_flood_of_silent_ones_from_its_own_address() {
    let context = Context::new();
    let pull = context.socket(Pull).max_pending_handshakes(16);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let there = address(&pull);
    let monitor = pull.monitor();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = AtTheEnd(&over);
        scope.spawn(|| flood(there.socket_addr().unwrap(), &over));
        // The places are taken, by some that outstay.
        let crowded = |kind: &EventKind| matches!(kind, EventKind::HandshakeFailed { reason } if reason.contains("too many"));
        while !std::iter::from_fn(|| monitor.recv_timeout(GUARD).ok()).any(|it| crowded(&it.kind)) {
        }
        let push = context
            .socket(Push)
            .reconnect_interval(Duration::from_millis(10))
            // The pause must not grow with the tries that meet no free place.
            .reconnect_interval_max(Duration::from_millis(10))
            .connect(&there)
            .unwrap();
        for n in 0..5 {
            push.send(n.to_string()).unwrap();
        }
        for n in 0..5 {
            assert_eq!(pull.recv_timeout(GUARD).unwrap(), *n.to_string());
        }
    });
}

/// What hangs fails instead.
const GUARD: Duration = Duration::from_secs(100);

/// Ends the flood, also when the test fails.
struct AtTheEnd<'a>(&'a AtomicBool);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Calls again and again, says nothing, and hangs up on nobody.
fn flood(to: std::net::SocketAddr, over: &AtomicBool) {
    let mut held: Vec<TcpStream> = Vec::new();
    while !over.load(Ordering::Relaxed) {
        held.retain_mut(|stream| match stream.read(&mut [0; 256]) {
            Ok(count) => count > 0,
            Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
        });
        if held.len() == 300 {
            std::thread::yield_now();
        } else if let Ok(stream) = TcpStream::connect(to) {
            stream.set_nonblocking(true).unwrap();
            held.push(stream);
        }
    }
}

#[test]
fn what_departed_peers_left_is_bounded_and_nothing_of_it_is_lost() {
    let context = Context::new();
    let pull = context.socket(Pull).recv_hwm(10);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let visit = || {
        let mut peer = Raw::connect(&address(&pull)).shake("PUSH");
        (0..6).for_each(|n| peer.send(0, &[n]));
    };
    for _ in 0..2 {
        visit();
        await_disconnect(&monitor);
    }
    // Two have left twelve messages, where ten are the mark: the third has to wait.
    let mut third = Raw::connect(&address(&pull));
    assert!(await_pause(&monitor).contains("recv_hwm"));
    assert_eq!(count(&monitor, |kind| *kind == EventKind::Accepted), 0);
    third.write(&Raw::greeting(1, "NULL"));
    third.write(&Raw::ready("PUSH"));
    (0..6).for_each(|n| third.send(0, &[n]));
    drop(third);
    let mut sum = 0;
    for _ in 0..18 {
        sum += u32::from(pull.recv_timeout(SOON).unwrap().as_bytes().unwrap()[0]);
    }
    assert_eq!(sum, 3 * (1 + 2 + 3 + 4 + 5));
    assert_eq!(count(&monitor, |kind| *kind == EventKind::Accepted), 1);
}

#[test]
fn a_message_of_more_frames_than_allowed_costs_its_sender_the_connection() {
    let context = Context::new();
    let pull = context.socket(Pull).max_message_frames(2);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut peer = Raw::connect(&address(&pull)).shake("PUSH");
    peer.send(MORE, b"a");
    peer.send(0, b"b");
    assert_eq!(pull.recv_timeout(SOON).unwrap().len(), 2);
    for _ in 0..3 {
        peer.send(MORE, b"");
    }
    assert!(await_disconnect(&monitor).contains('2'));
    peer.await_end();
}

/// A PING whose PONG is told from others by what it returns (RFC 37, "Heartbeating").
fn ping() -> Vec<u8> {
    frame(COMMAND, b"\x04PING\0\0here")
}

#[test]
fn a_peer_is_read_again_once_the_last_message_of_a_full_inbox_is_received() {
    for many in [false, true] {
        let context = Context::new();
        let pull = context.socket(Pull).recv_hwm(4);
        let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
        let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
        let messages: Vec<u8> = (0..4).flat_map(|_| frame(0, b"x")).collect();
        raw.write(&[messages, ping()].concat());
        let mut received = Vec::new();
        while received.len() < 4 {
            if many && !received.is_empty() {
                pull.recv_many(&mut received, 1).unwrap();
            } else {
                received.push(pull.recv_timeout(SOON).unwrap());
            }
        }
        // No further call is made. What waits behind the messages is read and answered.
        loop {
            let (flags, body) = raw.read_frame();
            assert_eq!(flags, COMMAND);
            if body == b"\x04PONGhere" {
                break;
            }
        }
    }
}
