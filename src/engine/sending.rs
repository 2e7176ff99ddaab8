//! Where a message goes: the pattern routes it, and it is queued for its peers.

use super::actions::Action;
use super::{Engine, Life};
use crate::error::SendErrorKind;
use crate::link::Link;
use crate::message::Message;
use crate::pattern::{Refusal, Route};
use crate::tuning::MAX_MESSAGE_FRAMES;

/// What an offered message met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// It is queued for its peers, or had none to go to.
    Queued,
    /// No peer has room.
    Full,
}

impl<D> Engine<D> {
    /// Routes a message and queues it for its peers. Changes `message` only when it was accepted;
    /// what is left of it then is for the caller to drop, without the lock.
    #[inline]
    pub(crate) fn offer(&mut self, message: &mut Message) -> Result<Offer, SendErrorKind> {
        self.offer_to::<false>(message)
    }

    /// The same for a socket that conflates: what is queued replaces what waits.
    pub(crate) fn offer_conflated(
        &mut self,
        message: &mut Message,
    ) -> Result<Offer, SendErrorKind> {
        self.offer_to::<true>(message)
    }

    #[inline]
    fn offer_to<const CONFLATES: bool>(
        &mut self,
        message: &mut Message,
    ) -> Result<Offer, SendErrorKind> {
        if self.life != Life::Open {
            return Err(match self.reactor_died {
                true => SendErrorKind::ReactorDied,
                false => SendErrorKind::Closed,
            });
        }
        if message.len() > MAX_MESSAGE_FRAMES.saturating_sub(self.pattern.envelope_frames()) {
            // A peer would end the connection within it, and again within each repetition.
            return Err(SendErrorKind::TooManyFrames);
        }
        if message.len() > 1 && self.pattern.can().single {
            return Err(SendErrorKind::Multipart);
        }
        match self.pattern.route(message) {
            Route::To(key) => {
                if self.pattern.starts_afresh() {
                    self.forget_inboxes();
                }
                if CONFLATES {
                    self.conflate(key, std::mem::take(message));
                } else {
                    self.queue(key, message);
                }
                Ok(Offer::Queued)
            }
            Route::Addressed(key) => {
                self.queue_addressed(key, message);
                Ok(Offer::Queued)
            }
            Route::Raw(key) => {
                self.queue_unframed(key, message);
                Ok(Offer::Queued)
            }
            Route::Close(key) => {
                self.close_raw(key);
                Ok(Offer::Queued)
            }
            Route::ToMany { links, full } => {
                self.ledger.dropped(full);
                if links.is_empty() {
                    // What most publishers send most of the time. The caller drops the message.
                    return Ok(Offer::Queued);
                }
                // The list belongs to the pattern, which is told of each link as it fills.
                self.chosen.clear();
                self.chosen.extend_from_slice(links);
                if CONFLATES {
                    let chosen = std::mem::take(&mut self.chosen);
                    for &key in &chosen {
                        self.conflate(key, message.clone());
                    }
                    self.chosen = chosen;
                } else {
                    self.queue_for_many(message);
                }
                Ok(Offer::Queued)
            }
            Route::Drop => {
                self.ledger.dropped(1);
                Ok(Offer::Queued)
            }
            Route::Wait => {
                // What peers that are gone have said unasked could otherwise never be
                // received, and keeps the listeners from accepting the one that is waited for.
                if self.pattern.awaits_nothing() {
                    self.forget_inboxes();
                }
                Ok(Offer::Full)
            }
            Route::Refused(refusal) => Err(send_refusal(refusal)),
        }
    }

    /// Queues a message for the one peer that the application answers (XPUB), whatever it is subscribed to.
    pub(crate) fn offer_to_peer(&mut self, message: &mut Message) -> Result<Offer, SendErrorKind> {
        if self.life != Life::Open {
            return Err(match self.reactor_died {
                true => SendErrorKind::ReactorDied,
                false => SendErrorKind::Closed,
            });
        }
        if message.len() > MAX_MESSAGE_FRAMES {
            return Err(SendErrorKind::TooManyFrames);
        }
        let key = self.pattern.answers().map_err(|refusal| match refusal {
            Refusal::PeerGone => SendErrorKind::PeerGone,
            _ => SendErrorKind::NotManual,
        })?;
        if !self.update_room(key) {
            return Ok(Offer::Full);
        }
        self.pattern.answered_by_message();
        self.queue(key, message);
        Ok(Offer::Queued)
    }

