//! What a link to a socket of this context stands on: its end of a pipe, and what is known of the other end.

use std::collections::VecDeque;

use super::peer::mark;
use super::pipe::{PipeEnd, PipePeer, Watch};
use super::{Link, Stage, Via};
use crate::message::Message;
use crate::peer::PeerInfo;

/// Where the other end of the pipe is.
#[derive(Debug)]
enum Far {
    /// Here, until a socket has the name.
    Waits(PipeEnd),
    /// In the hands of a socket that has it, and may refuse; what that says of itself. What it sends has no
    /// sender to this side until it is met.
    Offered(Box<PeerInfo>),
    /// That socket's.
    Met(PipePeer),
}

/// See the module's text.
///
/// | Field | Changed by | What holds |
/// |---|---|---|
/// | `end` | a pipe that is opened anew | |
/// | `far` | `take_far_end`, `put_far_end`, `meet` | `Waits` and `Offered` only for a link that `connect` made |
/// | `greeted` | `greet` | the first message in the pipe greets its peer, unless it was taken |
/// | `before` | a pipe that is opened anew | messages and bytes that went through the earlier ones: out, and in |
#[derive(Debug)]
pub(crate) struct PipeLink {
    end: PipeEnd,
    far: Far,
    greeted: bool,
    before: [(u64, u64); 2],
}

impl PipeLink {
    /// The socket at the other end has connected to a name of this one.
    pub(crate) fn accepted(end: PipeEnd, peer: PipePeer) -> PipeLink {
        PipeLink {
            end,
            far: Far::Met(peer),
            greeted: false,
            before: [(0, 0); 2],
        }
    }

    /// No socket is at the other end yet.
    fn unanswered(end: PipeEnd, far_end: PipeEnd) -> PipeLink {
        PipeLink {
            end,
            far: Far::Waits(far_end),
            greeted: false,
            before: [(0, 0); 2],
        }
    }

    /// This side's end.
    #[inline]
    pub(crate) fn end(&self) -> &PipeEnd {
        &self.end
    }

    /// The socket at the other end, once it is there.
    #[inline]
    pub(crate) fn peer(&self) -> Option<&PipePeer> {
        match &self.far {
            Far::Met(peer) => Some(peer),
            _ => None,
        }
    }

    /// The same, if what is in the pipe began with a greeting for it.
    pub(crate) fn greeted_peer(&self) -> Option<&PipePeer> {
        self.peer().filter(|_| self.greeted)
    }

    /// What the socket says of itself that has the other end and was not met yet.
    pub(crate) fn unmet(&self) -> Option<&PeerInfo> {
        match &self.far {
            Far::Offered(binder) => Some(binder),
            _ => None,
        }
    }

    /// Whether it waits for a socket to bind the name.
    pub(crate) fn seeks(&self) -> bool {
        matches!(self.far, Far::Waits(_))
    }

    /// Takes out the other end, which waits for a socket to bind the name: `binder`, which has it, gets it.
    pub(crate) fn take_far_end(&mut self, binder: &PeerInfo) -> Option<PipeEnd> {
        match std::mem::replace(&mut self.far, Far::Offered(Box::new(binder.clone()))) {
            Far::Waits(end) => Some(end),
            other => {
                self.far = other;
                None
            }
        }
    }

    /// Puts it back: another may have it.
    pub(crate) fn put_far_end(&mut self, end: PipeEnd) {
        self.far = Far::Waits(end);
    }

    /// The socket that got the other end has taken it on.
    pub(crate) fn meet(&mut self, peer: PipePeer) {
        self.far = Far::Met(peer);
    }

    /// Puts a greeting before all that waits in the pipe.
    pub(crate) fn greet(&mut self, hello: Message) {
        self.end.put_first(hello);
        self.greeted = true;
    }

    /// What the last peer has not taken goes into `next`, but for its greeting, which is given back. It is
    /// counted as sent once.
    fn carry_over(&self, next: &mut PipeLink) -> Option<Message> {
        next.before = self.before;
        for (carried, counts) in next.before.iter_mut().zip(self.end.counts()) {
            let (messages, bytes) = counts.total();
            (carried.0, carried.1) = (carried.0 + messages, carried.1 + bytes);
        }
        let mut left = self.end.reclaim();
        let bytes: usize = left.iter().map(Message::memory).sum();
        let sent = &mut next.before[0];
        (sent.0, sent.1) = (sent.0 - left.len() as u64, sent.1 - bytes as u64);
        let stale = self.greeted && !self.end.is_touched();
        let greeting = if stale { left.pop_front() } else { None };
        for message in left {
            next.end.put(message);
        }
        greeting
    }
}

