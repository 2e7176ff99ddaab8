//! The writing half of a link: what is queued becomes bytes on the wire here, and only here.
//!
//! Having the [`Writer`] is the token to write; it is taken out of the socket's state for one pass
//! and put back. Its holder takes along what other senders queue meanwhile.

use std::io::{self, IoSlice};
use std::sync::Arc;

use super::datagrams::{Sender, Sent};
use super::progress::Progress;
use crate::transport::Stream;
use crate::tuning;
use crate::zmtp::flight::Flight;
use crate::zmtp::outbox::Outbox;
#[cfg(feature = "curve")]
use crate::zmtp::sealed::Seal;
#[cfg(feature = "curve")]
use crate::zmtp::sealing::Sealer;
use crate::zmtp::spent::Spent;

/// Pieces handed to the kernel in one `writev`: thirty-two bodies that are pieces of their own, each with
/// what stands before it. They have more than 4 KiB each, so that a write has at least 128 KiB where it
/// ends for want of pieces.
const SLICES: usize = 64;

/// How a pass ended.
#[derive(Debug)]
pub(crate) enum Wrote {
    /// Everything is in the kernel.
    All,
    /// The turn is over; there is more.
    Turn,
    /// The kernel takes no more now.
    Blocked,
    /// The connection is broken.
    Failed(io::Error),
}

/// The writing half of a link.
#[derive(Debug)]
pub(crate) struct Writer {
    stream: Arc<Stream>,
    flight: Flight,
    /// The handshake is over, and what is written is sealed.
    #[cfg(feature = "curve")]
    seal: Option<Box<Seal>>,
    /// The socket's poll was asked to say when this stream takes bytes again.
    pub(crate) asked_for_room: bool,
    /// Messages went this way, and not only handshakes, commands and subscriptions.
    spoke: bool,
    /// Bytes that the kernel took.
    written: u64,
    /// Messages of all flights so far.
    loaded: u64,
    progress: Progress,
    /// The bytes written that are acknowledged by the peer's system, at least: what it said last.
    acknowledged: u64,
    /// Writing failed.
    failed: bool,
    /// That of an endpoint of datagrams: each message goes as one.
    datagrams: Option<Box<Sender>>,
}

impl Writer {
    pub(crate) fn new(stream: Arc<Stream>) -> Writer {
        Writer {
            stream,
            flight: Flight::default(),
            #[cfg(feature = "curve")]
            seal: None,
            asked_for_room: false,
            spoke: false,
            written: 0,
            loaded: 0,
            progress: Progress::default(),
            acknowledged: 0,
            failed: false,
            datagrams: None,
        }
    }

    /// That of an endpoint of datagrams.
    pub(crate) fn of_datagrams(stream: Arc<Stream>, sender: Sender) -> Writer {
        Writer {
            datagrams: Some(Box::new(sender)),
            ..Writer::new(stream)
        }
    }

    /// How many messages the system refused to send as datagrams since this was asked.
    #[inline]
    pub(crate) fn take_unsent(&mut self) -> u64 {
        self.datagrams
            .as_mut()
            .map_or(0, |sender| sender.take_unsent())
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.flight.is_empty()
    }

    /// Has all frames sealed that are loaded from now on. What is in flight is of the handshake.
    #[cfg(feature = "curve")]
    pub(crate) fn seal_with(&mut self, sealer: Sealer) {
        self.seal = Some(Box::new(Seal::new(sealer)));
    }

    /// Whether it holds on to more memory than an idle connection should.
    pub(crate) fn wants_trim(&self) -> bool {
        #[cfg(feature = "curve")]
        if self.seal.as_ref().is_some_and(|seal| seal.wants_trim()) {
            return true;
        }
        self.flight.wants_trim()
    }

    /// Gives back the memory of the last flight, once that is gone.
    pub(crate) fn release_memory(&mut self) {
        if self.flight.is_empty() {
            self.flight.release_memory();
            #[cfg(feature = "curve")]
            if let Some(seal) = &mut self.seal {
                seal.release_memory();
            }
        }
    }

