//! Links whose peer is a socket of this context: how two meet by a name, and what one end tells the other. What is done
//! with a link's own end of the pipe: [`pipes`](super::pipes).

use std::collections::VecDeque;
use std::sync::Arc;

use super::actions::Action;
use super::{Engine, Life};
use crate::endpoint::Endpoint;
use crate::link::ending::Cause;
use crate::link::pipe::{Limits, PipeEnd, PipePeer};
use crate::link::{Link, Origin, PipeLink, Stage};
use crate::monitor::{EventKind, Reason, ReasonKind};
use crate::options::Options;
use crate::peer::{PeerInfo, PeerRefusal};
use crate::reactor::ConnectionId;
use crate::waiters::Change;

/// What a pipe may hold that this side sends.
pub(crate) fn send_limits(options: &Options) -> Limits {
    (options.send_hwm, options.send_hwm_bytes)
}

/// What a pipe may hold that this side receives.
pub(crate) fn recv_limits(options: &Options) -> Limits {
    (options.recv_hwm, options.recv_hwm_bytes)
}

/// What became of a link whose pipe a binder has taken on.
pub(crate) enum Met {
    /// It is there.
    Established,
    /// The pattern has no place for that peer. Until the binder has undone what it did, no other is to get
    /// the far end of the link's new pipe: it is given back by [`Engine::offer_pipe`].
    Refused(Option<PipeEnd>),
    /// The link is gone.
    Gone,
}

impl<D> Engine<D> {
    /// A socket has connected to a name of this one, and is at the other end of `pipe`: makes a link for it.
    /// It is up when [`established_inproc`](Engine::established_inproc) says so.
    pub(crate) fn accept_inproc(
        &mut self,
        endpoint: &Arc<Endpoint>,
        peer: PeerInfo,
        pipe: PipeEnd,
        pipe_peer: PipePeer,
    ) -> Result<ConnectionId, PeerRefusal> {
        let id = self.add_link(Origin::Accepted, Stage::Handshake, endpoint);
        let key = id.link;
        self.report(key, EventKind::Accepted);
        // Its subscriptions follow in `established_inproc`, when the connecter knows where to find this end.
        if let Err(reason) = self.admit_inproc(key, peer) {
            self.report(key, EventKind::PeerRefused { reason });
            // It has no pipe yet, so that the connecter keeps what it has queued.
            self.end_link(key, Cause::GiveUp);
            return Err(reason);
        }
        // This end was made with the connecter's inbox as its only limit.
        pipe.widen(send_limits(&self.options));
        pipe.conflate(self.options.conflate);
        if let Some(link) = self.links.get_mut(key) {
            link.set_pipe(PipeLink::accepted(pipe, pipe_peer));
            self.pipes += 1;
        }
        self.greet(key);
        Ok(id)
    }

    /// Whether there would be a place for such a peer at a name of this socket.
    pub(crate) fn has_place(&mut self, peer: &PeerInfo) -> bool {
        self.life == Life::Open && self.pattern.place_for(None, peer).is_ok()
    }

    /// Whether a link still waits for a socket to bind its name, and would take this one on.
    pub(crate) fn seeks(&mut self, id: ConnectionId, binder: &PeerInfo) -> bool {
        self.link(id).is_some_and(|link| link.seeks())
            && self.pattern.place_for(Some(id.link), binder).is_ok()
    }

    /// The links that wait for a socket to bind their names. `None`: calls are served no more.
    pub(crate) fn seekers(&self) -> Option<Vec<(Arc<Endpoint>, ConnectionId)>> {
        if self.life != Life::Open {
            return None;
        }
        let seekers = self.links.iter().filter(|(_, link)| link.seeks());
        let named = seekers.map(|(_, link)| (Arc::clone(link.endpoint()), link.id()));
        Some(named.collect())
    }

    /// A socket is bound to the name that a link waits for: gives the name, and the end of the pipe that is
    /// for that socket, or tells that the pattern has no place for it. `None`: the link waits no more.
    pub(crate) fn meet(
        &mut self,
        id: ConnectionId,
        binder: &PeerInfo,
    ) -> Option<(Arc<Endpoint>, Result<PipeEnd, PeerRefusal>)> {
        let link = self.link(id).filter(|link| link.seeks())?;
        let endpoint = Arc::clone(link.endpoint());
        if let Err(reason) = self.pattern.place_for(Some(id.link), binder) {
            self.report(id.link, EventKind::PeerRefused { reason });
            return Some((endpoint, Err(reason)));
        }
        self.greet(id.link);
        let far_end = self.link(id)?.pipe_mut()?.take_far_end(binder)?;
        Some((endpoint, Ok(far_end)))
    }

