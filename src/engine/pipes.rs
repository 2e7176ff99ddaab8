//! A link's end of a pipe: opened, drained, ended, and silent while a caller waits awake.

use std::collections::VecDeque;
use std::sync::Arc;

use super::actions::{Action, Discarded};
use super::inproc::{recv_limits, send_limits};
use super::Engine;
use crate::link::pipe::{pipe, PipePeer, Watch};
use crate::link::reader::Ended;
use crate::link::Stage;
use crate::monitor::{EventKind, Reason};
use crate::reactor::ConnectionId;

impl<D> Engine<D> {
    /// Gives a fresh or orphaned link an unanswered pipe, holding what it had queued.
    pub(super) fn open_pipe(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let limits = send_limits(&self.options);
        let (near, far) = pipe(limits, recv_limits(&self.options));
        near.conflate(self.options.conflate);
        if link.pipe.is_none() {
            self.pipes += 1;
        }
        let old = link.pipe.take();
        if let Some((old, _)) = &old {
            for (carried, counts) in link.piped.iter_mut().zip(old.counts()) {
                let (messages, bytes) = counts.total();
                (carried.0, carried.1) = (carried.0 + messages, carried.1 + bytes);
            }
            // What the last peer has not taken is for the next one, but for the greeting. It is counted as
            // sent once.
            let mut stale = link.greeted && !old.is_touched();
            for message in old.reclaim() {
                let sent = &mut link.piped[0];
                (sent.0, sent.1) = (sent.0 - 1, sent.1 - message.memory() as u64);
                if std::mem::take(&mut stale) {
                    self.actions.discard(Discarded::Message(message));
                    continue;
                }
                near.put(message);
            }
        }
        link.greeted = false;
        link.pipe = Some((near, None));
        let old_far_end = link.far_end.replace(far);
        link.stage = Stage::Waiting;
        self.count_displaced_in_pipe(key);
        self.update_room(key);
        for end in old.map(|(old, _)| old).into_iter().chain(old_far_end) {
            self.actions.discard(Discarded::Pipe(end));
        }
    }

    /// The other end of a link's pipe is about to get to know it: puts what greets a peer before all that
    /// waits there. It is told of it in `established`, when it can receive.
    pub(super) fn greet(&mut self, key: usize) {
        let hello = &self.options.hello_message;
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Some((pipe, _)) = link.pipe.as_ref().filter(|_| !hello.is_empty()) {
            pipe.put_first(hello.clone());
            link.greeted = true;
        }
    }

    /// A peer at the other end of a pipe has gone: leaves word of it behind what it sent.
    pub(super) fn tell_pipe_lost(&mut self, key: usize) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        if link.stage == Stage::Up {
            self.tell_lost(key, link.origin);
        }
    }

    /// Messages to a socket that does not receive are thrown away, so that their sender never
    /// waits for it.
    pub(super) fn drain_upstream(&mut self, id: ConnectionId) {
        loop {
            let Some(link) = self.link(id) else { return };
            let Some((pipe, pipe_peer)) = &link.pipe else {
                return;
            };
            let mut messages = std::mem::take(link.recv_queue.uncounted());
            let (taken, _) = pipe.take_all(pipe_peer.as_ref(), &mut messages);
            let waiting = pipe_peer.clone().filter(|_| taken.room);
            if let Some(pipe_peer) = waiting {
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
        let Some((pipe, _)) = &link.pipe else { return };
        let mut rest = VecDeque::new();
        while pipe.take(&mut rest).messages > 0 {
            link.recv_queue.uncounted().append(&mut rest);
        }
        if !link.recv_queue.is_empty() {
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
        let Some((pipe, pipe_peer)) = link.pipe.take() else {
            return;
        };
        self.pipes = self.pipes.saturating_sub(1);
        let id = ConnectionId {
            link: key,
            generation: link.generation,
        };
        if let Some(far_end) = link.far_end.take() {
            // It waits for a peer that was lost.
            let endpoint = Arc::clone(&link.endpoint);
            self.actions.push(Action::StopSeeking(endpoint, id));
            self.actions.discard(Discarded::Pipe(far_end));
            let lost = pipe.reclaim();
            self.count_lost(lost.len() as u64);
            self.actions.discard(lost);
        }
        if let Some(pipe_peer) = pipe_peer {
            pipe.end();
            self.actions.push(Action::Hang(pipe_peer));
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
        if let Some((pipe, _)) = link.pipe.take() {
            self.pipes = self.pipes.saturating_sub(1);
            let lost = pipe.reclaim();
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
        let (pipe, _) = link.pipe.as_ref()?;
        let watch = pipe.suppress_wakeups()?;
        self.suppressed = Some(key);
        Some(watch)
    }

    /// Has announcements made again, if there are none now. True: something came meanwhile.
    pub(crate) fn resume_wakeups(&mut self) -> bool {
        let Some(key) = self.suppressed.take() else {
            return false;
        };
        let pipe = self.links.get(key).and_then(|link| link.pipe.as_ref());
        let found = pipe.is_some_and(|(pipe, peer)| {
            // What the peer holds back may not have been wanted until now.
            pipe.resume_wakeups() || peer.as_ref().is_some_and(PipePeer::hand_over)
        });
        if found {
            self.pattern.set_readable(key, true);
        }
        found
    }
}
