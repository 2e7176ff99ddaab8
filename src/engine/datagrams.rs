//! Links without a connection: datagrams come to an endpoint that was bound, or go to one that was connected.

use std::net::SocketAddr;
use std::sync::Arc;

use super::Engine;
use crate::endpoint::Endpoint;
use crate::link::connection::Connection;
use crate::link::ending::Cause;
use crate::link::{Link, Origin, Stage};
use crate::monitor::EventKind;
use crate::peer::{PeerInfo, SocketType};
use crate::reactor::ConnectionId;
use crate::waiters::Change;

impl<D> Engine<D> {
    /// Whether another endpoint of datagrams may be added: a DGRAM has one at a time.
    pub(crate) fn may_begin_datagrams(&self) -> bool {
        let leaving = |(_, link): (usize, &Link)| link.is_leaving();
        !self.pattern.can().datagrams || self.links.iter().all(leaving)
    }

    /// An endpoint of datagrams has its socket: there is no handshake, and so its link is up at once. `to` is
    /// where datagrams go that do not say themselves.
    pub(crate) fn begin_datagrams(
        &mut self,
        origin: Origin,
        endpoint: &Arc<Endpoint>,
        connection: Connection,
        peer: SocketType,
        to: Option<SocketAddr>,
    ) -> ConnectionId {
        self.last_endpoint = Some(Arc::clone(endpoint));
        let id = self.add_link(origin, Stage::Waiting, endpoint);
        let key = id.link;
        if let Some(link) = self.links.get_mut(key) {
            let info = PeerInfo {
                // No version of ZMTP.
                version: (0, 0),
                ..PeerInfo::new(peer)
            };
            link.begin_datagrams(connection, info);
        }
        self.pattern.begin_datagrams(key, to);
        self.attach(key);
        if origin == Origin::Connected {
            self.report(key, EventKind::Connected);
        }
        // Callers may wait for room, or for peers.
        self.notify(Change::Any);
        id
    }

    /// The system has refused to send messages as datagrams.
    pub(super) fn count_unsent(&mut self, id: ConnectionId, messages: u64) {
        if let Some(link) = self.link(id) {
            link.note_unsent(messages);
        }
        self.count_lost(messages);
    }

    /// Datagrams came that are none of this socket's.
    pub(super) fn count_malformed(&mut self, id: ConnectionId, datagrams: u64) {
        if let Some(link) = self.link(id) {
            link.note_malformed(datagrams);
        }
    }

    /// What was to drive an endpoint of datagrams could not: it goes as if it had never been.
    pub(crate) fn give_up_datagrams(&mut self, id: ConnectionId) {
        if self.has_link(id) {
            self.end_link(id.link, Cause::GiveUp);
        }
    }

    /// Begins the end of a link that `bind` made for datagrams. `None`: there is none.
    pub(crate) fn unbind_datagrams(&mut self, wanted: &Endpoint) -> Option<ConnectionId> {
        let mut links = self.links.iter();
        let (_, link) = links.find(|(_, link)| link.is_bound_to(wanted))?;
        let id = link.id();
        self.end_link(id.link, Cause::Disconnect);
        Some(id)
    }

    /// Whether the socket of a link that is to end is still there, and nothing of this side's is to be sent
    /// by it: then a thread makes a pass with it, which is short.
    pub(crate) fn is_closing_datagrams(&mut self, id: ConnectionId) -> bool {
        self.link(id).is_some_and(|link| {
            let home = link.connection().map(Connection::is_home);
            home.is_some_and(|home| !home || link.is_flushed())
        })
    }
}
