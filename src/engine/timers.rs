//! Which timers still mean something.

use super::Engine;
use crate::link::{Link, Stage};
use crate::reactor::Timer;

impl<D> Engine<D> {
    /// Whether a timer still means something: its connection is there, and waits for it.
    pub(crate) fn is_current(&mut self, timer: Timer) -> bool {
        let stage = |link: &mut Link| link.stage;
        match timer {
            Timer::Handshake(place) => self.link(place).map(stage) == Some(Stage::Handshake),
            Timer::Session { place, at } => self
                .link(place)
                .is_some_and(|link| link.is_established() && link.session.awaits_timer(at)),
            Timer::Acknowledged { place, .. } => self.link(place).is_some(),
            Timer::Leave { link, epoch } => {
                self.links.get(link).is_some_and(|link| link.epoch == epoch)
            }
            Timer::Forget | Timer::Trim | Timer::Linger | Timer::Pending | Timer::Accept => true,
            #[cfg(feature = "log")]
            Timer::StillLingering => true,
            #[cfg(test)]
            Timer::Panic => true,
        }
    }
}
