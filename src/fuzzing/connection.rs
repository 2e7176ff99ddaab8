//! Whole connections: the handshake, what comes after it, and the clock.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::decoder;
use super::input::Input;
use crate::message::Message;
use crate::peer::SocketType;
use crate::tuning;
use crate::zmtp::command::Command;
use crate::zmtp::connection::{Connection, Event, Heartbeats, Local};
use crate::zmtp::flight::Flight;
use crate::zmtp::fuzzing::{naive, Inbound, Limits};
use crate::zmtp::ProtocolError;

/// A longer conversation than this is not cut into single bytes.
const BYTEWISE: usize = 2048;

/// What a peer is read of at a time while its answers may wait.
const CHUNK: usize = 1024;

/// However what a peer says is cut, and whatever room there is for its messages: the same is found and
/// the same is answered, and behind a good handshake it is what the naive decoder finds. With a clock
/// that goes on, a peer that reads nothing makes this side queue no more than it may.
pub fn connection(data: &[u8]) {
    let mut input = Input::new(data);
    let settings = Settings::choose(&mut input);
    let room = 1 + input.below(4);
    let splits: Vec<_> = (0..1 + input.below(4))
        .map(|_| input.size().max(1))
        .collect();
    let good = input.below(4) > 0;
    let mut wire = match good {
        true => settings.hello.clone(),
        false => {
            let cut = input.below(settings.hello.len() + 1);
            settings.hello[..cut].to_vec()
        }
    };
    let clock: Vec<_> = input.take(8).to_vec();
    let traffic = decoder::wire(&mut input);
    wire.extend_from_slice(&traffic);

    let whole = settings.converse(&wire, &[wire.len()], usize::MAX);
    let least = 1 + wire.len() / 1024;
    let splits: Vec<_> = splits.into_iter().map(|size| size.max(least)).collect();
    assert_eq!(settings.converse(&wire, &splits, room), whole);
    if wire.len() <= BYTEWISE {
        assert_eq!(settings.converse(&wire, &[1], room), whole);
    }
    if good {
        settings.compare(&whole, &traffic);
    }
    settings.stall(&wire, &clock);
}

/// A side of a connection, and what the other one says first.
struct Settings {
    local: Local,
    beats: Heartbeats,
    limits: Limits,
    hello: Vec<u8>,
}

/// All that a connection found and said.
#[derive(Debug, Default, PartialEq)]
struct Conversation {
    messages: Vec<Message>,
    events: Vec<Event>,
    said: Vec<u8>,
    fault: Option<ProtocolError>,
}

impl Settings {
    fn choose(input: &mut Input<'_>) -> Settings {
        let (ours, peers) = [
            (SocketType::Pull, SocketType::Push),
            (SocketType::Rep, SocketType::Req),
            (SocketType::Pub, SocketType::Sub),
            (SocketType::Push, SocketType::Pull),
        ][input.below(4)];
        let limit = decoder::limit(input);
        let limits = decoder::limits(input.byte(), limit);
        let limits = Limits {
            inbound: match ours {
                SocketType::Push => Inbound::Nothing,
                SocketType::Pub => Inbound::Subscriptions,
                _ => Inbound::Messages,
            },
            ..limits
        };
        let ms = |ms| Some(Duration::from_millis(ms));
        let beats = match input.below(3) {
            0 => Heartbeats::NONE,
            1 => Heartbeats::new(ms(50), None, None),
            _ => Heartbeats::new(ms(200), ms(90), ms(700)),
        };
        let local = |socket_type| Local {
            socket_type,
            routing_id: Bytes::new(),
            properties: Vec::new(),
            max_message_size: limit,
            recv_hwm_bytes: limits.held,
            max_message_frames: limits.frames,
            security: Default::default(),
            access: None,
            #[cfg(feature = "curve")]
            fresh: None,
        };
        let mut peer = Connection::open(local(peers), Heartbeats::NONE, None);
        let mut hello = Vec::new();
        say(&mut peer, &mut hello);
        if let Some(minor) = hello.get_mut(11) {
            *minor = input.byte() & 1;
        }
        Settings {
            local: local(ours),
            beats,
            limits,
            hello,
        }
    }

