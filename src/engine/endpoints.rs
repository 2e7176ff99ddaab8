//! What a socket is bound to, and the links that `connect` makes and `disconnect` ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{Bound, Engine};
use crate::endpoint::Endpoint;
use crate::link::ending::Cause;
use crate::link::{Origin, Stage};
use crate::monitor::EventKind;
use crate::pattern::Refusal;
use crate::reactor::ConnectionId;
use crate::waiters::Change;

impl<D> Engine<D> {
    /// The socket is bound to one more endpoint.
    pub(crate) fn add_bound(&mut self, bound: Bound) {
        let endpoint = Arc::clone(&bound.endpoint);
        self.bound.push(bound);
        self.report_endpoint(&endpoint, EventKind::Listening);
        self.last_endpoint = Some(endpoint);
    }

    /// The socket is not bound to this endpoint any more. `None`: it was not.
    pub(crate) fn take_bound(&mut self, wanted: &Endpoint) -> Option<Bound> {
        let mut bound = self.bound.iter();
        let at = bound.position(|bound| *bound.endpoint == *wanted)?;
        let bound = self.bound.swap_remove(at);
        self.report_endpoint(&bound.endpoint, EventKind::Closed);
        Some(bound)
    }

    /// What the socket was bound or connected to last.
    pub(crate) fn last_endpoint(&self) -> Option<&Endpoint> {
        self.last_endpoint.as_deref()
    }

    /// Makes a link that connects, to a peer that has the routing id given here, if one is. `None`: there
    /// is one to this endpoint, and the pattern would get or ask for everything twice.
    pub(crate) fn connect(
        &mut self,
        endpoint: &Arc<Endpoint>,
        routing_id: Option<&[u8]>,
    ) -> Result<Option<ConnectionId>, Refusal> {
        // libzmq ignores a second one too.
        if self.pattern.can().connects_once && self.connected_to(endpoint).is_some() {
            self.last_endpoint = Some(Arc::clone(endpoint));
            return Ok(None);
        }
        let id = self.add_link(Origin::Connected, Stage::Waiting, endpoint);
        let key = id.link;
        if let Some(routing_id) = routing_id {
            if let Err(refusal) = self.pattern.give_id(key, routing_id) {
                // Nothing knows of it yet.
                self.links.remove(key);
                return Err(refusal);
            }
            self.attach(key);
        }
        self.last_endpoint = Some(Arc::clone(endpoint));
        self.report(key, EventKind::Connecting);
        match **endpoint {
            Endpoint::Inproc(_) => self.open_pipe(key),
            _ => self.connect_link(key, Duration::ZERO),
        }
        // With `immediate` nothing is queued for it before it is there.
        if !self.options.immediate {
            self.attach(key);
            self.notify(Change::Room);
        }
        Ok(Some(id))
    }

    /// A routing id for a peer that will be connected to, if the pattern makes them up.
    pub(crate) fn make_up_id(&mut self) -> Option<Bytes> {
        self.pattern.make_up_id()
    }

    /// Ends a link that `connect` made, once what is queued for it is sent. False: there is none.
    pub(crate) fn disconnect(&mut self, wanted: &Endpoint) -> bool {
        let found = self.connected_to(wanted);
        if let Some(key) = found {
            self.end_link(key, Cause::Disconnect);
        }
        found.is_some()
    }

    /// The link that `connect` made for this endpoint, while it is wanted.
    fn connected_to(&self, endpoint: &Endpoint) -> Option<usize> {
        let mut links = self.links.iter();
        let found = links.find(|(_, link)| link.connects_to(endpoint));
        found.map(|(key, _)| key)
    }

    /// Whether anything is queued for an inproc name that no socket has bound.
    pub(crate) fn has_unanswered(&self) -> bool {
        let mut links = self.links.iter();
        links.any(|(_, link)| link.pipe().is_some() && !link.is_flushed())
    }
}
