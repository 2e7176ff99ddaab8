//! What is done when a timer of the socket is due: handshakes, heartbeats, linger, and memory to give back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::core::Core;
use super::locked::Locked;
use crate::clock;
use crate::engine::actions::Action;
use crate::link::connection::Connection;
use crate::link::reader::Ended;
use crate::link::writer::Writer;
use crate::link::Stage;
use crate::reactor::{ConnectionId, Timer};
use crate::tuning;

impl Core {
    /// A timer of one of the connections is due.
    pub(super) fn on_link_timer(&self, timer: Timer) {
        let mut locked = self.lock();
        let engine = locked.engine();
        let id = match timer {
            #[cfg(test)]
            Timer::Panic => std::panic::panic_any("a test asked for it"),
            Timer::Handshake(id) => {
                if engine
                    .link(id)
                    .is_some_and(|link| link.stage == Stage::Handshake)
                {
                    engine.end_connection(id.link, Ended::HandshakeTimeout);
                }
                id
            }
            Timer::Session { id, at } => {
                if engine.handle_session_timeout(id, at, clock::now()) {
                    self.flush(&mut locked, id.link);
                }
                id
            }
            Timer::Acknowledged { id, since, pause } => {
                return self.look_if_acknowledged(&mut locked, id, since, pause)
            }
            Timer::Pending => {
                return engine.end_overdue(clock::now());
            }
            Timer::Accept => {
                engine.admission.asks_again();
                return engine.actions.push(Action::Accept);
            }
            Timer::Forget => {
                if engine.forget_slice() {
                    engine.set_timer_after(Duration::ZERO, Timer::Forget);
                } else {
                    engine.forgetting = false;
                }
                return;
            }
            Timer::Trim => {
                if !engine.trim() {
                    return;
                }
                self.fast_path.release_memory();
                return self.buffers.trim();
            }
            Timer::Linger => return engine.end_linger(),
            #[cfg(feature = "log")]
            Timer::StillLingering => return engine.say_lingering(),
            Timer::Leave {
                link,
                first_generation,
            } => return engine.end_flushing(link, first_generation),
        };
        locked.engine().advance(id);
    }

    /// Notes what the peer's system has of a link that is on its way out.
    ///
    /// A peer that was told that no more comes has some time to end its side. After that, closing loses
    /// nothing once its system has everything; until then the end of linger is the only bound.
    pub(super) fn look_if_acknowledged(
        &self,
        locked: &mut Locked<'_>,
        id: ConnectionId,
        since: Instant,
        pause: Duration,
    ) {
        let link = locked.engine().link(id);
        let Some(connection) = link.and_then(|link| link.connection.as_ref()) else {
            return;
        };
        let stream = Arc::clone(connection.stream());
        let written = connection.writer().map(Writer::written);
        // That it is over may not have been seen yet: the event says so, which comes later.
        let (bytes, over) = locked.unlocked(|| (stream.unacknowledged(), stream.is_over()));
        let engine = locked.engine();
        let Some(link) = engine.link(id) else {
            return;
        };
        let finished = link.ending.is_half_closed();
        let pings = link.session.is_pinged();
        let writer = link.connection.as_mut().and_then(Connection::writer_mut);
        if let (Some(bytes), Some(written), Some(writer), false) = (bytes, written, writer, over) {
            writer.note_unacknowledged(written, bytes);
        }
        // A peer that goes on sending would have its connection reset, and may then not read what its
        // system has for it: such a peer has until it ends its side, or linger is over.
        let done = finished && !over && bytes == Some(0) && !pings;
        if done && clock::now().saturating_duration_since(since) >= tuning::HALF_CLOSED {
            engine.end_connection(id.link, Ended::ByUs);
            engine.advance(id);
        } else if bytes.is_some() {
            let pause = (pause * 2).min(tuning::HALF_CLOSED_LOOK_MAX);
            let timer = Timer::Acknowledged { id, since, pause };
            engine.set_timer_after(pause, timer);
        }
    }
}
