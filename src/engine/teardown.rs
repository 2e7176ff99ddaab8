//! How links and their connections end, and what becomes of what was queued for them.
//!
//! [`Ending`](crate::link::ending::Ending) says what is to be done; it is done here, and nowhere else.

use std::sync::Arc;

use super::actions::{Action, Discarded};
use super::{Engine, Life};
use crate::link::connection::Connection;
use crate::link::ended::Ended;
use crate::link::ending::{Cause, Step};
use crate::link::{Link, Origin, Remains, Stage};
use crate::monitor::{EventKind, Reason};
use crate::reactor::{ConnectionId, Timer};

impl<D> Engine<D> {
    /// Begins the end of a link, or hastens it.
    pub(super) fn end_link(&mut self, key: usize, cause: Cause) {
        let receives_only = !self.pattern.can().sends;
        let open = self.life == Life::Open;
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if cause == Cause::Close {
            // Nothing is received any more: what fills the inbox must not keep the end of the connection,
            // which comes behind it, from being read.
            let (unread, paused) = link.recv_queue().forget();
            self.actions.discard(unread);
            if paused {
                self.resume_reading(key);
            }
        }
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let (begun, situation) = link.begin_end(cause, open, receives_only);
        let connected = link.is_up() && link.pipe().is_none();
        self.update_room(key);
        let flushes = matches!(cause, Cause::Disconnect | Cause::Close);
        if begun && flushes && !situation.flushed {
            if connected {
                self.watch_acknowledged(key);
            }
            if cause == Cause::Disconnect {
                self.bound_flushing(key);
            }
        }
        self.proceed(key);
    }

    /// Of a link that is disconnected: what it has queued is sent within the time to linger, over a
    /// connection that can send.
    fn bound_flushing(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let (first_generation, linger) = (link.first_generation(), self.options.linger);
        let broken = link.connection().is_some_and(Connection::is_broken);
        if broken && link.recv_queue().is_paused() {
            // Its end would be read once the application has received what it brought: the next connection
            // is not to wait for that.
            self.end_connection(key, Ended::ByPeer);
        }
        if let Some(linger) = linger {
            self.set_timer_after(
                linger,
                Timer::Leave {
                    link: key,
                    first_generation,
                },
            );
        }
    }

    /// The time to linger of a link that was disconnected is over.
    pub(super) fn end_flushing(&mut self, key: usize, first_generation: u32) {
        if self
            .links
            .get(key)
            .is_some_and(|link| link.first_generation() == first_generation)
        {
            self.end_link(key, Cause::LingerOver);
        }
    }