    /// Takes out the bodies that were written, to be dropped where no token and no lock is held.
    #[inline]
    pub(crate) fn take_spent(&mut self) -> Option<Spent> {
        self.flight.take_spent()
    }

    /// Whether the peer may have messages of ours still to read.
    pub(crate) fn has_spoken(&self) -> bool {
        self.spoke
    }

    pub(crate) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    /// Takes over what is queued, if the last flight is gone. False: there is nothing to write.
    pub(crate) fn load(&mut self, queued: &mut Outbox) -> bool {
        if self.flight.is_empty() && !queued.is_empty() {
            self.spoke |= queued.messages() > 0;
            self.loaded += queued.messages() as u64;
            self.flight.load(queued);
        }
        !self.flight.is_empty()
    }

    /// Writes until all is gone, the kernel is full, or the turn is over: at most a turn and one write.
    pub(crate) fn pass(&mut self) -> Wrote {
        let wrote = self.write_a_turn();
        match wrote {
            Wrote::Failed(_) => self.failed = true,
            // A peer that is behind may be lost with what the system holds for it.
            Wrote::Blocked => self.ask_acknowledged(false),
            Wrote::All | Wrote::Turn => {}
        }
        wrote
    }

    fn write_a_turn(&mut self) -> Wrote {
        if let Some(sender) = &mut self.datagrams {
            let (sent, written) = sender.pass(&self.stream, &mut self.flight);
            self.written += written as u64;
            return match sent {
                Sent::All => Wrote::All,
                Sent::Turn => Wrote::Turn,
                Sent::Blocked => Wrote::Blocked,
            };
        }
        let mut turn = 0;
        while !self.flight.is_empty() {
            if turn >= tuning::TURN {
                return Wrote::Turn;
            }
            match self.write_once() {
                Ok(0) => return Wrote::Failed(io::ErrorKind::WriteZero.into()),
                Ok(written) => {
                    self.advance(written);
                    self.written += written as u64;
                    turn += written;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Wrote::Blocked,
                Err(error) => return Wrote::Failed(error),
            }
        }
        Wrote::All
    }

    fn advance(&mut self, written: usize) {
        #[cfg(feature = "curve")]
        if let Some(seal) = &mut self.seal {
            return seal.advance(&mut self.flight, written);
        }
        self.flight.advance(written);
    }

    fn write_once(&mut self) -> io::Result<usize> {
        #[cfg(feature = "curve")]
        if let Some(seal) = &mut self.seal {
            let Some(sealed) = seal.next(&self.flight) else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            return self.stream.write(sealed);
        }
        match self.flight.only_slice() {
            Some(all) => self.stream.write(all.get(..tuning::WRITE).unwrap_or(all)),
            None => self.write_pieces(),
        }
    }

    fn write_pieces(&self) -> io::Result<usize> {
        let mut slices = [IoSlice::new(&[]); SLICES];
        let count = self
            .flight
            .slices(&mut slices, tuning::WRITE, tuning::WRITE_BODIES);
        self.stream
            .write_vectored(slices.get(..count).unwrap_or_default())
    }

    /// Messages and bytes that are not wholly in the kernel yet; to be asked after each pass, because
    /// what is not left has gone.
    pub(crate) fn unwritten(&mut self) -> (usize, usize) {
        // Greetings hold no message, and no frame that could be counted.
        let messages = match self.flight.messages() {
            0 => 0,
            loaded => loaded.saturating_sub(self.flight.completed_messages()),
        };
        self.progress
            .reached(self.written, self.loaded.saturating_sub(messages as u64));
        (messages, self.flight.bytes())
    }

    /// Messages that the kernel took whole.
    pub(crate) fn written_messages(&self) -> u64 {
        self.progress.messages()
    }

    /// Asks the system how much of what was written the peer's system has acknowledged; where it cannot
    /// say, all is taken for acknowledged. `broken`: the connection was reset, or ended otherwise than in
    /// good order; where the system forgets what it knew with that, what it said last stays. Never waits.
    pub(crate) fn ask_acknowledged(&mut self, broken: bool) {
        if (broken || self.failed) && !self.stream.remembers() {
            return;
        }
        match self.stream.unacknowledged() {
            None => self.acknowledged = self.written,
            Some(bytes) => self.note_unacknowledged(self.written, bytes),
        }
    }

    /// The system has said how many bytes are not acknowledged, when at least `written` were written.
    pub(crate) fn note_unacknowledged(&mut self, written: u64, bytes: usize) {
        let acknowledged = written.saturating_sub(bytes as u64);
        self.acknowledged = self.acknowledged.max(acknowledged);
    }

    /// Bytes that the kernel took.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// At most how many messages the kernel took whole that the peer's system had not acknowledged
    /// when it was asked last: never fewer, and more by one pass at most.
    pub(crate) fn unacknowledged_messages(&self) -> u64 {
        self.progress.messages_after(self.acknowledged)
    }

    /// Whether a message was written in part.
    pub(crate) fn is_within_message(&mut self) -> bool {
        self.flight.is_within_message()
    }

    /// Gives back every message that the peer cannot have received whole.
    pub(crate) fn rewind(&self) -> Outbox {
        self.flight.unfinished()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::message::Message;

    /// Small frames, bodies that are pieces of their own, one that no write takes whole, and more pieces
    /// than a write has.
    fn traffic() -> Vec<Message> {
        let sizes = [3, 5000, 70_000, 200, 3 << 20, 1, 61_440, 4096, 4097];
        let many = std::iter::repeat_n(4500, 100);
        let message = |(n, size)| Message::from(vec![n as u8; size]);
        sizes
            .into_iter()
            .chain(many)
            .enumerate()
            .map(message)
            .collect()
    }

    fn outbox_of(messages: &[Message]) -> Outbox {
        let mut outbox = Outbox::new();
        for message in messages {
            outbox.push(message);
        }
        outbox
    }

    /// The peer reads in steps that end anywhere.
    #[test]
    fn a_kernel_that_takes_a_part_gets_the_rest_later_and_a_pass_is_bounded() {
        let messages = traffic();
        let mut expected = Vec::new();
        let mut ends = Vec::new();
        for message in &messages {
            let body = message.as_bytes().unwrap();
            match u8::try_from(body.len()) {
                Ok(len) => expected.extend([0, len]),
                Err(_) => {
                    expected.push(2);
                    expected.extend((body.len() as u64).to_be_bytes());
                }
            }
            expected.extend_from_slice(body);
            ends.push(expected.len());
        }
        let (ours, mut theirs) = Stream::pair().unwrap();
        let mut writer = Writer::new(Arc::new(ours));
        assert!(writer.load(&mut outbox_of(&messages)));
        let mut got = Vec::new();
        let (mut blocked, mut step) = (0, 1);
        while got.len() < expected.len() {
            let before = writer.written();
            match writer.pass() {
                Wrote::All => assert!(writer.is_idle()),
                Wrote::Turn => {}
                Wrote::Blocked => blocked += 1,
                Wrote::Failed(error) => panic!("{error}"),
            }
            let written = writer.written() as usize;
            let most = (tuning::TURN + tuning::WRITE_BODIES) as u64;
            assert!(writer.written() - before <= most);
            let left = messages.len() - ends.iter().filter(|end| **end <= written).count();
            assert_eq!(writer.unwritten(), (left, expected.len() - written));
            assert_eq!(writer.rewind().messages(), left);
            step = step * 7 % 99_991;
            let mut space = vec![0; step];
            if let Ok(read) = theirs.read(&mut space) {
                got.extend_from_slice(&space[..read]);
            }
        }
        assert!(writer.is_idle() && blocked > 0);
        assert!(got == expected);
    }
}
