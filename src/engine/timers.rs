//! Which timers still mean something.

use super::Engine;
use crate::link::{Link, Stage};
use crate::reactor::Timer;

impl<D> Engine<D> {
    /// Whether a timer still means something: its connection is there, and waits for it.
    pub(crate) fn is_current(&mut self, timer: Timer) -> bool {
        let stage = |link: &mut Link| link.stage;
        match timer {
            Timer::Handshake(id) => self.link(id).map(stage) == Some(Stage::Handshake),
            Timer::Session { id, at } => self
                .link(id)
                .is_some_and(|link| link.is_established() && link.session.awaits_timer(at)),
            Timer::Acknowledged { id, .. } => self.link(id).is_some(),
            Timer::Leave {
                link,
                first_generation,
            } => self
                .links
                .get(link)
                .is_some_and(|link| link.first_generation == first_generation),
            Timer::Forget | Timer::Trim | Timer::Linger | Timer::Pending | Timer::Accept => true,
            #[cfg(feature = "log")]
            Timer::StillLingering => true,
            #[cfg(test)]
            Timer::Panic => true,
        }
    }
}
