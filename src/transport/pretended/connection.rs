//! A pretended connection as the test sees it: what is carried, stalled and cut.

use std::net::SocketAddr;

use super::wires::{Phase, Wires};
use crate::sync::Mutex;

/// One call, and the connection that came of it. Side 0 called, side 1 was called.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(super) number: usize,
    pub(super) address: SocketAddr,
    pub(super) wires: Mutex<Wires>,
}

impl Connection {
    /// How many were asked for before.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    pub(super) fn is_held(&self) -> bool {
        self.wires.lock().ends.iter().any(|end| end.open)
    }

    pub(crate) fn is_calling(&self) -> bool {
        self.wires.lock().phase == Phase::Calling
    }

    /// Whether both sides have it, and neither was told otherwise.
    pub(crate) fn is_up(&self) -> bool {
        let wires = self.wires.lock();
        wires.phase == Phase::Up && wires.ends.iter().all(|end| end.open)
    }

    /// Bytes that the system of a side took from it.
    pub(crate) fn written(&self, side: usize) -> u64 {
        self.wires.lock().ways[side].written
    }

    /// Bytes of a side that came to the system of the other.
    pub(crate) fn carried(&self, side: usize) -> u64 {
        self.wires.lock().ways[side].carried
    }

    /// Carries at most `most` of what a side's system has to the other, in order; its end counts as one.
    /// Gives how much there was.
    pub(crate) fn carry(&self, side: usize, most: usize) -> usize {
        let mut wires = self.wires.lock();
        if wires.phase != Phase::Up {
            return 0;
        }
        let open = wires.ends[1 - side].open;
        let way = &mut wires.ways[side];
        let bytes = most.min(way.sent.len());
        if bytes > 0 && !open {
            // The reader is gone: the system says so, and forgets what it had itself.
            wires.cut();
            return bytes;
        }
        // Slices: byte by byte would be most of what a test takes.
        let (front, back) = way.sent.as_slices();
        let first = bytes.min(front.len());
        way.arrived.extend(&front[..first]);
        way.arrived.extend(&back[..bytes - first]);
        way.sent.drain(..bytes);
        way.carried += bytes as u64;
        let ends = bytes < most && way.finished && !way.ended;
        way.ended |= ends;
        if bytes > 0 || ends {
            wires.ring(1 - side);
            let over = wires.is_over();
            if over {
                wires.ring(side);
            }
        }
        bytes + usize::from(ends)
    }

    /// Resets it: both sides lose what is not with the other side's system.
    pub(crate) fn cut(&self) {
        let mut wires = self.wires.lock();
        if wires.phase == Phase::Up {
            wires.cut();
        }
    }

    /// Has a side's system take no more than a number of bytes in all.
    pub(crate) fn allow(&self, side: usize, bytes: u64) {
        let mut wires = self.wires.lock();
        let way = &mut wires.ways[side];
        way.allowed = bytes.max(way.written);
        wires.tell_room(side);
    }
}
