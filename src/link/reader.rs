//! The reading half of a link: bytes become messages here, and only here.
//!
//! Having the [`Reader`] is the token to read; it is taken out of the socket's state for one pass
//! and put back with what the pass found.

use std::io;
use std::sync::Arc;

use bytes::Bytes;

use super::buffer::{Pool, ReadBuffer};
use super::datagrams::Receiver;
use super::ended::Ended;
use crate::security::pending::Verdict;
use crate::transport::Stream;
use crate::tuning;
use crate::zmtp::connection::{Arrived, Input, Phase};

/// What one pass found. Reused from pass to pass, so that its queues keep their memory.
#[derive(Debug, Default)]
pub(crate) struct Pass {
    pub(crate) arrived: Arrived,
    /// Messages of this pass share the read buffer.
    pub(crate) shared: bool,
    /// Datagrams that were none of this socket's.
    pub(crate) malformed: u64,
    /// Bytes that came from the kernel.
    pub(crate) read: usize,
    /// Another pass would find something now: bytes left over, or perhaps more in the kernel.
    pub(crate) more: bool,
    pub(crate) ended: Option<Ended>,
}

/// Leftovers up to this size are kept in a buffer of their own, so that the shared read buffer is
/// free for other links; larger ones keep the shared one.
const CARRY: usize = 1024;

/// Among large bodies, how much is read of what follows one: its header, and what comes before it. The
/// more of a body is read here, the more of it is copied.
const LARGE_HEAD: usize = 8 * 1024;

/// The reading half of a link: of a connection, or of an endpoint of datagrams.
#[derive(Debug)]
#[allow(
    clippy::large_enum_variant,
    reason = "it is in a box, and of the smaller kind there are few"
)]
pub(crate) enum Reader {
    Bytes(ByteReader),
    Datagrams(Arc<Stream>, Receiver),
}

/// That of a connection.
#[derive(Debug)]
pub(crate) struct ByteReader {
    stream: Arc<Stream>,
    input: Input,
    /// What the last pass could not decode yet.
    rest: Rest,
    /// The last bytes that were decoded ended in a body of which much was missing: so may the next.
    /// Bodies of which a read brings several are better read together.
    large: bool,
}

#[derive(Debug)]
enum Rest {
    None,
    Carry(Box<[u8]>),
    Buffer(Box<ReadBuffer>),
    /// Messages have slices of it.
    Shared(Bytes),
}

impl Reader {
    pub(crate) fn new(stream: Arc<Stream>, input: Input) -> Reader {
        Reader::Bytes(ByteReader {
            stream,
            input,
            rest: Rest::None,
            large: false,
        })
    }

    /// That of an endpoint of datagrams.
    pub(crate) fn of_datagrams(stream: Arc<Stream>, receiver: Receiver) -> Reader {
        Reader::Datagrams(stream, receiver)
    }

    /// From now on, what comes is thrown away.
    pub(crate) fn discard_input(&mut self) {
        match self {
            Reader::Bytes(reader) => {
                reader.input.discard();
                reader.rest = Rest::None;
            }
            Reader::Datagrams(_, receiver) => receiver.discard(),
        }
    }

    /// Takes the authenticator's answer, and what the peer has sent behind its question.
    pub(crate) fn answer(
        &mut self,
        verdict: Verdict,
        room: usize,
        pool: &Arc<Pool>,
        pass: &mut Pass,
    ) {
        let Reader::Bytes(reader) = self else { return };
        match reader.input.answer(verdict, &mut pass.arrived) {
            Ok(()) => self.pass(room, pool, pass),
            Err(fault) => pass.ended = Some(Ended::Protocol(fault)),
        }
    }

    /// Reads once, unless enough is left over from last time, and decodes at most `room` messages. Of
    /// datagrams it receives a turn's worth.
    pub(crate) fn pass(&mut self, room: usize, pool: &Arc<Pool>, pass: &mut Pass) {
        match self {
            Reader::Bytes(reader) => {
                if let Err(ended) = reader.try_pass(room, pool, pass) {
                    pass.ended = Some(ended);
                }
            }
            Reader::Datagrams(stream, receiver) => {
                let received = receiver.pass(stream, room, &mut pass.arrived.messages);
                pass.arrived.heard = received.any;
                pass.malformed += received.malformed;
                pass.read += received.read;
                pass.more = received.more;
            }
        }
    }
}

