//! Two ends, what is between them, and a clock that is a number.

use std::time::{Duration, Instant};

use super::end::{Beat, Dice, End};

pub(super) struct World {
    pub(super) ends: [End; 2],
    /// What end 0 and end 1 have sent and the other has not got.
    pub(super) wires: [Vec<u8>; 2],
    pub(super) start: Instant,
    /// Milliseconds since the start.
    pub(super) now: u64,
}

impl World {
    pub(super) fn new(large: bool, beat: Beat) -> World {
        World {
            ends: [End::new(0, large, beat), End::new(1, large, beat)],
            wires: [Vec::new(), Vec::new()],
            start: Instant::now(),
            now: 1,
        }
    }

    pub(super) fn clock(&self) -> Instant {
        self.start + Duration::from_millis(self.now)
    }

    pub(super) fn deliver(&mut self, from: usize, bytes: usize, room: usize) {
        let bytes = bytes.min(self.wires[from].len());
        let chunk: Vec<u8> = self.wires[from].drain(..bytes).collect();
        let clock = self.clock();
        self.ends[1 - from].receive(&chunk, room, self.now, clock);
    }

    /// Both ends lose what was on its way, and connect anew.
    pub(super) fn cut(&mut self) {
        let arrived = [0, 1].map(|end| self.ends[1 - end].received.clone());
        for (end, arrived) in self.ends.iter_mut().zip(&arrived) {
            end.lose(arrived);
        }
        self.wires = [Vec::new(), Vec::new()];
    }

    pub(super) fn pass_time(&mut self, ticks: u64) {
        self.now += ticks;
        let clock = self.clock();
        for end in &mut self.ends {
            end.tick(self.now, clock);
        }
        if self.ends.iter().any(|end| end.gave_up) {
            self.cut();
        }
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.wires.iter().all(Vec::is_empty)
            && self.ends.iter().all(|end| {
                let written = end.flight.is_empty() && !end.connection.has_output();
                written && end.outbox.is_empty() && end.connection.unused() == 0
            })
    }

    /// Lets everything arrive, then looks whether it was everything.
    pub(super) fn finish(&mut self) {
        let mut rounds = 0;
        while !self.is_quiet() {
            for end in 0..2 {
                self.ends[end].write(usize::MAX, &mut self.wires[end]);
                self.deliver(end, usize::MAX, usize::MAX);
            }
            rounds += 1;
            assert!(rounds < 1000, "it never ends");
        }
        for end in 0..2 {
            let mut all = self.ends[1 - end].received.clone();
            all.extend(&self.ends[end].forlorn);
            all.sort_unstable();
            let sent: Vec<_> = (0..self.ends[end].next).collect();
            assert_eq!(all, sent, "arrived, or lost with the kernel that had them");
        }
    }

    pub(super) fn step(&mut self, dice: &mut Dice, grain: usize) {
        let end = dice.below(2);
        match dice.below(100) {
            0..=14 => self.ends[end].send(),
            15..=54 => {
                let most = 1 + dice.below(grain);
                self.ends[end].write(most, &mut self.wires[end]);
            }
            55..=96 => {
                let (bytes, room) = (1 + dice.below(grain), 1 + dice.below(4));
                self.deliver(end, bytes, room);
            }
            97 => self.pass_time(1 + dice.below(40) as u64),
            98 => self.finish_one_way(end),
            _ => {
                if dice.below(3) == 0 {
                    self.cut();
                }
            }
        }
    }

    /// The wire is quick for once.
    pub(super) fn finish_one_way(&mut self, end: usize) {
        self.ends[end].write(usize::MAX, &mut self.wires[end]);
        self.deliver(end, usize::MAX, usize::MAX);
    }
}
