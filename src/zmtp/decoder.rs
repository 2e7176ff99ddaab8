//! Bytes to messages: the receiving half of an established connection.

use std::collections::VecDeque;

use bytes::Bytes;

use super::command::{self, Command};
use super::error::ProtocolError;
use super::frame::{Header, MAX_HEADER, MAX_SHORT};
use crate::message::{Frame, Message, INLINE};

/// Bodies up to this size wait in the read buffer until they are whole, and are copied out of it.
/// Larger ones that are not whole yet are read straight into their own allocation.
///
/// Below, the copy costs less than the extra read that a separate buffer needs. It also says how
/// large a read buffer has to be.
const DIRECT: usize = 8 * 1024;

/// The smallest read buffer with which a connection always gets on: the decoder (and the handshake)
/// may leave that much unconsumed while they wait for more.
pub(crate) const MIN_READ_BUFFER: usize = MAX_HEADER + DIRECT;

/// The most frames that a message may have.
///
/// Each frame costs its owner some fifty bytes beyond its body, and the shortest takes only two on
/// the wire. This bounds what an endless message of empty frames can hold to a few MiB; real ones
/// have a handful.
const MAX_FRAMES: usize = 65_536;

/// How much more than twice what has arrived a body may reserve, so that it starts with one
/// allocation worth reading into. As much as a read of a socket usually gives at most.
const HEADROOM: usize = 64 * 1024;

/// The most that is reserved on trust, without the bytes being there.
const MAX_TRUST: usize = 64 * 1024 * 1024;

/// Cuts what a peer sends into messages and commands.
///
/// Memory: for a body that is still arriving, at most twice what has arrived plus 64 KiB is
/// reserved, or as much as this peer has once delivered whole (rounded up to a power of two, 64 MiB
/// at most): then a stream of large messages costs one allocation each and no copy. Complete bodies
/// are copied out of the input at their exact size, so that no message pins a read buffer.
#[derive(Debug)]
pub(crate) struct Decoder {
    /// The most bytes of a message, all frames together. (libzmq applies its limit to each frame;
    /// that would leave the number of frames to multiply it.)
    max_message_size: u64,
    /// The part of that which matters to short frames: the largest one that needs no closer look.
    fast_limit: u8,
    /// The frames so far of a message that is not complete. Never delivered as it is.
    partial: Option<Message>,
    /// Bytes of the frames in `partial`.
    partial_bytes: u64,
    /// A frame's body that is received into its own buffer.
    body: Option<Body>,
    /// The size of the largest body that the peer has delivered into its own buffer.
    trust: usize,
}

/// A large body on its way.
#[derive(Debug)]
struct Body {
    buffer: Vec<u8>,
    /// Invariant: `buffer.len() <= size`.
    size: usize,
    more: bool,
    command: bool,
}

/// Where the next bytes of the connection belong, see [`Decoder::body_gap`].
#[derive(Debug)]
pub(crate) struct BodyGap<'a> {
    /// To be appended to, within its spare capacity, by at most `missing` bytes.
    pub(crate) buffer: &'a mut Vec<u8>,
    /// At least one.
    pub(crate) missing: usize,
}

impl Decoder {
    pub(crate) fn new(max_message_size: Option<u64>) -> Decoder {
        let max_message_size = max_message_size.unwrap_or(u64::MAX);
        Decoder {
            max_message_size,
            fast_limit: u8::try_from(max_message_size).unwrap_or(u8::MAX),
            partial: None,
            partial_bytes: 0,
            body: None,
            trust: 0,
        }
    }

