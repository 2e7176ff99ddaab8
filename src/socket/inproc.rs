//! inproc: sockets of one context meet by name, in either order, and exchange messages directly.

use std::sync::{Arc, Weak};

use super::actions::{Action, Discarded};
use super::core::Core;
use super::state::{Life, State};
use crate::context::{Answer, Caller, Member, NoAnswer};
use crate::endpoint::Endpoint;
use crate::link::pipe::{pipe, Door, Limits, Neighbour, PipeEnd};
use crate::link::{Link, Origin, Stage};
use crate::monitor::EventKind;
use crate::peer::PeerInfo;
use crate::reactor::Place;
use crate::stats::CloseReport;

impl Core {
    /// Gives a fresh or orphaned link an unanswered pipe, holding what it had queued.
    pub(super) fn connect_inproc(&self, state: &mut State, key: usize) {
        let Some(link) = state.links.get_mut(key) else {
            return;
        };
        let limits = self.send_limits();
        let (near, far) = pipe(limits, self.recv_limits());
        if link.pipe.is_none() {
            state.pipes += 1;
        }
        let old = link.pipe.take();
        if let Some((old, _)) = &old {
            // What nobody took is for whoever comes next.
            for message in old.reclaim() {
                near.put(message);
            }
        }
        let room = near.has_room() && !self.options.immediate && !link.leaving;
        link.pipe = Some((near, None));
        let old_far_end = link.far_end.replace(far);
        link.stage = Stage::Waiting;
        if link.attached {
            state.pattern.set_room(key, room);
        }
        for end in old.map(|(old, _)| old).into_iter().chain(old_far_end) {
            state.actions.discard(Discarded::Pipe(end));
        }
    }

    /// The first pipe has a way of its own.
    fn remember(&self, pipe: &PipeEnd, door: &Door) {
        if self.balances || self.prefetches {
            self.direct.get_or_init(|| (pipe.clone(), door.clone()));
        }
    }

    fn send_limits(&self) -> Limits {
        (self.options.send_hwm, self.options.send_hwm_bytes)
    }

    fn recv_limits(&self) -> Limits {
        (self.options.recv_hwm, self.options.recv_hwm_bytes)
    }

    fn my_door(&self, place: Place) -> Door {
        let socket: Weak<Core> = self.me.clone();
        Door {
            socket,
            link: place.link,
            serial: place.serial,
        }
    }

    fn my_info(&self) -> PeerInfo {
        let mut info = PeerInfo::new(self.socket_type);
        if self.socket_type.announces_routing_id() && !self.options.routing_id.is_empty() {
            info.routing_id = Some(self.options.routing_id.clone());
        }
        info
    }
}

impl Member for Core {
    fn close(&self) {
        self.begin_close();
    }

    fn close_and_wait(&self) -> CloseReport {
        Core::close_and_wait(self)
    }

    fn answer(&self, endpoint: &Arc<Endpoint>, caller: Caller) -> Result<Answer, NoAnswer> {
        if !self.socket_type.talks_to(caller.peer.socket_type) {
            return Err(NoAnswer::Unfit);
        }
        let mut locked = self.lock();
        let state = locked.engine();
        if state.life != Life::Open {
            return Err(NoAnswer::Unfit);
        }
        let serial = state.next_serial();
        let link = Link::new(
            serial,
            Origin::Accepted,
            // Up in `introduce`, where it is welcomed.
            Stage::Handshake,
            Arc::clone(endpoint),
            &self.options,
        );
        let key = state.links.insert(link);
        state.report(key, EventKind::Accepted);
        // Its subscriptions follow in `introduce`, when the caller knows where to find this end.
        if let Err(reason) = state.admit(key, caller.peer) {
            state.report(key, EventKind::PeerRefused { reason });
            // It has no pipe yet, so that the caller keeps what it has queued.
            state.remove_link(key);
            return Err(NoAnswer::Refused(reason));
        }
        // This end was made with the caller's inbox as its only limit.
        caller.pipe.widen(self.send_limits());
        self.remember(&caller.pipe, &caller.door);
        if let Some(link) = state.links.get_mut(key) {
            link.pipe = Some((caller.pipe, Some(caller.door)));
            state.pipes += 1;
        }
        let place = Place { link: key, serial };
        drop(locked);
        let (peer, door, room) = (self.my_info(), self.my_door(place), self.recv_limits());
        Ok(Answer { peer, door, room })
    }

