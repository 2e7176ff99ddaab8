//! Whether to try what pays only at times: to look around before going to sleep, or to ask for help.

use crate::tuning;

/// Whether trying pays. Waiting awake for an inproc peer does in a stream or a quick exchange, and is
/// waste when messages are rare; so is a helper that finds everything done when it comes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Glance {
    /// Occasions still to be let pass before the next try.
    blind: u8,
    /// How many that will be after the next vain try.
    next: u8,
}

impl Glance {
    pub(crate) fn pays(&mut self) -> bool {
        let pays = self.blind == 0;
        self.blind = self.blind.saturating_sub(1);
        pays
    }

    pub(crate) fn learn(&mut self, paid: bool) {
        if paid {
            *self = Glance::default();
        } else {
            self.next = (self.next * 2 + 1).min(tuning::BLIND_WAITS);
            self.blind = self.next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looking_in_vain_becomes_rare_and_a_success_brings_it_back() {
        let mut glance = Glance::default();
        let mut looks = 0;
        for _ in 0..1000 {
            if glance.pays() {
                looks += 1;
                glance.learn(false);
            }
        }
        assert!(looks < 70, "{looks}");
        while !glance.pays() {}
        glance.learn(true);
        assert!(glance.pays() && glance.pays());
    }
}
