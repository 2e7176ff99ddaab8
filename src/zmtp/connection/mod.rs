//! One connection, from its first byte to its last: handshake, traffic, heartbeats, and the form of
//! subscriptions. Bytes and the time go in, bytes, messages and events come out.
//!
//! ```text
//!        open: our greeting and READY are to be sent
//!          │
//!          ▼
//!     ┌──────────┐  greeting  ┌───────────┐   READY     ┌─────────┐  discard  ┌────────────┐
//!     │ Greeting ├───────────►│ Handshake ├────────────►│ Traffic ├──────────►│ Discarding │
//!     └────┬─────┘            └─────┬─────┘ Established └────┬────┘           └────────────┘
//!          │ older than 3.0,        │ ERROR, a type that     │ ERROR, a frame that breaks
//!          │ another mechanism      │ we do not talk to      │ a rule or a limit, silence
//!          ▼                        ▼                        ▼
//!        the connection is over; what is to be sent, an ERROR perhaps, still goes
//! ```
//!
//! # Two halves
//!
//! A connection is read, and what came decoded, without the socket's lock, and the writer may be out at
//! the same time. So the machine is in two halves that never refer to each other; what one has for the
//! other is a value that their owner carries over.
//!
//! | Half | Where it is | It knows | In | Out |
//! |---|---|---|---|---|
//! | [`Input`] | with the reader, outside the lock | the phase above, the handshake, the decoder and its limits | bytes | [`Arrived`]: messages, commands, handshake bytes, that the peer is established |
//! | [`Session`] | in the engine, under the lock | what is to be said besides messages, the form of subscriptions, heartbeats, the bound on PONGs | `Arrived`, commands, the time, [`Flow`] | bytes, [`Event`]s, the time of the next time-out |
//!
//! [`Input::open`] makes the first half and the bytes to be sent first; a [`Session`] begins empty. What
//! `Input` brought goes to [`Session::handle_arrived`], then each command in it to
//! [`Session::handle_command`]. Bytes to be sent are taken by [`Session::write`]; they go before the next
//! message, of which [`Session::announce`] is told. After anything that may have moved a time, [`Session::next_timer`] says for when a timer has
//! to be set, and [`Session::handle_timeout`] is called then. Messages pass the session by: those to be
//! sent outlive a connection, and are encoded when they are sent ([`outbox`](super::outbox)).
//!
//! `Connection`, which only tests, the simulation and the fuzzers see, joins both halves as the engine
//! does.
//!
//! # What comes later
//!
//! `ARCHITECTURE.md`, "What comes after", says where each thing goes that is not written yet. Of these,
//! here is the place of mechanisms that take several commands ([`mechanism`](super::mechanism)), of an
//! authenticator that answers later (one more state before Traffic, in which nothing is decoded), and
//! of all that changes bytes on their way in: opening what is sealed, and the frames of WebSocket
//! (between [`Input::handle_input`] and the decoder). What changes bytes on their way out does it in the
//! writer, outside the lock, where a [`Flight`](super::flight::Flight) has been loaded: it sees the
//! session's bytes and messages alike.
//!
//! # What holds
//!
//! - Nothing of a peer is delivered before its handshake is over, and what [`Input`] delivers does not
//!   depend on how the bytes were cut.
//! - A fault is final: what came before it has been delivered, nothing after it is.
//! - A peer makes this side queue at most [`PONGS`](crate::tuning::PONGS) answers, and those of the
//!   commands of one more pass.
//! - A connection has one timer that counts, whatever its peer sends.
//! - Whatever is heard is a sign of life, and a peer is silent only while this side reads.

mod event;
mod handshake;
mod heartbeat;
mod input;
#[cfg(any(test, fuzzing))]
mod joined;
#[cfg(feature = "curve")]
mod opening;
mod raw;
mod session;

pub(crate) use super::mechanism::Local;
pub(crate) use event::Event;
#[cfg(any(test, fuzzing))]
pub(crate) use handshake::Handshake;
pub(crate) use heartbeat::{Heartbeats, Silence};
pub(crate) use input::{Arrived, Input, Phase};
#[cfg(any(test, fuzzing))]
pub(crate) use joined::Connection;
pub(crate) use session::{Flow, Session};

