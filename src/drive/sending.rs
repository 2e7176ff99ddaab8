//! The verbs that send: by the fast path, or with the engine locked; write at once or later, or wait.

use super::core::Core;
use super::fast_path::Offered;
use super::locked::Locked;
use super::waiting::{OutOfTime, Wait};
use crate::clock;
use crate::engine::sending::Offer;
use crate::engine::writing::WriteOut;
use crate::error::{SendError, SendErrorKind};
use crate::message::Message;
use crate::waiters::tasks::Want;

impl Core {
    /// Sends, waiting for room as long as allowed.
    #[inline]
    pub(crate) fn send(&self, mut message: Message, wait: Wait) -> Result<(), SendError> {
        message.prepare_to_send();
        if self.balances && message.len() <= self.most_frames {
            match self.fast_path.offer(&mut message) {
                Offered::Queued => return Ok(()),
                Offered::Announce(peer) => {
                    peer.readable();
                    return Ok(());
                }
                Offered::Batch => {
                    self.write_out(&mut self.lock());
                    return Ok(());
                }
                Offered::Closed => {}
            }
        }
        self.send_locked(message, wait)
    }

    fn send_locked(&self, mut message: Message, wait: Wait) -> Result<(), SendError> {
        let mut locked = self.lock();
        match self.offer(&mut locked, &mut message) {
            Ok(Offer::Queued) => {
                self.write_out(&mut locked);
                Ok(())
            }
            Ok(Offer::Full) => self.send_when_there_is_room(&mut locked, message, wait),
            Err(kind) => Err(SendError::new(kind, message)),
        }
    }

    /// Offers a message to the engine, unless it is a subscription of an XSUB's, which is made.
    #[inline]
    pub(super) fn offer(
        &self,
        locked: &mut Locked<'_>,
        message: &mut Message,
    ) -> Result<Offer, SendErrorKind> {
        if self.looks_first {
            return self.look_and_offer(locked, message);
        }
        locked.engine().offer(message)
    }

    #[inline(never)]
    fn look_and_offer(
        &self,
        locked: &mut Locked<'_>,
        message: &mut Message,
    ) -> Result<Offer, SendErrorKind> {
        if self.sends_subscriptions && self.subscribe_by_message(locked, message)? {
            return Ok(Offer::Queued);
        }
        if self.conflates {
            return locked.engine().offer_conflated(message);
        }
        locked.engine().offer(message)
    }

    #[cold]
    fn send_when_there_is_room(
        &self,
        locked: &mut Locked<'_>,
        mut message: Message,
        wait: Wait,
    ) -> Result<(), SendError> {
        let mut tried = false;
        loop {
            if let Err(kind) = self.make_room(locked, wait, &mut tried) {
                return Err(SendError::new(kind, message));
            }
            match self.offer(locked, &mut message) {
                Ok(Offer::Queued) => {
                    self.write_out(locked);
                    return Ok(());
                }
                Ok(Offer::Full) => {}
                Err(kind) => return Err(SendError::new(kind, message)),
            }
        }
    }

    /// Sends to the one peer that the application answers (XPUB), if it has room.
    pub(crate) fn send_to_peer(&self, mut message: Message) -> Result<(), SendError> {
        message.fill_blank();
        let mut locked = self.lock();
        let mut outcome = locked.engine().offer_to_peer(&mut message);
        if outcome == Ok(Offer::Full) && locked.engine().work().to_write() > 0 {
            self.flush_dirty(&mut locked);
            outcome = locked.engine().offer_to_peer(&mut message);
        }
        match outcome {
            Ok(Offer::Queued) => {
                self.write_out(&mut locked);
                Ok(())
            }
            Ok(Offer::Full) => Err(SendError::new(SendErrorKind::WouldBlock, message)),
            Err(kind) => Err(SendError::new(kind, message)),
        }
    }

    /// No peer has room: writes what is queued, or else waits for a change.
    fn make_room(
        &self,
        locked: &mut Locked<'_>,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<(), SendErrorKind> {
        if locked.engine().work().to_write() > 0 {
            self.flush_dirty(locked);
            if locked.engine().has_room() {
                return Ok(());
            }
        }
        self.wait(locked, Want::Room, wait, tried)
            .map_err(|OutOfTime| match wait {
                Wait::Never => SendErrorKind::WouldBlock,
                _ => SendErrorKind::TimedOut,
            })
    }

    /// Sends from the front of `messages` under one lock as long as there is room; what was
    /// accepted is removed.
    pub(crate) fn send_many(
        &self,
        messages: &mut Vec<Message>,
        wait: Wait,
    ) -> Result<usize, (SendErrorKind, usize)> {
        let mut sent = 0;
        let mut locked = self.lock();
        let mut tried = false;
        let outcome = loop {
            let Some(message) = messages.get_mut(sent) else {
                self.write_out(&mut locked);
                break Ok(sent);
            };
            message.prepare_to_send();
            match self.offer(&mut locked, message) {
                Ok(Offer::Queued) => {
                    sent += 1;
                    tried = false;
                    if locked.engine().work().has_batches() {
                        self.flush_batches(&mut locked);
                    }
                }
                Ok(Offer::Full) => {
                    if let Err(kind) = self.make_room(&mut locked, wait, &mut tried) {
                        break Err((kind, sent));
                    }
                }
                Err(kind) => {
                    self.write_out(&mut locked);
                    break Err((kind, sent));
                }
            }
        };
        // The messages' bodies may be the user's: they go without the lock.
        drop(locked);
        messages.drain(..sent);
        outcome
    }

    /// After messages were queued: writes them now, or leaves them for the batch that they belong
    /// to.
    #[inline]
    pub(super) fn write_out(&self, locked: &mut Locked<'_>) {
        match locked.engine().to_write_out() {
            WriteOut::Nothing => {}
            WriteOut::All => self.write_cold(locked),
            WriteOut::Batches => self.flush_batches(locked),
        }
        self.open_fast_path(locked.engine());
        if !self.streams {
            locked.engine().turned();
        }
        locked.release();
    }

    fn write_cold(&self, locked: &mut Locked<'_>) {
        if !self.streams {
            return self.flush_dirty(locked);
        }
        if locked.engine().begin_write(clock::now()) {
            self.flush_dirty(locked);
            locked.engine().end_write(clock::now());
        }
    }
}