    /// Takes complete frames off the start of `input`, until `room` whole messages were appended.
    ///
    /// Returns how many bytes were used. The rest has to be given again with more behind it; it is
    /// shorter than [`MIN_READ_BUFFER`] unless `room` ran out. After an error the connection is
    /// beyond repair; messages that came before the fault have been appended.
    pub(crate) fn decode(
        &mut self,
        input: &[u8],
        room: usize,
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<usize, ProtocolError> {
        let mut rest = input;
        let mut room = room;
        while room > 0 {
            if self.partial.is_none() && self.body.is_none() {
                self.take_small(&mut rest, &mut room, messages);
                if room == 0 {
                    break;
                }
            }
            let before = messages.len();
            if !self.take_frame(&mut rest, messages, commands)? {
                break;
            }
            room -= messages.len().saturating_sub(before).min(room);
        }
        Ok(input.len().saturating_sub(rest.len()))
    }

    /// The body that is being received on its own, with room to read into; `None` when the next
    /// bytes are for [`decode`](Self::decode).
    ///
    /// Not to be used without room for one more message: filling the gap may complete one.
    pub(crate) fn body_gap(&mut self) -> Option<BodyGap<'_>> {
        let trust = self.trust;
        let body = self.body.as_mut()?;
        let missing = body.missing();
        if missing == 0 {
            return None;
        }
        if body.buffer.len() == body.buffer.capacity() {
            body.grow(trust, 1);
        }
        Some(BodyGap {
            buffer: &mut body.buffer,
            missing,
        })
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
    pub(crate) fn is_mid_message(&self) -> bool {
        self.partial.is_some() || self.body.is_some()
    }

    /// The hot path: runs of short frames that are messages of their own.
    #[inline]
    fn take_small(&mut self, rest: &mut &[u8], room: &mut usize, messages: &mut VecDeque<Message>) {
        const { assert!(INLINE <= MAX_SHORT) };
        let mut at = *rest;
        let mut left = *room;
        while left > 0 {
            // No flags: short, last of its message, not a command.
            let Some((&[0, size], after)) = at.split_first_chunk() else {
                break;
            };
            if size > self.fast_limit {
                break;
            }
            let message = match Message::from_window(after, size) {
                Some(message) => message,
                None => match after.get(..usize::from(size)) {
                    Some(body) => Message::copy_from_slice(body),
                    None => break,
                },
            };
            messages.push_back(message);
            // There: one of the two ways to the message has seen `size` bytes.
            at = after.get(usize::from(size)..).unwrap_or_default();
            left -= 1;
        }
        *rest = at;
        *room = left;
    }

    /// Takes one frame of any kind, or a part of a large one; false when the input ends before it.
    fn take_frame(
        &mut self,
        rest: &mut &[u8],
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
        let size = self.check_size(&header)?;
        let after = rest.get(header.len..).unwrap_or_default();
        if let Some((body, after)) = after.split_at_checked(size) {
            *rest = after;
            self.finish_slice(&header, body, messages, commands)?;
            return Ok(true);
        }
        if size > DIRECT {
            let mut body = Body::new(&header, size);
            *rest = body.take(self.trust, after);
            self.body = Some(body);
        }
        Ok(false)
    }

    /// Judges a header before anything is reserved for its body.
    fn check_size(&self, header: &Header) -> Result<usize, ProtocolError> {
        if header.command {
            return command::check_size(header.size, command::MAX_SIZE);
        }
        let total = self.partial_bytes.saturating_add(header.size);
        if total > self.max_message_size {
            return Err(ProtocolError::MessageTooLarge {
                size: total,
                limit: self.max_message_size,
            });
        }
        if self
            .partial
            .as_ref()
            .is_some_and(|partial| partial.len() >= MAX_FRAMES)
        {
            return Err(ProtocolError::TooManyFrames { limit: MAX_FRAMES });
        }
        // Only fails where a pointer is narrower than ZMTP's sizes.
        usize::try_from(header.size).map_err(|_| ProtocolError::MessageTooLarge {
            size: header.size,
            limit: usize::MAX as u64,
        })
    }

    /// Takes a frame whose body lies whole in the input.
    fn finish_slice(
        &mut self,
        header: &Header,
        body: &[u8],
        messages: &mut VecDeque<Message>,
        commands: &mut Vec<Command>,
    ) -> Result<(), ProtocolError> {
        if header.command {
            return take_command(body, commands);
        }
        let message = match self.partial.take() {
            None => Message::copy_from_slice(body),
            Some(mut partial) => {
                partial.push_back_slice(body);
                partial
            }
        };
        self.finish_frame(message, header.more, body.len(), messages);
        Ok(())
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
        let frame = Frame::from(Bytes::from(body.buffer));
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
        if more {
            self.partial = Some(message);
            self.partial_bytes = self.partial_bytes.saturating_add(size as u64);
        } else {
            messages.push_back(message);
            self.partial_bytes = 0;
        }
    }
}

impl Body {
    fn new(header: &Header, size: usize) -> Body {
        Body {
            buffer: Vec::new(),
            size,
            more: header.more,
            command: header.command,
        }
    }

    fn missing(&self) -> usize {
        self.size.saturating_sub(self.buffer.len())
    }

    /// Takes what belongs to this body off the start of `input`, and gives the rest.
    fn take<'a>(&mut self, trust: usize, input: &'a [u8]) -> &'a [u8] {
        let here = self.missing().min(input.len());
        let (ours, rest) = input.split_at_checked(here).unwrap_or_default();
        if self.buffer.capacity() - self.buffer.len() < here {
            self.grow(trust, here);
        }
        self.buffer.extend_from_slice(ours);
        rest
    }

    /// Makes room for `coming` more bytes at least, and for what the peer may have on credit.
    fn grow(&mut self, trust: usize, coming: usize) {
        let arrived = self.buffer.len().saturating_add(coming);
        let credit = arrived.saturating_mul(2).saturating_add(HEADROOM);
        let trust = trust
            .checked_next_power_of_two()
            .unwrap_or(MAX_TRUST)
            .min(MAX_TRUST);
        let capacity = credit.max(trust).min(self.size).max(arrived);
        // Exact, so that a full body needs no shrinking to become `Bytes`.
        self.buffer
            .reserve_exact(capacity.saturating_sub(self.buffer.len()));
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
