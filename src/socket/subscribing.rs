//! Subscriptions: the user's go to every peer, and those of peers that have gone are forgotten.

use std::time::Duration;

use super::actions::Action;
use super::core::Core;
use super::state::State;
use crate::error::Error;
use crate::link::Stage;
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
        let state = locked.engine();
        state.check_open()?;
        let change = if subscribe {
            state.pattern.subscribe(topic)
        } else {
            state.pattern.unsubscribe(topic)
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
                self.filter_front(state);
            }
            state.forward_subscription(topic, subscribe);
            self.flush_dirty(&mut locked);
        }
        drop(locked);
        Ok(())
    }

    /// The reactor forgets what departed subscribers left, a slice at a time. A socket that has only
    /// inproc peers may have none: then it is done here, by the one who let the peer go.
    pub(super) fn forget_left_over(&self) {
        let mut locked = self.lock();
        let state = locked.engine();
        if self.poll.get().is_some() {
            return state.set_timer_after(Duration::ZERO, Timer::Forget);
        }
        while locked.engine().pattern.forget_departed() {
            locked.release();
        }
        locked.engine().forgetting = false;
    }
}

impl State {
    /// Sends a subscription, or takes one back, to every peer that is there.
    pub(super) fn forward_subscription(&mut self, topic: &[u8], subscribe: bool) {
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            if link.stage != Stage::Up {
                continue;
            }
            if let Some((pipe, Some(door))) = &link.pipe {
                pipe.put_change(topic, subscribe);
                self.actions.push(Action::Changes(door.clone()));
            } else {
                link.control.push_subscription(topic, subscribe, link.form);
                if !link.dirty {
                    link.dirty = true;
                    self.dirty.push(key);
                }
            }
        }
    }

    /// A subscriber that left had more topics than are forgotten in one go: has the rest forgotten by
    /// and by.
    pub(super) fn forget_departed(&mut self) {
        if !self.forgetting && self.pattern.has_departed() {
            self.forgetting = true;
            self.actions.push(Action::Forget);
        }
    }
}