impl ByteReader {
    fn try_pass(&mut self, room: usize, pool: &Arc<Pool>, pass: &mut Pass) -> Result<(), Ended> {
        if self.fill_large_body(room, pass)? {
            return Ok(());
        }
        // A pass that had no room left whole frames behind: those first.
        let Some(mut buffer) = self.decode_rest(room, pool, pass)? else {
            pass.more = true;
            return Ok(());
        };
        self.read(&mut buffer, pass)?;
        let shares = buffer.is_worth_sharing() && self.input.has_bodies_to_share(buffer.bytes());
        match if shares { buffer.share() } else { Err(buffer) } {
            Ok(shared) => {
                pass.shared = true;
                let rest = self.decode_shared(room, shared, pass)?;
                self.keep_shared(rest);
            }
            Err(mut buffer) => {
                self.decode(room, &mut buffer, pass)?;
                self.keep(buffer);
            }
        }
        let missing = self.input.body_gap().map(|gap| gap.missing);
        self.large = missing.is_some_and(|missing| missing >= tuning::READ_BUFFER / 2);
        pass.shared |= missing.is_some();
        pass.more |= self.input.is_full(room, &pass.arrived) && !matches!(self.rest, Rest::None);
        Ok(())
    }

    /// Reads the body of a large frame straight into its place. False: there is none under way.
    fn fill_large_body(&mut self, room: usize, pass: &mut Pass) -> Result<bool, Ended> {
        if room == 0 {
            return Ok(false);
        }
        let mut turn = 0;
        while let Some(gap) = self.input.body_gap() {
            // The kernel may hold megabytes of it: a pass is bounded, whatever it holds.
            let space = gap.buffer.capacity() - gap.buffer.len();
            let wanted = gap.missing.min(space).min(tuning::TURN - turn);
            let got = match self.stream.read_uninit(gap.buffer, wanted) {
                Ok(0) => return Err(Ended::ByPeer),
                Ok(got) => got,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(Ended::Io(error)),
            };
            pass.arrived.heard = true;
            pass.read += got;
            self.input
                .body_filled(&mut pass.arrived)
                .map_err(Ended::Protocol)?;
            turn += got;
            if turn >= tuning::TURN {
                pass.more = true;
                return Ok(true);
            }
        }
        if turn > 0 {
            pass.more = true;
        }
        Ok(turn > 0)
    }

    /// Decodes what is left over, and gives a buffer that starts with what is left of that. `None`:
    /// there was no room for all of it.
    fn decode_rest(
        &mut self,
        room: usize,
        pool: &Arc<Pool>,
        pass: &mut Pass,
    ) -> Result<Option<ReadBuffer>, Ended> {
        let mut buffer = match std::mem::replace(&mut self.rest, Rest::None) {
            Rest::None => return Ok(Some(pool.take())),
            Rest::Buffer(buffer) => *buffer,
            Rest::Carry(carry) => {
                let mut buffer = pool.take();
                buffer.refill(&carry);
                buffer
            }
            Rest::Shared(shared) => {
                let rest = self.decode_shared(room, shared, pass)?;
                if self.input.is_full(room, &pass.arrived) {
                    self.keep_shared(rest);
                    return Ok(None);
                }
                let mut buffer = pool.take();
                buffer.refill(&rest);
                return Ok(Some(buffer));
            }
        };
        self.decode(room, &mut buffer, pass)?;
        if self.input.is_full(room, &pass.arrived) {
            self.keep(buffer);
            return Ok(None);
        }
        Ok(Some(buffer))
    }

    fn keep(&mut self, buffer: ReadBuffer) {
        self.rest = match buffer.bytes().len() {
            0 => Rest::None,
            1..=CARRY => Rest::Carry(buffer.bytes().into()),
            _ => Rest::Buffer(Box::new(buffer)),
        };
    }

    fn keep_shared(&mut self, rest: Bytes) {
        self.rest = match rest.len() {
            0 => Rest::None,
            1..=CARRY => Rest::Carry(rest[..].into()),
            _ => Rest::Shared(rest),
        };
    }

    fn read(&mut self, buffer: &mut ReadBuffer, pass: &mut Pass) -> Result<(), Ended> {
        let free = buffer.free();
        let space = if self.large { LARGE_HEAD } else { free.len() }.min(free.len());
        let got = match self.stream.read(free.get_mut(..space).unwrap_or_default()) {
            Ok(0) => return Err(self.lost(None)),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(self.lost(Some(error))),
        };
        buffer.filled(got);
        pass.arrived.heard = true;
        pass.read += got;
        // A read that came back short has emptied the kernel's buffer: the next bytes come with an
        // event of their own, because the poll is edge-triggered.
        pass.more = got == space;
        Ok(())
    }

    /// Why the connection ended, as far as is known from how far it came.
    fn lost(&self, error: Option<io::Error>) -> Ended {
        match (self.input.phase(), error) {
            // A peer that closes with our greeting unread resets the connection.
            (Phase::Greeting | Phase::Handshake, Some(error))
                if error.kind() != io::ErrorKind::ConnectionReset =>
            {
                Ended::Io(error)
            }
            (Phase::Greeting, _) => Ended::OnGreeting,
            (Phase::Handshake, _) => Ended::InHandshake,
            (_, None) => Ended::ByPeer,
            (_, Some(error)) => Ended::Io(error),
        }
    }