/// What a link's empty inbox got from its pipe.
pub(crate) struct Filled {
    pub(crate) messages: usize,
    /// Its sender waits, and has room again.
    pub(crate) room: bool,
    /// What to watch, if this was all there was of a stream.
    pub(crate) emptied: Option<Watch>,
}

/// A pipe that a link had before.
pub(crate) struct OldPipe {
    pub(crate) pipe: PipeLink,
    /// What was to greet a peer that never came to take it.
    pub(crate) greeting: Option<Message>,
}

impl Link {
    #[inline]
    pub(crate) fn pipe(&self) -> Option<&PipeLink> {
        match &self.via {
            Via::Pipe(pipe) => Some(pipe),
            _ => None,
        }
    }

    #[inline]
    pub(crate) fn pipe_mut(&mut self) -> Option<&mut PipeLink> {
        match &mut self.via {
            Via::Pipe(pipe) => Some(pipe),
            _ => None,
        }
    }

    /// It stands on this pipe from now on.
    pub(crate) fn set_pipe(&mut self, pipe: PipeLink) {
        self.via = Via::Pipe(pipe);
    }

    /// It stands on a pipe that no socket has answered yet. What is left in the one before is for the next
    /// peer.
    pub(crate) fn reopen_pipe(&mut self, (near, far): (PipeEnd, PipeEnd)) -> Option<OldPipe> {
        self.stage = Stage::Waiting;
        let mut next = PipeLink::unanswered(near, far);
        let old = self.take_pipe().map(|pipe| OldPipe {
            greeting: pipe.carry_over(&mut next),
            pipe,
        });
        self.set_pipe(next);
        old
    }

    /// Takes its pipe, which is over.
    pub(crate) fn take_pipe(&mut self) -> Option<PipeLink> {
        match std::mem::replace(&mut self.via, Via::Nothing) {
            Via::Pipe(pipe) => Some(pipe),
            other => {
                self.via = other;
                None
            }
        }
    }

    /// Whether it waits for a socket to bind the name that it connects to.
    pub(crate) fn seeks(&self) -> bool {
        self.pipe().is_some_and(PipeLink::seeks)
    }

    /// The socket at the other end is gone, and another is wanted.
    pub(crate) fn pipe_closed(&mut self, generation: u32) {
        self.renew(generation);
        self.peer = None;
    }

    /// Its inbox is empty: takes what is next in its pipe, and has it tell of its peer if `marks`. `None`: it
    /// has none, or its peer was not met yet.
    pub(crate) fn fill_from_pipe(&mut self, marks: bool) -> Option<Filled> {
        let Via::Pipe(pipe) = &self.via else {
            return None;
        };
        if pipe.unmet().is_some() {
            return None;
        }
        let inbox = self.recv_queue.uncounted();
        let (taken, emptied) = pipe.end.take_all(pipe.peer(), inbox);
        if marks {
            mark(self.peer.as_ref(), inbox);
        }
        self.recv_queue.set_piped(taken.bytes);
        Some(Filled {
            messages: taken.messages,
            room: taken.room,
            emptied,
        })
    }

    /// The other end is gone: what it had sent is moved to the inbox, to be received; `marks` as in
    /// [`fill_from_pipe`](Link::fill_from_pipe). True: there is something.
    pub(crate) fn save_inbound(&mut self, marks: bool) -> bool {
        if let Via::Pipe(pipe) = &self.via {
            let mut rest = VecDeque::new();
            while pipe.end.take(&mut rest).messages > 0 {
                if marks {
                    mark(self.peer.as_ref(), &mut rest);
                }
                self.recv_queue.uncounted().append(&mut rest);
            }
        }
        self.has_unread()
    }

    /// Messages and bytes that went through the pipes that it had before: out, and in.
    pub(crate) fn counts_before(&self) -> [(u64, u64); 2] {
        self.pipe().map_or([(0, 0); 2], |pipe| pipe.before)
    }
}
