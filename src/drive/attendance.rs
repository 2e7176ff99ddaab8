//! Waiting until peers are there, or have subscribed.

use std::time::Duration;

use super::core::{Core, Engine};
use crate::clock;
use crate::error::{Error, WaitError};
use crate::reactor::timers::deadline;

impl Core {
    /// Waits until so many peers are there. Returns how many are.
    pub(crate) fn wait_for_peers(
        &self,
        wanted: usize,
        timeout: Option<Duration>,
    ) -> Result<usize, WaitError> {
        self.wait_for(wanted, timeout, Engine::peers)
    }

    /// Waits until so many of the peers that are there get what begins with `topic`. Returns how many
    /// do.
    pub(crate) fn wait_for_subscribers(
        &self,
        topic: &[u8],
        wanted: usize,
        timeout: Option<Duration>,
    ) -> Result<usize, WaitError> {
        if !self.lock().engine().can().publishes {
            return Err(WaitError::Unsupported);
        }
        self.wait_for(wanted, timeout, |engine| engine.subscribers(topic))
    }

    fn wait_for(
        &self,
        wanted: usize,
        timeout: Option<Duration>,
        count: impl Fn(&Engine) -> usize,
    ) -> Result<usize, WaitError> {
        let deadline = timeout.and_then(|timeout| deadline(clock::now(), timeout));
        let mut locked = self.lock_for_call();
        locked.engine().begin_awaiting_peers();
        let mut looked = false;
        let outcome = loop {
            let engine = locked.engine();
            if let Err(error) = engine.check_open() {
                break Err(match error {
                    Error::ReactorDied => WaitError::ReactorDied,
                    _ => WaitError::Closed,
                });
            }
            let there = count(engine);
            if there >= wanted {
                break Ok(there);
            }
            let left = deadline.map(|deadline| deadline.saturating_duration_since(clock::now()));
            if looked && left == Some(Duration::ZERO) {
                break Err(WaitError::TimedOut { there, wanted });
            }
            looked |= self.await_change(&mut locked, left);
        };
        locked.engine().end_awaiting_peers();
        outcome
    }
}
