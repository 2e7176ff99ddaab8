//! Receiving: one message at a time, or a batch that waits in front of the big lock.

use std::collections::VecDeque;

use super::core::{Core, Guard};
use super::state::{Errand, Life, Loan, State};
use super::waiting::{OutOfTime, Wait};
use crate::error::RecvError;
use crate::link::Stage;
use crate::message::Message;
use crate::pattern::Refusal;
use crate::reactor::Command;
use crate::tuning;

impl Core {
    /// Receives, waiting for a message as long as allowed.
    #[inline]
    pub(crate) fn recv(&self, wait: Wait) -> Result<Message, RecvError> {
        if self.one_way {
            if let Some(message) = self.front.lock().pop_front() {
                return Ok(message);
            }
            if let Some((pipe, _)) = self.direct.get() {
                pipe.gather();
            }
        }
        self.recv_behind(wait)
    }

    /// Nothing is in front: looks behind the big lock.
    fn recv_behind(&self, wait: Wait) -> Result<Message, RecvError> {
        let mut state = self.lock();
        let mut tried = false;
        loop {
            match self.take_message(&mut state) {
                Ok(Some(message)) => {
                    self.unlock(state);
                    return Ok(message);
                }
                Ok(None) => state = self.wait_for_message(state, wait, &mut tried)?,
                Err(error) => {
                    self.unlock(state);
                    return Err(error);
                }
            }
        }
    }

    fn take_message(&self, state: &mut State) -> Result<Option<Message>, RecvError> {
        if !self.one_way {
            return state.take_message();
        }
        state.check_receiver()?;
        // Lock order: the front comes after the state, and is never held while the state is taken.
        let mut front = self.front.lock();
        if front.is_empty() {
            state.take_batch(&mut front);
            if front.len() > 1 {
                // Who waits behind the big lock shall look in front.
                state.wake_waiters();
            }
        }
        Ok(front.pop_front())
    }

    /// Receives at least one message, and up to `most` that are there, into `messages`.
    pub(crate) fn recv_many(
        &self,
        messages: &mut Vec<Message>,
        most: usize,
        wait: Wait,
    ) -> Result<usize, RecvError> {
        if most == 0 {
            return Ok(0);
        }
        let before = messages.len();
        let more = |messages: &Vec<Message>| most - (messages.len() - before);
        self.take_front(messages, most);
        let mut state = self.lock();
        let mut tried = messages.len() > before;
        while more(messages) > 0 {
            match self.take_message(&mut state) {
                Ok(Some(message)) => {
                    messages.push(message);
                    self.take_front(messages, more(messages));
                }
                // What came before the error goes out first; the next call repeats it.
                Ok(None) | Err(_) if messages.len() > before => break,
                Ok(None) => state = self.wait_for_message(state, wait, &mut tried)?,
                Err(error) => {
                    self.unlock(state);
                    return Err(error);
                }
            }
        }
        self.unlock(state);
        Ok(messages.len() - before)
    }

    /// Takes what is in front, at most `most`.
    fn take_front(&self, messages: &mut Vec<Message>, most: usize) {
        if self.one_way {
            let mut front = self.front.lock();
            let most = most.min(front.len());
            messages.extend(front.drain(..most));
        }
    }

    fn wait_for_message<'a>(
        &'a self,
        state: Guard<'a>,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<Guard<'a>, RecvError> {
        self.wait(state, wait, tried)
            .map_err(|OutOfTime| match wait {
                Wait::Never => RecvError::WouldBlock,
                _ => RecvError::TimedOut,
            })
    }
}

impl State {
    fn check_receiver(&self) -> Result<(), RecvError> {
        match self.life {
            Life::Open => Ok(()),
            _ if self.reactor_died => Err(RecvError::ReactorDied),
            _ => Err(RecvError::Closed),
        }
    }

    /// The next message for the application, if there is one.
    #[inline]
    pub(super) fn take_message(&mut self) -> Result<Option<Message>, RecvError> {
        self.check_receiver()?;
        if let Err(refusal) = self.pattern.may_receive() {
            return Err(recv_refusal(refusal));
        }
        while let Some(key) = self.pattern.next() {
            let Some(link) = self.links.get_mut(key) else {
                self.pattern.set_readable(key, false);
                continue;
            };
            let Some(message) = link.inbox.pop_front() else {
                self.refill(key);
                continue;
            };
            let regained = link.inward.sub(1, message.byte_len());
            let resume = regained && std::mem::take(&mut link.paused);
            let empty = link.inbox.is_empty();
            let taken = self.pattern.incoming(key, message);
            if resume {
                self.resume_reading(key);
            }
            if empty {
                self.refill(key);
            }
            if let Some(message) = taken {
                self.stats.received += 1;
                return Ok(Some(message));
            }
        }
        // What was discarded on the way may have been the last that a lost peer had to say.
        match self.pattern.may_receive() {
            Ok(()) => Ok(None),
            Err(refusal) => Err(recv_refusal(refusal)),
        }
    }

