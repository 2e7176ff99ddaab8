//! Whole passes of a reader, over a real stream.

use std::io::{ErrorKind, Write};
use std::net::Shutdown;
use std::sync::Arc;

use bytes::Bytes;
use socket2::Socket;

use super::decoder;
use super::input::Input;
use crate::link::buffer::Pool;
use crate::link::ended::Ended;
use crate::link::reader::{Pass, Reader};
use crate::peer::SocketType;
use crate::transport::Stream;
use crate::zmtp::connection::{self, Handshake, Local};
use crate::zmtp::fuzzing::{naive, Received};

/// However the bytes come, and with room for few messages or many: passes find what is there, in order
/// and once; none asks for a buffer's worth in vain; and while there is something to be found that no
/// event will tell of, the pass before says so.
pub fn passes(data: &[u8]) {
    let mut input = Input::new(data);
    let limit = decoder::limit(&mut input);
    let rooms: Vec<_> = (0..1 + input.below(4))
        .map(|_| [1, 2, 7, 100, usize::MAX][input.below(5)])
        .collect();
    let mut cuts: Vec<_> = (0..1 + input.below(4)).map(|_| input.size()).collect();
    let wire = decoder::wire(&mut input);
    let least = 1 + wire.len() / 200;
    cuts.iter_mut().for_each(|size| *size = (*size).max(least));

    let expected = naive(&wire, limit);
    let mut connection = Connection::new(limit, rooms);
    connection.come(&hello());
    let mut rest = &wire[..];
    for cut in cuts.iter().cycle() {
        let (chunk, after) = rest.split_at((*cut).min(rest.len()));
        if connection.is_over() || chunk.is_empty() {
            break;
        }
        connection.come(chunk);
        rest = after;
    }
    connection.end();
    assert_eq!(connection.received, expected);
}

/// What a PUSH says first.
fn hello() -> Vec<u8> {
    let mut bytes = Vec::new();
    let handshake = Local {
        socket_type: SocketType::Push,
        routing_id: Bytes::new(),
        properties: Vec::new(),
        max_message_size: None,
        recv_hwm_bytes: 0,
        max_message_frames: crate::tuning::MAX_MESSAGE_FRAMES,
        security: Default::default(),
        access: None,
        #[cfg(feature = "curve")]
        fresh: None,
    };
    Handshake::new(handshake).start(&mut bytes);
    bytes
}

/// The two ends of a stream: a peer that writes, and a reader that is driven as a socket drives it.
struct Connection {
    peer: Socket,
    reader: Reader,
    pool: Arc<Pool>,
    /// How many messages there is room for, pass by pass.
    rooms: std::iter::Cycle<std::vec::IntoIter<usize>>,
    received: Received,
    pass: Pass,
}

impl Connection {
    fn new(limit: Option<u64>, rooms: Vec<usize>) -> Connection {
        let Ok((stream, peer)) = Stream::pair() else {
            panic!("the system gives no pair of sockets");
        };
        let (input, _) = connection::Input::open(
            Local {
                socket_type: SocketType::Pull,
                routing_id: Bytes::new(),
                properties: Vec::new(),
                max_message_size: limit,
                recv_hwm_bytes: 0,
                max_message_frames: crate::tuning::MAX_MESSAGE_FRAMES,
                security: Default::default(),
                access: None,
                #[cfg(feature = "curve")]
                fresh: None,
            },
            None,
        );
        Connection {
            peer,
            reader: Reader::new(Arc::new(stream), input),
            pool: Pool::new(),
            rooms: rooms.into_iter().cycle(),
            received: Received::default(),
            pass: Pass::default(),
        }
    }

    fn is_over(&self) -> bool {
        self.pass.ended.is_some()
    }

    /// The peer writes: an event, and passes as long as they say that there is more.
    fn come(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() && !self.is_over() {
            match (&self.peer).write(bytes) {
                Ok(count) => bytes = &bytes[count..],
                // The kernel is full, and nothing but another pass could make room.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    panic!("what came is left in the kernel, and no event will tell")
                }
                Err(error) => panic!("{error}"),
            }
            self.pass_while_more();
        }
    }

    fn pass_while_more(&mut self) {
        loop {
            let room = self.rooms.next().unwrap_or(1);
            self.pass.more = false;
            self.reader.pass(room, &self.pool, &mut self.pass);
            assert!(self.pass.arrived.messages.len() <= room);
            self.received
                .messages
                .extend(self.pass.arrived.messages.drain(..));
            self.received
                .commands
                .append(&mut self.pass.arrived.commands);
            if !self.pass.more || self.is_over() {
                return;
            }
        }
    }

    /// The peer goes: an event too.
    fn end(&mut self) {
        if !self.is_over() {
            let _ = self.peer.shutdown(Shutdown::Write);
            self.pass_while_more();
        }
        match self.pass.ended.take() {
            Some(Ended::ByPeer) => {}
            Some(Ended::Protocol(fault)) => self.received.fault = Some(fault),
            other => panic!("{other:?}"),
        }
    }
}
