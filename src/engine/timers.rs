//! Timers: which of them still mean something, and what is done when one is due.

use std::time::{Duration, Instant};

use super::actions::Action;
use super::Engine;
use crate::link::ended::Ended;
use crate::reactor::{ConnectionId, Timer};

/// What a timer leaves to be done outside the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rest {
    Nothing,
    /// A connection may have something to write.
    Flush(ConnectionId),
    /// The system is to be asked what the peer's has acknowledged.
    AskAcknowledged {
        id: ConnectionId,
        since: Instant,
        pause: Duration,
    },
    /// What is beside the engine gives memory back too.
    Trim,
    #[cfg(test)]
    Panic,
}

impl<D> Engine<D> {
    /// Whether a timer still means something: its connection is there, and waits for it.
    pub(crate) fn is_current(&mut self, timer: Timer) -> bool {
        match timer {
            Timer::Handshake(id) => self.is_in_handshake(id),
            Timer::Session { id, at } => self.link(id).is_some_and(|link| link.awaits_timer(at)),
            Timer::Acknowledged { id, .. } => self.link(id).is_some(),
            Timer::Leave {
                link,
                first_generation,
            } => self
                .links
                .get(link)
                .is_some_and(|link| link.first_generation() == first_generation),
            Timer::Forget | Timer::Trim | Timer::Linger | Timer::Pending | Timer::Accept => true,
            #[cfg(any(feature = "log", feature = "tracing"))]
            Timer::StillLingering => true,
            #[cfg(test)]
            Timer::Panic => true,
        }
    }

    /// A timer is due.
    pub(crate) fn handle_timer(&mut self, timer: Timer, now: Instant) -> Rest {
        match timer {
            Timer::Handshake(id) => self.end_handshake(id),
            Timer::Session { id, at } => {
                if self.handle_session_timeout(id, at, now) {
                    return Rest::Flush(id);
                }
                self.advance(id);
            }
            Timer::Acknowledged { id, since, pause } => {
                return Rest::AskAcknowledged { id, since, pause };
            }
            Timer::Pending => self.end_overdue(now),
            Timer::Accept => {
                self.admission.asks_again();
                self.actions.push(Action::Accept);
            }
            Timer::Forget => {
                if self.forget_slice() {
                    self.forget_later();
                }
            }
            Timer::Trim => {
                if self.trim() {
                    return Rest::Trim;
                }
            }
            Timer::Linger => self.end_linger(),
            #[cfg(any(feature = "log", feature = "tracing"))]
            Timer::StillLingering => self.say_lingering(),
            Timer::Leave {
                link,
                first_generation,
            } => self.end_flushing(link, first_generation),
            #[cfg(test)]
            Timer::Panic => return Rest::Panic,
        }
        Rest::Nothing
    }

    /// A handshake of a connection that `connect` made has had its time.
    fn end_handshake(&mut self, id: ConnectionId) {
        if self.is_in_handshake(id) {
            self.end_connection(id.link, Ended::HandshakeTimeout);
        }
        self.advance(id);
    }
}
