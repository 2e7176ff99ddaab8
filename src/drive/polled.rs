//! What a poller asks of a socket. It never drives the socket's connections: the reactor does.

use std::task::Waker;

use super::core::Core;
use crate::interest::Interest;
use crate::waiters::pollers::PollerId;

/// What a poller finds when it looks at a socket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) readable: bool,
    pub(crate) writable: bool,
    /// Every call says so from now on.
    pub(crate) closed: bool,
}

impl Look {
    pub(crate) const CLOSED: Look = Look {
        readable: false,
        writable: false,
        closed: true,
    };
}

impl Core {
    /// A poller watches from now on; it is to look first. `waker` is the library's own: it is called and
    /// cloned at any time.
    pub(crate) fn add_poller(&self, interest: Interest, waker: Waker) -> PollerId {
        let mut locked = self.lock();
        self.keep(&mut locked);
        locked.engine().waiters().add_poller(interest, waker)
    }

    /// Its interest is another now, and it is to look again.
    pub(crate) fn modify_poller(&self, id: PollerId, interest: Interest) {
        let mut locked = self.lock();
        locked.engine().waiters().modify_poller(id, interest);
    }

    pub(crate) fn remove_poller(&self, id: PollerId) {
        self.lock().engine().waiters().remove_poller(id);
    }

    /// Looks whether calls would find what they want. If not, the next change is told to `id`: what is
    /// found and what is armed is so under one and the same lock.
    pub(crate) fn look(&self, id: Option<PollerId>, interest: Interest) -> Look {
        let mut locked = self.lock();
        let mut flushed = false;
        loop {
            let engine = locked.engine();
            if !engine.is_open() {
                return Look::CLOSED;
            }
            let look = Look {
                readable: interest.is_readable() && self.can_take_message(engine),
                writable: interest.is_writable() && engine.has_room(),
                closed: false,
            };
            if look != Look::default() {
                return look;
            }
            if flushed || engine.work().to_write() == 0 {
                if let Some(id) = id {
                    engine.waiters().arm_poller(id);
                }
                return look;
            }
            // What was sent and not written yet may be what is to be answered, or what takes the room.
            flushed = true;
            self.flush_dirty(&mut locked);
        }
    }

    /// Whether the socket has the verbs of an interest. If not, the one that is missing.
    pub(crate) fn check_interest(&self, interest: Interest) -> Result<(), &'static str> {
        let can = self.lock().engine().can();
        if interest.is_readable() && !can.receives {
            return Err("receive");
        }
        if interest.is_writable() && !can.sends {
            return Err("send");
        }
        Ok(())
    }
}
