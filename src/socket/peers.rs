//! Connections come and go: adopting them, losing them, trying again, keeping them alive.

use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::actions::Action;
use super::core::{token_of, Core};
use super::locked::Locked;
use super::random;
use super::service::Reading;
use super::state::{Life, State};
use crate::endpoint::Endpoint;
use crate::link::liveness::Liveness;
use crate::link::reader::{Ended, Reader};
use crate::link::writer::{Writer, Wrote};
use crate::link::{Link, Origin, Stage, Wire};
use crate::monitor::EventKind;
use crate::options::Options;
use crate::reactor::{Place, Timer};
use crate::transport::Stream;
use crate::tuning;
use crate::zmtp::connection::{Handshake, Local};
use crate::zmtp::encoder::Outbox;

/// A greeting and a READY without a routing id of its own take less: no need to grow.
const HELLO: usize = 128;

/// A connection that is not a link's yet.
struct Arrival {
    stream: Arc<Stream>,
    reader: Box<Reader>,
    writer: Box<Writer>,
    /// What is said first.
    hello: Outbox,
}

impl Core {
    /// A listener brought a connection.
    pub(super) fn adopt_accepted(&self, endpoint: &Arc<Endpoint>, stream: Stream) {
        let arrival = self.arrival(stream);
        let mut locked = self.lock();
        let state = locked.engine();
        if state.life != Life::Open {
            return;
        }
        let serial = state.next_serial();
        let (origin, stage) = (Origin::Accepted, Stage::Handshake);
        let link = Link::new(serial, origin, stage, Arc::clone(endpoint), &self.options);
        let key = state.links.insert(link);
        if let Some(gone) = state.admission.enter(Instant::now()) {
            state.end_wire(gone.link, Ended::Crowded);
            self.after_io(state, gone);
        }
        let place = Place { link: key, serial };
        self.adopt(&mut locked, place, arrival, EventKind::Accepted);
    }

    /// `connect` brought a connection, or could not.
    pub(super) fn adopt_connected(&self, place: Place, outcome: io::Result<Stream>) {
        let outcome = outcome.map(|stream| self.arrival(stream));
        let mut locked = self.lock();
        let state = locked.engine();
        if state.life == Life::Closed || state.link(place).is_none() {
            return;
        }
        match outcome {
            Ok(arrival) => {
                let serial = state.next_serial();
                if let Some(link) = state.link(place) {
                    link.serial = serial;
                    link.stage = Stage::Handshake;
                }
                let place = Place { serial, ..place };
                self.adopt(&mut locked, place, arrival, EventKind::Connected);
            }
            Err(error) => {
                let reason = error.to_string();
                state.report(place.link, EventKind::ConnectFailed { reason });
                self.try_again(state, place.link);
                self.check_closed(state);
            }
        }
    }

    /// Makes for a connection what its link will need.
    fn arrival(&self, stream: Stream) -> Arrival {
        let stream = Arc::new(stream);
        let mut handshake = Handshake::new(Local {
            socket_type: self.socket_type,
            routing_id: self.options.routing_id.clone(),
            max_message_size: self.options.max_message_size,
            recv_hwm_bytes: self.options.recv_hwm_bytes,
            max_message_frames: self.options.max_message_frames,
        });
        let mut bytes = Vec::with_capacity(HELLO);
        handshake.start(&mut bytes);
        let mut hello = Outbox::default();
        hello.push_raw(&bytes);
        Arrival {
            reader: Box::new(Reader::new(Arc::clone(&stream), handshake)),
            writer: Box::new(Writer::new(Arc::clone(&stream))),
            hello,
            stream,
        }
    }

