//! Subscriptions: the user's go to every peer, and those of peers that have gone are forgotten.

use super::core::Core;
use super::locked::Locked;
use crate::error::{Error, SendErrorKind};
use crate::message::Message;
use crate::pattern::{subscription_of, Forward, Refusal, MAX_GROUP, MAX_TOPIC};

impl Core {
    pub(crate) fn subscribe(&self, topic: &[u8]) -> Result<(), Error> {
        self.change_subscription(topic, true)
    }

    pub(crate) fn unsubscribe(&self, topic: &[u8]) -> Result<(), Error> {
        self.change_subscription(topic, false)
    }

    fn change_subscription(&self, topic: &[u8], subscribe: bool) -> Result<(), Error> {
        if topic.len() > MAX_TOPIC {
            return Err(Error::TopicTooLong {
                bytes: topic.len(),
                most: MAX_TOPIC,
            });
        }
        self.change_subscription_in(&mut self.lock(), topic, subscribe)
    }

    pub(super) fn change_subscription_in(
        &self,
        locked: &mut Locked<'_>,
        topic: &[u8],
        subscribe: bool,
    ) -> Result<(), Error> {
        let engine = locked.engine();
        engine.check_open()?;
        let Ok(forward) = engine.subscribe(topic, subscribe) else {
            let verb = if subscribe {
                "subscribe"
            } else {
                "unsubscribe"
            };
            return Err(Error::Unsupported {
                verb,
                socket_type: self.socket_type,
            });
        };
        if forward == Forward::Upstream {
            self.tell_upstream(locked, topic, subscribe);
        }
        Ok(())
    }

    fn tell_upstream(&self, locked: &mut Locked<'_>, topic: &[u8], subscribe: bool) {
        let engine = locked.engine();
        if !subscribe {
            self.filter_prefetched(engine);
        }
        engine.forward_subscription(topic, subscribe);
        self.flush_dirty(locked);
    }

    /// Joins a group, or leaves it.
    pub(crate) fn change_group(&self, group: &[u8], join: bool) -> Result<(), Error> {
        if group.len() > MAX_GROUP {
            return Err(Error::GroupTooLong {
                bytes: group.len(),
                most: MAX_GROUP,
            });
        }
        let mut locked = self.lock();
        let engine = locked.engine();
        engine.check_open()?;
        match engine.join(group, join) {
            Ok(_) => {
                self.tell_upstream(&mut locked, group, join);
                Ok(())
            }
            Err(Refusal::AlreadyJoined) => Err(Error::AlreadyJoined),
            Err(Refusal::NotJoined) => Err(Error::NotJoined),
            Err(_) => Err(Error::Unsupported {
                verb: if join { "join" } else { "leave" },
                socket_type: self.socket_type,
            }),
        }
    }

    /// A message of an XSUB's that subscribes or cancels: does that instead of sending it. False: it
    /// is none.
    pub(super) fn subscribe_by_message(
        &self,
        locked: &mut Locked<'_>,
        message: &Message,
    ) -> Result<bool, SendErrorKind> {
        let Some((topic, subscribe)) = subscription_of(message) else {
            return Ok(false);
        };
        if topic.len() > MAX_TOPIC {
            return Err(SendErrorKind::TopicTooLong);
        }
        match self.change_subscription_in(locked, topic, subscribe) {
            Ok(()) => Ok(true),
            Err(Error::Closed) => Err(SendErrorKind::Closed),
            Err(Error::ReactorDied) => Err(SendErrorKind::ReactorDied),
            Err(_) => Err(SendErrorKind::Unsupported),
        }
    }

    /// Answers the peer whose message was received last (XPUB): subscribes it, or ends that.
    pub(crate) fn answer_subscription(&self, topic: &[u8], subscribe: bool) -> Result<(), Error> {
        if topic.len() > MAX_TOPIC {
            return Err(Error::TopicTooLong {
                bytes: topic.len(),
                most: MAX_TOPIC,
            });
        }
        let mut locked = self.lock();
        let engine = locked.engine();
        engine.check_open()?;
        match engine.answer_subscription(topic, subscribe) {
            Ok(()) => Ok(()),
            Err(Refusal::PeerGone) => Err(Error::PeerGone),
            Err(_) => Err(Error::NotManual),
        }
    }

    /// How many distinct topics there are.
    pub(crate) fn topics(&self) -> usize {
        self.lock().engine().topics()
    }

    /// The reactor forgets what departed subscribers left, a slice at a time. A socket that has only
    /// inproc peers may have none: then it is done here, by the thread that ended the link.
    pub(super) fn forget_left_over(&self) {
        let mut locked = self.lock();
        let engine = locked.engine();
        if self.poll.get().is_some() {
            return engine.forget_later();
        }
        while locked.engine().forget_slice() {
            locked.release();
        }
    }
}