    /// The binder did not take the link's pipe on, for this reason.
    pub(crate) fn not_met(&mut self, id: ConnectionId, reason: Reason) {
        if self.link(id).is_some() {
            self.report(id.link, EventKind::HandshakeFailed { reason });
            self.open_pipe(id.link);
        }
    }

    /// The binder, which is at `pipe_peer` and holds as much as `room`, has taken the link's pipe on.
    pub(crate) fn met(
        &mut self,
        id: ConnectionId,
        binder: PeerInfo,
        pipe_peer: &PipePeer,
        room: Limits,
    ) -> Met {
        if self.link(id).is_none() {
            return Met::Gone;
        }
        if let Err(reason) = self.admit_inproc(id.link, binder.clone()) {
            self.report(id.link, EventKind::PeerRefused { reason });
            self.open_pipe(id.link);
            let pipe = self.link(id).and_then(Link::pipe_mut);
            return Met::Refused(pipe.and_then(|pipe| pipe.take_far_end(&binder)));
        }
        let Some(pipe) = self.link(id).and_then(Link::pipe_mut) else {
            return Met::Gone;
        };
        pipe.end().widen(room);
        let waiting = pipe.end().waiting() > 0;
        pipe.meet(pipe_peer.clone());
        self.established(id.link);
        if waiting {
            self.actions.push(Action::Announce(pipe_peer.clone()));
        }
        // Messages of the binder may have been taken before this link knew where to give room.
        self.actions.push(Action::GiveRoom(pipe_peer.clone()));
        // What the binder said of its messages meanwhile was in vain: they had no sender yet.
        if self
            .link(id)
            .is_some_and(|link| link.look(|_| true, &mut VecDeque::new()))
        {
            self.on_pipe_readable(id);
        }
        Met::Established
    }

    /// The far end of a link's pipe may be given to a binder again.
    pub(crate) fn offer_pipe(&mut self, id: ConnectionId, far_end: Option<PipeEnd>) {
        let pipe = self.link(id).and_then(Link::pipe_mut);
        if let (Some(pipe), Some(far_end)) = (pipe, far_end) {
            pipe.put_far_end(far_end);
        }
    }

    /// The socket that connected to a name is there, unless that was said before.
    pub(crate) fn established_inproc(&mut self, id: ConnectionId) {
        let called = |link: &&mut Link| link.pipe().is_some() && link.is_in_handshake();
        if self.link(id).filter(called).is_some() {
            self.established(id.link);
        }
    }

    // ----- what the other end of a pipe tells -----

    /// A binder may be gone before it was met: what it sent is its own all the same.
    fn admit_unmet(&mut self, id: ConnectionId) {
        let pipe = self.link(id).and_then(|link| link.pipe());
        if let Some(binder) = pipe.and_then(PipeLink::unmet).cloned() {
            if let Err(reason) = self.admit_inproc(id.link, binder) {
                self.report(id.link, EventKind::PeerRefused { reason });
            }
        }
    }

    /// There is something to receive. True: callers that wait awake shall see it.
    pub(crate) fn on_pipe_readable(&mut self, id: ConnectionId) -> bool {
        if self.link(id).is_none() {
            return false;
        }
        let receives = self.pattern.can().receives;
        if receives {
            self.pattern.set_readable(id.link, true);
            self.notify(Change::Messages);
        } else {
            self.drain_upstream(id);
        }
        receives
    }

    /// There may be more room, or less. True: callers that wait awake shall see it.
    pub(crate) fn on_pipe_room(&mut self, id: ConnectionId) -> bool {
        let room = self.link(id).is_some() && self.update_room(id.link);
        if room {
            self.notify(Change::Room);
        }
        room
    }

    /// Subscriptions wait in the pipe.
    pub(crate) fn on_pipe_changes(&mut self, id: ConnectionId) {
        let pipe = self.link(id).and_then(|link| link.pipe());
        let changes = pipe.map(|pipe| pipe.end().take_changes());
        for change in changes.unwrap_or_default() {
            // Nothing to end if it is too much: the other socket is of this program.
            self.subscription(id.link, &change.topic, change.subscribe);
        }
    }

