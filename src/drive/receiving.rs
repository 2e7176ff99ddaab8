//! Receiving: one message at a time, or a batch that waits in front of the big lock.

use super::core::Core;
use super::core::Engine;
use super::locked::Locked;
use super::waiting::{OutOfTime, Wait};
use crate::error::RecvError;
use crate::message::Message;

impl Core {
    /// Receives, waiting for a message as long as allowed.
    #[inline]
    pub(crate) fn recv(&self, wait: Wait) -> Result<Message, RecvError> {
        if self.prefetches {
            if let Some(message) = self.front.lock().pop_front() {
                return Ok(message);
            }
            if !matches!(wait, Wait::Never) {
                if let Some((pipe, _)) = self.direct.get() {
                    pipe.gather();
                }
            }
        }
        self.recv_behind(wait)
    }

    /// Nothing is in front: looks behind the big lock.
    fn recv_behind(&self, wait: Wait) -> Result<Message, RecvError> {
        let mut locked = self.lock();
        let mut tried = false;
        loop {
            if let Some(message) = self.take_message(locked.engine())? {
                return Ok(message);
            }
            self.wait_for_message(&mut locked, wait, &mut tried)?;
        }
    }

    fn take_message(&self, engine: &mut Engine) -> Result<Option<Message>, RecvError> {
        if !self.prefetches {
            return engine.take_message();
        }
        engine.check_receiver()?;
        // Lock order: the front comes after the engine, and is never held while that is taken.
        let mut front = self.front.lock();
        if front.is_empty() {
            engine.take_batch(&mut front);
            if front.len() > 1 {
                // Who waits behind the big lock shall look in front.
                engine.wake_waiters();
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
        let mut locked = self.lock();
        let mut tried = messages.len() > before;
        while more(messages) > 0 {
            match self.take_message(locked.engine()) {
                Ok(Some(message)) => {
                    messages.push(message);
                    self.take_front(messages, more(messages));
                }
                // What came before the error goes out first; the next call repeats it.
                Ok(None) | Err(_) if messages.len() > before => break,
                Ok(None) => self.wait_for_message(&mut locked, wait, &mut tried)?,
                Err(error) => return Err(error),
            }
        }
        Ok(messages.len() - before)
    }

    /// Takes what is in front, at most `most`.
    fn take_front(&self, messages: &mut Vec<Message>, most: usize) {
        if self.prefetches {
            let mut front = self.front.lock();
            let most = most.min(front.len());
            messages.extend(front.drain(..most));
        }
    }

    /// A topic is wanted no longer: takes what only it matched out of the front. What is still in the
    /// links' inboxes is filtered when it is taken out of them.
    pub(super) fn filter_front(&self, engine: &mut Engine) {
        if !self.prefetches {
            return;
        }
        let mut front = self.front.lock();
        let unwanted = engine.pattern.filter(&mut front);
        drop(front);
        engine.ledger.took_back(unwanted.len());
        engine.actions.discard(unwanted);
    }

    fn wait_for_message(
        &self,
        locked: &mut Locked<'_>,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<(), RecvError> {
        self.wait(locked, wait, tried)
            .map_err(|OutOfTime| match wait {
                Wait::Never => RecvError::WouldBlock,
                _ => RecvError::TimedOut,
            })
    }
}
