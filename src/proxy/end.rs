//! One of a proxy's two sockets in its poller.

use super::way::Waits;
use crate::error::Error;
use crate::interest::Interest;
use crate::poller::Poller;
use crate::socket::DynSocket;

/// Whose event it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Frontend,
    Backend,
    Control,
}

/// One of the two sockets, and what the poller tells of it.
#[derive(Debug)]
pub(super) struct End {
    pub(super) socket: DynSocket,
    interest: Interest,
}

impl End {
    pub(super) fn new(socket: DynSocket) -> End {
        End {
            socket,
            interest: Interest::NONE,
        }
    }

    /// Has the poller tell this from now on.
    pub(super) fn tell(
        &mut self,
        poller: &mut Poller<Side>,
        side: Side,
        interest: Interest,
    ) -> Result<(), Error> {
        if self.interest != interest {
            poller.modify(&self.socket, side, interest)?;
            self.interest = interest;
        }
        Ok(())
    }
}

/// What a socket is polled for: it is the source of `from_it` and the sink of `to_it`.
pub(super) fn interest(from_it: Waits, to_it: Waits) -> Interest {
    let mut interest = Interest::NONE;
    if from_it == Waits::Message {
        interest |= Interest::READABLE;
    }
    if to_it == Waits::Room {
        interest |= Interest::WRITABLE;
    }
    interest
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_socket_is_polled_for_what_either_direction_waits_for() {
        let both = Interest::READABLE | Interest::WRITABLE;
        for (from_it, to_it, wanted) in [
            (Waits::Message, Waits::Room, both),
            (Waits::Message, Waits::Message, Interest::READABLE),
            (Waits::Room, Waits::Room, Interest::WRITABLE),
            (Waits::Room, Waits::Message, Interest::NONE),
            (Waits::Nothing, Waits::Nothing, Interest::NONE),
        ] {
            assert_eq!(interest(from_it, to_it), wanted, "{from_it:?} {to_it:?}");
        }
    }
}
