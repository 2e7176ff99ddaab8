//! Properties that hold for every input: the fuzzers look for one that breaks them, the unit tests
//! try some. They panic when a property does not hold.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::body::BufferPool;
use super::command::{self, Command};
use super::connection::{Handshake, Local};
use super::decoder::{Decoder, MAX_COMMANDS, MIN_READ_BUFFER};
use super::error::ProtocolError;
use super::intake::MAX_FRAMES;
use crate::message::{Message, FRAME};
use crate::peer::{PeerInfo, SocketType};

pub(crate) use super::intake::Inbound;

/// What a decoder is set to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// The most bytes of a message.
    pub(crate) message: Option<u64>,
    /// The most bytes that a message may take in memory; zero means any.
    pub(crate) held: usize,
    /// The most frames of a message; zero means any number.
    pub(crate) frames: usize,
    pub(crate) inbound: Inbound,
}

impl From<Option<u64>> for Limits {
    fn from(message: Option<u64>) -> Limits {
        Limits {
            message,
            held: 0,
            frames: MAX_FRAMES,
            inbound: Inbound::Messages,
        }
    }
}

impl Limits {
    fn decoder(self) -> Decoder {
        Decoder::new(self.message)
            .with_frames(self.frames)
            .bounded(self.held, self.inbound)
    }
}

/// What a stream of bytes holds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Received {
    pub(crate) messages: Vec<Message>,
    pub(crate) commands: Vec<Command>,
    pub(crate) fault: Option<ProtocolError>,
}

/// Split or whole, the decoder gives what a naive one gives, and reserves no more than it may.
#[cfg(test)]
pub(crate) fn decoder(data: &[u8]) {
    for limit in [None, Some(100), Some(1000)] {
        let expected = naive(data, limit);
        assert_eq!(read(data, [data.len()], limit, usize::MAX), expected);
        assert_eq!(read(data, [1], limit, usize::MAX), expected);
        assert_eq!(read(data, [7, 1000], limit, 1), expected);
    }
}

/// A handshake with anyone ends the same way however the bytes are split, and takes only its own.
pub fn handshake(data: &[u8]) {
    for kind in [SocketType::Pull, SocketType::Rep] {
        let (whole, fault, said) = shake(kind, data, data.len());
        let (bytewise, same_fault, same_said) = shake(kind, data, 1);
        assert_eq!(whole, bytewise);
        assert_eq!(fault, same_fault);
        assert_eq!(said, same_said);
        assert_eq!(said.get(..10), Some(&b"\xff\0\0\0\0\0\0\0\0\x7f"[..]));
    }
}

/// A command that can be read can be written, and then reads as the same.
pub fn command(data: &[u8]) {
    let Ok(command) = Command::parse(data) else {
        return;
    };
    let mut frame = Vec::new();
    command.encode(&mut frame);
    let body = if frame[0] & 2 == 0 {
        &frame[2..]
    } else {
        &frame[9..]
    };
    let again = Command::parse(body);
    assert!(again.is_ok());
    // Text that was not UTF-8 grows when it is read, and is cut when it is written.
    let texts = match &command {
        Command::Ready(properties) => properties.iter().map(|(name, _)| name.len()).max(),
        Command::Error(text) | Command::Unknown(text) => Some(text.len()),
        _ => None,
    };
    if texts.is_none_or(|longest| longest <= 255) {
        assert_eq!(again, Ok(command));
    }
}

/// Feeds `data` to a decoder as a connection would: what is left over stays in a read buffer, what
/// belongs to a large body goes into the gap. Chunks have the sizes of `splits`, in turn.
pub(crate) fn read(
    data: &[u8],
    splits: impl IntoIterator<Item = usize, IntoIter: Clone>,
    limits: impl Into<Limits>,
    room: usize,
) -> Received {
    let mut decoder = limits.into().decoder();
    decoder.use_pool(Arc::new(Used));
    let mut splits = splits.into_iter().cycle();
    let mut reader = Reader::default();
    let mut data = data;
    while !data.is_empty() && reader.received.fault.is_none() {
        let size = splits.next().unwrap_or(1).clamp(1, data.len());
        let (chunk, rest) = data.split_at(size);
        data = rest;
        if let Err(fault) = reader.take(&mut decoder, chunk, room) {
            reader.received.fault = Some(fault);
        }
    }
    reader.received.messages.extend(reader.queue);
    reader.received
}

/// Buffers that are larger than asked for, as used ones are.
#[derive(Debug)]
struct Used;

impl BufferPool for Used {
    fn buffer_for(&self, size: usize) -> Vec<u8> {
        // What a peer announces is not to be reserved, here as elsewhere.
        Vec::with_capacity(size.min(1 << 16).saturating_mul(3) / 2)
    }

    fn freeze(self: Arc<Self>, body: Vec<u8>) -> Bytes {
        Bytes::from(body)
    }
}

#[derive(Default)]
struct Reader {
    buffer: Vec<u8>,
    queue: VecDeque<Message>,
    received: Received,
}