    /// Gives a link its connection, and says hello.
    ///
    /// Whoever calls has often said all of its own by the time it is accepted. Then the handshake is
    /// one read and one write, here, and nobody else is woken for it.
    fn adopt(&self, locked: &mut Locked<'_>, place: Place, arrival: Arrival, event: EventKind) {
        let accepted = event == EventKind::Accepted;
        let state = locked.engine();
        let pass = state.take_pass();
        let Some(link) = state.link(place) else {
            return;
        };
        link.wire = Some(Wire::held(Arc::clone(&arrival.stream)));
        let mut reading = Reading {
            place,
            reader: arrival.reader,
            room: link.inward.room(),
            pass,
        };
        state.report(place.link, event);
        let (mut writer, mut hello) = (arrival.writer, arrival.hello);
        let (wrote, watched) = locked.unlocked(|| {
            if accepted {
                reading.pass(&self.buffers);
            }
            hello.push_raw(&reading.pass.reply);
            reading.pass.reply.clear();
            writer.load(&mut hello);
            let wrote = writer.pass();
            let watched = self.watch(place, &arrival.stream);
            self.ask_for_room(place, &mut writer, matches!(wrote, Wrote::Blocked));
            (wrote, watched)
        });
        let state = locked.engine();
        state.put_reader(reading, &Instant::now);
        let more = state.put_writer(place, writer, wrote);
        if let Err(error) = watched {
            state.end_wire(place.link, Ended::Io(error));
        }
        self.bound_handshake(state, place, accepted);
        if more {
            self.flush(locked, place.link);
        }
        let state = locked.engine();
        self.after_io(state, place);
        if !state.ready.is_empty() {
            // More than one pass found, and no event will tell: whoever drives shall look.
            state.wake_waiters();
            if state.lease.is_reactors() {
                state.actions.push(Action::Drive);
            }
        }
    }

    /// Has the socket's poll tell what comes, and what came already. The link is in its place by
    /// now: the first event may come before this returns, and must find it.
    fn watch(&self, place: Place, stream: &Stream) -> io::Result<()> {
        let Some(poll) = self.poll_if_any() else {
            return Ok(());
        };
        stream.watch(&poll.registry, token_of(place), mio::Interest::READABLE)
    }

    /// A handshake that did not end at once is given its time; accepted ones have one timer together.
    fn bound_handshake(&self, state: &mut State, place: Place, accepted: bool) {
        let link = state.link(place);
        if link.is_none_or(|link| link.stage != Stage::Handshake) {
            return;
        }
        if accepted {
            return self.admit_stranger(state, place, Instant::now());
        }
        if let Some(timeout) = self.options.handshake_timeout {
            state.set_timer_after(timeout, Timer::Handshake(place));
        }
    }

