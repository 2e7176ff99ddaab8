//! The codec for the benchmarks, behind the feature `internals`. No part of the public interface:
//! it changes without notice.

use std::collections::VecDeque;
use std::io::IoSlice;

use super::command::Command;
use super::decoder;
use super::flight::Flight;
use super::outbox::Outbox;
use crate::message::Message;

/// An outbox with its flight.
#[derive(Debug, Default)]
pub struct Encoder {
    outbox: Outbox,
    flight: Flight,
}

impl Encoder {
    /// Encodes one message.
    #[inline]
    pub fn push(&mut self, message: &Message) {
        self.outbox.push(message);
    }

    /// Pretends to write everything; gives the number of bytes and of slices.
    pub fn write(&mut self) -> (usize, usize) {
        let mut written = (0, 0);
        self.flight.load(&mut self.outbox);
        while !self.flight.is_empty() {
            let mut slices = [IoSlice::new(&[]); 64];
            let used = self.flight.slices(&mut slices, usize::MAX, usize::MAX);
            let bytes = slices.iter().map(|slice| slice.len()).sum();
            self.flight.advance(bytes);
            written = (written.0 + bytes, written.1 + used);
        }
        // As a writer that is put back does.
        drop(self.flight.take_spent());
        written
    }

    /// Takes what was pushed, as one piece.
    pub fn take(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        self.flight.load(&mut self.outbox);
        while !self.flight.is_empty() {
            let mut slices = [IoSlice::new(&[]); 64];
            let used = self.flight.slices(&mut slices, usize::MAX, usize::MAX);
            let before = bytes.len();
            for slice in slices.iter().take(used) {
                bytes.extend_from_slice(slice);
            }
            self.flight.advance(bytes.len().saturating_sub(before));
        }
        bytes
    }
}

/// A decoder with its queues.
#[derive(Debug)]
pub struct Decoder {
    decoder: decoder::Decoder,
    messages: VecDeque<Message>,
    commands: Vec<Command>,
}

impl Decoder {
    /// Without a limit on messages.
    #[allow(clippy::new_without_default, reason = "for benchmarks")]
    pub fn new() -> Decoder {
        Decoder {
            decoder: decoder::Decoder::new(None),
            messages: VecDeque::new(),
            commands: Vec::new(),
        }
    }

    /// Decodes `input`, feeding what belongs to large bodies into their own buffers, and gives the
    /// messages; `None` when the input is at fault.
    pub fn decode(&mut self, mut input: &[u8]) -> Option<&mut VecDeque<Message>> {
        while !input.is_empty() {
            if let Some(gap) = self.decoder.body_gap() {
                let spare = gap.buffer.capacity() - gap.buffer.len();
                let (ours, rest) =
                    input.split_at_checked(spare.min(gap.missing).min(input.len()))?;
                gap.buffer.extend_from_slice(ours);
                input = rest;
                self.decoder
                    .body_filled(&mut self.messages, &mut self.commands)
                    .ok()?;
                continue;
            }
            // As much as a read buffer holds.
            let chunk = input.get(..64 * 1024).unwrap_or(input);
            let (messages, commands) = (&mut self.messages, &mut self.commands);
            let used = self
                .decoder
                .decode(chunk, usize::MAX, messages, commands)
                .ok()?;
            input = input.get(used..)?;
            if used == 0 {
                break;
            }
        }
        Some(&mut self.messages)
    }
}
