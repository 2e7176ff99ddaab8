//! A link's end of a pipe: opened, drained, ended, and silent while a caller waits awake.

use std::sync::Arc;

use super::actions::{Action, Discarded};
use super::inproc::{recv_limits, send_limits};
use super::Engine;
use crate::link::ended::Ended;
use crate::link::pipe::{pipe, PipePeer, Watch};
use crate::link::{Link, PipeLink};
use crate::monitor::{EventKind, Reason};
use crate::reactor::ConnectionId;

impl<D> Engine<D> {
    /// Gives a fresh or orphaned link an unanswered pipe, holding what it had queued.
    pub(super) fn open_pipe(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let ends = pipe(send_limits(&self.options), recv_limits(&self.options));
        ends.0.conflate(self.options.conflate);
        link.renew_settings(&self.options);
        let old = link.reopen_pipe(ends);
        if let Some(old) = old {
            let greeting = old.greeting.map(Discarded::Message);
            greeting.into_iter().for_each(|it| self.actions.discard(it));
            self.actions.discard(Discarded::Pipe(old.pipe));
        } else {
            self.pipes += 1;
        }
        self.count_displaced_in_pipe(key);
        self.update_room(key);
    }

    /// The other end of a link's pipe is about to get to know it: puts what greets a peer before all that
    /// waits there. It is told of it in `established`, when it can receive.
    pub(super) fn greet(&mut self, key: usize) {
        let hello = &self.options.hello_message;
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Some(pipe) = link.pipe_mut().filter(|_| !hello.is_empty()) {
            pipe.greet(hello.clone());
        }
    }

    /// A peer at the other end of a pipe has gone: leaves word of it behind what it sent.
    pub(super) fn tell_pipe_lost(&mut self, key: usize) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        if link.is_up() {
            self.tell_lost(key, link.origin());
        }
    }

    /// Messages to a socket that does not receive are thrown away, so that their sender never
    /// waits for it.
    pub(super) fn drain_upstream(&mut self, id: ConnectionId) {
        loop {
            let Some(link) = self.link(id) else { return };
            let Some(taken) = link.fill_from_pipe(false) else {
                return;
            };
            let messages = std::mem::take(link.recv_queue().uncounted());
            let pipe_peer = link.pipe().and_then(PipeLink::peer).cloned();
            if let (true, Some(pipe_peer)) = (taken.room, pipe_peer) {
                self.actions.push(Action::GiveRoom(pipe_peer));
            }
            if taken.messages == 0 {
                return;
            }
            for message in &messages {
                self.take_upstream(id.link, message);
            }
            self.actions.discard(messages);
        }
    }

    /// The other end is gone: what it had sent is moved to the inbox, to be received.
    pub(super) fn save_inbound(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.save_inbound(self.options.message_metadata) {
            self.pattern.set_readable(key, true);
        }
    }

    /// This end of a pipe goes; what the other one had sent can still be received, and what was sent
    /// there is there.
    pub(super) fn hang_up(&mut self, key: usize) {
        self.save_inbound(key);
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let (id, endpoint) = (link.id(), Arc::clone(link.endpoint()));
        #[cfg(feature = "metrics")]
        self.meter.add(link);
        let Some(pipe) = link.take_pipe() else {
            return;
        };
        self.pipes = self.pipes.saturating_sub(1);
        if pipe.seeks() {
            // It waits for a peer that was lost.
            self.actions.push(Action::StopSeeking(endpoint, id));
            let lost = pipe.end().reclaim();
            self.count_lost(lost.len() as u64);
            self.actions.discard(lost);
        }
        if let Some(pipe_peer) = pipe.peer() {
            pipe.end().end();
            self.actions.push(Action::Hang(pipe_peer.clone()));
            let reason = Reason::from(&Ended::Replaced);
            self.report(key, EventKind::Disconnected { reason });
        }
        self.actions.discard(Discarded::Pipe(pipe));
    }

    /// The other end is gone and no other peer is wanted: what was queued for it is lost.
    pub(super) fn abandon_pipe(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        #[cfg(feature = "metrics")]
        self.meter.add(link);
        if let Some(pipe) = link.take_pipe() {
            self.pipes = self.pipes.saturating_sub(1);
            let lost = pipe.end().reclaim();
            self.count_lost(lost.len() as u64);
            self.actions.discard(lost);
            self.actions.discard(Discarded::Pipe(pipe));
        }
        self.pipe_lost(key);
    }

    /// A caller is about to wait awake: if the socket has one peer, and that is inproc, it need not
    /// announce what it sends meanwhile. Announcing costs it this socket's lock.
    pub(crate) fn suppress_wakeups(&mut self) -> Option<Watch> {
        if self.links.len() != 1 || !self.pattern.can().receives || self.waiters.has_sleepers() {
            return None;
        }
        let (key, link) = self.links.iter().next()?;
        let pipe = link.pipe().filter(|pipe| pipe.unmet().is_none())?;
        let watch = pipe.end().suppress_wakeups()?;
        self.suppressed = Some(key);
        Some(watch)
    }

    /// Has announcements made again, if there are none now. True: something came meanwhile.
    pub(crate) fn resume_wakeups(&mut self) -> bool {
        let Some(key) = self.suppressed.take() else {
            return false;
        };
        let pipe = self.links.get(key).and_then(Link::pipe);
        let found = pipe.is_some_and(|pipe| {
            // What the peer holds back may not have been wanted until now.
            pipe.end().resume_wakeups() || pipe.peer().is_some_and(PipePeer::hand_over)
        });
        if found {
            self.pattern.set_readable(key, true);
        }
        found
    }
}
