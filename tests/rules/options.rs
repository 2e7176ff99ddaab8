//! Every option at zero, at one and at its largest value: refused in words, or a socket that works;
//! and whatever it is, other sockets of the same context go on.

use std::time::Duration;

use sinew::{Context, Error, Frame, KeepAlive, Options, Pull, Push};

use super::support::*;

const ONE: Duration = Duration::from_nanos(1);
const MAX: Duration = Duration::MAX;

/// What a value does to a socket that has it.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Then {
    /// Messages go through.
    Works,
    /// No connection comes about, or none lasts: that is what was asked for.
    Lives,
    /// `open` refuses it, and names the option.
    Refused,
}
use Then::{Lives, Refused, Works};

type Set<T> = fn(&mut Options, T);

fn numbers() -> Vec<(&'static str, Set<usize>, [Then; 3])> {
    vec![
        ("send_hwm", |o, n| o.send_hwm = n, [Works; 3]),
        ("recv_hwm", |o, n| o.recv_hwm = n, [Works; 3]),
        ("send_hwm_bytes", |o, n| o.send_hwm_bytes = n, [Works; 3]),
        ("recv_hwm_bytes", |o, n| o.recv_hwm_bytes = n, [Works; 3]),
        (
            "max_message_size",
            |o, n| o.max_message_size = Some(n as u64),
            [Lives, Works, Works],
        ),
        (
            "max_message_frames",
            |o, n| o.max_message_frames = n,
            [Works; 3],
        ),
        ("max_connections", |o, n| o.max_connections = n, [Works; 3]),
        (
            "max_pending_handshakes",
            |o, n| o.max_pending_handshakes = n,
            [Works; 3],
        ),
        (
            "reconnect_attempts",
            |o, n| o.reconnect_attempts = Some(n as u32),
            [Works; 3],
        ),
        ("backlog", |o, n| o.backlog = n as u32, [Works; 3]),
        (
            "send_buffer",
            |o, n| o.send_buffer = Some(n),
            [Refused, Works, Works],
        ),
        (
            "recv_buffer",
            |o, n| o.recv_buffer = Some(n),
            [Refused, Works, Works],
        ),
        ("tos", |o, n| o.tos = Some(n as u8), [Works; 3]),
        (
            "tcp_keepalive",
            |o, n| o.tcp_keepalive = KeepAlive::on().retries(n as u32),
            [Refused, Works, Refused],
        ),
    ]
}

fn times() -> Vec<(&'static str, Set<Duration>, [Then; 3])> {
    vec![
        ("linger", |o, t| o.linger = Some(t), [Works; 3]),
        (
            "reconnect_interval",
            |o, t| o.reconnect_interval = t,
            [Works; 3],
        ),
        (
            "reconnect_interval_max",
            |o, t| o.reconnect_interval_max = t,
            [Works; 3],
        ),
        (
            "connect_timeout",
            |o, t| o.connect_timeout = Some(t),
            [Refused, Lives, Works],
        ),
        (
            "handshake_timeout",
            |o, t| o.handshake_timeout = Some(t),
            [Refused, Lives, Works],
        ),
        (
            "heartbeat_interval",
            // The peer may be slow to answer: its machine is busy.
            |o, t| (o.heartbeat_interval, o.heartbeat_timeout) = (Some(t), Some(SOON)),
            [Refused, Works, Works],
        ),
        (
            "heartbeat_timeout",
            |o, t| (o.heartbeat_interval, o.heartbeat_timeout) = (Some(SOON), Some(t)),
            [Refused, Works, Works],
        ),
        (
            "heartbeat_ttl",
            |o, t| (o.heartbeat_interval, o.heartbeat_ttl) = (Some(SOON), Some(t)),
            [Refused, Refused, Works],
        ),
        ("busy_poll", |o, t| o.busy_poll = t, [Works; 3]),
        (
            "tcp_keepalive",
            |o, t| o.tcp_keepalive = KeepAlive::on().idle(t),
            [Refused, Works, Refused],
        ),
        (
            "tcp_keepalive",
            |o, t| o.tcp_keepalive = KeepAlive::on().interval(t),
            [Refused, Works, Refused],
        ),
    ]
}

/// What goes through is one byte long, so that the smallest limits let it pass.
fn exchange(context: &Context, options: &Options) {
    let pull = context.socket(Pull).options(options.clone());
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let push = context.socket(Push).options(options.clone());
    let push = push.connect(&address(&pull)).unwrap();
    for body in ["a", "b", "c"] {
        push.send(body).unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), body);
    }
}

#[track_caller]
fn check<T: Copy>(name: &str, set: Set<T>, values: [T; 3], thens: [Then; 3]) {
    for (at, (value, then)) in values.into_iter().zip(thens).enumerate() {
        println!("{name}, value {at}: {then:?}");
        let context = Context::new();
        let mut options = Options::default();
        set(&mut options, value);
        match then {
            Works => exchange(&context, &options),
            Lives => {
                options.linger = Some(Duration::ZERO);
                let pull = context.socket(Pull).options(options.clone());
                let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
                let monitor = pull.monitor();
                let push = context.socket(Push).options(options);
                let push = push.connect(&address(&pull)).unwrap();
                push.send("a").unwrap();
                // Something came of it, whatever: the reactor has seen it.
                let _ = monitor.recv_timeout(A_WHILE);
                drop((push, pull));
            }
            Refused => {
                let error = context.socket(Push).options(options).open().unwrap_err();
                let Error::Option(text) = error else {
                    panic!("{name}: {error:?}");
                };
                assert!(text.contains(name), "{text}");
                assert!(text.contains("; use "), "does not say what to do: {text}");
            }
        }
        exchange(&context, &Options::default());
    }
}

#[test]
fn every_number_at_zero_one_and_its_maximum_works_or_is_refused_in_words() {
    for (name, set, thens) in numbers() {
        check(name, set, [0, 1, usize::MAX], thens);
    }
}

#[test]
fn every_time_at_zero_one_and_for_ever_works_or_is_refused_in_words() {
    for (name, set, thens) in times() {
        check(name, set, [Duration::ZERO, ONE, MAX], thens);
    }
}

#[test]
fn a_time_to_wait_for_ever_is_one() {
    let context = Context::new();
    let pull = context.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let push = context.socket(Push).connect(&address(&pull)).unwrap();
    assert!(monitor.recv_timeout(MAX).is_ok());
    push.send_timeout("x", MAX).unwrap();
    assert_eq!(pull.recv_timeout(MAX).unwrap(), "x");
    assert!(pull.recv_timeout(Duration::ZERO).is_err());
    assert!(pull.recv_timeout(ONE).is_err());
}

#[test]
fn a_routing_id_may_be_borrowed_and_is_made_of_whatever_a_frame_is() {
    let name = format!("worker-{}", 7);
    for options in [
        Options::new().routing_id(name.as_str()),
        Options::new().routing_id(&name),
        Options::new().routing_id(name.as_bytes()),
        Options::new().routing_id(b"worker-7"),
        Options::new().routing_id(Frame::from(&name)),
        Options::new().routing_id(bytes::Bytes::from(name.clone())),
        Options::new().routing_id(name.clone()),
    ] {
        assert_eq!(options.routing_id, "worker-7");
    }
}
