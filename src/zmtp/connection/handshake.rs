//! A connection from its first byte to its first message.

use crate::peer::PeerInfo;
use crate::security::authenticator::Question;
use crate::security::pending::Verdict;
use crate::zmtp::command;
use crate::zmtp::decoder::Decoder;
use crate::zmtp::error::ProtocolError;
use crate::zmtp::frame::Header;
use crate::zmtp::greeting::{self, Greeting};
use crate::zmtp::intake::Inbound;
use crate::zmtp::mechanism::{self, Local, Mechanism, Progress};
#[cfg(feature = "curve")]
use crate::zmtp::sealing::Seals;

/// The largest command that is accepted before the peer is known.
///
/// The largest useful one holds a type, a routing id of 255 bytes and what properties an
/// application adds. A peer that has not said what it is gets no more room than a read buffer has
/// anyway: see [`MIN_READ_BUFFER`](crate::zmtp::decoder::MIN_READ_BUFFER).
pub(crate) const MAX_HANDSHAKE_COMMAND: usize = 8 * 1024;

/// The handshake of one connection, in either role.
///
/// The greeting goes out whole and at once, so it is always sent, even to a peer whose own is
/// refused (RFC 37, "The greeting", demands that of the side that reads one). With NULL, READY goes out right
/// behind it: it depends on nothing that the peer says, libzmq reads exactly 64 bytes before it looks at
/// frames, and so a handshake is one write and, with a peer that does the same, one read. A peer of
/// another mechanism or version closes with our READY unread, which the kernel makes a reset; its
/// greeting, which says what is wrong, can still be read then if it came before.
#[derive(Debug)]
pub(crate) struct Handshake {
    local: Local,
    state: State,
}

#[derive(Debug)]
enum State {
    ExpectGreeting(Mechanism),
    ExpectCommand(Mechanism, Greeting),
    /// Nothing more is taken of the peer before the authenticator has answered.
    ExpectVerdict(Mechanism, PeerInfo, Greeting),
    /// Over: what comes now is not for the handshake.
    Done,
    Failed(ProtocolError),
}

/// What [`Handshake::handle_input`] did.
#[derive(Debug)]
pub(crate) struct Step {
    /// Bytes of the input that were used up. What follows them has to be given again, with more
    /// behind it, or to the decoder if the handshake is done.
    pub(crate) consumed: usize,
    pub(crate) done: Option<Established>,
    /// The authenticator is to be asked, which is answered by [`Handshake::answer`].
    pub(crate) question: Option<Box<Question>>,
}

/// A connection that is ready for messages.
#[derive(Debug)]
pub(crate) struct Established {
    pub(crate) peer: PeerInfo,
    /// For all bytes after the handshake's.
    pub(crate) decoder: Decoder,
    /// What opens those bytes, and seals those that go to the peer; `None`: they are as they are.
    #[cfg(feature = "curve")]
    pub(crate) seals: Option<Box<Seals>>,
}

impl Handshake {
    pub(crate) fn new(local: Local) -> Handshake {
        let mechanism = Mechanism::new(&local);
        Handshake {
            local,
            state: State::ExpectGreeting(mechanism),
        }
    }

    /// Writes the greeting, and what the mechanism says unasked. To be called once, when the
    /// connection is there.
    pub(crate) fn start(&mut self, out: &mut Vec<u8>) {
        if let State::ExpectGreeting(mechanism) = &self.state {
            greeting::put(out, mechanism.name(), mechanism.is_server());
            mechanism.start(&self.local, out);
        }
    }

    /// Whether the peer has said which version it speaks, and that is one that this side does.
    pub(crate) fn has_greeting(&self) -> bool {
        !matches!(self.state, State::ExpectGreeting(_))
    }

