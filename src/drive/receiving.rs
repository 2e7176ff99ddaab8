//! The verbs that receive: one message at a time, or a batch that waits in front of the engine's lock.

use super::core::Core;
use super::core::Engine;
use super::locked::Locked;
use super::prefetched::Prefetched;
use super::waiting::{OutOfTime, Wait};
use crate::engine::backoff::look;
use crate::error::RecvError;
use crate::link::pipe::Watch;
use crate::message::Message;
use crate::sync::MutexGuard;
use crate::tuning;
use crate::waiters::tasks::Want;
use crate::waiters::Change;

impl Core {
    /// Receives, waiting for a message as long as allowed.
    #[inline]
    pub(crate) fn recv(&self, wait: Wait) -> Result<Message, RecvError> {
        if !self.prefetches {
            return self.recv_locked(wait);
        }
        // Nothing that could unwind comes between the batch and the caller, so that the message is moved
        // once.
        if let Some(message) = self.prefetched.lock().pop_quietly() {
            return Ok(message);
        }
        self.recv_last_or_next(wait)
    }

    /// Nothing is prefetched, or the last message of a batch whose credit is due.
    #[inline(never)]
    fn recv_last_or_next(&self, wait: Wait) -> Result<Message, RecvError> {
        let mut prefetched = self.prefetched.lock();
        let taken = prefetched.pop();
        let stream = if taken.is_none() {
            stream_to_watch(&mut prefetched, wait)
        } else {
            None
        };
        drop(prefetched);
        if let Some(taken) = taken {
            if taken.credit_due {
                self.give_credit();
            }
            return Ok(taken.message);
        }
        gather(stream);
        self.recv_locked(wait)
    }

    /// Nothing is prefetched: looks behind the engine's lock.
    fn recv_locked(&self, wait: Wait) -> Result<Message, RecvError> {
        let mut locked = self.lock();
        let mut tried = false;
        loop {
            if let Some(message) = self.take_message(locked.engine())? {
                return Ok(message);
            }
            self.wait_for_message(&mut locked, wait, &mut tried)?;
        }
    }

    pub(super) fn take_message(&self, engine: &mut Engine) -> Result<Option<Message>, RecvError> {
        if !self.prefetches {
            let taken = engine.take_message();
            match taken {
                Err(RecvError::MustSendFirst) => self.would_block(engine, Want::Message),
                Ok(Some(_)) | Err(RecvError::PeerGone) if !self.streams => engine.turned_to_send(),
                _ => {}
            }
            return taken;
        }
        engine.check_receiver()?;
        let mut prefetched = self.fill_prefetched(engine);
        let Some(taken) = prefetched.pop() else {
            return Ok(None);
        };
        if taken.credit_due {
            prefetched.set_credit_due(false);
            engine.give_credit();
        }
        Ok(Some(taken.message))
    }

    /// Whether a receive would find something; takes nothing.
    pub(super) fn can_take_message(&self, engine: &mut Engine) -> bool {
        if self.prefetches {
            !self.fill_prefetched(engine).is_empty()
        } else if self.conflates {
            engine.can_take_conflated()
        } else {
            engine.can_take_message()
        }
    }

    /// What is received next, filled if there is anything to fill it with.
    fn fill_prefetched(&self, engine: &mut Engine) -> MutexGuard<'_, Prefetched> {
        // Lock order: the prefetched come after the engine, and are never held while that is taken.
        let mut prefetched = self.prefetched.lock();
        if prefetched.is_empty() {
            let stream = engine.take_batch(prefetched.batch());
            prefetched.set_stream(stream);
            prefetched.set_credit_due(engine.owes_credit());
            if prefetched.len() > 1 {
                // Callers that wait behind the engine's lock are to look here.
                engine.notify(Change::Messages);
            }
        }
        prefetched
    }

    /// A batch was used up, and its peers may wait for the room that it took.
    #[cold]
    fn give_credit(&self) {
        self.give_credit_locked(self.lock().engine());
    }

    pub(super) fn give_credit_locked(&self, engine: &mut Engine) {
        let mut prefetched = self.prefetched.lock();
        // Filled again meanwhile: that gave the credit.
        if prefetched.is_empty() {
            prefetched.set_credit_due(false);
            engine.give_credit();
        }
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
        let credit_due = self.take_prefetched(messages, most);
        if self.prefetches && messages.len() == before {
            let stream = stream_to_watch(&mut self.prefetched.lock(), wait);
            gather(stream);
        }
        let mut locked = self.lock();
        if credit_due {
            self.give_credit_locked(locked.engine());
        }
        let mut tried = messages.len() > before;
        while more(messages) > 0 {
            match self.take_message(locked.engine()) {
                Ok(Some(message)) => {
                    messages.push(message);
                    if self.take_prefetched(messages, more(messages)) {
                        self.give_credit_locked(locked.engine());
                    }
                }
                // What came before the error goes out first; the next call repeats it.
                Ok(None) | Err(_) if messages.len() > before => break,
                Ok(None) => self.wait_for_message(&mut locked, wait, &mut tried)?,
                Err(error) => return Err(error),
            }
        }
        Ok(messages.len() - before)
    }

    /// Takes what is prefetched, at most `most`. True: the batch is used up, and its credit is due.
    fn take_prefetched(&self, messages: &mut Vec<Message>, most: usize) -> bool {
        self.prefetches && self.prefetched.lock().drain_into(messages, most)
    }

    /// A topic is wanted no longer: takes what only it matched out of the prefetched. What is still in the
    /// links' inboxes is filtered when it is taken out of them.
    pub(super) fn filter_prefetched(&self, engine: &mut Engine) {
        if !self.prefetches {
            return;
        }
        let mut prefetched = self.prefetched.lock();
        engine.filter_received(prefetched.batch());
        if prefetched.is_empty() {
            prefetched.set_credit_due(false);
            engine.give_credit();
        }
    }

    fn wait_for_message(
        &self,
        locked: &mut Locked<'_>,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<(), RecvError> {
        self.wait(locked, Want::Message, wait, tried)
            .map_err(|OutOfTime| match wait {
                Wait::Never => RecvError::WouldBlock,
                _ => RecvError::TimedOut,
            })
    }
}

/// A receive that may not wait does not watch.
fn stream_to_watch(prefetched: &mut Prefetched, wait: Wait) -> Option<Watch> {
    match wait {
        Wait::Never => None,
        _ => prefetched.stream(),
    }
}

/// Nothing is prefetched: in a stream of an inproc peer, waits awake for the next batch.
fn gather(stream: Option<Watch>) {
    if let Some(watch) = stream {
        let _ = watch.has_news() || look(tuning::GATHER, || watch.has_news());
    }
}