impl Reader {
    fn take(
        &mut self,
        decoder: &mut Decoder,
        mut chunk: &[u8],
        room: usize,
    ) -> Result<(), ProtocolError> {
        while let (true, Some(gap)) = (!chunk.is_empty(), decoder.body_gap()) {
            let spare = gap.buffer.capacity() - gap.buffer.len();
            assert!(spare > 0 && gap.missing > 0);
            let (ours, rest) = chunk.split_at(spare.min(gap.missing).min(chunk.len()));
            gap.buffer.extend_from_slice(ours);
            chunk = rest;
            decoder.body_filled(&mut self.queue, &mut self.received.commands)?;
        }
        self.buffer.extend_from_slice(chunk);
        loop {
            let before = self.queue.len();
            let commands = &mut self.received.commands;
            let most_commands = commands.len() + MAX_COMMANDS;
            // Messages that share their input must be the same as those that do not.
            let used = if self.buffer.len() % 2 == 0 {
                let shared = Bytes::copy_from_slice(&self.buffer);
                decoder.decode_shared(&shared, room, &mut self.queue, commands)?
            } else {
                decoder.decode(&self.buffer, room, &mut self.queue, commands)?
            };
            self.buffer.drain(..used);
            let got = self.queue.len() - before;
            assert!(got <= room);
            if got < room && self.received.commands.len() < most_commands {
                break;
            }
        }
        assert!(self.buffer.len() < MIN_READ_BUFFER);
        assert!(self.buffer.is_empty() || decoder.body_gap().is_none());
        Ok(())
    }
}

/// The twin that is too simple to be wrong: it needs all bytes at once, and goes by the standard.
pub(crate) fn naive(data: &[u8], limits: impl Into<Limits>) -> Received {
    let mut received = Received::default();
    received.fault = naive_frames(data, limits.into(), &mut received).err();
    received
}

fn naive_frames(
    mut data: &[u8],
    limits: Limits,
    received: &mut Received,
) -> Result<(), ProtocolError> {
    let mut frames: Vec<Bytes> = Vec::new();
    // Of a message that is not complete, whether it is wanted or not.
    let (mut count, mut before) = (0, 0);
    while let Some(&flags) = data.first() {
        if flags > 7 {
            return Err(ProtocolError::ReservedFlags { flags });
        }
        let (more, long, command) = (flags & 1 != 0, flags & 2 != 0, flags & 4 != 0);
        if command && more {
            return Err(ProtocolError::CommandWithMore);
        }
        let digits = if long { 8 } else { 1 };
        let Some(size) = data.get(1..1 + digits) else {
            break;
        };
        let size = size
            .iter()
            .fold(0u64, |size, digit| size << 8 | u64::from(*digit));
        naive_size(command, size, limits, count, before)?;
        let Some(body) = data.get(1 + digits..1 + digits + size as usize) else {
            break;
        };
        data = &data[1 + digits + body.len()..];
        if command {
            received.commands.push(naive_command(body)?);
            continue;
        }
        let wanted = match limits.inbound {
            Inbound::Messages => true,
            // A zero or a one, and a topic.
            Inbound::Subscriptions => count == 0 && !more && (1..=65_537).contains(&size),
            Inbound::Nothing => false,
        };
        if wanted {
            frames.push(Bytes::copy_from_slice(body));
        }
        if wanted && !more {
            received.messages.push(frames.drain(..).collect());
        }
        (count, before) = match more {
            true => (count + 1, before + size),
            false => (0, 0),
        };
    }
    Ok(())
}

fn naive_size(
    command: bool,
    size: u64,
    limits: Limits,
    frames: usize,
    before: u64,
) -> Result<(), ProtocolError> {
    let total = before.saturating_add(size);
    let held = total.saturating_add((frames * FRAME) as u64);
    let bounded = limits.held > 0 && limits.inbound == Inbound::Messages;
    match limits.message {
        _ if size > i64::MAX as u64 => Err(ProtocolError::FrameSizeOverflow { size }),
        _ if command && size > command::MAX_SIZE as u64 => Err(ProtocolError::CommandTooLarge {
            size,
            limit: command::MAX_SIZE,
        }),
        Some(limit) if !command && total > limit => {
            Err(ProtocolError::MessageTooLarge { size: total, limit })
        }
        _ if !command && bounded && held > limits.held as u64 => {
            Err(ProtocolError::MessageOverHwm {
                size: held,
                limit: limits.held as u64,
            })
        }
        _ if !command && limits.frames > 0 && frames >= limits.frames => {
            Err(ProtocolError::TooManyFrames {
                limit: limits.frames,
            })
        }
        _ => Ok(()),
    }
}

fn naive_command(body: &[u8]) -> Result<Command, ProtocolError> {
    match Command::parse(body)? {
        Command::Ready(_) => Err(ProtocolError::UnexpectedCommand {
            name: "READY".into(),
        }),
        command => Ok(command),
    }
}

type Shaken = (Option<(PeerInfo, usize)>, Option<ProtocolError>, Vec<u8>);

/// Feeds `data` to a handshake in chunks of `size`; gives the peer with how many bytes it took, the
/// fault, and what was answered.
fn shake(kind: SocketType, data: &[u8], size: usize) -> Shaken {
    let mut said = Vec::new();
    let mut handshake = Handshake::new(Local {
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
    });
    handshake.start(&mut said);
    let mut at = 0;
    let mut end = 0;
    while end < data.len() {
        end = data.len().min(end + size.max(1));
        match handshake.handle_input(&data[at..end], &mut said) {
            Ok(step) => {
                at += step.consumed;
                if let Some(established) = step.done {
                    return (Some((established.peer, at)), None, said);
                }
            }
            Err(fault) => {
                assert_eq!(handshake.handle_input(b"", &mut said).unwrap_err(), fault);
                return (None, Some(fault), said);
            }
        }
    }
    (None, None, said)
}
