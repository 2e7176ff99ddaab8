//! A link of `connect` that has lost its connection, or could not get one, tries again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::actions::Action;
use super::{Engine, Life};
use crate::link::{Link, Stage};
use crate::monitor::EventKind;
use crate::options::Options;
use crate::reactor::{Place, Timer};
use crate::zmtp::outbox::Outbox;

impl<D> Engine<D> {
    /// Has a link without a connection connect, after the pause that is due.
    pub(crate) fn try_again(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let failures = link.failures;
        link.failures = failures.saturating_add(1);
        let setbacks = link.setbacks;
        link.setbacks = setbacks.saturating_add(1);
        let spent = self
            .options
            .reconnect_attempts
            .is_some_and(|most| failures >= most);
        // What is not wanted any more is not worth a connection.
        let idle = link.leaving || self.life != Life::Open;
        if spent || idle && self.links.get(key).is_some_and(Link::is_flushed) {
            let kind = if spent {
                EventKind::ConnectGivenUp
            } else {
                EventKind::Closed
            };
            self.report(key, kind);
            self.abandon(key);
            return;
        }
        let after = pause(&self.options, setbacks, self.jitter.next());
        self.report(key, EventKind::ConnectRetried { after });
        self.connect_link(key, after);
    }

    /// Has a link connect.
    pub(crate) fn connect_link(&mut self, key: usize, after: Duration) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let place = Place {
            link: key,
            serial: link.serial,
        };
        let endpoint = Arc::clone(&link.endpoint);
        self.actions.push(Action::Connect {
            place,
            endpoint,
            after,
        });
    }

    /// A handshake that did not end at once is given its time; accepted ones have one timer together.
    pub(crate) fn bound_handshake(&mut self, place: Place, accepted: bool, now: Instant) {
        let link = self.link(place);
        if link.is_none_or(|link| link.stage != Stage::Handshake) {
            return;
        }
        if accepted {
            return self.admit_stranger(place, now);
        }
        if let Some(timeout) = self.options.handshake_timeout {
            self.set_timer_after(timeout, Timer::Handshake(place));
        }
    }

    /// A connection of `connect` is gone: keeps the queue for the next one.
    pub(super) fn await_reconnect(&mut self, key: usize, rewound: Outbox, immediate: bool) {
        let serial = self.next_serial();
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.serial = serial;
        link.stage = Stage::Waiting;
        link.send_queue.requeue(rewound);
        let unsent = link.send_queue.messages() > 0;
        let room = !link.send_queue.is_full() && !immediate && !link.leaving;
        // The pattern knows that what is left in the inbox may hold the answer, or mere noise.
        if !unsent {
            self.pattern.connection_lost(key);
        }
        self.pattern.set_room(key, room);
        self.reconnect.push(key);
        self.wake_waiters();
    }
}

/// The pause before the next try after `setbacks` in a row: doubling, and with up to half of it added
/// at random, so that a thousand peers of a restarted server do not come back in step.
fn pause(options: &Options, setbacks: u32, dice: u64) -> Duration {
    let first = options.reconnect_interval.max(Duration::from_millis(1));
    let most = options.reconnect_interval_max.max(first);
    let base = first.saturating_mul(1 << setbacks.min(20)).min(most);
    let jitter = u64::try_from(base.as_micros() / 2).unwrap_or(u64::MAX);
    base.saturating_add(Duration::from_micros(dice % jitter.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::jitter::Jitter;

    #[test]
    fn the_pause_doubles_up_to_its_bound_and_is_never_in_step() {
        let options = Options::default();
        let mut dice = Jitter::new(7);
        for failures in 0..40 {
            let base = (100u64 << failures.min(10)).min(2000);
            let got = pause(&options, failures, dice.next()).as_millis() as u64;
            assert!((base..=base * 3 / 2).contains(&got), "{failures}: {got}");
        }
        let never = Options {
            reconnect_interval: Duration::MAX,
            ..Options::default()
        };
        assert_eq!(pause(&never, 3, dice.next()), Duration::MAX);
        let distinct: std::collections::HashSet<_> =
            (0..50).map(|_| pause(&options, 0, dice.next())).collect();
        assert!(distinct.len() > 1);
    }
}
