//! What stands between the bytes of a sealed connection and the decoder: boxes go in, frames come out.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::message::Message;
use crate::zmtp::body::{Body, BodyGap};
use crate::zmtp::command::Command;
use crate::zmtp::decoder::{Decoder, DIRECT, MAX_COMMANDS};
use crate::zmtp::error::ProtocolError;
use crate::zmtp::frame::Header;
use crate::zmtp::sealing::Opener;

/// Bodies up to this size are copied out of where they were opened; larger ones are opened in memory of their own.
const COPIED: usize = 1024;

/// Opens the frames of a peer, one at a time, and gives each to the decoder: nothing is opened for which there
/// is no room, and nothing that is open waits.
#[derive(Debug)]
pub(super) struct Opening {
    opener: Opener,
    /// A large frame that is being received into its own memory.
    body: Option<Body>,
    /// The size of the largest body that the peer has delivered that way.
    trust: usize,
    /// Where small frames are opened.
    frame: Vec<u8>,
    /// The most bytes of a frame.
    largest: u64,
}

impl Opening {
    pub(super) fn new(opener: Opener, decoder: &Decoder) -> Opening {
        Opening {
            opener,
            body: None,
            trust: 0,
            frame: Vec::new(),
            largest: decoder.largest_frame(),
        }
    }

    /// As [`Decoder::decode`], of bytes that are sealed.
    pub(super) fn decode(
        &mut self,
        decoder: &mut Decoder,
        input: &[u8],
        room: usize,
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<usize, ProtocolError> {
        let mut rest = input;
        let most_messages = messages.len().saturating_add(room);
        let most_commands = commands.len() + MAX_COMMANDS;
        while messages.len() < most_messages && commands.len() < most_commands {
            if let Some(body) = &mut self.body {
                rest = body.take(self.trust, rest);
                if !self.body_filled(decoder, messages, commands)? {
                    break;
                }
                continue;
            }
            let Some(header) = Header::parse(rest)? else {
                break;
            };
            self.opener.check_header(&header, self.largest)?;
            let size = usize::try_from(header.size).map_err(|_| ProtocolError::NotSealed)?;
            let after = rest.get(header.len..).unwrap_or_default();
            if let Some((body, after)) = after.split_at_checked(size) {
                rest = after;
                self.open(decoder, body, messages, commands)?;
                continue;
            }
            if size <= DIRECT {
                break;
            }
            rest = after;
            self.body = Some(Body {
                buffer: Vec::new(),
                size,
                more: false,
                command: false,
                pooled: false,
            });
        }
        Ok(input.len() - rest.len())
    }

    /// As [`Decoder::body_gap`].
    pub(super) fn body_gap(&mut self) -> Option<BodyGap<'_>> {
        BodyGap::of(self.body.as_mut()?, self.trust)
    }

