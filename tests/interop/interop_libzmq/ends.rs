//! A socket of either library, with the same verbs: what a test says of a pair of types is said once, and holds
//! whichever library has which end.

use std::time::{Duration, Instant};

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind, Msg};
use sinew::{Context, DynSocket, Message, SocketType};

use crate::support::*;

/// Which library an end is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Library {
    Ours,
    Libzmq,
}

impl Library {
    pub(crate) const BOTH: [Library; 2] = [Library::Ours, Library::Libzmq];

    pub(crate) fn other(self) -> Library {
        match self {
            Library::Ours => Library::Libzmq,
            Library::Libzmq => Library::Ours,
        }
    }
}

/// A socket. The peer's number of a SERVER or PEER message, and the group of a RADIO or DISH message, are
/// its first frame here: the number as text.
pub(crate) enum End {
    Ours(DynSocket),
    Libzmq(SocketType, zmq::Socket),
}

pub(crate) fn libzmq_kind(kind: SocketType) -> Kind {
    match kind {
        SocketType::Push => Kind::Push,
        SocketType::Pull => Kind::Pull,
        SocketType::Pub => Kind::Pub,
        SocketType::Sub => Kind::Sub,
        SocketType::Req => Kind::Req,
        SocketType::Rep => Kind::Rep,
        SocketType::Dealer => Kind::Dealer,
        SocketType::Router => Kind::Router,
        SocketType::Xpub => Kind::XPub,
        SocketType::Xsub => Kind::XSub,
        SocketType::Pair => Kind::Pair,
        SocketType::Stream => Kind::Stream,
        SocketType::Client => Kind::Client,
        SocketType::Server => Kind::Server,
        SocketType::Scatter => Kind::Scatter,
        SocketType::Gather => Kind::Gather,
        SocketType::Peer => Kind::Peer,
        SocketType::Channel => Kind::Channel,
        SocketType::Radio => Kind::Radio,
        SocketType::Dish => Kind::Dish,
        SocketType::Dgram => Kind::Dgram,
        other => panic!("what is {other} at libzmq?"),
    }
}

/// Whether the first frame stands for the peer's number.
fn has_number(kind: SocketType) -> bool {
    matches!(kind, SocketType::Server | SocketType::Peer)
}

/// Whether the first frame stands for the group.
fn has_group(kind: SocketType) -> bool {
    matches!(kind, SocketType::Radio | SocketType::Dish)
}

