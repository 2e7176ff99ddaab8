//! Bytes to messages: the receiving half of an established connection.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::body::{Body, BodyGap, BufferPool};
#[cfg(feature = "curve")]
use super::command;
use super::command::Command;
use super::error::ProtocolError;
use super::frame::{Header, MAX_HEADER};
use super::intake::{Inbound, Intake};
use super::small::SmallFrames;
use super::source::{self, Source};
use crate::message::{Frame, Message};

/// Bodies up to this size wait in the read buffer until they are whole, and are copied out of it.
/// Larger ones that are not whole yet are read straight into their own allocation.
///
/// Below, the copy costs less than the extra read that a separate buffer needs. It also says how
/// large a read buffer has to be.
pub(super) const DIRECT: usize = 8 * 1024;

/// The smallest read buffer with which a connection always gets on: the decoder (and the handshake)
/// may leave that much unconsumed while they wait for more.
pub(crate) const MIN_READ_BUFFER: usize = MAX_HEADER + DIRECT;

/// Commands that one call takes off its input. Each PING wants an answer: between two calls the
/// caller can look whether the peer reads those.
pub(crate) const MAX_COMMANDS: usize = 256;

/// Cuts what a peer sends into messages and commands.
///
/// Memory: for a body that is still arriving, at most twice what has arrived plus 64 KiB is
/// reserved, or as much as this peer has once delivered whole (rounded up to a power of two, 64 MiB
/// at most): then a stream of large messages costs one allocation each and no copy. Complete bodies
/// are copied out of the input at their exact size, or share it with their neighbours where the
/// caller says that this pays.
#[derive(Debug)]
pub(crate) struct Decoder {
    intake: Intake,
    small: SmallFrames,
    /// The frames so far of a message that is not complete. Never delivered as it is.
    partial: Option<Message>,
    /// Bytes still to come of a frame that is discarded.
    skip: u64,
    /// A frame's body that is received into its own buffer.
    body: Option<Body>,
    /// The size of the largest body that the peer has delivered into its own buffer.
    trust: usize,
    /// For the bodies of a stream: those after the first.
    pool: Option<Arc<dyn BufferPool>>,
}

impl Decoder {
    pub(crate) fn new(max_message_size: Option<u64>) -> Decoder {
        let mut decoder = Decoder {
            intake: Intake::new(max_message_size),
            small: SmallFrames::default(),
            partial: None,
            skip: 0,
            body: None,
            trust: 0,
            pool: None,
        };
        decoder.set_small_limit();
        decoder
    }

    /// The same, which refuses messages that take more than `max_held` bytes of memory (zero: any), and
    /// discards as it comes what this side has no use for.
    pub(crate) fn bounded(mut self, max_held: usize, inbound: Inbound) -> Decoder {
        self.intake.bound(max_held, inbound);
        self.set_small_limit();
        self
    }

    fn set_small_limit(&mut self) {
        self.small = SmallFrames::up_to(self.intake.largest_alone());
    }

    /// The most frames that a message may have; zero means any number.
    pub(crate) fn with_frames(mut self, most: usize) -> Decoder {
        self.intake.bound_frames(most);
        self
    }

    /// Has large bodies use buffers again.
    pub(crate) fn use_pool(&mut self, pool: Arc<dyn BufferPool>) {
        self.pool = Some(pool);
    }

    /// Takes complete frames off the start of `input`, until `room` whole messages were appended, or
    /// [`MAX_COMMANDS`] commands.
    ///
    /// Returns how many bytes were used. The rest has to be given again with more behind it; it is
    /// shorter than [`MIN_READ_BUFFER`] unless one of the two was reached. After an error the connection is
    /// beyond repair; messages that came before the fault have been appended.
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        room: usize,
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<usize, ProtocolError> {
        self.take_frames(Source::Lent(input), room, messages, commands)
    }