    fn has_place(&self) -> bool {
        let mut locked = self.lock();
        let state = locked.engine();
        state.life == Life::Open && state.pattern.place_for(None).is_ok()
    }

    fn call(&self, binder: &Arc<dyn Member>, place: Place) {
        let mut locked = self.lock();
        let state = locked.engine();
        let refusal = state.pattern.place_for(Some(place.link));
        let Some(link) = state.link(place).filter(|link| link.far_end.is_some()) else {
            return;
        };
        let endpoint = Arc::clone(&link.endpoint);
        if let Err(reason) = refusal {
            state.report(place.link, EventKind::PeerRefused { reason });
            drop(locked);
            return self.seek_later(&endpoint, place, binder);
        }
        let Some(far_end) = link.far_end.take() else {
            return;
        };
        drop(locked);
        let caller = Caller {
            peer: self.my_info(),
            pipe: far_end,
            door: self.my_door(place),
        };
        let answer = binder.answer(&endpoint, caller);
        let mut locked = self.lock();
        let state = locked.engine();
        let answer = match answer {
            Ok(answer) => answer,
            Err(no_answer) => {
                let reason = no_answer.to_string();
                if state.link(place).is_some() {
                    state.report(place.link, EventKind::HandshakeFailed { reason });
                    self.connect_inproc(state, place.link);
                }
                drop(locked);
                return match no_answer {
                    NoAnswer::Unfit => self.seek_another(&endpoint, place, Some(binder)),
                    NoAnswer::Refused(_) => self.seek_later(&endpoint, place, binder),
                };
            }
        };
        let far = Place {
            link: answer.door.link,
            serial: answer.door.serial,
        };
        if state.link(place).is_none() {
            drop(locked);
            return answer.door.closed();
        }
        if let Err(reason) = state.admit(place.link, answer.peer) {
            state.report(place.link, EventKind::PeerRefused { reason });
            self.connect_inproc(state, place.link);
            drop(locked);
            answer.door.closed();
            return self.seek_later(&endpoint, place, binder);
        }
        let Some(link) = state.link(place) else {
            return;
        };
        let Some((pipe, door)) = &mut link.pipe else {
            return;
        };
        pipe.widen(answer.room);
        let (room, waiting) = (pipe.has_room() && !link.leaving, pipe.waiting() > 0);
        self.remember(pipe, &answer.door);
        *door = Some(answer.door.clone());
        state.welcome(place.link);
        state.pattern.set_room(place.link, room);
        if waiting {
            state.actions.push(Action::Announce(answer.door.clone()));
        }
        // Messages of the binder may have been taken before there was a door to give room through.
        state.actions.push(Action::GiveRoom(answer.door));
        drop(locked);
        binder.introduce(far);
        // Disconnected or closed before anybody had the name: it stayed only to deliver this.
        let mut locked = self.lock();
        let state = locked.engine();
        if state.link(place).is_some_and(|link| link.leaving) {
            state.remove_link(place.link);
            self.check_closed(state);
        }
    }

    fn introduce(&self, place: Place) {
        let mut locked = self.lock();
        let state = locked.engine();
        state.welcome_caller(place);
    }
}

impl Neighbour for Core {
    fn on_pipe_readable(&self, link: usize, serial: u32) {
        let mut locked = self.lock();
        let state = locked.engine();
        let place = Place { link, serial };
        if state.link(place).is_none() {
            return;
        }
        if state.pattern.can().receives {
            state.pattern.set_readable(link, true);
            state.wake_waiters();
            self.poke();
        } else {
            state.drain_upstream(place);
        }
    }

