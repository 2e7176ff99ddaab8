//! What goes over a link: messages both ways, subscriptions, and what is counted of them.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::conflater::Displaced;
use super::connection::Connection;
use super::high_water::{HighWater, Room};
use super::recv_queue::RecvQueue;
use super::retry::Retry;
use super::send_queue::SendQueue;
#[cfg(feature = "metrics")]
use super::Told;
use super::{Link, Via};
use crate::message::Message;
use crate::zmtp::connection::{Flow, Session};

impl Link {
    #[inline]
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    #[inline]
    pub(crate) fn send_queue(&mut self) -> &mut SendQueue {
        &mut self.send_queue
    }

    #[inline]
    pub(crate) fn recv_queue(&mut self) -> &mut RecvQueue {
        &mut self.recv_queue
    }

    pub(crate) fn retry(&mut self) -> &mut Retry {
        &mut self.retry
    }

    /// Whether what is queued is worth a write of its own.
    #[inline]
    pub(crate) fn has_batch(&self) -> bool {
        self.send_queue.has_batch()
    }

    /// How much more makes it worth that, or fills the queue.
    pub(crate) fn room_in_batch(&self) -> Room {
        let writable = self.connection().is_some_and(Connection::is_writable);
        self.send_queue.room_in_batch(writable)
    }

    /// Whether something waits to be received.
    #[inline]
    pub(crate) fn has_unread(&self) -> bool {
        !self.recv_queue.is_empty()
    }

    /// Whether its peer has said anything.
    pub(crate) fn has_heard(&self) -> bool {
        self.session.has_heard()
    }

    /// Whether an established connection still waits for its timer of that time.
    pub(crate) fn awaits_timer(&self, at: Instant) -> bool {
        self.is_established() && self.session.awaits_timer(at)
    }

    /// How long its peer took to answer, as far as was measured.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.session.round_trip()
    }

    /// Tells its peer of a subscription, or that one is taken back. An inproc peer is to be told that there
    /// are some ([`PipePeer::changes`](pipe::PipePeer::changes)).
    pub(crate) fn push_subscription(&mut self, topic: &[u8], subscribe: bool) {
        match &self.via {
            Via::Pipe(pipe) => pipe.end().put_change(topic, subscribe),
            _ => self.session.push_subscription(topic, subscribe),
        }
    }

    /// Takes its next message for a batch.
    #[inline]
    pub(crate) fn take_turn(&mut self, batch: u32) -> Option<Message> {
        let message = self.recv_queue.pop()?;
        self.taken_in = batch;
        Some(message)
    }

    /// Whether it has given this batch all that was here. To ask a pipe for more says that what it gave last
    /// is received, which is not true of what the batch has taken: its next messages are for the next one.
    #[inline]
    pub(crate) fn is_used_up(&self, batch: u32) -> bool {
        self.recv_queue.is_empty() && self.taken_in == batch
    }

    /// Messages that [`drop_refused`](Link::drop_refused) has dropped.
    pub(crate) fn refused(&self) -> u64 {
        self.refused
    }

    /// Messages that waited had to go.
    pub(crate) fn note_displaced(&mut self, displaced: &Displaced) {
        self.displaced.0 += displaced.replaced;
        self.displaced.1 += displaced.evicted;
    }

    /// The system refused to send messages as datagrams.
    pub(crate) fn note_unsent(&mut self, messages: u64) {
        self.astray.0 += messages;
    }

    /// Datagrams came that were none of the socket's.
    pub(crate) fn note_malformed(&mut self, datagrams: u64) {
        self.astray.1 += datagrams;
    }

    /// How many of both there were.
    pub(crate) fn astray(&self) -> (u64, u64) {
        self.astray
    }

    /// How many had to go: replaced by others of their key, and because too many keys waited.
    pub(crate) fn displaced(&self) -> (u64, u64) {
        self.displaced
    }

    /// Of a socket that conflates: whether there is something to receive, which stays where it can be replaced.
    /// What comes before the first message that is wanted is taken out.
    pub(crate) fn look(
        &mut self,
        mut wants: impl FnMut(&Message) -> bool,
        unwanted: &mut VecDeque<Message>,
    ) -> bool {
        if self.recv_queue.look(&mut wants, unwanted) {
            return true;
        }
        let pipe = self.pipe().filter(|pipe| pipe.unmet().is_none());
        pipe.is_some_and(|pipe| pipe.end().look(&mut wants, unwanted))
    }

    /// What it has counted since this was asked last.
    #[cfg(feature = "metrics")]
    pub(crate) fn rise(&mut self) -> Told {
        let before = self.counts_before();
        let [out, inward] = self.counts().map(|counts| counts.total());
        let now = Told {
            sent: (out.0 + before[0].0, out.1 + before[0].1),
            received: (inward.0 + before[1].0, inward.1 + before[1].1),
            reconnects: self.reconnects(),
        };
        let told = &mut self.told;
        Told {
            sent: rise(now.sent, &mut told.sent),
            received: rise(now.received, &mut told.received),
            reconnects: now.reconnects - std::mem::replace(&mut told.reconnects, now.reconnects),
        }
    }

    /// What is counted of what it sends, and of what it receives.
    pub(crate) fn counts(&self) -> [HighWater; 2] {
        match self.pipe() {
            Some(pipe) => pipe.end().counts(),
            None => [self.send_queue.counts(), self.recv_queue.counts()],
        }
    }

    /// What is known of the connection's two directions. `waits`: the link is one of those to be
    /// read.
    pub(crate) fn flow(&self, waits: bool) -> Flow {
        let paused = self.recv_queue.is_paused();
        let connection = self.connection();
        Flow {
            unread: paused || waits || connection.is_some_and(Connection::is_unread),
            paused,
            writable: connection.is_some_and(Connection::is_writable),
        }
    }
}

/// How much counts rose above what was told of them. Those of a pipe go with it, and the next may take a
/// greeting back.
#[cfg(feature = "metrics")]
fn rise(now: (u64, u64), told: &mut (u64, u64)) -> (u64, u64) {
    let rise = (now.0.saturating_sub(told.0), now.1.saturating_sub(told.1));
    *told = (now.0.max(told.0), now.1.max(told.1));
    rise
}