/// The protocol as tables: what goes in, and to the byte what comes out.
#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use bytes::Bytes;

    use super::*;
    use crate::peer::SocketType;
    use crate::tuning;
    use crate::zmtp::flight::Flight;

    /// What happens to a connection.
    enum Do<'a> {
        /// The peer sends.
        Hear(&'a [u8]),
        Subscribe(&'a [u8]),
        Cancel(&'a [u8]),
        /// A message is about to be written.
        Send,
        /// This number of milliseconds after the start, a timer is due.
        Wait(u64),
    }
    use Do::{Cancel, Hear, Send, Subscribe, Wait};

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn open(kind: SocketType, beats: Heartbeats) -> Connection {
        let local = Local {
            socket_type: kind,
            routing_id: Bytes::new(),
            properties: Vec::new(),
            max_message_size: None,
            recv_hwm_bytes: 0,
            max_message_frames: tuning::MAX_MESSAGE_FRAMES,
            security: Default::default(),
            access: None,
            #[cfg(feature = "curve")]
            fresh: None,
        };
        Connection::open(local, beats, None)
    }

    /// What a connection has to say now.
    fn said(connection: &mut Connection) -> Vec<u8> {
        let mut bytes = Vec::new();
        while connection.has_output() {
            let mut flight = Flight::new();
            connection.poll_output(&mut flight);
            bytes.extend_from_slice(flight.only_slice().unwrap());
        }
        bytes
    }

    /// Messages, events and faults, in few words.
    fn found(connection: &mut Connection) -> Vec<String> {
        let mut found = Vec::new();
        while let Some(event) = connection.poll_event() {
            found.push(match event {
                Event::Established(peer) => format!("established {}", peer.socket_type),
                Event::Subscribed(topic) => format!("subscribed {}", topic.escape_ascii()),
                Event::Cancelled(topic) => format!("cancelled {}", topic.escape_ascii()),
                Event::Joined(group) => format!("joined {}", group.escape_ascii()),
                Event::Left(group) => format!("left {}", group.escape_ascii()),
                Event::Failed(fault) => format!("failed: {fault}"),
                Event::Silent(silence) => format!("silent {silence:?}"),
            });
        }
        while let Some(message) = connection.poll_message() {
            found.push(format!("message {}", message.first().escape_ascii()));
        }
        found.extend(connection.fault().map(|fault| format!("fault: {fault}")));
        found
    }

    /// Goes through a table of what happens, what is said then, and what is found.
    fn go(kind: SocketType, beats: Heartbeats, table: &[(Do<'_>, &[u8], &[&str])]) {
        let start = Instant::now();
        let mut now = start;
        let mut connection = open(kind, beats);
        let hello = said(&mut connection);
        assert_eq!(hello.get(..greeting(1).len()), Some(&greeting(1)[..]));
        for (line, (what, expected, events)) in table.iter().enumerate() {
            match what {
                Hear(bytes) => connection.handle_input(bytes, usize::MAX, now),
                Subscribe(topic) => connection.push_subscription(topic, true),
                Cancel(topic) => connection.push_subscription(topic, false),
                Send => connection.announce(),
                Wait(until) => {
                    now = start + ms(*until);
                    assert_eq!(connection.poll_timeout(), Some(now), "line {line}");
                    connection.handle_timeout(now, true);
                }
            }
            let said = said(&mut connection);
            let shown = (said.escape_ascii(), expected.escape_ascii());
            assert_eq!(said, *expected, "line {line}: {} not {}", shown.0, shown.1);
            assert_eq!(found(&mut connection), *events, "line {line}");
        }
    }

    const SILENT: Heartbeats = Heartbeats::NONE;
    const SUB: &[u8] = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB";
    const PUB: &[u8] = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB";
    const PULL: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL";
    const PUSH: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH";

    fn greeting(minor: u8) -> Vec<u8> {
        let mut bytes = b"\xff\0\0\0\0\0\0\0\0\x7f\x03".to_vec();
        bytes.push(minor);
        bytes.extend_from_slice(b"NULL");
        bytes.resize(64, 0);
        bytes
    }

    #[test]
    fn a_connection_opens_with_its_greeting_and_ready() {
        let mut connection = open(SocketType::Pull, SILENT);
        assert_eq!(said(&mut connection), [&greeting(1)[..], PULL].concat());
    }

    #[test]
    fn subscriptions_are_commands_to_a_publisher_of_3_1() {
        go(
            SocketType::Sub,
            SILENT,
            &[
                (Hear(&greeting(1)), b"", &[]),
                (Hear(PUB), b"", &["established PUB"]),
                (Subscribe(b"top"), b"\x04\x0d\x09SUBSCRIBEtop", &[]),
                (Cancel(b"top"), b"\x04\x0a\x06CANCELtop", &[]),
                (Subscribe(b""), b"\x04\x0a\x09SUBSCRIBE", &[]),
                (Hear(b"\0\x04topX"), b"", &["message topX"]),
            ],
        );
    }

    #[test]
    fn subscriptions_are_messages_to_a_publisher_of_3_0() {
        go(
            SocketType::Sub,
            SILENT,
            &[
                (Hear(&greeting(0)), b"", &[]),
                (Hear(PUB), b"", &["established PUB"]),
                (Subscribe(b"top"), b"\0\x04\x01top", &[]),
                (Cancel(b"top"), b"\0\x04\0top", &[]),
                (Subscribe(b""), b"\0\x01\x01", &[]),
            ],
        );
    }

    #[test]
    fn a_publisher_hears_both_forms() {
        go(
            SocketType::Pub,
            SILENT,
            &[
                (Hear(&greeting(1)), b"", &[]),
                (Hear(SUB), b"", &["established SUB"]),
                (Hear(b"\x04\x0d\x09SUBSCRIBEtop"), b"", &["subscribed top"]),
                (Hear(b"\x04\x0a\x06CANCELtop"), b"", &["cancelled top"]),
                (Hear(b"\0\x04\x01top"), b"", &["message \\x01top"]),
                // No use of a PUB's: thrown away as it comes.
                (Hear(b"\x01\x01\x01\0\x01x"), b"", &[]),
            ],
        );
    }

    #[test]
    fn pings_are_answered_with_their_context_and_unknown_commands_ignored() {
        go(
            SocketType::Pull,
            SILENT,
            &[
                (
                    Hear(&[&greeting(1)[..], PUSH].concat()),
                    b"",
                    &["established PUSH"],
                ),
                (Hear(b"\x04\x07\x04PING\0\0"), b"\x04\x05\x04PONG", &[]),
                (
                    Hear(b"\x04\x0b\x04PING\0\0echo"),
                    b"\x04\x09\x04PONGecho",
                    &[],
                ),
                (Hear(b"\x04\x05\x04PONG\x04\x06\x05LATER"), b"", &[]),
                // A command may come between the frames of a message.
                (
                    Hear(b"\x01\x01a\x04\x07\x04PING\0\0\0\x01b"),
                    b"\x04\x05\x04PONG",
                    &["message a"],
                ),
            ],
        );
    }

    #[test]
    fn a_peer_that_is_not_wanted_is_told_why() {
        go(
            SocketType::Pull,
            SILENT,
            &[
                (Hear(&greeting(1)), b"", &[]),
                (
                    Hear(SUB),
                    b"\x04\x30\x05ERROR\x29a PULL socket cannot talk to a SUB socket",
                    &["fault: peer is a SUB socket, which a PULL socket cannot talk to"],
                ),
            ],
        );
    }

    #[test]
    fn faults_end_a_connection() {
        let old = "fault: peer speaks ZMTP 2.0; sinew needs 3.0 or newer";
        go(
            SocketType::Pull,
            SILENT,
            &[(Hear(b"\xff\0\0\0\0\0\0\0\x01\x7f\x01"), b"", &[old])],
        );
        let reserved = "fault: peer set reserved bits in the frame flags 0x08";
        go(
            SocketType::Pull,
            SILENT,
            &[
                (
                    Hear(&[&greeting(1)[..], PUSH].concat()),
                    b"",
                    &["established PUSH"],
                ),
                (
                    Hear(b"\x04\x0a\x05ERROR\x03bye"),
                    b"",
                    &["failed: peer refused the connection: \"bye\""],
                ),
                (Hear(b"\0\x01x\x08"), b"", &["message x", reserved]),
                (Hear(b"\0\x01y"), b"", &[reserved]),
            ],
        );
    }

    #[test]
    fn a_peer_that_never_answers_is_silent_after_the_timeout() {
        let beats = Heartbeats::new(Some(ms(100)), Some(ms(250)), Some(ms(700)));
        // Each has its number, by which its PONG is known.
        go(
            SocketType::Push,
            beats,
            &[
                (
                    Hear(&[&greeting(1)[..], PULL].concat()),
                    b"",
                    &["established PULL"],
                ),
                (Wait(100), b"\x04\x09\x04PING\0\x07\0\x01", &[]),
                (Wait(200), b"\x04\x09\x04PING\0\x07\0\x02", &[]),
                (Hear(b"\x04\x05\x04PONG"), b"", &[]),
                (Wait(300), b"\x04\x09\x04PING\0\x07\0\x03", &[]),
                (Wait(350), b"", &[]),
                (Wait(400), b"\x04\x09\x04PING\0\x07\0\x04", &[]),
                (Wait(500), b"\x04\x09\x04PING\0\x07\0\x05", &[]),
                (Wait(550), b"", &["silent NoAnswer"]),
            ],
        );
    }

    #[test]
    fn the_first_message_goes_behind_a_ping() {
        const PING: &[u8] = b"\x04\x07\x04PING\0\x07";
        go(
            SocketType::Push,
            Heartbeats::new(Some(ms(100)), None, Some(ms(700))),
            &[
                (
                    Hear(&[&greeting(1)[..], PULL].concat()),
                    b"",
                    &["established PULL"],
                ),
                (Send, PING, &[]),
                (Send, b"", &[]),
                (Wait(100), b"\x04\x09\x04PING\0\x07\0\x01", &[]),
            ],
        );
        // Not if there are no heartbeats, and not if the peer knows of them.
        let hello = [&greeting(1)[..], PULL].concat();
        go(
            SocketType::Push,
            SILENT,
            &[(Hear(&hello), b"", &["established PULL"]), (Send, b"", &[])],
        );
        go(
            SocketType::Push,
            Heartbeats::new(Some(ms(100)), None, Some(ms(700))),
            &[
                (Hear(&hello), b"", &["established PULL"]),
                (Wait(100), b"\x04\x09\x04PING\0\x07\0\x01", &[]),
                (Send, b"", &[]),
            ],
        );
    }

    #[test]
    fn a_peer_is_given_up_when_its_own_time_to_live_is_over() {
        go(
            SocketType::Pull,
            SILENT,
            &[
                (
                    Hear(&[&greeting(1)[..], PUSH].concat()),
                    b"",
                    &["established PUSH"],
                ),
                (Hear(b"\x04\x07\x04PING\0\x02"), b"\x04\x05\x04PONG", &[]),
                (Hear(b"\0\0"), b"", &["message "]),
                (Wait(200), b"", &[]),
                (Wait(400), b"", &["silent PeerTtl"]),
            ],
        );
    }

    #[test]
    fn a_peer_that_reads_no_pongs_is_not_read() {
        let now = Instant::now();
        let mut pull = open(SocketType::Pull, SILENT);
        pull.handle_input(&[&greeting(1)[..], PUSH].concat(), 1, now);
        said(&mut pull);
        for _ in 0..tuning::PONGS {
            assert!(pull.wants_input());
            pull.handle_input(b"\x04\x07\x04PING\0\0", 1, now);
        }
        assert!(!pull.wants_input());
        assert_eq!(said(&mut pull), b"\x04\x05\x04PONG".repeat(tuning::PONGS));
        assert!(pull.wants_input());
    }

    /// A receiver that takes one message `filled` after its connection was established, and then reads
    /// nothing until `until`: when the sender takes it for dead.
    fn given_up(beats: Heartbeats, filled: Duration, until: Duration) -> Option<Duration> {
        let start = Instant::now();
        let (mut push, mut pull) = (
            open(SocketType::Push, beats),
            open(SocketType::Pull, SILENT),
        );
        let hello = said(&mut push);
        push.handle_input(&said(&mut pull), 1, start);
        pull.handle_input(&hello, 1, start);
        let mut now = start;
        let mut full = false;
        while now < start + until {
            let times = [push.poll_timeout(), pull.poll_timeout()];
            let fills = (!full).then_some(start + filled);
            now = times.into_iter().chain([fills]).flatten().min().unwrap();
            if fills == Some(now) {
                push.announce();
                pull.handle_input(&said(&mut push), 1, now);
                pull.handle_input(b"\0\0", 1, now);
                full = true;
            }
            if pull.poll_timeout().is_some_and(|at| at <= now) {
                pull.handle_timeout(now, true);
            }
            let answers = said(&mut pull);
            if !answers.is_empty() {
                push.handle_input(&answers, 1, now);
            }
            if push.poll_timeout().is_some_and(|at| at <= now) {
                push.handle_timeout(now, true);
            }
            let sent = said(&mut push);
            if !full && !sent.is_empty() {
                pull.handle_input(&sent, 1, now);
            }
            if found(&mut push)
                .iter()
                .any(|event| event.starts_with("silent"))
            {
                return Some(now - start);
            }
        }
        None
    }

    #[test]
    fn a_receiver_that_is_full_is_kept_whenever_it_filled() {
        for (interval, timeout) in [
            (25, 50),
            (50, 50),
            (100, 100),
            (100, 50),
            (300, 300),
            (1000, 1000),
            (1000, 400),
            (5000, 1000),
            (30_000, 2000),
        ] {
            for filled in [0, 1, 40, 90, 290, 990, 2100, 25_000, 31_000] {
                let beats = Heartbeats::new(Some(ms(interval)), Some(ms(timeout)), None);
                let until = ms(filled + 3 * (interval + timeout) + 1000);
                assert_eq!(
                    given_up(beats, ms(filled), until),
                    None,
                    "a PING every {interval} ms, {timeout} ms to answer, full after {filled} ms"
                );
            }
        }
    }

    #[test]
    fn a_peer_of_3_0_is_shown_no_life_that_it_would_not_understand() {
        for (minor, shown) in [(0, &b""[..]), (1, b"\x04\x05\x04PONG")] {
            let start = Instant::now();
            let mut pull = open(SocketType::Pull, SILENT);
            pull.handle_input(
                &[&greeting(minor)[..], PUSH, b"\0\0\0\0"].concat(),
                1,
                start,
            );
            said(&mut pull);
            if let Some(at) = pull.poll_timeout() {
                pull.handle_timeout(at, true);
            }
            assert_eq!(said(&mut pull), shown);
        }
    }
}