    /// The other end is gone. Gives the link that wants another socket to bind its name, if this is one.
    pub(crate) fn on_pipe_closed(
        &mut self,
        id: ConnectionId,
    ) -> Option<(Arc<Endpoint>, ConnectionId)> {
        // A connecter may be gone before it was established; it was there all the same.
        self.established_inproc(id);
        self.admit_unmet(id);
        let life = self.life;
        let link = self.link(id)?;
        let (key, endpoint) = (id.link, Arc::clone(link.endpoint()));
        let connected = link.origin() == Origin::Connected;
        if link.is_up() {
            let reason = Reason::new(ReasonKind::ClosedByPeer, "the other socket was closed");
            self.report(key, EventKind::Disconnected { reason });
        }
        let is_open = |link: &mut Link| !link.is_leaving();
        let wanted = life == Life::Open && connected && self.link(id).is_some_and(is_open);
        self.save_inbound(key);
        self.tell_pipe_lost(key);
        if !wanted {
            self.abandon_pipe(key);
            self.check_closed();
            return None;
        }
        let generation = self.next_generation();
        if let Some(link) = self.link(id) {
            link.pipe_closed(generation);
        }
        self.open_pipe(key);
        let pipe = self.links.get(key).and_then(Link::pipe);
        let queued = pipe.map_or(0, |pipe| pipe.end().waiting());
        self.pattern.connection_lost(key, queued);
        self.wake_waiters();
        Some((endpoint, ConnectionId { generation, ..id }))
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::VecDeque;

    use bytes::Bytes;

    use super::*;
    use crate::pattern::{Pattern, PatternSettings};
    use crate::peer::SocketType;

    fn dealer(id: &'static str) -> PeerInfo {
        let mut peer = PeerInfo::new(SocketType::Dealer);
        peer.routing_id = Some(Bytes::from_static(id.as_bytes()));
        peer
    }

    fn received(engine: &mut Engine<()>) -> Vec<[String; 2]> {
        let (mut all, mut batch) = (vec![], VecDeque::new());
        loop {
            engine.take_batch(&mut batch);
            if batch.is_empty() {
                return all;
            }
            let text = |message: &crate::Message, at| message.get_str(at).unwrap().to_owned();
            all.extend(batch.drain(..).map(|it| [text(&it, 0), text(&it, 1)]));
        }
    }

    /// A ROUTER that connects to a name, and to it the end of the pipe that is for its binder.
    fn router() -> (Engine<()>, ConnectionId) {
        let pattern = Pattern::new(SocketType::Router, &PatternSettings::default()).unwrap();
        let mut engine = Engine::new(pattern, &Arc::default(), 0);
        let endpoint = Arc::new("inproc://name".parse().unwrap());
        let id = engine.add_link(Origin::Connected, Stage::Waiting, &endpoint);
        engine.open_pipe(id.link);
        (engine, id)
    }

    fn meet(engine: &mut Engine<()>, id: ConnectionId, binder: &PeerInfo) -> PipeEnd {
        engine.meet(id, binder).unwrap().1.unwrap()
    }

    #[test]
    fn what_a_binder_sends_before_it_is_met_bears_its_own_name_whoever_had_the_name_before() {
        let (mut engine, id) = router();
        let before = dealer("before");
        let far = meet(&mut engine, id, &before);
        far.put("1".into());
        engine.on_pipe_readable(id);
        assert!(received(&mut engine).is_empty(), "nobody has sent it yet");
        let peer = PipePeer::nobody();
        assert!(matches!(
            engine.met(id, before, &peer, (0, 0)),
            Met::Established
        ));
        assert_eq!(received(&mut engine), [["before", "1"]]);
        far.put("2".into());
        let (_, id) = engine.on_pipe_closed(id).unwrap();

        let after = dealer("after");
        let far = meet(&mut engine, id, &after);
        far.put("3".into());
        engine.on_pipe_readable(id);
        assert_eq!(received(&mut engine), [["before", "2"]]);
        engine.met(id, after, &peer, (0, 0));
        assert_eq!(received(&mut engine), [["after", "3"]]);
    }

    #[test]
    fn what_a_binder_sent_that_is_gone_before_it_is_met_bears_its_own_name() {
        let (mut engine, mut id) = router();
        for name in ["a", "b"] {
            let far = meet(&mut engine, id, &dealer(name));
            far.put("body".into());
            engine.on_pipe_readable(id);
            (_, id) = engine.on_pipe_closed(id).unwrap();
        }
        assert_eq!(received(&mut engine), [["a", "body"], ["b", "body"]]);
    }
}