    /// Decodes a buffer whose bodies messages may keep, and gives what is left of it.
    fn decode_shared(
        &mut self,
        room: usize,
        shared: Bytes,
        pass: &mut Pass,
    ) -> Result<Bytes, Ended> {
        let used = self
            .input
            .handle_shared_input(&shared, room, &mut pass.arrived)
            .map_err(Ended::Protocol)?;
        pass.more |= self.input.body_gap().is_some();
        Ok(shared.slice(used.min(shared.len())..))
    }

    fn decode(
        &mut self,
        room: usize,
        buffer: &mut ReadBuffer,
        pass: &mut Pass,
    ) -> Result<(), Ended> {
        let used = self
            .input
            .handle_input(buffer.bytes(), room, &mut pass.arrived)
            .map_err(Ended::Protocol)?;
        buffer.consume(used);
        // A large body went on in a buffer of its own: what is missing is still in the kernel.
        pass.more |= self.input.body_gap().is_some();
        Ok(())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::peer::SocketType;
    use crate::zmtp::connection::Local;
    use crate::zmtp::decoder::MAX_COMMANDS;

    /// A reader over a connection, and the peer's end of it.
    fn reader() -> (Reader, socket2::Socket) {
        let (ours, theirs) = Stream::pair().unwrap();
        let local = Local {
            socket_type: SocketType::Pull,
            routing_id: Bytes::new(),
            properties: Vec::new(),
            max_message_size: None,
            max_message_frames: tuning::MAX_MESSAGE_FRAMES,
            recv_hwm_bytes: 0,
            security: Default::default(),
            access: None,
            #[cfg(feature = "curve")]
            fresh: None,
        };
        let (input, _) = Input::open(local, None);
        (Reader::new(Arc::new(ours), input), theirs)
    }

    fn greeting() -> Vec<u8> {
        let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1];
        bytes.extend_from_slice(b"NULL");
        bytes.resize(64, 0);
        bytes
    }

    const READY: &[u8] = b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04PUSH";

    /// Waits for bytes, then passes until one says that there is no more; how many those were.
    fn passes(reader: &mut Reader, room: usize, pass: &mut Pass) -> usize {
        let pool = Pool::new();
        pass.arrived.heard = false;
        // A pass that finds nothing in the kernel yet is one of waiting.
        while !pass.arrived.heard {
            reader.pass(room, &pool, pass);
            assert!(pass.arrived.heard || !pass.more, "it goes round and round");
        }
        for count in 0..10_000 {
            if !pass.more {
                return count;
            }
            pass.more = false;
            pass.arrived.commands.clear();
            reader.pass(room, &pool, pass);
            assert!(pass.ended.is_none(), "{:?}", pass.ended);
        }
        panic!("it goes round and round");
    }

    #[test]
    fn a_handshake_without_room_for_messages_waits_for_bytes_and_does_not_spin() {
        let (mut reader, mut peer) = reader();
        let mut pass = Pass::default();
        let hello = [&greeting(), READY].concat();
        for byte in hello.chunks(7) {
            peer.write_all(byte).unwrap();
            assert_eq!(passes(&mut reader, 0, &mut pass), 0);
        }
        assert!(pass.arrived.established.is_some());
    }

    #[test]
    fn a_pass_takes_a_bounded_number_of_commands_and_comes_back_for_more() {
        let (mut reader, mut peer) = reader();
        let mut pass = Pass::default();
        let ping = b"\x04\x07\x04PING\0\0".repeat(5000);
        peer.write_all(&[&greeting()[..], READY, &ping].concat())
            .unwrap();
        let count = passes(&mut reader, 1, &mut pass);
        // Most of them bring as many as they may; where the kernel cuts the bytes, some bring fewer.
        assert!((5000 / MAX_COMMANDS - 1..100).contains(&count), "{count}");
    }

    #[test]
    fn a_pass_reads_no_more_than_a_turn_of_a_large_body_whatever_the_kernel_holds() {
        const BODY: usize = 3 << 20;
        let (mut reader, peer) = reader();
        // Where the system lets it, all of the body is in the kernel at once.
        let _ = peer.set_send_buffer_size(8 << 20);
        let mut pass = Pass::default();
        let mut wire = [&greeting()[..], READY].concat();
        // The first one shows that the peer delivers what it announces: room for the second is made at once.
        for _ in 0..2 {
            wire.push(2);
            wire.extend((BODY as u64).to_be_bytes());
            wire.resize(wire.len() + BODY, 7);
        }
        let mut rest = &wire[..];
        let pool = Pool::new();
        while pass.arrived.messages.len() < 2 {
            while let Ok(sent @ 1..) = (&peer).write(rest) {
                rest = &rest[sent..];
            }
            pass.read = 0;
            reader.pass(2, &pool, &mut pass);
            assert!(pass.ended.is_none(), "{:?}", pass.ended);
            assert!(pass.read <= tuning::TURN, "{}", pass.read);
        }
        assert_eq!(pass.arrived.messages[1].byte_len(), BODY);
    }
}
