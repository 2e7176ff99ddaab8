//! When to write: a lone message at once, a stream in large pieces. Interrupt coalescing, for sends.
//!
//! ```text
//!                  BURST_SENDS sends, each within BURST_GAP of the last write
//!          cold ────────────────────────────────────────────────────────────► hot
//!   every sender writes                                        senders only queue; the one that fills
//!   what it sent                                           a batch writes it; the sweep writes the rest
//!          ▲                                                                   │
//!          └───────────────────────────────────────────────────────────────────┘
//!                          COOL_SWEEPS sweeps in a row find nothing queued
//! ```
//!
//! Hot senders read no clock. Time is an argument.

use std::time::Instant;

use crate::tuning::{BURST_GAP, BURST_SENDS, COOL_SWEEPS};

/// Whether a socket is hot: whether its sends are coalesced.
#[derive(Debug, Default)]
pub(crate) struct Heat {
    hot: bool,
    /// Sends in a row that came within the gap; counts only while cold.
    quick: u8,
    /// Sweeps in a row that found nothing; counts only while hot.
    idle: u8,
    last_write: Option<Instant>,
}

impl Heat {
    /// Whether senders only queue.
    #[inline]
    pub(crate) fn is_hot(&self) -> bool {
        self.hot
    }

    /// A cold sender is about to write. True: it turned the socket hot, and need not write.
    pub(crate) fn before_write(&mut self, now: Instant) -> bool {
        let quick = self
            .last_write
            .is_some_and(|last| now.saturating_duration_since(last) < BURST_GAP);
        self.quick = if quick {
            self.quick.saturating_add(1)
        } else {
            0
        };
        if self.quick < BURST_SENDS {
            return false;
        }
        *self = Heat {
            hot: true,
            ..Heat::default()
        };
        true
    }

    /// A cold sender has written.
    pub(crate) fn after_write(&mut self, now: Instant) {
        self.last_write = Some(now);
    }

    /// A sweep came by and found something to write, or not. True: still hot.
    pub(crate) fn sweep(&mut self, found: bool) -> bool {
        if !self.hot {
            return false;
        }
        self.idle = if found { 0 } else { self.idle + 1 };
        if self.idle >= COOL_SWEEPS {
            *self = Heat::default();
        }
        self.hot
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_lone_message_is_always_written_by_its_sender() {
        let mut heat = Heat::default();
        let mut now = Instant::now();
        for _ in 0..100 {
            assert!(!heat.before_write(now));
            now += Duration::from_micros(5);
            heat.after_write(now);
            now += BURST_GAP;
        }
        assert!(!heat.is_hot());
    }

    #[test]
    fn a_burst_turns_hot_and_cools_when_it_is_over() {
        let mut heat = Heat::default();
        let mut now = Instant::now();
        let mut writes = 0;
        while !heat.before_write(now) {
            writes += 1;
            now += Duration::from_micros(5);
            heat.after_write(now);
            now += Duration::from_nanos(100);
        }
        assert_eq!(writes, usize::from(BURST_SENDS));
        assert!(heat.is_hot());
        for _ in 0..10 {
            assert!(heat.sweep(true));
            assert!(heat.sweep(false));
        }
        let sweeps = (1..).find(|_| !heat.sweep(false)).unwrap();
        assert_eq!(sweeps, COOL_SWEEPS - 1);
        assert!(!heat.is_hot());
    }
}