    /// Takes what the peer sent, and writes answers to `out`.
    ///
    /// On an error, `out` still has to be sent before the connection is closed: it may hold the
    /// ERROR command that tells the peer why. A failed handshake repeats its error.
    pub(crate) fn handle_input(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Step, ProtocolError> {
        let mut rest = input;
        let mut question = None;
        let done = self
            .advance(&mut rest, out, &mut question)
            .inspect_err(|fault| {
                self.state = State::Failed(fault.clone());
            })?;
        Ok(Step {
            consumed: input.len().saturating_sub(rest.len()),
            done,
            question,
        })
    }

    /// The authenticator has answered. As for `handle_input`, what is written to `out` has to be sent even on an
    /// error. `None`: it was not asked.
    pub(crate) fn answer(
        &mut self,
        verdict: Verdict,
        out: &mut Vec<u8>,
    ) -> Result<Option<Established>, ProtocolError> {
        match (std::mem::replace(&mut self.state, State::Done), verdict) {
            (State::ExpectVerdict(mechanism, mut peer, greeting), Verdict::Admit(admission)) => {
                mechanism::admit_as(admission, &mut peer);
                mechanism.admitted(&self.local, out);
                let established = self.establish(peer, greeting);
                #[cfg(feature = "curve")]
                let established = Established {
                    seals: mechanism.seals(),
                    ..established
                };
                Ok(Some(established))
            }
            (State::ExpectVerdict(..), Verdict::Refuse(refusal)) => {
                let fault = mechanism::refuse(refusal, out);
                self.state = State::Failed(fault.clone());
                Err(fault)
            }
            (state, _) => {
                self.state = state;
                Ok(None)
            }
        }
    }

    /// Steps from state to state while `input` has what they wait for.
    fn advance(
        &mut self,
        input: &mut &[u8],
        out: &mut Vec<u8>,
        asked: &mut Option<Box<Question>>,
    ) -> Result<Option<Established>, ProtocolError> {
        loop {
            match std::mem::replace(&mut self.state, State::Done) {
                State::ExpectGreeting(mechanism) => {
                    let Some(greeting) = take_greeting(input)? else {
                        self.state = State::ExpectGreeting(mechanism);
                        return Ok(None);
                    };
                    greeting.check_mechanism(mechanism.name())?;
                    // RFC 37, "The greeting": a server has no use for another one.
                    if mechanism.is_server() && greeting.as_server {
                        let mechanism = mechanism.name();
                        return Err(ProtocolError::TwoServers { mechanism });
                    }
                    mechanism.greeted(out);
                    self.state = State::ExpectCommand(mechanism, greeting);
                }
                State::ExpectCommand(mechanism, greeting) => {
                    let Some(body) = take_command(input)? else {
                        self.state = State::ExpectCommand(mechanism, greeting);
                        return Ok(None);
                    };
                    match mechanism.handle_command(&self.local, body, out)? {
                        Progress::Waits(mechanism) => {
                            self.state = State::ExpectCommand(mechanism, greeting);
                        }
                        Progress::Asks(mechanism, peer, question) => {
                            self.state = State::ExpectVerdict(mechanism, peer, greeting);
                            *asked = Some(question);
                            return Ok(None);
                        }
                        Progress::Done(peer) => return Ok(Some(self.establish(peer, greeting))),
                        #[cfg(feature = "curve")]
                        Progress::Sealed(peer, seals) => {
                            let mut established = self.establish(peer, greeting);
                            established.seals = Some(seals);
                            return Ok(Some(established));
                        }
                    }
                }
                asking @ State::ExpectVerdict(..) => {
                    self.state = asking;
                    return Ok(None);
                }
                State::Done => return Ok(None),
                State::Failed(fault) => return Err(fault),
            }
        }
    }

    fn establish(&self, mut peer: PeerInfo, greeting: Greeting) -> Established {
        peer.version = greeting.version;
        Established {
            #[cfg(feature = "curve")]
            seals: None,
            peer,
            decoder: Decoder::new(self.local.max_message_size)
                .with_frames(self.local.max_message_frames)
                .bounded(
                    self.local.recv_hwm_bytes,
                    Inbound::of(self.local.socket_type),
                ),
        }
    }
}

fn take_greeting(input: &mut &[u8]) -> Result<Option<Greeting>, ProtocolError> {
    let greeting = Greeting::parse(input)?;
    if greeting.is_some() {
        *input = input.get(greeting::SIZE..).unwrap_or_default();
    }
    Ok(greeting)
}

/// Takes one whole command frame off the input and gives its body.
fn take_command<'a>(input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, ProtocolError> {
    let Some(header) = Header::parse(input)? else {
        return Ok(None);
    };
    if !header.command {
        return Err(ProtocolError::UnexpectedMessage);
    }
    let size = command::check_size(header.size, MAX_HANDSHAKE_COMMAND)?;
    let Some((body, rest)) = input
        .get(header.len..)
        .and_then(|after| after.split_at_checked(size))
    else {
        return Ok(None);
    };
    *input = rest;
    Ok(Some(body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::peer::SocketType;
    use crate::zmtp::command::Command;
    use crate::zmtp::fuzzing;
    use bytes::Bytes;
    use proptest::prelude::*;

    fn handshake(kind: SocketType) -> Handshake {
        Handshake::new(Local {
            socket_type: kind,
            routing_id: Bytes::new(),
            properties: Vec::new(),
            max_message_size: None,
            recv_hwm_bytes: 0,
            max_message_frames: crate::tuning::MAX_MESSAGE_FRAMES,
            security: Default::default(),
            access: None,
            #[cfg(feature = "curve")]
            fresh: None,
        })
    }

    /// The greeting as libzmq sends it: the size of an empty identity frame in the padding.
    fn greeting(minor: u8) -> Vec<u8> {
        let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, minor];
        bytes.extend_from_slice(b"NULL");
        bytes.resize(greeting::SIZE, 0);
        bytes
    }

    fn ready(properties: &[(&str, &[u8])]) -> Vec<u8> {
        let own = |(name, value): &(&str, &[u8])| (name.to_string(), value.to_vec().into());
        let mut bytes = Vec::new();
        Command::Ready(properties.iter().map(own).collect()).encode(&mut bytes);
        bytes
    }

    /// Gives `input` to a fresh handshake; the result, and what it said after its greeting.
    fn meet(kind: SocketType, input: &[u8]) -> (Result<Step, ProtocolError>, Vec<u8>) {
        let mut out = Vec::new();
        let mut handshake = handshake(kind);
        handshake.start(&mut out);
        let result = handshake.handle_input(input, &mut out);
        (result, out.split_off(greeting::SIZE))
    }

    fn established(kind: SocketType, input: &[u8]) -> Established {
        let (result, _) = meet(kind, input);
        result.unwrap().done.expect("a peer")
    }

    fn fault(kind: SocketType, after_greeting: &[u8]) -> (ProtocolError, Vec<u8>) {
        let input = [&greeting(1)[..], after_greeting].concat();
        let (result, said) = meet(kind, &input);
        (result.unwrap_err(), said)
    }

    const PUB_READY: &[u8] = b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03PUB";
    const PULL_READY: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PULL";
    const DEALER_READY: &[u8] =
        b"\x04\x29\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0";

    #[test]
    fn a_libzmq_peer_of_either_version() {
        for minor in [0, 1] {
            let input = [&greeting(minor)[..], PUB_READY, b"\x00\x01x"].concat();
            let (result, said) = meet(SocketType::Sub, &input);
            assert_eq!(said, b"\x04\x19\x05READY\x0bSocket-Type\0\0\0\x03SUB");
            let step = result.unwrap();
            assert_eq!(step.consumed, input.len() - 3);
            let established = step.done.unwrap();
            assert_eq!(established.peer.socket_type, SocketType::Pub);
            assert_eq!(established.peer.version, (3, minor));
        }
    }

    #[test]
    fn identity_goes_out_and_comes_in_where_it_may() {
        let mut out = Vec::new();
        handshake(SocketType::Dealer).start(&mut out);
        assert_eq!(out.split_off(greeting::SIZE), DEALER_READY);

        let input = [&greeting(1)[..], DEALER_READY].concat();
        assert_eq!(established(SocketType::Rep, &input).peer.routing_id, None);
        let named = ready(&[
            ("socket-TYPE", b"req"),
            ("IDENTITY", b"me"),
            ("X-color", b"red"),
        ]);
        let peer = established(SocketType::Rep, &[&greeting(1)[..], &named].concat()).peer;
        assert_eq!(peer.socket_type, SocketType::Req);
        assert_eq!(peer.routing_id.as_deref(), Some(&b"me"[..]));
        assert_eq!(
            peer.properties,
            [("X-color".to_owned(), Bytes::from_static(b"red"))]
        );
        // Of a type that may not announce one it means nothing, not even if it is invalid.
        let push = ready(&[("Socket-Type", b"PUSH"), ("Identity", b"\0")]);
        let peer = established(SocketType::Pull, &[&greeting(1)[..], &push].concat()).peer;
        assert_eq!(peer.routing_id, None);
    }

    #[test]
    fn invalid_routing_ids_are_refused() {
        for id in [&b"\0x"[..], &[b'x'; 256]] {
            let input = ready(&[("Socket-Type", b"DEALER"), ("Identity", id)]);
            let (fault, said) = fault(SocketType::Rep, &input);
            assert!(matches!(fault, ProtocolError::InvalidRoutingId { .. }));
            assert!(said.windows(5).any(|name| name == b"ERROR"));
        }
    }

    #[test]
    fn sockets_that_cannot_talk_say_so_before_they_hang_up() {
        let input = ready(&[("Socket-Type", b"SUB")]);
        let (mismatch, said) = fault(SocketType::Pull, &input);
        let expected = ProtocolError::SocketTypeMismatch {
            ours: SocketType::Pull,
            peer: "SUB".to_owned(),
        };
        assert_eq!(mismatch, expected);
        let mut error = Vec::new();
        let reason = "a PULL socket cannot talk to a SUB socket";
        Command::Error(reason.to_owned()).encode(&mut error);
        assert!(said.ends_with(&error));

        for unknown in [&b"SERVER"[..], b"\xff\xfe", b""] {
            let (mismatch, _) = fault(SocketType::Pull, &ready(&[("Socket-Type", unknown)]));
            assert!(matches!(mismatch, ProtocolError::SocketTypeMismatch { .. }));
        }
        let (missing, said) = fault(SocketType::Pull, &ready(&[("X", b"PUSH")]));
        assert_eq!(missing, ProtocolError::MissingSocketType);
        assert!(said.ends_with(b"no Socket-Type in READY"));
    }

    #[test]
    fn what_has_no_place_in_a_handshake_is_refused() {
        let pull = SocketType::Pull;
        let (refused, _) = fault(pull, b"\x04\x0a\x05ERROR\x03400");
        assert_eq!(
            refused,
            ProtocolError::AuthenticationRefused {
                reason: "400".into()
            }
        );
        assert_eq!(fault(pull, b"\x00\x01").0, ProtocolError::UnexpectedMessage);
        let (early, _) = fault(pull, b"\x04\x07\x04PING\0\0");
        assert_eq!(
            early,
            ProtocolError::UnexpectedCommand {
                name: "PING".into()
            }
        );
        let (unknown, _) = fault(pull, b"\x04\x06\x05HELLO");
        assert_eq!(
            unknown,
            ProtocolError::UnexpectedCommand {
                name: "HELLO".into()
            }
        );
        assert_eq!(fault(pull, b"\x05").0, ProtocolError::CommandWithMore);
        assert_eq!(
            fault(pull, b"\x80").0,
            ProtocolError::ReservedFlags { flags: 0x80 }
        );
        let malformed = ProtocolError::MalformedCommand {
            name: "nameless",
            fault: "the name is cut off",
        };
        assert_eq!(fault(pull, b"\x04\x00").0, malformed);
        let limit = MAX_HANDSHAKE_COMMAND;
        let (large, _) = fault(pull, b"\x06\0\0\0\0\0\0\x20\x01");
        assert_eq!(large, ProtocolError::CommandTooLarge { size: 8193, limit });
        let (huge, _) = fault(pull, b"\x06\x80\0\0\0\0\0\0\0");
        assert_eq!(huge, ProtocolError::FrameSizeOverflow { size: 1 << 63 });
    }

    #[test]
    fn the_largest_command_fits_the_smallest_read_buffer() {
        const { assert!(MAX_HANDSHAKE_COMMAND + 9 <= crate::zmtp::decoder::MIN_READ_BUFFER) };
        let filler = vec![b'x'; MAX_HANDSHAKE_COMMAND - 6 - 20 - 6];
        let input = ready(&[("Socket-Type", b"PUSH"), ("X", &filler)]);
        assert_eq!(input.len(), MAX_HANDSHAKE_COMMAND + 9);
        let peer = established(SocketType::Pull, &[&greeting(1)[..], &input].concat()).peer;
        assert_eq!(peer.properties.len(), 1);
    }

    #[test]
    fn ready_does_not_wait_for_the_peer_and_is_said_once() {
        let input = [&greeting(1)[..], PUB_READY].concat();
        let mut whole = Vec::new();
        let mut sub = handshake(SocketType::Sub);
        sub.start(&mut whole);
        assert_eq!(whole.len(), greeting::SIZE + PUB_READY.len());
        let hello = whole.clone();
        assert!(sub.handle_input(&input, &mut whole).unwrap().done.is_some());
        assert_eq!(whole, hello);

        let mut bytewise = Vec::new();
        let mut sub = handshake(SocketType::Sub);
        sub.start(&mut bytewise);
        let (mut from, mut done) = (0, None);
        for to in 1..=input.len() {
            assert!(done.is_none(), "{to}");
            let step = sub.handle_input(&input[from..to], &mut bytewise).unwrap();
            from += step.consumed;
            done = step.done;
        }
        assert_eq!(done.unwrap().peer.socket_type, SocketType::Pub);
        assert_eq!(bytewise, hello);
    }

    #[test]
    fn another_mechanism_or_version_gets_no_answer() {
        let mut plain = greeting(1);
        plain[12..17].copy_from_slice(b"PLAIN");
        let (result, said) = meet(SocketType::Pull, &plain);
        let mismatch = ProtocolError::MechanismMismatch {
            ours: "NULL",
            peer: "PLAIN".to_owned(),
        };
        assert_eq!(result.unwrap_err(), mismatch);
        assert_eq!(said, PULL_READY);
        let (result, said) = meet(SocketType::Pull, b"\xff\0\0\0\0\0\0\0\x01\x7f\x01");
        let old = ProtocolError::UnsupportedVersion { version: "2.0" };
        assert_eq!(result.unwrap_err(), old);
        assert_eq!(said, PULL_READY);
    }

    #[test]
    fn a_finished_handshake_takes_nothing_more() {
        let mut out = Vec::new();
        let mut sub = handshake(SocketType::Sub);
        let input = [&greeting(1)[..], PUB_READY].concat();
        assert!(sub.handle_input(&input, &mut out).unwrap().done.is_some());
        let step = sub.handle_input(b"\x00\x01x", &mut out).unwrap();
        assert_eq!(step.consumed, 0);
        assert!(step.done.is_none());
    }

    /// One side of a pair, and what is on its way to it.
    struct Side {
        handshake: Handshake,
        incoming: Vec<u8>,
        seen: usize,
        done: Option<Established>,
    }

    impl Side {
        fn new(kind: SocketType) -> Side {
            Side {
                handshake: handshake(kind),
                incoming: Vec::new(),
                seen: 0,
                done: None,
            }
        }

        /// Lets `n` more bytes arrive; whether that changed anything.
        fn receive(&mut self, n: usize, out: &mut Vec<u8>) -> bool {
            let more = n.min(self.incoming.len() - self.seen);
            self.seen += more;
            let step = self
                .handshake
                .handle_input(&self.incoming[..self.seen], out)
                .unwrap();
            self.incoming.drain(..step.consumed);
            self.seen -= step.consumed;
            self.done = step.done.or(self.done.take());
            more > 0
        }
    }

    proptest! {
        #[test]
        fn two_handshakes_find_each_other(
            splits in prop::collection::vec((any::<bool>(), 1..80usize), 1..20),
            pair in prop::sample::select(vec![
                (SocketType::Push, SocketType::Pull),
                (SocketType::Pub, SocketType::Sub),
                (SocketType::Req, SocketType::Rep),
                (SocketType::Router, SocketType::Dealer),
            ]),
        ) {
            let mut a = Side::new(pair.0);
            let mut b = Side::new(pair.1);
            a.handshake.start(&mut b.incoming);
            b.handshake.start(&mut a.incoming);
            let mut idle = 0;
            for (first, n) in splits.into_iter().chain([(true, 1), (false, 1)]).cycle() {
                let (to, from) = if first { (&mut a, &mut b) } else { (&mut b, &mut a) };
                idle = if to.receive(n, &mut from.incoming) { 0 } else { idle + 1 };
                if idle > 50 {
                    break;
                }
            }
            let (at_a, at_b) = (a.done.unwrap(), b.done.unwrap());
            prop_assert_eq!(at_a.peer.socket_type, pair.1);
            prop_assert_eq!(at_b.peer.socket_type, pair.0);
            prop_assert_eq!(at_a.peer.version, (3, 1));
            prop_assert!(a.incoming.is_empty() && b.incoming.is_empty());
        }

        #[test]
        fn hostile_handshakes_end_the_same_however_they_are_split(
            minor in 0..3u8,
            cut in 0..=64usize,
            tail in prop_oneof![
                prop::collection::vec(any::<u8>(), 0..100),
                prop::collection::vec(0..6u8, 0..100),
                Just(ready(&[("Socket-Type", b"PUSH")])),
                Just(ready(&[("Socket-Type", b"REQ"), ("Identity", b"x")])),
                Just(b"\x04\x0a\x05ERROR\x03400".to_vec()),
            ],
        ) {
            fuzzing::handshake(&[&greeting(minor)[..cut], &tail].concat());
            fuzzing::handshake(&[&greeting(minor)[..], &tail].concat());
        }
    }
}
