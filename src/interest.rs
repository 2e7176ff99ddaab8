//! [`Interest`]: what a poller is to tell of a socket.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// What a [`Poller`](crate::Poller) tells of a socket or a descriptor: that a receive would not wait, that
/// a send would not, both, or neither.
///
/// ```
/// use sinew::Interest;
///
/// let both = Interest::READABLE | Interest::WRITABLE;
/// assert!(both.is_readable() && both.is_writable());
/// assert!(!Interest::READABLE.is_writable());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Interest {
    readable: bool,
    writable: bool,
}

impl Interest {
    /// Nothing but the end of the socket is told.
    pub const NONE: Interest = Interest {
        readable: false,
        writable: false,
    };
    /// A receive would not wait.
    pub const READABLE: Interest = Interest {
        readable: true,
        writable: false,
    };
    /// A send would not wait.
    pub const WRITABLE: Interest = Interest {
        readable: false,
        writable: true,
    };

    /// Whether it includes [`READABLE`](Interest::READABLE).
    pub const fn is_readable(self) -> bool {
        self.readable
    }

    /// Whether it includes [`WRITABLE`](Interest::WRITABLE).
    pub const fn is_writable(self) -> bool {
        self.writable
    }

    /// Whether it is [`NONE`](Interest::NONE).
    pub const fn is_none(self) -> bool {
        !self.readable && !self.writable
    }
}

impl BitOr for Interest {
    type Output = Interest;

    fn bitor(self, other: Interest) -> Interest {
        Interest {
            readable: self.readable || other.readable,
            writable: self.writable || other.writable,
        }
    }
}

impl BitOrAssign for Interest {
    fn bitor_assign(&mut self, other: Interest) {
        *self = *self | other;
    }
}

impl fmt::Debug for Interest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.readable, self.writable) {
            (false, false) => "NONE",
            (true, false) => "READABLE",
            (false, true) => "WRITABLE",
            (true, true) => "READABLE | WRITABLE",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interests_add_up() {
        let mut interest = Interest::NONE;
        assert!(interest.is_none() && interest == Interest::default());
        interest |= Interest::READABLE;
        assert_eq!(interest | Interest::NONE, Interest::READABLE);
        interest |= Interest::WRITABLE;
        assert_eq!(format!("{interest:?}"), "READABLE | WRITABLE");
        assert_eq!(interest | Interest::READABLE, interest);
    }
}