    /// Has a link without a connection connect, after the pause that is due.
    pub(super) fn try_again(&self, state: &mut State, key: usize) {
        let Some(link) = state.links.get_mut(key) else {
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
        let idle = link.leaving || state.life != Life::Open;
        if spent || idle && state.links.get(key).is_some_and(Link::is_flushed) {
            let kind = if spent {
                EventKind::ConnectGivenUp
            } else {
                EventKind::Closed
            };
            state.report(key, kind);
            state.abandon(key);
            return;
        }
        let after = pause(&self.options, setbacks);
        state.report(key, EventKind::ConnectRetried { after });
        self.connect_link(state, key, after);
    }

    /// Has a link connect.
    pub(super) fn connect_link(&self, state: &mut State, key: usize, after: Duration) {
        let Some(link) = state.links.get(key) else {
            return;
        };
        let place = Place {
            link: key,
            serial: link.serial,
        };
        let endpoint = Arc::clone(&link.endpoint);
        state.actions.push(Action::Connect {
            place,
            endpoint,
            after,
        });
    }

    /// A timer of one of the connections is due.
    pub(super) fn on_link_timer(&self, timer: Timer) {
        let mut locked = self.lock();
        let state = locked.engine();
        let place = match timer {
            #[cfg(test)]
            Timer::Panic => std::panic::panic_any("a test asked for it"),
            Timer::Handshake(place) => {
                if state
                    .link(place)
                    .is_some_and(|link| link.stage == Stage::Handshake)
                {
                    state.end_wire(place.link, Ended::HandshakeTimeout);
                }
                place
            }
            Timer::Heartbeat(place) => {
                self.send_ping(state, place, Instant::now());
                self.flush(&mut locked, place.link);
                place
            }
            Timer::Alive(place) => {
                self.check_alive(state, place, Instant::now());
                place
            }
            Timer::PeerTtl { place, at } => {
                state.check_peer_ttl(place, at, Instant::now());
                place
            }
            Timer::Show(place) => {
                state.show_life(place, Instant::now());
                self.flush(&mut locked, place.link);
                place
            }
            Timer::Acknowledged {
                place,
                since,
                pause,
            } => return self.look_if_acknowledged(&mut locked, place, since, pause),
            Timer::Farewell(place) => {
                if state.link(place).is_some() {
                    state.end_wire(place.link, Ended::Linger);
                }
                place
            }
            Timer::Pending => {
                return self.end_overdue(state, Instant::now());
            }
            Timer::Accept => {
                state.accept_timer = false;
                return state.actions.push(Action::Accept);
            }
            Timer::Forget => {
                if state.pattern.forget_departed() {
                    state.set_timer_after(Duration::ZERO, Timer::Forget);
                } else {
                    state.forgetting = false;
                }
                return;
            }
            Timer::Slim => {
                state.slim();
                return self.buffers.slim();
            }
            Timer::Linger => return self.end_linger(state),
            #[cfg(feature = "log")]
            Timer::StillLingering => return self.say_lingering(state),
            Timer::Leave { link, epoch } => {
                if state.links.get(link).is_none_or(|link| link.epoch != epoch) {
                    return;
                }
                let place = state.give_up(link);
                return self.after_io(state, place);
            }
        };
        self.after_io(locked.engine(), place);
    }

    /// Notes what the peer's system has of a link that is on its way out.
    ///
    /// A peer that was told that no more comes has some time to end its side. After that, closing loses
    /// nothing once its system has everything; until then the end of linger is the only bound.
    fn look_if_acknowledged(
        &self,
        locked: &mut Locked<'_>,
        place: Place,
        since: Instant,
        pause: Duration,
    ) {
        let link = locked.engine().link(place);
        let Some(wire) = link.and_then(|link| link.wire.as_ref()) else {
            return;
        };
        let stream = Arc::clone(&wire.stream);
        let written = wire.writer.as_ref().map(|writer| writer.written());
        // That it is over may not have been seen yet: the event says so, which comes later.
        let (bytes, over) = locked.unlocked(|| (stream.unacknowledged(), stream.is_over()));
        let state = locked.engine();
        let Some(link) = state.link(place) else {
            return;
        };
        let finished = link.stage == Stage::Farewell;
        let pings = link.liveness.as_ref().is_some_and(Liveness::is_pinged);
        let writer = link.wire.as_mut().and_then(|wire| wire.writer.as_mut());
        if let (Some(bytes), Some(written), Some(writer), false) = (bytes, written, writer, over) {
            writer.note_unacknowledged(written, bytes, finished);
        }
        // A peer that goes on sending would have its connection reset, and may then not read what its
        // system has for it: such a peer has until it ends its side, or linger is over.
        let done = finished && !over && bytes == Some(0) && !pings;
        if done && since.elapsed() >= tuning::FAREWELL {
            state.end_wire(place.link, Ended::ByUs);
            self.after_io(state, place);
        } else if bytes.is_some() {
            let pause = (pause * 2).min(tuning::FAREWELL_LOOK_MAX);
            let timer = Timer::Acknowledged {
                place,
                since,
                pause,
            };
            state.set_timer_after(pause, timer);
        }
    }
}

impl State {
    /// A connection of `connect` is gone: keeps the queue for the next one.
    pub(super) fn await_reconnect(&mut self, key: usize, rewound: Outbox, immediate: bool) {
        let serial = self.next_serial();
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.serial = serial;
        link.stage = Stage::Waiting;
        if !rewound.is_empty() {
            let mut all = rewound;
            all.append_copy(&link.outbox);
            link.outbox = all;
        }
        link.outward
            .settle(link.outbox.messages(), link.outbox.bytes());
        let unsent = link.outbox.messages() > 0;
        let room = !link.outward.is_full() && !immediate && !link.leaving;
        // The pattern knows that what is left in the inbox may hold the answer, or mere noise.
        if !unsent {
            self.pattern.connection_lost(key);
        }
        self.pattern.set_room(key, room);
        self.reconnect.push(key);
        self.wake_waiters();
    }