    fn open(&self) -> Connection {
        Connection::open(self.local.clone(), self.beats, None)
    }

    /// Has the peer say `wire`, in pieces of these sizes in turn.
    fn converse(&self, wire: &[u8], splits: &[usize], room: usize) -> Conversation {
        let now = Instant::now();
        let mut connection = self.open();
        let mut all = Conversation::default();
        let mut rest = wire;
        for size in splits.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, after) = rest.split_at((*size).clamp(1, rest.len()));
            rest = after;
            connection.handle_input(piece, room, now);
            // As often as there was room made.
            while all.take_messages(&mut connection) {
                connection.handle_input(b"", room, now);
            }
            all.events
                .extend(std::iter::from_fn(|| connection.poll_event()));
            say(&mut connection, &mut all.said);
        }
        say(&mut connection, &mut all.said);
        all.fault = connection.fault().cloned();
        all
    }

    /// What came behind a good handshake is what it should be.
    fn compare(&self, found: &Conversation, traffic: &[u8]) {
        let expected = naive(traffic, self.limits);
        assert_eq!(found.messages, expected.messages);
        assert_eq!(found.fault, expected.fault);
        let mut events = found.events.iter();
        assert!(matches!(events.next(), Some(Event::Established(_))));
        let (mut pongs, mut next) = (Vec::new(), Vec::new());
        for command in expected.commands {
            match command {
                Command::Subscribe(topic) => next.push(Event::Subscribed(topic)),
                Command::Cancel(topic) => next.push(Event::Cancelled(topic)),
                Command::Join(group) => next.push(Event::Joined(group)),
                Command::Leave(group) => next.push(Event::Left(group)),
                Command::Error(reason) => {
                    next.push(Event::Failed(ProtocolError::PeerError { reason }));
                }
                Command::Ping { context, .. } => Command::Pong { context }.encode(&mut pongs),
                _ => {}
            }
        }
        assert!(events.eq(next.iter()));
        assert!(found.said.ends_with(&pongs));
    }

    /// The peer reads nothing, and the clock goes on.
    fn stall(&self, wire: &[u8], clock: &[u8]) {
        let start = Instant::now();
        let (mut now, mut connection) = (start, self.open());
        // A greeting with READY or ERROR, and heartbeats of this side.
        let mut most = 64 + 2 * 300;
        // A PONG with as much context as there can be, in answer to a PING with as much.
        most += (tuning::PONGS + CHUNK / 9) * 23;
        let mut ticks = clock.iter().cycle();
        for piece in wire.chunks(CHUNK) {
            if !connection.wants_input() {
                break;
            }
            connection.handle_input(piece, 1, now);
            while connection.poll_message().is_some() {
                connection.handle_input(b"", 1, now);
            }
            let tick = ticks.next().copied().unwrap_or(1);
            now += Duration::from_millis(u64::from(tick));
            if connection.poll_timeout().is_some_and(|at| at <= now) {
                connection.handle_timeout(now, false);
                assert!(connection.poll_timeout().is_none_or(|at| at > now));
            }
        }
        let mut said = Vec::new();
        say(&mut connection, &mut said);
        assert!(said.len() <= most, "{} bytes wait", said.len());
    }
}

impl Conversation {
    /// False: there were none.
    fn take_messages(&mut self, connection: &mut Connection) -> bool {
        let before = self.messages.len();
        self.messages
            .extend(std::iter::from_fn(|| connection.poll_message()));
        self.messages.len() > before
    }
}

/// Takes what a connection says now.
fn say(connection: &mut Connection, said: &mut Vec<u8>) {
    while connection.has_output() {
        let mut flight = Flight::default();
        connection.poll_output(&mut flight);
        said.extend_from_slice(flight.only_slice().unwrap_or_default());
    }
}