    /// The same, but messages share the input instead of copying larger bodies out of it.
    pub(crate) fn decode_shared(
        &mut self,
        input: &Bytes,
        room: usize,
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<usize, ProtocolError> {
        self.take_frames(Source::Shared(input), room, messages, commands)
    }

    /// Whether there are bodies near the start of `input` that messages would share. A stream goes
    /// on as it began, mostly.
    pub(crate) fn has_bodies_to_share(&self, input: &[u8]) -> bool {
        self.body.is_none() && self.intake.receives() && source::has_bodies_to_share(input)
    }

    fn take_frames(
        &mut self,
        input: Source<'_>,
        room: usize,
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<usize, ProtocolError> {
        let mut rest = input.bytes();
        let mut room = room;
        let most_commands = commands.len() + MAX_COMMANDS;
        while room > 0 && commands.len() < most_commands {
            if !self.intake.receives() {
                rest = self.skip_body(rest);
            } else if self.partial.is_none() && self.body.is_none() {
                self.small.take(&mut rest, &mut room, messages);
                if room == 0 {
                    break;
                }
            }
            let before = messages.len();
            if !self.take_frame(&input, &mut rest, messages, commands)? {
                break;
            }
            room -= messages.len().saturating_sub(before).min(room);
        }
        Ok(input.bytes().len().saturating_sub(rest.len()))
    }

    /// The body that is being received on its own, with room to read into; `None` when the next
    /// bytes are for [`decode`](Self::decode).
    ///
    /// Not to be used without room for one more message: filling the gap may complete one.
    pub(crate) fn body_gap(&mut self) -> Option<BodyGap<'_>> {
        BodyGap::of(self.body.as_mut()?, self.trust)
    }

    /// The largest frame of a peer that could be accepted, command or message.
    #[cfg(feature = "curve")]
    pub(super) fn largest_frame(&self) -> u64 {
        let message = if self.intake.receives() {
            self.intake.largest_alone()
        } else {
            0
        };
        // What would be thrown away has to be whole before it can be opened: no more of it than of a command.
        message.max(command::MAX_SIZE as u64)
    }

    /// To be called when bytes were put into the [gap](Self::body_gap): delivers the frame if it is
    /// complete now, and says whether it was.
    pub(crate) fn body_filled(
        &mut self,
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<bool, ProtocolError> {
        match self.body.take() {
            Some(body) if body.missing() == 0 => {
                self.finish_body(body, messages, commands)?;
                Ok(true)
            }
            unfinished => {
                self.body = unfinished;
                Ok(false)
            }
        }
    }

    /// Whether the peer has begun a message, or a frame, that it has not finished. Bytes of a frame
    /// that [`decode`](Self::decode) left in the input are not counted.
    #[cfg(test)]
    pub(crate) fn is_mid_message(&self) -> bool {
        self.intake.is_mid_message() || self.body.is_some() || self.skip > 0
    }

    /// Discards what is in `input` of a frame that is of no use here; gives what comes after it.
    fn skip_body<'a>(&mut self, input: &'a [u8]) -> &'a [u8] {
        let here = usize::try_from(self.skip).map_or(input.len(), |skip| skip.min(input.len()));
        self.skip -= here as u64;
        input.get(here..).unwrap_or_default()
    }

    /// Takes one frame of any kind, or a part of a large one; false when the input ends before it.
    fn take_frame<'a>(
        &mut self,
        input: &Source<'a>,
        rest: &mut &'a [u8],
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<bool, ProtocolError> {
        if let Some(body) = &mut self.body {
            *rest = body.take(self.trust, rest);
            return self.body_filled(messages, commands);
        }
        let Some(header) = Header::parse(rest)? else {
            return Ok(false);
        };
        let size = self.intake.check_size(&header)?;
        let after = rest.get(header.len..).unwrap_or_default();
        if !self.intake.wants(&header) {
            *rest = after;
            self.skip = header.size;
            self.intake.count(header.more, header.size);
            return Ok(true);
        }
        if let Some((body, after)) = after.split_at_checked(size) {
            *rest = after;
            if header.command {
                take_command(body, commands)?;
            } else {
                self.finish_slice(&header, input, body, messages);
            }
            return Ok(true);
        }
        if size > DIRECT {
            let mut body = self.begin_body(&header, size);
            *rest = body.take(self.trust, after);
            self.body = Some(body);
        }
        Ok(false)
    }

    fn begin_body(&self, header: &Header, size: usize) -> Body {
        // One that is alone owns its memory, so that it becomes a vector without a copy.
        let pool = self
            .pool
            .as_ref()
            .filter(|_| self.trust > 0 && !header.command);
        Body {
            buffer: pool.map(|pool| pool.buffer_for(size)).unwrap_or_default(),
            size,
            more: header.more,
            command: header.command,
            pooled: pool.is_some(),
        }
    }

