//! What a link knows of its peer, and messages that tell of it.

use std::collections::VecDeque;
use std::sync::Arc;

use super::Link;
use crate::message::Message;
use crate::pattern::Newcomer;
use crate::peer::PeerInfo;

impl Link {
    /// What its peer has said of itself, if it has one.
    pub(crate) fn peer(&self) -> Option<&PeerInfo> {
        self.peer.as_deref()
    }

    /// Its peer is known.
    pub(crate) fn meet(&mut self, mut peer: PeerInfo) -> Newcomer<'_> {
        peer.address = self.peer_address();
        Newcomer {
            unread: self.recv_queue.len(),
            peer: self.peer.insert(Arc::new(peer)),
        }
    }

    /// Its peer is known, for the event that tells why it was refused.
    pub(crate) fn note_peer(&mut self, peer: PeerInfo) {
        self.peer = Some(Arc::new(peer));
    }

    /// Its peer has gone, and the last was told of it.
    pub(crate) fn forget_peer(&mut self) {
        self.peer = None;
    }

    /// Has messages that its peer sent tell of it.
    pub(crate) fn mark(&self, messages: &mut VecDeque<Message>) {
        mark(self.peer.as_ref(), messages);
    }
}

/// Has messages tell of the peer that sent them.
pub(super) fn mark(peer: Option<&Arc<PeerInfo>>, messages: &mut VecDeque<Message>) {
    if let Some(peer) = peer {
        for message in messages {
            message.set_peer(Arc::clone(peer));
        }
    }
}