    /// As [`Decoder::body_filled`].
    pub(super) fn body_filled(
        &mut self,
        decoder: &mut Decoder,
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<bool, ProtocolError> {
        if self.body.as_ref().is_none_or(|body| body.missing() > 0) {
            return Ok(false);
        }
        if let Some(body) = self.body.take() {
            self.trust = self.trust.max(body.size);
            self.open(decoder, &body.buffer, messages, commands)?;
        }
        Ok(true)
    }

    /// Opens the body of one frame, and has the frame decoded. There is room for it.
    fn open(
        &mut self,
        decoder: &mut Decoder,
        body: &[u8],
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<(), ProtocolError> {
        // Whatever is in it is taken: a whole frame, which makes one message or one command at most.
        let (used, size) = if body.len() <= COPIED {
            let at = self.opener.open(body, &mut self.frame)?;
            let frame = self.frame.get(at..).unwrap_or_default();
            (decoder.decode(frame, 1, messages, commands)?, frame.len())
        } else {
            let mut frame = Vec::new();
            let at = self.opener.open(body, &mut frame)?;
            let frame = Bytes::from(frame).slice(at..);
            let used = decoder.decode_shared(&frame, 1, messages, commands)?;
            (used, frame.len())
        };
        if used == size {
            Ok(())
        } else {
            Err(ProtocolError::NotSealed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::command::PingContext;
    use crate::zmtp::flight::Flight;
    use crate::zmtp::outbox::Outbox;
    use crate::zmtp::sealed::Seal;
    use crate::zmtp::sealing::tests::pair;
    use proptest::prelude::*;

    /// What a peer sends, sealed; and what opens it.
    fn sealed(messages: &[Message]) -> (Vec<u8>, Opener) {
        let (sealer, opener) = pair();
        let (mut seal, mut flight, mut outbox) = (Seal::new(sealer), Flight::new(), Outbox::new());
        for (n, message) in messages.iter().enumerate() {
            outbox.push(message);
            if n % 3 == 0 {
                outbox.push_command(&ping());
            }
        }
        flight.load(&mut outbox);
        let mut all = Vec::new();
        while !flight.is_empty() {
            let next = seal.next(&flight).unwrap();
            all.extend_from_slice(next);
            let n = next.len();
            seal.advance(&mut flight, n);
        }
        (all, opener)
    }

    fn ping() -> Command {
        Command::Ping {
            ttl: 7,
            context: PingContext::default(),
        }
    }

    #[test]
    fn nothing_is_opened_for_which_there_is_no_room() {
        let messages: Vec<_> = (0..5u8).map(|n| Message::from(vec![n; 50])).collect();
        let (bytes, opener) = sealed(&messages);
        let mut decoder = Decoder::new(None);
        let mut opening = Opening::new(opener, &decoder);
        let (mut got, mut commands) = (VecDeque::new(), Vec::new());
        let mut rest = &bytes[..];
        let none = opening.decode(&mut decoder, rest, 0, &mut got, &mut commands);
        assert_eq!(none, Ok(0));
        for n in 1..=5 {
            let used = opening.decode(&mut decoder, rest, 1, &mut got, &mut commands);
            rest = &rest[used.unwrap()..];
            assert_eq!(got.len(), n);
        }
        assert!(got == messages);
    }

    #[test]
    fn a_message_may_be_as_large_as_the_limit_says_and_no_larger() {
        for (size, fits) in [(300_000, true), (300_001, false)] {
            let (bytes, opener) = sealed(&[Message::from(vec![7; size])]);
            let mut decoder = Decoder::new(Some(300_000));
            let mut opening = Opening::new(opener, &decoder);
            let (mut got, mut commands) = (VecDeque::new(), Vec::new());
            let done = opening.decode(&mut decoder, &bytes[..20], 1, &mut got, &mut commands);
            assert_eq!(done.is_ok(), fits, "it is judged by its header: {done:?}");
        }
        // Two that are within the limit each, and are not together: the frames of one message.
        let (bytes, opener) = sealed(&[Message::from([vec![7; 60], vec![8; 60]])]);
        let mut decoder = Decoder::new(Some(100));
        let mut opening = Opening::new(opener, &decoder);
        let (mut got, mut commands) = (VecDeque::new(), Vec::new());
        let done = opening.decode(&mut decoder, &bytes, 1, &mut got, &mut commands);
        assert!(matches!(done, Err(ProtocolError::MessageTooLarge { .. })));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        /// What comes out does not depend on how the bytes were cut.
        #[test]
        fn whole_and_byte_by_byte_are_the_same(
            sizes in prop::collection::vec(
                prop_oneof![4 => 0..80usize, 2 => 200..1100usize, 1 => 8000..40_000usize],
                1..20,
            ),
            cuts in prop::collection::vec(prop_oneof![1..5usize, 5..3000usize], 1..8),
            gaps: bool,
        ) {
            let message = |(n, size): (usize, &usize)| {
                let frame = vec![n as u8; *size];
                if n % 4 == 1 { Message::from([frame, vec![1; 3]]) } else { Message::from(frame) }
            };
            let messages: Vec<_> = sizes.iter().enumerate().map(message).collect();
            let (bytes, opener) = sealed(&messages);
            let mut decoder = Decoder::new(None);
            let mut opening = Opening::new(opener, &decoder);
            let (mut got, mut commands) = (VecDeque::new(), Vec::new());
            let (mut kept, mut at) = (Vec::new(), 0);
            for cut in cuts.iter().cycle() {
                if at == bytes.len() {
                    break;
                }
                let end = bytes.len().min(at + cut);
                let mut piece = &bytes[at..end];
                at = end;
                while let Some(gap) = opening.body_gap().filter(|_| gaps && !piece.is_empty()) {
                    let space = gap.buffer.capacity() - gap.buffer.len();
                    let (ours, rest) = piece.split_at(gap.missing.min(space).min(piece.len()));
                    gap.buffer.extend_from_slice(ours);
                    piece = rest;
                    opening.body_filled(&mut decoder, &mut got, &mut commands).unwrap();
                }
                kept.extend_from_slice(piece);
                let used = opening
                    .decode(&mut decoder, &kept, usize::MAX, &mut got, &mut commands)
                    .unwrap();
                kept.drain(..used);
            }
            prop_assert!(got == messages);
            prop_assert_eq!(commands, vec![ping(); messages.len().div_ceil(3)]);
            prop_assert!(kept.is_empty());
        }
    }
}
