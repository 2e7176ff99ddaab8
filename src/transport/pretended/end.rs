//! One side's end of a pretended connection: what its system says to a stream.

use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;
use std::sync::Arc;

use mio::Interest;
use socket2::Socket;

use super::connection::Connection;
use super::hush;
use super::wires::Phase;
use crate::transport::stream::Readiness;

/// One side's end of a connection.
#[derive(Debug)]
pub(in crate::transport) struct End {
    pub(super) connection: Arc<Connection>,
    pub(super) side: usize,
}

impl End {
    pub(in crate::transport) fn read(
        &self,
        most: usize,
        mut take: impl FnMut(&[u8]),
    ) -> io::Result<usize> {
        let mut wires = self.connection.wires.lock();
        let broken = wires.phase != Phase::Up;
        let way = &mut wires.ways[1 - self.side];
        let count = most.min(way.arrived.len());
        if count == 0 && most > 0 {
            return match (broken, way.ended) {
                (true, _) => Err(ErrorKind::ConnectionReset.into()),
                (_, true) => Ok(0),
                _ => Err(ErrorKind::WouldBlock.into()),
            };
        }
        let (front, back) = way.arrived.as_slices();
        let first = count.min(front.len());
        take(&front[..first]);
        take(&back[..count - first]);
        way.arrived.drain(..count);
        wires.tell_room(1 - self.side);
        Ok(count)
    }

    pub(in crate::transport) fn write(&self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut wires = self.connection.wires.lock();
        if wires.phase != Phase::Up {
            return Err(ErrorKind::ConnectionReset.into());
        }
        let way = &mut wires.ways[self.side];
        if way.finished {
            return Err(ErrorKind::BrokenPipe.into());
        }
        let mut count = 0;
        for slice in slices {
            let bytes = way.room().min(slice.len());
            way.sent.extend(&slice[..bytes]);
            way.written += bytes as u64;
            count += bytes;
            if bytes < slice.len() {
                way.blocked = true;
                break;
            }
        }
        match count {
            0 if way.blocked => Err(ErrorKind::WouldBlock.into()),
            count => Ok(count),
        }
    }

    pub(in crate::transport) fn shutdown_write(&self) -> io::Result<()> {
        let mut wires = self.connection.wires.lock();
        if wires.phase != Phase::Up {
            return Err(ErrorKind::NotConnected.into());
        }
        wires.ways[self.side].finished = true;
        Ok(())
    }

    pub(in crate::transport) fn unacknowledged(&self) -> usize {
        let wires = self.connection.wires.lock();
        let way = &wires.ways[self.side];
        // Also after a cut: what did not come to the other side is not acknowledged any more.
        (way.written - way.carried) as usize + usize::from(way.finished && !way.ended)
    }

    pub(in crate::transport) fn is_over(&self) -> bool {
        self.connection.wires.lock().is_over()
    }

    /// As `connect_finish`.
    pub(in crate::transport) fn finish_connect(&self, socket: &Socket) -> io::Result<bool> {
        hush(socket);
        match self.connection.wires.lock().phase {
            Phase::Calling => Ok(false),
            Phase::Up => Ok(true),
            Phase::Refused => Err(ErrorKind::ConnectionRefused.into()),
            Phase::Cut => Err(ErrorKind::ConnectionReset.into()),
        }
    }

    /// What there is to be told of the end, now that an edge was seen.
    pub(in crate::transport) fn readiness(&self, socket: &Socket) -> Readiness {
        hush(socket);
        self.connection.wires.lock().readiness(self.side)
    }

    /// A poll watches it for this from now on: as epoll, that tells at once what is there.
    pub(in crate::transport) fn watch(&self, on: Interest) {
        let mut wires = self.connection.wires.lock();
        wires.ends[self.side].wants_room = on.is_writable();
        let ready = wires.readiness(self.side);
        if ready.readable || ready.writable || ready.ended {
            wires.ring(self.side);
        }
    }

    /// The address of the other side.
    pub(in crate::transport) fn peer(&self) -> SocketAddr {
        let mut address = self.connection.address;
        if self.side == 1 {
            address.set_port(50_000 + self.connection.number as u16 % 10_000);
        }
        address
    }
}

impl Drop for End {
    fn drop(&mut self) {
        let mut wires = self.connection.wires.lock();
        wires.ends[self.side].open = false;
        wires.ends[self.side].bell = None;
        match wires.phase {
            Phase::Calling => wires.phase = Phase::Refused,
            // What was not read: the system says so, and forgets what it had to send.
            Phase::Up if !wires.ways[1 - self.side].arrived.is_empty() => wires.cut(),
            Phase::Up => wires.ways[self.side].finished = true,
            Phase::Refused | Phase::Cut => {}
        }
    }
}
