//! [`Conflate`]: which of the messages that wait replace each other.

use crate::message::Message;

/// Which messages of a queue replace each other, so that a receiver that is behind gets what is new and
/// not all that was. For PUSH, PULL, PUB, SUB and DEALER.
///
/// Messages with the same key replace each other, whole, with all their frames: of each key, at most one
/// waits in a queue, and that is the last one. Each peer has queues of its own, so that messages of
/// different peers never replace each other.
///
/// ```
/// use sinew::{Conflate, Context, Pull, Push};
///
/// let context = Context::new();
/// let pull = context.socket(Pull).conflate(Conflate::ByFirstFrame).bind("inproc://prices")?;
/// let push = context.socket(Push).connect("inproc://prices")?;
/// for (metal, price) in [("gold", "61"), ("silver", "2"), ("gold", "62"), ("gold", "63")] {
///     push.send([metal, price])?;
/// }
/// assert_eq!(pull.recv()?, ["gold", "63"]);
/// assert_eq!(pull.recv()?, ["silver", "2"]);
/// # Ok::<(), sinew::Error>(())
/// ```
///
/// # Order
/// A message takes the place in the queue of the one that it replaces. So a key that changes all the time
/// is received in its turn, and holds up no other: keys are received in the order in which they began to
/// wait, not in that of their last messages.
///
/// # Bounds
/// A queue that conflates is never full: PUSH and DEALER do not wait for it, and PUB does not drop for
/// it. The high-water marks bound the keys instead: when a message of another key exceeds
/// [`send_hwm`](crate::Options::send_hwm) or [`send_hwm_bytes`](crate::Options::send_hwm_bytes) (on the receiving side
/// `recv_hwm` and `recv_hwm_bytes`), the message that began to wait first is dropped. [`Last`](Conflate::Last) has one key,
/// and meets no mark. A mark of zero is no bound: then memory grows with the keys that senders think up.
/// Beside each message its key is kept.
///
/// # What is counted
/// What was replaced counts as sent (or as having come) and as dropped:
/// [`Stats::dropped`](crate::Stats::dropped), and for each peer [`Drops::conflated`](crate::Drops::conflated); what was
/// dropped at a mark is [`Drops::full`](crate::Drops::full). Over inproc it is the sender that counts.
///
/// # What it cannot reach
/// Only what waits in this socket is replaced. Between two processes the systems hold some more of what was
/// written, commonly megabytes over tcp: [`send_buffer`](crate::Options::send_buffer) and
/// [`recv_buffer`](crate::Options::recv_buffer) bound that. On which side to conflate? A sender that does saves the
/// receiver the traffic; a receiver that does reads all that comes, and need not trust its senders to.
/// Over inproc both ends have one queue: it conflates as the receiver says, or else as the sender does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Conflate {
    /// All messages are kept.
    #[default]
    Off,
    /// Only the last message of a peer is kept, as libzmq's `ZMQ_CONFLATE` does, which loses frames of
    /// messages that have several; this does not.
    Last,
    /// The last message of each first frame is kept: of each topic, where that is a frame of its own.
    ByFirstFrame,
    /// The last message of each beginning of a first frame is kept: of those that have the same first bytes,
    /// this many, or all if they have fewer. Zero is refused: use [`Last`](Conflate::Last).
    ByPrefix(usize),
}

impl Conflate {
    /// Whether any messages replace each other.
    pub(crate) fn is_on(self) -> bool {
        self != Conflate::Off
    }

    /// What messages must have in common to replace each other.
    pub(crate) fn key(self, message: &Message) -> &[u8] {
        let first = message.first();
        match self {
            Conflate::Off | Conflate::Last => &[],
            Conflate::ByFirstFrame => first,
            Conflate::ByPrefix(bytes) => first.get(..bytes).unwrap_or(first),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_nothing_the_first_frame_or_its_beginning() {
        let message = Message::from(["topic", "value"]);
        let key = |rule: Conflate| rule.key(&message).to_vec();
        assert_eq!(key(Conflate::Last), b"");
        assert_eq!(key(Conflate::ByFirstFrame), b"topic");
        assert_eq!(key(Conflate::ByPrefix(3)), b"top");
        assert_eq!(key(Conflate::ByPrefix(9)), b"topic");
        assert_eq!(Conflate::ByPrefix(3).key(&Message::new()), b"");
    }
}
