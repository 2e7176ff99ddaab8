//! Adaptive waiting: whether to try what pays only at times, to wait awake before going to sleep or to ask
//! for help; and a moment awake.

use crate::tuning;

#[cfg(test)]
thread_local! {
    /// How often this thread has paused.
    pub(crate) static PAUSES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A moment awake: 150 to 500 nanoseconds, as processors differ in what a pause is.
fn pause() {
    #[cfg(test)]
    PAUSES.set(PAUSES.get() + 1);
    for _ in 0..tuning::PAUSES {
        std::hint::spin_loop();
    }
}

/// Waits awake for some microseconds at most, until there is something to see. True: there is.
pub(crate) fn spin(seen: impl Fn() -> bool) -> bool {
    look(tuning::SPINS, seen)
}

/// The same, for so many looks.
pub(crate) fn look(times: u32, seen: impl Fn() -> bool) -> bool {
    (0..times).any(|_| {
        pause();
        seen()
    })
}

/// Whether trying pays. Waiting awake for an inproc peer does in a stream or a quick exchange, and is
/// waste when messages are rare; so is a helper that finds everything done when it comes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Backoff {
    /// Occasions still to be let pass before the next try.
    skip: u8,
    /// How many there were after the last vain try.
    last: u8,
}

impl Backoff {
    pub(crate) fn pays(&mut self) -> bool {
        let pays = self.skip == 0;
        self.skip = self.skip.saturating_sub(1);
        pays
    }

    pub(crate) fn learn(&mut self, paid: bool) {
        if paid {
            *self = Backoff::default();
        } else {
            self.last = (self.last * 2 + 1).min(tuning::BACKOFF);
            self.skip = self.last;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_in_vain_becomes_rare_and_a_success_brings_it_back() {
        let mut backoff = Backoff::default();
        let mut looks = 0;
        for _ in 0..1000 {
            if backoff.pays() {
                looks += 1;
                backoff.learn(false);
            }
        }
        assert!(looks < 70, "{looks}");
        while !backoff.pays() {}
        backoff.learn(true);
        assert!(backoff.pays() && backoff.pays());
    }
}