    /// Ends a connection for a reason of our own; it is taken apart once both tokens are home.
    pub(crate) fn end_connection(&mut self, key: usize, ended: Ended) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Some(connection) = link.connection_mut() {
            connection.end(ended);
        }
    }

    /// Another link has the place of this one in the pattern: its connection ends for good, and what it
    /// has brought can still be received.
    pub(super) fn replace(&mut self, key: usize) {
        if self
            .links
            .get(key)
            .is_some_and(|link| link.connection().is_some())
        {
            self.vacate(|pattern| pattern.retire(key));
        }
        self.hang_up(key);
        self.end_link(key, Cause::Replaced);
    }

    /// Something happened to a connection, or a token of its came home: what now?
    pub(crate) fn advance(&mut self, id: ConnectionId) {
        let Some(link) = self.link(id) else { return };
        let over = link.connection().is_some_and(Connection::is_over);
        if over || link.is_leaving() {
            self.proceed(id.link);
        }
        if self.life == Life::Lingering {
            self.check_closed();
        }
    }

    /// Does with a link what its [`Ending`](crate::link::ending::Ending) says, until that says no more.
    pub(super) fn proceed(&mut self, key: usize) {
        let mut step = self.ask(key, Link::next_step);
        loop {
            match step {
                Step::Stay => return,
                Step::EndConnection(ended) => self.end_connection(key, ended),
                Step::HalfClose => self.half_close(key),
                Step::TakeApart => {
                    self.take_apart(key);
                    step = self.ask(key, |link, open, receives_only| {
                        link.after_loss(open, receives_only, true)
                    });
                    continue;
                }
                Step::Reconnect => self.reconnect(key),
                Step::Drain => self.drain(key),
                Step::Remove { done } => return self.remove(key, done),
            }
            step = self.ask(key, Link::next_step);
        }
    }

    /// The pipe of a link is gone, and will not be replaced: what now?
    pub(super) fn pipe_lost(&mut self, key: usize) {
        let step = self.ask(key, |link, open, receives_only| {
            link.after_loss(open, receives_only, false)
        });
        match step {
            Step::Drain => self.drain(key),
            _ => self.end_link(key, Cause::GiveUp),
        }
    }

    /// Asks a link what is to be done, by what there is to know of the socket: whether it is open, and whether
    /// it receives only.
    fn ask(&mut self, key: usize, question: impl FnOnce(&mut Link, bool, bool) -> Step) -> Step {
        let receives_only = !self.pattern.can().sends;
        let open = self.life == Life::Open;
        let link = self.links.get_mut(key);
        link.map_or(Step::Stay, |link| question(link, open, receives_only))
    }

    /// A connection has ended and both its tokens are home. What it had not taken is queued again.
    fn take_apart(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(remains) = link.take_apart() else {
            return;
        };
        let (id, origin, datagrams) = (link.id(), link.origin(), link.is_of_datagrams());
        let Remains {
            connection,
            ended,
            was,
            mut rewound,
            unacknowledged,
            writer,
        } = remains;
        if was == Stage::Handshake && self.options.reconnect_stop.handshake_failed {
            link.retry().stop();
        }
        if let Some(writer) = writer {
            // Also the bodies that it had written: not to be dropped here.
            self.actions.discard(Discarded::Writer(writer));
        }
        let reason = Reason::from(&ended);
        let peer_address = connection.stream().peer_address();
        self.actions.push(Action::Close(connection));
        let kind = match (ended, was) {
            (Ended::Refused(reason), _) => EventKind::PeerRefused { reason },
            (_, Stage::Handshake) => EventKind::HandshakeFailed { reason },
            // There was no peer that could be lost.
            _ if datagrams => EventKind::Closed,
            _ => EventKind::Disconnected { reason },
        };
        // `unbind` and the close of the socket tell of what was bound.
        if origin != Origin::Bound {
            self.report_with(key, kind, Some(peer_address));
        }
        self.release_connection(id, origin);
        self.count_lost(unacknowledged);
        if origin == Origin::Connected {
            self.drop_if_refused(key, &mut rewound);
        }
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let in_flight = rewound.messages();
        let displaced = link.connection_lost(rewound);
        self.count_displaced(key, displaced);
        if was == Stage::Up {
            self.tell_lost(key, origin);
        }
        if self.pattern.can().raw {
            self.forget_raw(key, in_flight);
            if was == Stage::Up {
                self.note(key);
            }
        }
        // What was left of it by now tells of it too.
        if let Some(link) = self.links.get_mut(key) {
            link.forget_peer();
        }
    }

    /// A link is past, but for what it brought: that can still be received. What it had queued is lost.
    fn drain(&mut self, key: usize) {
        let generation = self.next_generation();
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let (outbox, conflated) = link.give_up_connecting(generation);
        let lost = (outbox.messages() + conflated.len()) as u64;
        if link.has_departed() {
            let (messages, bytes) = link.recv_queue().held();
            self.admission.depart(messages, bytes);
        }
        self.actions.discard(Discarded::Outbox(outbox));
        self.actions.discard(conflated);
        self.count_lost(lost);
        self.vacate(|pattern| pattern.retire(key));
        // A REQ that waits for a peer has no use for what this one has left: see `offer`.
        self.wake_waiters();
    }

    /// Everything is written: the peer is told that no more comes, and what it still sends is read and
    /// thrown away until it ends its side too, or linger is over.
    ///
    /// Closing at once could lose what is still on its way: a system resets a connection that is
    /// closed with unread bytes, or is sent more later, and throws away what it had still to send.
    fn half_close(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(connection) = link.connection_mut() else {
            return;
        };
        connection.discard_input();
        let stream = Arc::clone(connection.stream());
        let (unread, _) = link.recv_queue().forget();
        self.actions.discard(unread);
        self.actions.push(Action::Shutdown(stream));
        self.watch_acknowledged(key);
        self.resume_reading(key);
    }

    /// Forgets a link altogether; what it had queued is lost, and counted. `done`: an end that was asked
    /// for is complete.
    fn remove(&mut self, key: usize, done: bool) {
        if done
            && self
                .links
                .get(key)
                .is_some_and(|link| link.pipe().is_none())
        {
            self.report(key, EventKind::Closed);
        }
        let Some(mut link) = self.links.try_remove(key) else {
            return;
        };
        #[cfg(feature = "metrics")]
        self.meter.add(&mut link);
        self.count_lost(link.undelivered() as u64);
        if link.is_attached() {
            self.vacate(|pattern| pattern.detach(key));
            self.forget_departed();
        }
        if link.connection().is_some() {
            self.release_connection(link.id(), link.origin());
        }
        let (messages, bytes) = link.recv_queue().held();
        self.note_received(link.has_departed(), messages, bytes);
        if link.seeks() {
            let endpoint = Arc::clone(link.endpoint());
            self.actions.push(Action::StopSeeking(endpoint, link.id()));
        }
        if let Some(pipe) = link.pipe() {
            self.pipes = self.pipes.saturating_sub(1);
            if let Some(pipe_peer) = pipe.peer() {
                pipe.end().end();
                self.actions.push(Action::Hang(pipe_peer.clone()));
            }
        }
        if let Some(connection) = link.take_connection() {
            self.actions.push(Action::Close(connection));
        }
        self.actions.discard(Discarded::Link(Box::new(link)));
        // A REQ that waits for this peer learns that it is gone.
        self.wake_waiters();
    }
}
