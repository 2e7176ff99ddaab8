//! Subscriptions: the user's go to every peer, and those of peers that have gone are forgotten.

use std::time::Duration;

use super::core::Core;
use crate::error::Error;
use crate::pattern::{Forward, MAX_TOPIC};
use crate::reactor::Timer;

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
        let mut locked = self.lock();
        let engine = locked.engine();
        engine.check_open()?;
        let change = if subscribe {
            engine.pattern.subscribe(topic)
        } else {
            engine.pattern.unsubscribe(topic)
        };
        let Ok(forward) = change else {
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
            if !subscribe {
                self.filter_front(engine);
            }
            engine.forward_subscription(topic, subscribe);
            self.flush_dirty(&mut locked);
        }
        drop(locked);
        Ok(())
    }

    /// The reactor forgets what departed subscribers left, a slice at a time. A socket that has only
    /// inproc peers may have none: then it is done here, by the one who let the peer go.
    pub(super) fn forget_left_over(&self) {
        let mut locked = self.lock();
        let engine = locked.engine();
        if self.poll.get().is_some() {
            return engine.set_timer_after(Duration::ZERO, Timer::Forget);
        }
        while locked.engine().pattern.forget_departed() {
            locked.release();
        }
        locked.engine().forgetting = false;
    }
}
