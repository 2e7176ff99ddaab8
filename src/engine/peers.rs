//! A link's peer comes to be known, and to be there: what the pattern is told of it.

use super::actions::Action;
use super::Engine;
use crate::link::{Link, Origin, PipeLink};
use crate::message::Message;
use crate::monitor::EventKind;
use crate::pattern::Pattern;
use crate::peer::{PeerInfo, PeerRefusal};

impl<D> Engine<D> {
    /// Makes a link known to the pattern.
    pub(super) fn attach(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if !link.attach() {
            return;
        }
        self.pattern.attach(key);
        if link.has_unread() {
            self.pattern.set_readable(key, true);
        }
        self.update_room(key);
    }

    /// Tells the pattern whether a link has room: to be called whenever something changed on which
    /// [`Link::has_room`] depends. True: it has.
    pub(super) fn update_room(&mut self, key: usize) -> bool {
        let Some(link) = self.links.get(key) else {
            return false;
        };
        let room = link.has_room();
        if link.is_attached() {
            self.pattern.set_room(key, room);
        }
        room
    }

    /// The peer of a link says its type and routing id: asks the pattern whether it takes it on.
    pub(super) fn admit(&mut self, key: usize, peer: PeerInfo) -> Result<(), PeerRefusal> {
        self.attach(key);
        let Some(link) = self.links.get_mut(key) else {
            return Ok(());
        };
        let replaced = self.pattern.admit(key, link.meet(peer))?;
        if let Some(replaced) = replaced {
            self.replace(replaced);
        }
        self.try_refused();
        Ok(())
    }

    /// The same for an inproc peer, which takes no other's place.
    pub(super) fn admit_inproc(&mut self, key: usize, peer: PeerInfo) -> Result<(), PeerRefusal> {
        self.attach(key);
        self.pattern.place_for(Some(key), &peer).inspect_err(|_| {
            // For the event that tells of it.
            if let Some(link) = self.links.get_mut(key) {
                link.note_peer(peer.clone());
            }
        })?;
        self.admit(key, peer)
    }

    /// The peer of a link, which was admitted, is there: from now on it counts. Probes it, and tells
    /// SUB's subscriptions to it.
    pub(super) fn established(&mut self, key: usize) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        if link.origin() == Origin::Connected {
            self.pattern.connection_renewed(key);
            self.forget_departed();
        }
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        link.establish();
        let (id, inproc) = (link.id(), link.pipe().is_some());
        if let Some(pipe_peer) = link.pipe().and_then(PipeLink::greeted_peer) {
            self.actions.push(Action::Announce(pipe_peer.clone()));
        }
        if !inproc && !self.options.hello_message.is_empty() {
            link.session().push_greeting(&self.options.hello_message);
        }
        if self.pattern.probe() {
            let probe = Message::copy_from_slice(&[]);
            match inproc {
                true => self.put_into_pipe(key, probe),
                false => link.session().push_greeting(&probe),
            }
        }
        self.update_room(key);
        // An inproc peer may conflate what waited for it.
        self.count_displaced_in_pipe(key);
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let mut any = false;
        self.pattern.for_each_subscription(|topic| {
            link.push_subscription(topic, true);
            any = true;
        });
        if let (true, Some(pipe_peer)) = (any, link.pipe().and_then(PipeLink::peer)) {
            self.actions.push(Action::Changes(pipe_peer.clone()));
        }
        if let Some(mut message) = self.pattern.welcome_message() {
            self.queue(key, &mut message);
        }
        self.admission.end_handshake(id);
        self.resume_accepting();
        self.report(key, EventKind::HandshakeSucceeded);
        self.note(key);
        // A socket that only receives waits for messages, not for peers: a thousand that connect and say
        // nothing do not wake it.
        if self.pattern.can().sends || self.peers_awaited > 0 {
            self.wake_waiters();
        }
    }

    /// How many peers are there: counted when asked for, because a number that is kept beside the
    /// links' stages is one more thing that each way into and out of `Up` can forget.
    pub(crate) fn peers(&self) -> usize {
        let links = self.links.iter();
        links.filter(|(_, link)| link.is_established()).count()
    }

    /// How many of the peers that are there get what begins with `topic`.
    pub(crate) fn subscribers(&self, topic: &[u8]) -> usize {
        let mut there = 0;
        let links = &self.links;
        self.pattern.for_each_subscriber(topic, |link| {
            there += usize::from(links.get(link).is_some_and(Link::is_established));
        });
        there
    }

    /// A caller waits for peers to come, or to subscribe, and is told of each.
    pub(crate) fn begin_awaiting_peers(&mut self) {
        self.peers_awaited += 1;
    }

    /// That caller waits no longer.
    pub(crate) fn end_awaiting_peers(&mut self) {
        self.peers_awaited -= 1;
    }

    /// Tells the pattern that a link has lost its peer for good, and what was refused for want of a
    /// place that there is one now.
    pub(super) fn vacate(&mut self, tell: impl FnOnce(&mut Pattern)) {
        tell(&mut self.pattern);
        self.try_refused();
    }

    /// Has peers that were refused tried again, if the pattern has a place for one now.
    pub(super) fn try_refused(&mut self) {
        if self.pattern.has_new_place() {
            self.actions.push(Action::TryRefused);
        }
    }
}
