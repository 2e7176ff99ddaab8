//! A timer of the socket is due: what the engine leaves to be done about it with I/O, or beside the engine.

use std::time::{Duration, Instant};

use super::core::Core;
use super::locked::Locked;
use crate::clock;
use crate::engine::acknowledged::Answer;
use crate::engine::timers::Rest;
use crate::reactor::{ConnectionId, Timer};

impl Core {
    pub(super) fn handle_timer(&self, timer: Timer) {
        let mut locked = self.lock();
        match locked.engine().handle_timer(timer, clock::now()) {
            Rest::Nothing => {}
            Rest::Flush(id) => {
                self.flush(&mut locked, id.link);
                locked.engine().advance(id);
            }
            Rest::AskAcknowledged { id, since, pause } => {
                self.ask_acknowledged(&mut locked, id, since, pause);
            }
            Rest::Trim => {
                self.fast_path.release_memory();
                self.buffers.trim();
            }
            #[cfg(test)]
            Rest::Panic => std::panic::panic_any("a test asked for it"),
        }
    }

    /// Asks the system what the peer's has of what was written.
    pub(super) fn ask_acknowledged(
        &self,
        locked: &mut Locked<'_>,
        id: ConnectionId,
        since: Instant,
        pause: Duration,
    ) {
        let Some(asked) = locked.engine().acknowledged(id) else {
            return;
        };
        let answer = locked.unlocked(|| Answer {
            unacknowledged: asked.stream.unacknowledged(),
            over: asked.stream.is_over(),
        });
        let (engine, now) = (locked.engine(), clock::now());
        engine.note_acknowledged(id, &asked, &answer, (since, pause), now);
    }
}
