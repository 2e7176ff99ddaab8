//! A look at what is on the list: whether it is ready, and whether it stays there.

use super::event::PollEvent;
use super::slots::Source;
use super::Poller;
use crate::drive::polled::Look;
use crate::monitor::Sight;

impl<Key: Copy> Poller<Key> {
    /// Looks at what may be ready: what was ready last time, and what changed since. True: woken.
    pub(super) fn look_at_listed(&mut self, events: &mut Vec<PollEvent<Key>>) -> bool {
        let mut changed = Vec::new();
        let woken = self.list.take(&mut changed);
        for place in changed {
            self.slots.list(place);
        }
        for place in self.slots.take_listed() {
            if self.look(place, events) {
                self.slots.list(place);
            }
        }
        woken
    }

    /// Looks at one. False: it is not to be looked at again before it changes.
    fn look(&mut self, place: usize, events: &mut Vec<PollEvent<Key>>) -> bool {
        let Some(slot) = self.slots.get_mut(place) else {
            return false;
        };
        let (key, interest) = (slot.key, slot.interest);
        let found = match &mut slot.source {
            Source::Socket(core, id) => {
                self.looks += 1;
                match core.upgrade() {
                    Some(core) => core.look(Some(*id), interest),
                    None => Look::CLOSED,
                }
            }
            Source::Monitor(queue, id) => {
                self.looks += 1;
                let sight = queue.upgrade().map_or(Sight::End, |queue| queue.look(*id));
                Look {
                    readable: sight == Sight::Event,
                    closed: sight == Sight::End,
                    ..Look::default()
                }
            }
            Source::Descriptor(watched) => {
                // It was ready when the system was asked last: has the system say whether it still is, which
                // it does of what is registered anew.
                match self.system.register(watched, place, interest) {
                    Ok(()) => return false,
                    Err(_) => Look::CLOSED,
                }
            }
        };
        if found == Look::default() {
            return false;
        }
        let closed = found.closed;
        events.push(PollEvent {
            key,
            readable: found.readable || closed && interest.is_readable(),
            writable: found.writable || closed && interest.is_writable(),
            closed,
            error: false,
        });
        if closed {
            self.remove_slot(place);
        }
        !closed
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::Duration;

    use crate::{Context, Interest, Poller, Pull, Push};

    /// What the waits cost is what is ready or has changed, not what is there.
    #[test]
    fn only_what_is_ready_or_has_changed_is_looked_at() {
        let context = Context::new();
        let mut poller = Poller::new().unwrap();
        let pulls: Vec<_> = (0..50)
            .map(|n| {
                let name = format!("inproc://{n}");
                let pull = context.socket(Pull).bind(&*name).unwrap();
                poller.add(&pull, n, Interest::READABLE).unwrap();
                pull
            })
            .collect();
        assert_eq!(poller.wait(Duration::ZERO).unwrap().len(), 0);
        let push = context.socket(Push).connect("inproc://7").unwrap();
        push.send("x").unwrap();
        // The connection is a change too, and may be looked at before the message is there.
        while poller.wait(None).unwrap().len() == 0 {}
        let before = poller.looks();
        for _ in 0..10 {
            let keys: Vec<_> = poller.wait(None).unwrap().map(|event| event.key).collect();
            assert_eq!(keys, [7]);
        }
        assert!(poller.looks() - before <= 20, "{}", poller.looks() - before);
        assert_eq!(pulls[7].recv().unwrap(), "x");
        assert_eq!(poller.wait(Duration::ZERO).unwrap().len(), 0);
    }
}