    /// Gives a link up for good; what it had queued is lost, and counted.
    pub(super) fn abandon(&mut self, key: usize) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let lost = link.undelivered() as u64;
        self.count_lost(lost);
        self.remove_link(key);
    }

    /// The time of a link is over: it goes, with its connection if it has one.
    pub(super) fn give_up(&mut self, key: usize) -> Place {
        let Some(link) = self.links.get_mut(key) else {
            return Place {
                link: key,
                serial: 0,
            };
        };
        link.leaving = true;
        let place = Place {
            link: key,
            serial: link.serial,
        };
        if let Some(wire) = &mut link.wire {
            // Whatever else was wrong with it: it is not to come back.
            wire.ended = Some(Ended::Linger);
            wire.broken = true;
        } else {
            self.abandon(key);
        }
        place
    }

    /// Whether a timer still means something: its connection is there, and waits for it.
    pub(super) fn is_current(&mut self, timer: Timer) -> bool {
        let stage = |link: &mut Link| link.stage;
        match timer {
            Timer::Handshake(place) => self.link(place).map(stage) == Some(Stage::Handshake),
            Timer::Heartbeat(place) | Timer::Alive(place) | Timer::Show(place) => {
                self.link(place).map(stage) == Some(Stage::Up)
            }
            Timer::PeerTtl { place, at } => self
                .link(place)
                .and_then(|link| link.liveness.as_ref())
                .is_some_and(|liveness| liveness.watches_ttl_at(at)),
            Timer::Farewell(place) | Timer::Acknowledged { place, .. } => {
                self.link(place).is_some()
            }
            Timer::Leave { link, epoch } => {
                self.links.get(link).is_some_and(|link| link.epoch == epoch)
            }
            Timer::Forget | Timer::Slim | Timer::Linger | Timer::Pending | Timer::Accept => true,
            #[cfg(feature = "log")]
            Timer::StillLingering => true,
            #[cfg(test)]
            Timer::Panic => true,
        }
    }
}

/// The pause before the next try after `setbacks` in a row: doubling, and with up to half of it added
/// at random, so that a thousand peers of a restarted server do not come back in step.
fn pause(options: &Options, setbacks: u32) -> Duration {
    let first = options.reconnect_interval.max(Duration::from_millis(1));
    let most = options.reconnect_interval_max.max(first);
    let base = first.saturating_mul(1 << setbacks.min(20)).min(most);
    let jitter = u64::try_from(base.as_micros() / 2).unwrap_or(u64::MAX);
    base.saturating_add(Duration::from_micros(random::seed() % jitter.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_doubles_up_to_its_bound_and_is_never_in_step() {
        let options = Options::default();
        for failures in 0..40 {
            let base = (100u64 << failures.min(10)).min(2000);
            let got = pause(&options, failures).as_millis() as u64;
            assert!((base..=base * 3 / 2).contains(&got), "{failures}: {got}");
        }
        let never = Options {
            reconnect_interval: Duration::MAX,
            ..Options::default()
        };
        assert_eq!(pause(&never, 3), Duration::MAX);
        let distinct: std::collections::HashSet<_> = (0..50).map(|_| pause(&options, 0)).collect();
        assert!(distinct.len() > 1);
    }
}