pub(crate) fn frames(parts: &[&str]) -> Vec<Vec<u8>> {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

impl End {
    pub(crate) fn open(library: Library, kind: SocketType) -> End {
        End::named(library, kind, "")
    }

    /// With a routing id, if it is not empty.
    pub(crate) fn named(library: Library, kind: SocketType, id: &str) -> End {
        End::open_with(library, kind, id, None)
    }

    /// With high-water marks of `hwm` messages, or the defaults.
    pub(crate) fn open_with(library: Library, kind: SocketType, id: &str, hwm: Option<i32>) -> End {
        match library {
            Library::Ours => {
                let mut builder = Context::new().socket(kind).routing_id(id.to_owned());
                if let Some(hwm) = hwm {
                    builder = builder.send_hwm(hwm as usize).recv_hwm(hwm as usize);
                }
                End::Ours(builder.linger(Duration::ZERO).open().expect("our socket"))
            }
            Library::Libzmq => {
                let socket = theirs(&zmq::Context::new(), libzmq_kind(kind));
                if !id.is_empty() {
                    let named = socket.set_bytes(option::ROUTING_ID, id.as_bytes());
                    named.expect("their routing id");
                }
                if let Some(hwm) = hwm {
                    for mark in [option::SNDHWM, option::RCVHWM] {
                        socket.set_int(mark, hwm).expect("their mark");
                    }
                }
                End::Libzmq(kind, socket)
            }
        }
    }

    pub(crate) fn kind(&self) -> SocketType {
        match self {
            End::Ours(socket) => socket.socket_type(),
            End::Libzmq(kind, _) => *kind,
        }
    }

    pub(crate) fn bind(&self, endpoint: &str) -> String {
        match self {
            End::Ours(socket) => socket.bind(endpoint).expect("our bind").to_string(),
            End::Libzmq(_, socket) => {
                socket.bind(endpoint).expect("their bind");
                socket.last_endpoint().expect("their endpoint")
            }
        }
    }

    /// Returns the number of the peer, as text, if this is a PEER; else nothing.
    pub(crate) fn connect(&self, endpoint: &str) -> String {
        let number = match self {
            End::Ours(socket) if self.kind() == SocketType::Peer => {
                socket.connect_for_id(endpoint).expect("our connect")
            }
            End::Libzmq(SocketType::Peer, socket) => {
                socket.connect_peer(endpoint).expect("their connect")
            }
            End::Ours(socket) => {
                socket.connect(endpoint).expect("our connect");
                return String::new();
            }
            End::Libzmq(_, socket) => {
                socket.connect(endpoint).expect("their connect");
                return String::new();
            }
        };
        assert_ne!(number, 0, "no peer has the number 0");
        number.to_string()
    }

    /// SUB, XSUB: subscribes; DISH: joins.
    pub(crate) fn want(&self, topic: &str) {
        match (self, self.kind()) {
            (_, SocketType::Xsub) => self.send(&[[b"\x01", topic.as_bytes()].concat()]),
            (End::Ours(socket), SocketType::Dish) => socket.join(topic).expect("our group"),
            (End::Ours(socket), _) => socket.subscribe(topic).expect("our subscription"),
            (End::Libzmq(_, socket), SocketType::Dish) => socket.join(topic).expect("their group"),
            (End::Libzmq(_, socket), _) => {
                let subscribed = socket.subscribe(topic.as_bytes());
                subscribed.expect("their subscription");
            }
        }
    }

    pub(crate) fn send(&self, frames: &[Vec<u8>]) {
        if let Err(why) = self.try_send(frames) {
            panic!("{} of {}: {why}", self.kind(), shape_of(frames));
        }
    }

    /// Sends, waiting for room; what went wrong in the library's own words.
    pub(crate) fn try_send(&self, frames: &[Vec<u8>]) -> Result<(), String> {
        let kind = self.kind();
        match self {
            End::Ours(socket) => {
                let message = match frames {
                    [number, rest @ ..] if has_number(kind) => {
                        message(rest).with_routing_id(number_in(number))
                    }
                    [group, rest @ ..] if has_group(kind) => {
                        message(rest).in_group(group.as_slice())
                    }
                    frames => message(frames),
                };
                let sent = socket.send_timeout(message, DEADLINE);
                sent.map_err(|error| error.to_string())
            }
            End::Libzmq(_, socket) => {
                let sent = if has_number(kind) || has_group(kind) {
                    let mut msg = Msg::from_bytes(&frames[1]).expect("a message");
                    if has_number(kind) {
                        msg.set_routing_id(number_in(&frames[0])).expect("a number");
                    } else {
                        let group = std::str::from_utf8(&frames[0]).expect("a group");
                        msg.set_group(group).expect("a group");
                    }
                    socket.send_msg(msg)
                } else {
                    socket.send_multipart(frames)
                };
                sent.map_err(|error| error.to_string())
            }
        }
    }

    pub(crate) fn recv(&self) -> Vec<Vec<u8>> {
        self.recv_within(DEADLINE)
            .unwrap_or_else(|| panic!("{}: nothing came", self.kind()))
    }

    /// The next message, or nothing after `wait`.
    pub(crate) fn recv_within(&self, wait: Duration) -> Option<Vec<Vec<u8>>> {
        match self {
            End::Ours(socket) => match socket.recv_timeout(wait) {
                Ok(message) => Some(flat(&message)),
                Err(error) => {
                    assert!(error.is_timeout(), "our receive: {error}");
                    None
                }
            },
            End::Libzmq(kind, socket) => {
                let wait = i32::try_from(wait.as_millis()).expect("a short wait");
                socket.poll_in(wait).expect("their poll").then(|| {
                    if !has_number(*kind) && !has_group(*kind) {
                        return socket.recv_multipart().expect("their message");
                    }
                    let mut msg = Msg::new();
                    socket.recv(&mut msg).expect("their message");
                    assert!(!msg.more(), "one frame");
                    let first = if has_number(*kind) {
                        msg.routing_id().to_string().into_bytes()
                    } else {
                        msg.group()
                    };
                    vec![first, msg.as_bytes().to_vec()]
                })
            }
        }
    }

    /// Sends again and again, as what goes out before the other side is known is dropped, until it is there;
    /// then takes what of it comes in double.
    pub(crate) fn send_until_it_arrives(&self, frames: &[Vec<u8>], there: &End) -> Vec<Vec<u8>> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            self.send(frames);
            if let Some(received) = there.recv_within(RETRY) {
                return received;
            }
            assert!(Instant::now() < deadline, "{}: it is lost", self.kind());
        }
    }
}

fn number_in(frame: &[u8]) -> u32 {
    let text = std::str::from_utf8(frame).expect("a number");
    text.parse().expect("a number")
}

/// Our message with its number or group as the first frame.
fn flat(message: &Message) -> Vec<Vec<u8>> {
    let number = message.routing_id().map(|id| id.to_string().into_bytes());
    let group = message.group().map(<[u8]>::to_vec);
    number
        .into_iter()
        .chain(group)
        .chain(parts(message))
        .collect()
}