    fn on_pipe_room(&self, link: usize, serial: u32) {
        let mut locked = self.lock();
        let state = locked.engine();
        let place = Place { link, serial };
        let room = state.link(place).is_some_and(|link| {
            !link.leaving && link.pipe.as_ref().is_some_and(|(pipe, _)| pipe.has_room())
        });
        if room {
            state.pattern.set_room(link, true);
            state.wake_waiters();
            self.poke();
        }
    }

    fn on_pipe_closed(&self, link: usize, serial: u32) {
        let mut locked = self.lock();
        let state = locked.engine();
        let place = Place { link, serial };
        // A caller may be gone before it was introduced; it was there all the same.
        state.welcome_caller(place);
        let Some(entry) = state.link(place) else {
            return;
        };
        let (origin, endpoint) = (entry.origin, Arc::clone(&entry.endpoint));
        if entry.stage == Stage::Up {
            let reason = String::from("the other socket was closed");
            state.report(link, EventKind::Disconnected { reason });
        }
        let wanted = state.life == Life::Open
            && origin == Origin::Connected
            && state.link(place).is_some_and(|link| !link.leaving);
        state.save_inbound(link);
        if !wanted {
            state.abandon_pipe(link);
            self.check_closed(state);
            return;
        }
        let serial = state.next_serial();
        if let Some(link) = state.link(place) {
            link.serial = serial;
            link.peer = None;
        }
        self.connect_inproc(state, link);
        let unsent = state
            .links
            .get(link)
            .is_some_and(|link| link.pipe.as_ref().is_some_and(|(p, _)| p.waiting() > 0));
        if !unsent {
            state.pattern.connection_lost(link);
        }
        state.wake_waiters();
        self.poke();
        drop(locked);
        self.seek(&endpoint, Place { link, serial });
    }

    fn on_pipe_changes(&self, link: usize, serial: u32) {
        let mut locked = self.lock();
        let state = locked.engine();
        let pipe = state
            .link(Place { link, serial })
            .and_then(|link| link.pipe.as_ref());
        let changes = pipe.map(|(pipe, _)| pipe.take_changes());
        for change in changes.unwrap_or_default() {
            // Nothing to end if it is too much: the other socket is of this program.
            state.subscription(link, &change.topic, change.subscribe);
        }
    }
}

impl State {
    /// One who called at a name is there, unless that was said before.
    fn welcome_caller(&mut self, place: Place) {
        let called = |link: &&mut Link| link.pipe.is_some() && link.stage == Stage::Handshake;
        if self.link(place).filter(called).is_some() {
            self.welcome(place.link);
        }
    }

    /// Messages to a socket that does not receive are thrown away, so that their sender never
    /// waits for it.
    fn drain_upstream(&mut self, place: Place) {
        loop {
            let Some(link) = self.link(place) else { return };
            let Some((pipe, door)) = &link.pipe else {
                return;
            };
            let mut messages = std::mem::take(&mut link.inbox);
            let taken = pipe.take(&mut messages);
            let waiting = door.clone().filter(|_| taken.room);
            if let Some(door) = waiting {
                self.actions.push(Action::GiveRoom(door));
            }
            if taken.messages == 0 {
                return;
            }
            for message in &messages {
                self.take_upstream(place.link, message);
            }
            self.actions.discard(messages);
        }
    }

    /// The other end is gone: what it had sent is moved to the inbox, to be received.
    fn save_inbound(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some((pipe, _)) = &link.pipe else { return };
        let mut rest = std::collections::VecDeque::new();
        while pipe.take(&mut rest).messages > 0 {
            link.inbox.append(&mut rest);
        }
        if !link.inbox.is_empty() {
            self.pattern.set_readable(key, true);
        }
    }

    /// The other end is gone and nobody else is wanted: what was queued for it is lost.
    fn abandon_pipe(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Some((pipe, _)) = link.pipe.take() {
            self.pipes = self.pipes.saturating_sub(1);
            let lost = pipe.reclaim();
            self.count_lost(lost.len() as u64);
            self.actions.discard(lost);
            self.actions.discard(Discarded::Pipe(pipe));
        }
        self.drain_or_remove(key);
    }
}
