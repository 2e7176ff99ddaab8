//! What a side takes of a peer's messages, judged frame by frame on the headers.

use super::command;
use super::error::ProtocolError;
use super::frame::Header;
use crate::message::FRAME;
use crate::peer::SocketType;
use crate::tuning;

/// The most frames that a message may have, unless told otherwise.
pub(super) const MAX_FRAMES: usize = tuning::MAX_MESSAGE_FRAMES;

/// What of a peer's messages this side has a use for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Inbound {
    Messages,
    /// RFC 23: those by which a peer that speaks ZMTP 3.0 subscribes, a single frame each.
    Subscriptions,
    Nothing,
}

impl Inbound {
    /// RFC 28, 29 and 48: PUSH, PUB and RADIO do not receive messages, so what comes is discarded.
    pub(crate) fn of(ours: SocketType) -> Inbound {
        match ours {
            SocketType::Push | SocketType::Scatter | SocketType::Radio => Inbound::Nothing,
            SocketType::Pub => Inbound::Subscriptions,
            _ => Inbound::Messages,
        }
    }
}

/// The limits, and how far a message that is not complete has come.
#[derive(Debug)]
pub(super) struct Intake {
    /// The most bytes of a message, all frames together. (libzmq applies its limit to each frame;
    /// that would leave the number of frames to multiply it.)
    max_message_size: u64,
    /// The most bytes of memory that a message may take on its way here: one that is larger could
    /// never wait to be received, but would be held until it is whole.
    max_held: u64,
    max_frames: usize,
    inbound: Inbound,
    /// Bytes and frames so far of a message that is not complete, whether they are kept or not.
    bytes: u64,
    frames: usize,
}

impl Intake {
    pub(super) fn new(max_message_size: Option<u64>) -> Intake {
        Intake {
            max_message_size: max_message_size.unwrap_or(u64::MAX),
            max_held: u64::MAX,
            max_frames: MAX_FRAMES,
            inbound: Inbound::Messages,
            bytes: 0,
            frames: 0,
        }
    }

    /// Refuses messages that take more than `max_held` bytes of memory (zero: any) as well, and knows
    /// what this side has no use for.
    pub(super) fn bound(&mut self, max_held: usize, inbound: Inbound) {
        self.max_held = match max_held {
            0 => u64::MAX,
            most => most as u64,
        };
        self.inbound = inbound;
    }

    /// Sets the most frames of a message; zero means any number.
    pub(super) fn bound_frames(&mut self, most: usize) {
        self.max_frames = if most == 0 { usize::MAX } else { most };
    }

    /// The largest frame that is within all limits when it is a message of its own.
    pub(super) fn largest_alone(&self) -> u64 {
        self.max_message_size.min(self.max_held)
    }

    #[inline]
    pub(super) fn receives(&self) -> bool {
        self.inbound == Inbound::Messages
    }

    #[cfg(test)]
    pub(super) fn is_mid_message(&self) -> bool {
        self.frames > 0
    }

    /// Judges a header before anything is reserved for its body.
    pub(super) fn check_size(&self, header: &Header) -> Result<usize, ProtocolError> {
        if header.command {
            return command::check_size(header.size, command::MAX_SIZE);
        }
        let total = self.bytes.saturating_add(header.size);
        if total > self.max_message_size {
            return Err(ProtocolError::MessageTooLarge {
                size: total,
                limit: self.max_message_size,
            });
        }
        let places = FRAME.saturating_mul(self.frames) as u64;
        let held = total.saturating_add(places);
        if held > self.max_held && self.receives() {
            return Err(ProtocolError::MessageOverHwm {
                size: held,
                limit: self.max_held,
            });
        }
        if self.frames >= self.max_frames {
            return Err(ProtocolError::TooManyFrames {
                limit: self.max_frames,
            });
        }
        // Only fails where a pointer is narrower than ZMTP's sizes.
        usize::try_from(header.size).map_err(|_| ProtocolError::MessageTooLarge {
            size: header.size,
            limit: usize::MAX as u64,
        })
    }

    /// Whether the frame that begins with this header is of use here.
    pub(super) fn wants(&self, header: &Header) -> bool {
        match self.inbound {
            _ if header.command => true,
            Inbound::Messages => true,
            // One byte before the topic says whether it subscribes or cancels.
            Inbound::Subscriptions => {
                let alone = self.frames == 0 && !header.more;
                alone && (1..=1 + tuning::MAX_TOPIC as u64).contains(&header.size)
            }
            Inbound::Nothing => false,
        }
    }

    /// Counts a frame of a message that is not complete, or ends the count with its last one.
    pub(super) fn count(&mut self, more: bool, size: u64) {
        if more {
            self.bytes = self.bytes.saturating_add(size);
            self.frames += 1;
        } else {
            (self.bytes, self.frames) = (0, 0);
        }
    }
}
