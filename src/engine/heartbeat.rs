//! Keeping connections alive, and finding those that are not (RFC 37, "Heartbeating"): what is done
//! when a timer of [`Liveness`] is due.

use std::time::{Duration, Instant};

use super::Engine;
use crate::link::liveness::{Liveness, Pulse};
use crate::link::reader::Ended;
use crate::link::Stage;
use crate::reactor::{Place, Timer};
use crate::tuning;
use crate::zmtp::command::{Command as Zmtp, PingContext};

impl<D> Engine<D> {
    /// RFC 37, "Heartbeating": a PING every interval; anything that the peer sends is an answer.
    pub(crate) fn send_ping(&mut self, place: Place, now: Instant) {
        let Some(interval) = self.options.heartbeat_interval else {
            return;
        };
        // The wire counts tenths of a second in 16 bits.
        let ttl = self.options.heartbeat_ttl.unwrap_or_default().as_millis() / 100;
        let ttl = u16::try_from(ttl).unwrap_or(u16::MAX);
        let timeout = self.heartbeat_timeout();
        let Some(link) = self.link(place).filter(|link| link.stage == Stage::Up) else {
            return;
        };
        // One that the peer does not take is enough to say so.
        if link.takes_bytes() || link.control.is_empty() {
            link.control.push_command(&Zmtp::Ping {
                ttl,
                context: PingContext::default(),
            });
        }
        let liveness = link.liveness.as_mut();
        if let Some(at) = liveness.and_then(|liveness| liveness.ping(now, timeout)) {
            self.set_timer(at, Timer::Alive(place));
        }
        let interval = interval.max(tuning::HEARTBEAT_LEAST);
        self.set_timer_after(interval, Timer::Heartbeat(place));
    }

    fn heartbeat_timeout(&self) -> Duration {
        let interval = self.options.heartbeat_interval.unwrap_or(Duration::MAX);
        let timeout = self.options.heartbeat_timeout.unwrap_or(interval);
        timeout.max(tuning::HEARTBEAT_LEAST)
    }

    pub(crate) fn check_alive(&mut self, place: Place, now: Instant) {
        let timeout = self.heartbeat_timeout();
        let pulse = self.take_pulse(place, |liveness, deaf| {
            liveness.ping_due(now, timeout, deaf)
        });
        match pulse {
            Pulse::Silent => self.end_wire(place.link, Ended::Silent),
            Pulse::LookAt(at) => self.set_timer(at, Timer::Alive(place)),
            Pulse::Done => {}
        }
    }
}

impl<D> Engine<D> {
    /// Asks of a connection that is up whether its peer lives.
    fn take_pulse(
        &mut self,
        place: Place,
        ask: impl FnOnce(&mut Liveness, bool) -> Pulse,
    ) -> Pulse {
        let waits = self.work.is_to_be_read(place.link);
        let Some(link) = self.link(place).filter(|link| link.stage == Stage::Up) else {
            return Pulse::Done;
        };
        let deaf = link.is_deaf(waits);
        let liveness = link.liveness.as_mut();
        liveness.map_or(Pulse::Done, |liveness| ask(liveness, deaf))
    }

    pub(crate) fn check_peer_ttl(&mut self, place: Place, at: Instant, now: Instant) {
        let pulse = self.take_pulse(place, |liveness, deaf| liveness.ttl_due(at, now, deaf));
        match pulse {
            Pulse::Silent => self.end_wire(place.link, Ended::PeerTtl),
            Pulse::LookAt(at) => self.set_timer(at, Timer::PeerTtl { place, at }),
            Pulse::Done => {}
        }
    }

    /// A PONG that nobody asked for, towards a peer whose PINGs wait unread behind its messages: to
    /// libzmq as to this library, whatever comes is a sign of life.
    pub(crate) fn show_life(&mut self, place: Place, now: Instant) {
        let Some(link) = self.link(place).filter(|link| link.stage == Stage::Up) else {
            return;
        };
        if link.takes_bytes() && link.control.is_empty() {
            let context = PingContext::default();
            link.control.push_command(&Zmtp::Pong { context });
        }
        let paused = link.recv_queue.is_paused();
        let liveness = link.liveness.as_mut();
        if let Some(at) = liveness.and_then(|l| l.show_due(now, paused)) {
            self.set_timer(at, Timer::Show(place));
        }
    }
}
