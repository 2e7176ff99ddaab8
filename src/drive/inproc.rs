//! inproc: sockets of one context meet by name, in either order, and exchange messages directly.

use std::sync::{Arc, Weak};

use super::core::Core;
use crate::context::{Accepted, Connecter, Member, NotAccepted};
use crate::endpoint::Endpoint;
use crate::engine::actions::Action;
use crate::engine::inproc::{recv_limits, send_limits};
use crate::engine::Life;
use crate::link::ending::Cause;
use crate::link::pipe::{PipeEvents, PipePeer};
use crate::link::{Link, Origin, Stage};
use crate::monitor::{EventKind, Reason, ReasonKind};
use crate::options::Options;
use crate::peer::PeerInfo;
use crate::reactor::ConnectionId;
use crate::stats::CloseReport;
use crate::waiters::Change;

impl Core {
    /// This end of a pipe, as its other end is to know it.
    fn as_peer(&self, id: ConnectionId) -> PipePeer {
        let socket: Weak<Core> = Weak::clone(&self.me);
        let held = self
            .balances
            .then(|| Arc::downgrade(&self.fast_path) as Weak<_>);
        PipePeer {
            socket,
            held,
            link: id.link,
            generation: id.generation,
        }
    }

    pub(super) fn my_info(&self, options: &Options) -> PeerInfo {
        let mut info = PeerInfo::new(self.socket_type);
        if self.socket_type.announces_routing_id() && !options.routing_id.is_empty() {
            info.routing_id = Some(options.routing_id.clone());
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

    fn accept_inproc(
        &self,
        endpoint: &Arc<Endpoint>,
        connecter: Connecter,
    ) -> Result<Accepted, NotAccepted> {
        if !self.socket_type.talks_to(connecter.peer.socket_type) {
            return Err(NotAccepted::Unfit);
        }
        let mut locked = self.lock();
        let engine = locked.engine();
        if engine.life != Life::Open {
            return Err(NotAccepted::Unfit);
        }
        let generation = engine.next_generation();
        let options = Arc::clone(engine.options());
        let link = Link::new(
            generation,
            Origin::Accepted,
            // Up in `established_inproc`.
            Stage::Handshake,
            Arc::clone(endpoint),
            &options,
        );
        let key = engine.links.insert(link);
        engine.report(key, EventKind::Accepted);
        // Its subscriptions follow in `established_inproc`, when the connecter knows where to find this end.
        if let Err(reason) = engine.admit_inproc(key, connecter.peer) {
            engine.report(key, EventKind::PeerRefused { reason });
            // It has no pipe yet, so that the connecter keeps what it has queued.
            engine.end_link(key, Cause::GiveUp);
            return Err(NotAccepted::Refused(reason));
        }
        // This end was made with the connecter's inbox as its only limit.
        connecter.pipe.widen(send_limits(&options));
        if let Some(link) = engine.links.get_mut(key) {
            link.pipe = Some((connecter.pipe, Some(connecter.pipe_peer)));
            engine.pipes += 1;
        }
        engine.greet(key);
        let id = ConnectionId {
            link: key,
            generation,
        };
        drop(locked);
        let (peer, pipe_peer, room) = (
            self.my_info(&options),
            self.as_peer(id),
            recv_limits(&options),
        );
        Ok(Accepted {
            peer,
            pipe_peer,
            room,
        })
    }

    fn info(&self) -> PeerInfo {
        self.my_info(&self.options())
    }

    fn has_place(&self, connecter: &PeerInfo) -> bool {
        let mut locked = self.lock();
        let engine = locked.engine();
        engine.life == Life::Open && engine.pattern.place_for(None, connecter).is_ok()
    }

    fn connect_inproc(&self, binder: &Arc<dyn Member>, id: ConnectionId) {
        // Before the lock: what it says is behind the lock of the other socket.
        let info = binder.info();
        let mut locked = self.lock();
        let engine = locked.engine();
        let refusal = engine.pattern.place_for(Some(id.link), &info);
        let Some(link) = engine.link(id).filter(|link| link.far_end.is_some()) else {
            return;
        };
        let endpoint = Arc::clone(&link.endpoint);
        if refusal.is_ok() {
            engine.greet(id.link);
        }
        let Some(link) = engine.link(id) else {
            return;
        };
        if let Err(reason) = refusal {
            engine.report(id.link, EventKind::PeerRefused { reason });
            drop(locked);
            return self.seek_later(&endpoint, id, binder);
        }
        let Some(far_end) = link.far_end.take() else {
            return;
        };
        let options = Arc::clone(engine.options());
        drop(locked);
        let connecter = Connecter {
            peer: self.my_info(&options),
            pipe: far_end,
            pipe_peer: self.as_peer(id),
        };
        let accepted = binder.accept_inproc(&endpoint, connecter);
        let mut locked = self.lock();
        let engine = locked.engine();
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(not_accepted) => {
                let kind = match not_accepted {
                    NotAccepted::Unfit => ReasonKind::SocketType,
                    NotAccepted::Refused(_) => ReasonKind::RefusedByPeer,
                };
                let reason = Reason::new(kind, not_accepted.to_string());
                if engine.link(id).is_some() {
                    engine.report(id.link, EventKind::HandshakeFailed { reason });
                    engine.open_pipe(id.link);
                }
                drop(locked);
                return match not_accepted {
                    NotAccepted::Unfit => self.seek_another(&endpoint, id, Some(binder)),
                    NotAccepted::Refused(_) => self.seek_later(&endpoint, id, binder),
                };
            }
        };
        let far = ConnectionId {
            link: accepted.pipe_peer.link,
            generation: accepted.pipe_peer.generation,
        };
        if engine.link(id).is_none() {
            drop(locked);
            return accepted.pipe_peer.closed();
        }
        if let Err(reason) = engine.admit_inproc(id.link, accepted.peer) {
            engine.report(id.link, EventKind::PeerRefused { reason });
            engine.open_pipe(id.link);
            // Without its far end no binder takes this link while what was accepted is undone: a socket
            // that connected to itself has a place again by that, for the same peer and the same refusal.
            let link = engine.link(id);
            let far_end = link.and_then(|link| link.far_end.take());
            drop(locked);
            accepted.pipe_peer.closed();
            let mut locked = self.lock();
            if let Some(link) = locked.engine().link(id) {
                link.far_end = far_end;
            }
            drop(locked);
            return match std::ptr::addr_eq(&**binder, self) {
                true => self.seek_another(&endpoint, id, Some(binder)),
                false => self.seek_later(&endpoint, id, binder),
            };
        }
        let Some(link) = engine.link(id) else {
            return;
        };
        let Some((pipe, pipe_peer)) = &mut link.pipe else {
            return;
        };
        pipe.widen(accepted.room);
        let waiting = pipe.waiting() > 0;
        *pipe_peer = Some(accepted.pipe_peer.clone());
        engine.established(id.link);
        if waiting {
            engine
                .actions
                .push(Action::Announce(accepted.pipe_peer.clone()));
        }
        // Messages of the binder may have been taken before this link knew where to give room.
        engine.actions.push(Action::GiveRoom(accepted.pipe_peer));
        drop(locked);
        binder.established_inproc(far);
        // Disconnected or closed before a socket had the name: the link stayed only to deliver this.
        let mut locked = self.lock();
        let engine = locked.engine();
        engine.advance(id);
    }

    fn established_inproc(&self, id: ConnectionId) {
        let mut locked = self.lock();
        let engine = locked.engine();
        engine.established_inproc(id);
    }
}

impl PipeEvents for Core {
    fn on_pipe_readable(&self, link: usize, generation: u32) {
        let mut locked = self.lock();
        let engine = locked.engine();
        let id = ConnectionId { link, generation };
        if engine.link(id).is_none() {
            return;
        }
        if engine.pattern.can().receives {
            engine.pattern.set_readable(link, true);
            engine.notify(Change::Messages);
            self.advance_sequence();
        } else {
            engine.drain_upstream(id);
        }
    }