    /// Queues a message for one peer; takes it out of `message`, or leaves a copy that is not
    /// needed any more.
    #[inline]
    pub(super) fn queue(&mut self, key: usize, message: &mut Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        self.ledger.sent(1);
        if link.pipe().is_some() {
            return self.put_into_pipe(key, std::mem::take(message));
        }
        let full = link.send_queue().push(message);
        let batch = link.has_batch();
        self.queued(key, full, batch);
    }

    /// The same, without the first frame. Also that is for the caller to drop: it may be the user's.
    #[inline]
    fn queue_addressed(&mut self, key: usize, message: &mut Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        self.ledger.sent(1);
        if link.pipe().is_some() {
            return self.put_into_pipe(key, message.take_behind_first());
        }
        let full = link.send_queue().push_addressed(message);
        let batch = link.has_batch();
        self.queued(key, full, batch);
    }

    /// A message was put into a link's queue, which is full now or has a batch: has it written.
    #[inline]
    fn queued(&mut self, key: usize, full: bool, batch: bool) {
        if full || batch || !self.work.is_to_be_written(key) {
            self.queued_first_or_last(key, full);
        }
    }

    /// The first message since the link was written last, and those that are worth a write.
    #[cold]
    pub(super) fn queued_first_or_last(&mut self, key: usize, full: bool) {
        if full {
            self.update_room(key);
        }
        if self.links.get(key).is_some_and(Link::is_up) {
            self.work.write_later(key);
            let link = self.links.get(key);
            let batch = link.is_some_and(|link| link.has_batch());
            if batch && self.heat.is_hot() {
                self.work.write_batch(key);
            }
        }
    }

    fn queue_for_many(&mut self, message: &Message) {
        let mut scratch = std::mem::take(&mut self.scratch);
        let chosen = std::mem::take(&mut self.chosen);
        for &key in &chosen {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            self.ledger.sent(1);
            if link.pipe().is_some() {
                self.put_into_pipe(key, message.clone());
                continue;
            }
            if scratch.is_empty() {
                scratch.push(message);
            }
            let full = link.send_queue().append_copy(&scratch);
            let batch = link.has_batch();
            self.queued(key, full, batch);
        }
        // While `message` is there, no body in here is the last of its kind.
        scratch.clear();
        self.scratch = scratch;
        self.chosen = chosen;
    }

    pub(super) fn put_into_pipe(&mut self, key: usize, message: Message) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(pipe) = link.pipe() else {
            return;
        };
        let put = pipe.end().put(message);
        if let (true, Some(pipe_peer)) = (put.announce, pipe.peer()) {
            self.actions.push(Action::Announce(pipe_peer.clone()));
        }
        if put.is_full() {
            self.pipe_is_full(key);
        }
    }

    /// A pipe says that it has no room, or it conflates.
    #[cold]
    fn pipe_is_full(&mut self, key: usize) {
        self.count_displaced_in_pipe(key);
        self.update_room(key);
    }
}

fn send_refusal(refusal: Refusal) -> SendErrorKind {
    match refusal {
        Refusal::Unsupported => SendErrorKind::Unsupported,
        Refusal::Unroutable | Refusal::RoutingIdTaken => SendErrorKind::Unroutable,
        Refusal::NoGroup | Refusal::AlreadyJoined | Refusal::NotJoined => SendErrorKind::NoGroup,
        Refusal::GroupTooLong => SendErrorKind::GroupTooLong,
        Refusal::TooLarge => SendErrorKind::TooLarge,
        Refusal::MustReceiveFirst | Refusal::MustSendFirst | Refusal::PeerGone => {
            SendErrorKind::MustReceiveFirst
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::link::{Origin, Stage};
    use crate::options::Options;
    use crate::pattern::{Pattern, PatternSettings};
    use crate::peer::SocketType;

    #[test]
    fn the_byte_mark_is_obeyed_also_below_the_size_of_a_batch() {
        let options = Arc::new(Options {
            send_hwm_bytes: 100,
            ..Options::default()
        });
        let pattern = Pattern::new(SocketType::Push, &PatternSettings::default()).unwrap();
        let mut engine = Engine::<()>::new(pattern, &options, 0);
        let endpoint = Arc::new("tcp://127.0.0.1:1".parse().unwrap());
        let key = engine
            .add_link(Origin::Connected, Stage::Up, &endpoint)
            .link;
        engine.attach(key);
        // 40 bytes and a header each: the third reaches the mark.
        for expected in [Offer::Queued, Offer::Queued, Offer::Queued, Offer::Full] {
            let mut message = Message::from([7; 40]);
            assert_eq!(engine.offer(&mut message).unwrap(), expected);
        }
    }
}