    /// Takes a frame of a message whose body lies whole in the input.
    fn finish_slice(
        &mut self,
        header: &Header,
        input: &Source<'_>,
        body: &[u8],
        messages: &mut VecDeque<Message>,
    ) {
        let message = match (self.partial.take(), input.share(body)) {
            (None, None) => Message::copy_from_slice(body),
            (None, Some(shared)) => Message::from(shared),
            (Some(mut partial), None) => {
                partial.push_back_slice(body);
                partial
            }
            (Some(mut partial), Some(shared)) => {
                partial.push_back(Frame::from(shared));
                partial
            }
        };
        self.finish_frame(message, header.more, body.len(), messages);
    }

    /// Takes a frame whose body was received into its own buffer.
    fn finish_body(
        &mut self,
        body: Body,
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<(), ProtocolError> {
        self.trust = self.trust.max(body.size);
        if body.command {
            return take_command(&body.buffer, commands);
        }
        let bytes = match &self.pool {
            Some(pool) if body.pooled => Arc::clone(pool).freeze(body.buffer),
            _ => Bytes::from(body.buffer),
        };
        let frame = Frame::from(bytes);
        let message = match self.partial.take() {
            None => Message::from(frame),
            Some(mut partial) => {
                partial.push_back(frame);
                partial
            }
        };
        self.finish_frame(message, body.more, body.size, messages);
        Ok(())
    }

    /// Delivers `message`, to which a frame of `size` bytes was just added, or keeps it for more.
    fn finish_frame(
        &mut self,
        message: Message,
        more: bool,
        size: usize,
        messages: &mut VecDeque<Message>,
    ) {
        self.intake.count(more, size as u64);
        if more {
            self.partial = Some(message);
        } else {
            messages.push_back(message);
        }
    }
}

fn take_command(body: &[u8], commands: &mut Vec<Command>) -> Result<(), ProtocolError> {
    match Command::parse(body)? {
        // The handshake is over: there is nothing to be ready for again.
        Command::Ready(_) => Err(ProtocolError::UnexpectedCommand {
            name: "READY".to_owned(),
        }),
        command => {
            commands.push(command);
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::body::{HEADROOM, MAX_TRUST};
    use super::super::command;
    use super::*;
    use crate::message::FRAME;
    use crate::tuning;
    use crate::zmtp::flight::Flight;
    use crate::zmtp::fuzzing::{self, naive, read, Received};
    use crate::zmtp::intake::MAX_FRAMES;
    use crate::zmtp::outbox::Outbox;
    use proptest::prelude::*;

    /// A header with a declared size, and nothing behind it.
    fn header(flags: u8, size: u64) -> Vec<u8> {
        let mut bytes = vec![flags | 2];
        bytes.extend_from_slice(&size.to_be_bytes());
        bytes
    }

    fn encoded(messages: &[Message]) -> Vec<u8> {
        let mut outbox = Outbox::new();
        for message in messages {
            outbox.push(message);
        }
        bytes_of(&mut outbox)
    }

    fn bytes_of(outbox: &mut Outbox) -> Vec<u8> {
        let mut flight = Flight::new();
        flight.load(outbox);
        let mut slices = vec![std::io::IoSlice::new(&[]); 1000];
        let used = flight.slices(&mut slices, usize::MAX, usize::MAX);
        slices[..used]
            .iter()
            .flat_map(|slice| slice.to_vec())
            .collect()
    }

    #[test]
    fn a_message_larger_than_the_high_water_mark_is_refused_while_it_comes() {
        // In one frame, before anything of it is stored.
        let mut decoder = Decoder::new(None).bounded(1000, Inbound::Messages);
        let (mut messages, mut commands) = (VecDeque::new(), Vec::new());
        let mut take = |decoder: &mut Decoder, input: &[u8]| {
            decoder.decode(input, usize::MAX, &mut messages, &mut commands)
        };
        let over = |size| ProtocolError::MessageOverHwm { size, limit: 1000 };
        assert_eq!(take(&mut decoder, &header(0, 1001)), Err(over(1001)));
        // In many that are empty, by what they take in memory.
        let mut decoder = Decoder::new(None).bounded(1000, Inbound::Messages);
        let places = 1000 / FRAME;
        for _ in 0..=places {
            assert_eq!(take(&mut decoder, b"\x01\x00"), Ok(2));
        }
        let size = (FRAME * (places + 1)) as u64;
        assert_eq!(take(&mut decoder, b"\x01\x00"), Err(over(size)));
        // What fits is not refused, however many come.
        let mut decoder = Decoder::new(None).bounded(60, Inbound::Messages);
        let mut small = vec![0, 60];
        small.resize(62, b'x');
        assert_eq!(take(&mut decoder, &small.repeat(100)), Ok(6200));
        assert_eq!(
            take(&mut decoder, b"\x00\x3d"),
            Err(ProtocolError::MessageOverHwm {
                size: 61,
                limit: 60
            })
        );
    }

    #[test]
    fn what_a_side_does_not_receive_is_counted_off_and_not_kept() {
        let mut decoder = Decoder::new(None).bounded(1000, Inbound::Nothing);
        let (mut messages, mut commands) = (VecDeque::new(), Vec::new());
        let mut input = header(1, 1 << 40);
        input.resize(10_000, 7);
        let used = decoder.decode(&input, 1, &mut messages, &mut commands);
        assert_eq!(used, Ok(input.len()));
        assert!(decoder.body_gap().is_none() && decoder.is_mid_message());
        assert!(!decoder.has_bodies_to_share(&input));
        // The limit on messages holds as it does for those that are kept.
        let mut decoder = Decoder::new(Some(100)).bounded(0, Inbound::Nothing);
        let mut input = b"\x01\x3c".to_vec();
        input.resize(62, 7);
        input.extend_from_slice(b"\x00\x29");
        let fault = decoder.decode(&input, 1, &mut messages, &mut commands);
        let large = ProtocolError::MessageTooLarge {
            size: 101,
            limit: 100,
        };
        assert_eq!(fault, Err(large));
        assert!(messages.is_empty() && commands.is_empty());
    }

    /// All frames of `data` through a decoder that discards, in chunks of `size` bytes.
    fn discard(data: &[u8], inbound: Inbound, size: usize) -> Received {
        let mut decoder = Decoder::new(Some(100_000)).bounded(0, inbound);
        let mut received = Received::default();
        let mut messages = VecDeque::new();
        let mut buffer = Vec::new();
        for chunk in data.chunks(size.max(1)) {
            buffer.extend_from_slice(chunk);
            loop {
                let commands = &mut received.commands;
                match decoder.decode(&buffer, usize::MAX, &mut messages, commands) {
                    Ok(0) => break,
                    Ok(used) => drop(buffer.drain(..used)),
                    Err(fault) => {
                        received.fault = Some(fault);
                        received.messages.extend(messages);
                        return received;
                    }
                }
                if let Some(gap) = decoder.body_gap() {
                    // Only a subscription of more than 8 KiB is put together apart.
                    assert!(gap.buffer.len() + gap.missing <= 1 + tuning::MAX_TOPIC);
                }
            }
        }
        received.messages.extend(messages);
        received
    }

    #[test]
    fn one_call_takes_a_bounded_number_of_commands() {
        let mut decoder = Decoder::new(None);
        let (mut messages, mut commands) = (VecDeque::new(), Vec::new());
        let mut ping = Vec::new();
        Command::Ping {
            ttl: 0,
            context: command::PingContext::default(),
        }
        .encode(&mut ping);
        let input = ping.repeat(MAX_COMMANDS + 10);
        let mut take = |input: &[u8]| decoder.decode(input, 1, &mut messages, &mut commands);
        let used = take(&input).unwrap();
        assert_eq!(used, ping.len() * MAX_COMMANDS);
        assert_eq!(take(&input[used..]), Ok(ping.len() * 10));
    }

    fn fault(data: &[u8], limit: Option<u64>) -> ProtocolError {
        let whole = read(data, [data.len()], limit, usize::MAX);
        assert_eq!(read(data, [1], limit, usize::MAX), whole);
        assert_eq!(naive(data, limit), whole);
        whole.fault.expect("a fault")
    }

    #[test]
    fn frames_of_a_message_may_have_commands_between_them() {
        let received = read(b"\x01\x01a\x04\x06\x04PONG!\x00\x01b", [3], None, 9);
        assert_eq!(received.messages, [Message::from(["a", "b"])]);
        let context = command::PingContext::new(b"!").unwrap();
        assert_eq!(received.commands, [Command::Pong { context }]);
        assert_eq!(received.fault, None);
    }

    #[test]
    fn a_partial_message_is_not_delivered() {
        let mut decoder = Decoder::new(None);
        let (mut messages, mut commands) = Default::default();
        let input = b"\x00\x01a\x01\x01b\x01\x01c\x00\x05d";
        assert!(!decoder.is_mid_message());
        let used = decoder.decode(input, 9, &mut messages, &mut commands);
        assert_eq!(used, Ok(9));
        assert_eq!(messages, ["a"].map(Message::from));
        assert!(decoder.is_mid_message());
    }

    #[test]
    fn room_bounds_messages_and_leaves_the_rest() {
        let mut decoder = Decoder::new(None);
        let (mut messages, mut commands) = (VecDeque::new(), Vec::new());
        let input = encoded(&[
            Message::from("a"),
            Message::from(["b", "c"]),
            Message::from("d"),
        ]);
        for (room, used) in [(0, 0), (2, 9), (2, 12)] {
            let before = messages.len();
            let at = if before == 0 { 0 } else { 9 };
            let got = decoder.decode(&input[at..], room, &mut messages, &mut commands);
            assert_eq!(got.map(|got| got + at), Ok(used));
            assert!(messages.len() - before <= room);
        }
        assert_eq!(messages.len(), 3);
    }

    #[test]
    fn flags_and_sizes_are_judged_before_the_body() {
        assert_eq!(
            fault(&[0x08], None),
            ProtocolError::ReservedFlags { flags: 8 }
        );
        assert_eq!(fault(&[0x05], None), ProtocolError::CommandWithMore);
        for size in [1 << 63, u64::MAX] {
            let overflow = ProtocolError::FrameSizeOverflow { size };
            assert_eq!(fault(&header(0, size), None), overflow);
            assert_eq!(fault(&header(4, size), None), overflow);
        }
        let limit = command::MAX_SIZE;
        let size = limit as u64 + 1;
        let large = ProtocolError::CommandTooLarge { size, limit };
        assert_eq!(fault(&header(4, size), None), large);
        assert_eq!(
            read(&header(4, size - 1), [1], None, 9),
            Received::default()
        );
    }

    #[test]
    fn a_message_is_limited_with_all_its_frames() {
        let too_large = |size, limit| ProtocolError::MessageTooLarge { size, limit };
        assert_eq!(fault(b"\x00\x05", Some(4)), too_large(5, 4));
        assert_eq!(fault(&header(0, 1001), Some(1000)), too_large(1001, 1000));
        assert_eq!(fault(b"\x01\x03abc\x00\x02", Some(4)), too_large(5, 4));
        let huge = header(0, (1 << 63) - 1);
        assert_eq!(
            fault(&[b"\x01\x01a", &huge[..]].concat(), Some(9)),
            too_large(1 << 63, 9)
        );
        // Each message starts anew, and commands do not count.
        let fine = b"\x01\x02ab\x04\x06\x05HELLO\x00\x02cd\x00\x04abcd\x00\x00";
        let received = read(fine, [4], Some(4), 9);
        assert_eq!(received.fault, None);
        assert_eq!(received.messages.len(), 3);
    }

    #[test]
    fn a_message_is_limited_in_frames() {
        let mut data = [1, 0].repeat(MAX_FRAMES);
        data.extend_from_slice(&[0, 0]);
        let limit = MAX_FRAMES;
        let received = read(&data, [data.len()], None, 9);
        assert_eq!(received.fault, Some(ProtocolError::TooManyFrames { limit }));
        let received = read(&data[2..], [data.len()], None, 9);
        assert_eq!(received.messages[0].len(), MAX_FRAMES);
    }

    #[test]
    fn commands_are_judged() {
        let twice = ProtocolError::UnexpectedCommand {
            name: "READY".to_owned(),
        };
        assert_eq!(fault(b"\x04\x06\x05READY", None), twice);
        let malformed = fault(b"\x04\x06\x04PING\x00", None);
        assert!(matches!(malformed, ProtocolError::MalformedCommand { .. }));
    }

    /// The capacity that a decoder holds for a body on its way.
    fn reserved(decoder: &Decoder) -> usize {
        decoder
            .body
            .as_ref()
            .map_or(0, |body| body.buffer.capacity())
    }

    #[test]
    fn a_declared_size_reserves_nothing_that_was_not_earned() {
        for size in [1 << 20, 1 << 40, (1 << 63) - 1] {
            let mut decoder = Decoder::new(None);
            let (mut messages, mut commands) = Default::default();
            let used = decoder.decode(&header(0, size), 1, &mut messages, &mut commands);
            assert_eq!(used, Ok(MAX_HEADER));
            assert!(reserved(&decoder) <= HEADROOM);
            let mut arrived = 0;
            for round in 0..100 {
                let piece = [7; 5000];
                if round % 2 == 0 {
                    let used = decoder.decode(&piece, 1, &mut messages, &mut commands);
                    arrived += used.unwrap();
                } else {
                    let gap = decoder.body_gap().unwrap();
                    let spare = gap.buffer.capacity() - gap.buffer.len();
                    let n = piece.len().min(spare).min(gap.missing);
                    gap.buffer.extend_from_slice(&piece[..n]);
                    arrived += n;
                    assert!(!decoder.body_filled(&mut messages, &mut commands).unwrap());
                }
                assert!(reserved(&decoder) <= 2 * arrived + 2 + HEADROOM);
            }
        }
    }

    /// Receives a body through the gap alone, and says how often it was given new memory.
    fn allocations(decoder: &mut Decoder, size: usize) -> usize {
        let (mut messages, mut commands) = Default::default();
        let used = decoder.decode(&header(0, size as u64), 1, &mut messages, &mut commands);
        assert_eq!(used, Ok(MAX_HEADER));
        let mut capacities = Vec::new();
        while messages.is_empty() {
            let gap = decoder.body_gap().unwrap();
            capacities.push(gap.buffer.capacity());
            let n = (gap.buffer.capacity() - gap.buffer.len())
                .min(gap.missing)
                .min(30_000);
            gap.buffer.resize(gap.buffer.len() + n, 7);
            decoder.body_filled(&mut messages, &mut commands).unwrap();
        }
        assert_eq!(messages[0].byte_len(), size);
        // Ends at the exact size, else `Bytes` would hold more than the message needs.
        assert_eq!(capacities.last(), Some(&size));
        capacities.dedup();
        capacities.len()
    }

    #[test]
    fn who_has_delivered_large_bodies_gets_them_in_one_allocation() {
        let mut decoder = Decoder::new(None);
        assert!(allocations(&mut decoder, 1 << 20) > 1);
        assert_eq!(allocations(&mut decoder, 1 << 20), 1);
        assert_eq!(allocations(&mut decoder, 900_000), 1);
        assert!(allocations(&mut decoder, 5 << 20) > 1);
        assert_eq!(allocations(&mut decoder, 6 << 20), 1);
    }

    #[test]
    fn trust_ends_somewhere() {
        let mut decoder = Decoder::new(None);
        decoder.trust = 1 << 62;
        let (mut messages, mut commands) = Default::default();
        decoder
            .decode(&header(0, 1 << 62), 1, &mut messages, &mut commands)
            .unwrap();
        decoder.body_gap().unwrap();
        assert!(reserved(&decoder) <= MAX_TRUST);
    }

    #[test]
    fn small_messages_do_not_keep_the_input_alive() {
        let input = encoded(&[Message::from(vec![1; 100]), Message::from(vec![2; 5000])]);
        let received = read(&input, [input.len()], None, 9);
        let at = input.as_ptr_range();
        for message in received.messages {
            assert!(!at.contains(&message.first().as_ptr()));
        }
    }

    /// Sizes on both sides of every edge: inline, short, copied, direct, and several reads.
    pub(crate) fn a_body() -> impl Strategy<Value = Vec<u8>> {
        let size = prop_oneof![
            6 => 0..40usize,
            2 => 65..75usize,
            2 => 250..260usize,
            1 => 4090..4110usize,
            1 => 8180..8200usize,
            1 => Just(100_000usize),
        ];
        (size, any::<u8>()).prop_map(|(size, seed)| {
            (0..size)
                .map(|at| seed.wrapping_add((at % 251) as u8))
                .collect()
        })
    }

    #[derive(Clone, Debug)]
    enum Item {
        Message(Vec<Vec<u8>>),
        Ping(u16),
        Subscribe(Vec<u8>),
    }

    fn an_item() -> impl Strategy<Value = Item> {
        prop_oneof![
            4 => a_body().prop_map(|body| Item::Message(vec![body])),
            2 => prop::collection::vec(a_body(), 1..5).prop_map(Item::Message),
            1 => any::<u16>().prop_map(Item::Ping),
            1 => prop::collection::vec(any::<u8>(), 0..300).prop_map(Item::Subscribe),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_side_that_discards_sees_the_same_subscriptions_commands_and_faults(
            frames in prop::collection::vec(
                (0..8u8, prop_oneof![0..300usize, 8_000..9_000usize, 60_000..70_000usize], 0..3u8),
                0..12,
            ),
            size in prop_oneof![1..100usize, 1_000..100_000usize],
        ) {
            let mut data = Vec::new();
            for (flags, size, first) in frames {
                if flags & 4 != 0 {
                    data.extend_from_slice(b"\x04\x07\x04PINGab");
                    continue;
                }
                let mut body = vec![first; size];
                data.extend_from_slice(&header(flags & 1, size as u64));
                data.append(&mut body);
            }
            let all = naive(&data, Some(100_000));
            let is_subscription = |message: &Message| {
                message.len() == 1 && (1..=1 + tuning::MAX_TOPIC).contains(&message.byte_len())
            };
            let kept: Vec<_> = all.messages.iter().filter(|m| is_subscription(m)).cloned().collect();
            let nothing = discard(&data, Inbound::Nothing, size);
            prop_assert!(nothing.messages.is_empty());
            prop_assert_eq!(&nothing.commands, &all.commands);
            prop_assert_eq!(&nothing.fault, &all.fault);
            let some = discard(&data, Inbound::Subscriptions, size);
            prop_assert_eq!(some.messages, kept);
            prop_assert_eq!(some.commands, all.commands);
            prop_assert_eq!(some.fault, all.fault);
        }

        #[test]
        fn what_was_encoded_is_decoded_however_it_is_split(
            items in prop::collection::vec(an_item(), 0..20),
            splits in prop::collection::vec(1..3000usize, 1..9),
            room in 1..4usize,
        ) {
            let mut outbox = Outbox::new();
            let mut expected = Received::default();
            for item in items {
                match item {
                    Item::Message(frames) => {
                        let message = Message::from(frames);
                        outbox.push(&message);
                        expected.messages.push(message);
                    }
                    Item::Ping(ttl) => {
                        let command = Command::Ping { ttl, context: Default::default() };
                        outbox.push_command(&command);
                        expected.commands.push(command);
                    }
                    Item::Subscribe(topic) => {
                        let command = Command::Subscribe(topic.into());
                        outbox.push_command(&command);
                        expected.commands.push(command);
                    }
                }
            }
            let data = bytes_of(&mut outbox);
            prop_assert_eq!(&naive(&data, None), &expected);
            prop_assert_eq!(&read(&data, [data.len()], None, usize::MAX), &expected);
            prop_assert_eq!(&read(&data, [1], None, usize::MAX), &expected);
            prop_assert_eq!(&read(&data, splits, None, room), &expected);
        }
    }

    proptest! {
        #[test]
        fn hostile_bytes_do_what_the_naive_decoder_does(
            pieces in prop::collection::vec(prop_oneof![
                (0..9u8, any::<u8>()).prop_map(|(flags, size)| vec![flags, size]),
                (0..9u8, any::<u64>()).prop_map(|(flags, size)| header(flags, size)),
                (0..9u8, 0..20_000u64).prop_map(|(flags, size)| header(flags, size)),
                (0..9u8, prop::collection::vec(any::<u8>(), 0..100)).prop_map(|(flags, body)| {
                    [&[flags & !2, body.len() as u8], &body[..]].concat()
                }),
                prop::collection::vec(any::<u8>(), 0..20),
                prop::collection::vec(0..6u8, 0..5000),
                Just(b"\x04\x05\x04PING".to_vec()),
                Just(b"\x04\x0a\x06CANCELabc".to_vec()),
            ], 0..12),
        ) {
            fuzzing::decoder(&pieces.concat());
        }
    }
}