    fn on_pipe_room(&self, link: usize, generation: u32) {
        let mut locked = self.lock();
        let engine = locked.engine();
        let id = ConnectionId { link, generation };
        if engine.link(id).is_some() && engine.update_room(link) {
            engine.notify(Change::Room);
            self.advance_sequence();
        }
    }

    fn on_pipe_closed(&self, link: usize, generation: u32) {
        let mut locked = self.lock();
        let engine = locked.engine();
        let id = ConnectionId { link, generation };
        // A connecter may be gone before it was established; it was there all the same.
        engine.established_inproc(id);
        let Some(entry) = engine.link(id) else {
            return;
        };
        let (origin, endpoint) = (entry.origin, Arc::clone(&entry.endpoint));
        if entry.stage == Stage::Up {
            let reason = Reason::new(ReasonKind::ClosedByPeer, "the other socket was closed");
            engine.report(link, EventKind::Disconnected { reason });
        }
        let wanted = engine.life == Life::Open
            && origin == Origin::Connected
            && engine.link(id).is_some_and(|link| !link.is_leaving());
        engine.save_inbound(link);
        engine.tell_pipe_lost(link);
        if !wanted {
            engine.abandon_pipe(link);
            engine.check_closed();
            return;
        }
        let generation = engine.next_generation();
        if let Some(link) = engine.link(id) {
            link.generation = generation;
            link.peer = None;
        }
        engine.open_pipe(link);
        let pipe = engine.links.get(link).and_then(|link| link.pipe.as_ref());
        let queued = pipe.map_or(0, |(pipe, _)| pipe.waiting());
        engine.pattern.connection_lost(link, queued);
        engine.wake_waiters();
        self.advance_sequence();
        drop(locked);
        self.seek(&endpoint, ConnectionId { link, generation });
    }

    fn on_pipe_changes(&self, link: usize, generation: u32) {
        let mut locked = self.lock();
        let engine = locked.engine();
        let pipe = engine
            .link(ConnectionId { link, generation })
            .and_then(|link| link.pipe.as_ref());
        let changes = pipe.map(|(pipe, _)| pipe.take_changes());
        for change in changes.unwrap_or_default() {
            // Nothing to end if it is too much: the other socket is of this program.
            engine.subscription(link, &change.topic, change.subscribe);
        }
    }
}
