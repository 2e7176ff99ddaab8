//! What is between the two ends of a pretended connection: what each system has, and what can be told of it.

use std::collections::VecDeque;

use super::Bell;
use crate::transport::stream::Readiness;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Calling,
    Up,
    Refused,
    /// It was reset.
    Cut,
}

#[derive(Debug)]
pub(super) struct Wires {
    pub(super) phase: Phase,
    pub(super) ends: [Side; 2],
    /// By the side that writes.
    pub(super) ways: [Way; 2],
}

#[derive(Debug, Default)]
pub(super) struct Side {
    /// It has a descriptor.
    pub(super) open: bool,
    pub(super) bell: Option<Bell>,
    pub(super) wants_room: bool,
}

/// What goes from one side to the other.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) capacity: usize,
    /// What the writer's system may take in all, in bytes.
    pub(super) allowed: u64,
    /// Bytes that the writer's system took.
    pub(super) written: u64,
    /// Bytes that came to the reader's system.
    pub(super) carried: u64,
    /// With the writer's system.
    pub(super) sent: VecDeque<u8>,
    /// With the reader's system.
    pub(super) arrived: VecDeque<u8>,
    /// The writer has shut it down.
    pub(super) finished: bool,
    /// The reader's system knows that.
    pub(super) ended: bool,
    /// A write found no room, or not enough.
    pub(super) blocked: bool,
}

impl Way {
    pub(super) fn new(capacity: usize) -> Way {
        Way {
            capacity,
            allowed: u64::MAX,
            written: 0,
            carried: 0,
            sent: VecDeque::new(),
            arrived: VecDeque::new(),
            finished: false,
            ended: false,
            blocked: false,
        }
    }

    pub(super) fn room(&self) -> usize {
        let allowed = usize::try_from(self.allowed - self.written).unwrap_or(usize::MAX);
        let held = self.sent.len() + self.arrived.len();
        self.capacity.saturating_sub(held).min(allowed)
    }

    /// As Linux: there is room once a third of it is free.
    pub(super) fn is_writable(&self) -> bool {
        let room = self.room();
        room > 0 && room >= self.capacity / 3
    }
}

impl Wires {
    pub(super) fn new(capacity: usize) -> Wires {
        let caller = Side {
            open: true,
            ..Side::default()
        };
        Wires {
            phase: Phase::Calling,
            ends: [caller, Side::default()],
            ways: [Way::new(capacity), Way::new(capacity)],
        }
    }

    pub(super) fn ring(&self, side: usize) {
        if let Some(bell) = &self.ends[side].bell {
            bell.ring();
        }
    }

    /// The writer may have room again.
    pub(super) fn tell_room(&mut self, side: usize) {
        let way = &mut self.ways[side];
        if way.blocked && way.is_writable() {
            way.blocked = false;
            self.ring(side);
        }
    }

    /// Both sides have their connection reset. What came to a side's system can still be read there.
    pub(super) fn cut(&mut self) {
        self.phase = Phase::Cut;
        for side in [0, 1] {
            self.ways[side].sent.clear();
            self.ring(side);
        }
    }

    pub(super) fn readiness(&self, side: usize) -> Readiness {
        let incoming = &self.ways[1 - side];
        let over = self.is_over();
        let broken = matches!(self.phase, Phase::Cut | Phase::Refused);
        let up = self.phase == Phase::Up;
        Readiness {
            readable: !incoming.arrived.is_empty() || incoming.ended || broken,
            writable: self.ends[side].wants_room && (broken || up && self.ways[side].is_writable()),
            ended: incoming.ended || broken || over,
        }
    }

    pub(super) fn is_over(&self) -> bool {
        match self.phase {
            Phase::Cut | Phase::Refused => true,
            Phase::Up => self.ways[0].ended && self.ways[1].ended,
            Phase::Calling => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_again_once_a_third_is_free() {
        let mut way = Way::new(9);
        way.sent.extend([0; 5]);
        way.arrived.extend([0; 2]);
        assert!(way.room() == 2 && !way.is_writable());
        way.arrived.clear();
        assert!(way.room() == 4 && way.is_writable());
        (way.written, way.allowed) = (5, 6);
        assert!(way.room() == 1 && !way.is_writable(), "no more is allowed");
    }

    #[test]
    fn what_has_come_can_be_read_after_a_cut_and_what_was_on_its_way_is_lost() {
        let mut wires = Wires::new(100);
        wires.phase = Phase::Up;
        wires.ways[0].sent.extend([1; 3]);
        wires.ways[0].arrived.extend([2; 3]);
        assert!(!wires.is_over());
        wires.cut();
        assert!(wires.is_over() && wires.ways[0].sent.is_empty());
        assert_eq!(wires.ways[0].arrived.len(), 3);
        let told = wires.readiness(1);
        assert!(told.readable && told.ended);
    }

    #[test]
    fn a_connection_is_over_when_both_sides_have_heard_the_others_end() {
        let mut wires = Wires::new(100);
        wires.phase = Phase::Up;
        wires.ways[0].ended = true;
        assert!(!wires.is_over() && wires.readiness(1).ended);
        assert!(!wires.readiness(0).ended);
        wires.ways[1].ended = true;
        assert!(wires.is_over());
    }
}