    /// Moves what can be received to `front`, which is empty: all of a lone talker's inbox at the cost
    /// of one message, or a round of turns of several.
    ///
    /// What is in front still counts as waiting to be received: it is credited to its link when
    /// the front is used up and this is called again.
    pub(super) fn take_batch(&mut self, front: &mut VecDeque<Message>) {
        self.repay();
        while front.is_empty() {
            let Some(key) = self.pattern.next() else {
                return;
            };
            if self.links.get(key).is_none_or(|link| link.inbox.is_empty()) {
                self.refill(key);
            } else if self.pattern.next() == Some(key) {
                self.take_all(key, front);
            } else {
                self.take_turns(front);
            }
            self.pattern.filter(front);
        }
        self.stats.received += front.len() as u64;
    }

    fn take_all(&mut self, key: usize, front: &mut VecDeque<Message>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        std::mem::swap(&mut link.inbox, front);
        let (messages, bytes) = (link.inward.messages(), link.inward.bytes());
        self.lent.push(Loan {
            link: key,
            epoch: link.epoch,
            messages,
            bytes,
        });
        if link.pipe.is_none() {
            self.refill(key);
        }
    }

    fn take_turns(&mut self, front: &mut VecDeque<Message>) {
        while front.len() < tuning::TURNS {
            let Some(key) = self.pattern.next() else {
                return;
            };
            let Some(link) = self.links.get_mut(key) else {
                return self.refill(key);
            };
            let Some(message) = link.inbox.pop_front() else {
                return self.refill(key);
            };
            let (epoch, bytes) = (link.epoch, message.byte_len());
            self.lent.push(Loan {
                link: key,
                epoch,
                messages: 1,
                bytes,
            });
            let empty = link.inbox.is_empty() && link.pipe.is_none();
            front.push_back(message);
            if empty {
                self.refill(key);
            }
        }
    }

    /// The front is used up: its messages are received.
    fn repay(&mut self) {
        while let Some(loan) = self.lent.pop() {
            let Some(link) = self.links.get_mut(loan.link) else {
                continue;
            };
            if link.epoch != loan.epoch {
                continue;
            }
            let regained = link.inward.sub(loan.messages, loan.bytes);
            if regained && std::mem::take(&mut link.paused) {
                self.resume_reading(loan.link);
            }
        }
    }

    /// A link's inbox is empty: takes the next batch of an inproc peer, or notes that there is
    /// nothing, or sees the link off that has nothing more to say.
    fn refill(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Some((pipe, door)) = &link.pipe {
            let taken = pipe.take(&mut link.inbox);
            if let (true, Some(door)) = (taken.room, door) {
                self.errands.push(Errand::GiveRoom(door.clone()));
            }
            if taken.messages > 0 {
                return;
            }
            if taken.ended {
                link.stage = Stage::Draining;
            }
        }
        self.pattern.set_readable(key, false);
        if link.stage == Stage::Draining {
            self.remove_link(key);
        }
    }

    /// An inbox that was full has room: read its connection again.
    fn resume_reading(&mut self, key: usize) {
        self.enqueue(key);
        self.tell_driver();
    }

    /// There is something to read that no event tells.
    pub(super) fn tell_driver(&mut self) {
        if self.lease.is_reactors() {
            // Nobody else would come by.
            self.errands.push(Errand::Reactor(Command::Ready(self.id)));
        } else {
            // A caller that sleeps in the poll gets no event for it.
            self.wake_waiters();
        }
    }

    /// Puts a link on the list of those to be read.
    pub(super) fn enqueue(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if !link.queued {
            link.queued = true;
            self.ready.push_back(key);
        }
    }

    /// REQ: replies to earlier requests are thrown away before a new one goes out.
    pub(super) fn forget_inboxes(&mut self) {
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            if let Some((pipe, door)) = &link.pipe {
                if let (true, Some(door)) = (pipe.clear_inward(), door) {
                    self.errands.push(Errand::GiveRoom(door.clone()));
                }
            }
            if link.inbox.is_empty() {
                continue;
            }
            link.inbox.clear();
            link.inward.settle(0, 0);
            if std::mem::take(&mut link.paused) {
                self.resume_reading(key);
            }
            self.refill(key);
        }
    }
}

fn recv_refusal(refusal: Refusal) -> RecvError {
    match refusal {
        Refusal::Unsupported => RecvError::Unsupported,
        Refusal::PeerGone => RecvError::PeerGone,
        Refusal::MustSendFirst | Refusal::MustReceiveFirst => RecvError::MustSendFirst,
    }
}
