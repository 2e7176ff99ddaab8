//! High-water marks: how much a queue may hold, and when a full one has room again.

/// How much more a queue takes before it is full: a message that leaves nothing of either still fits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Room {
    pub(crate) messages: usize,
    pub(crate) bytes: usize,
}

impl Room {
    /// Whether there is any.
    #[inline]
    pub(crate) fn any(&self) -> bool {
        self.messages > 0 && self.bytes > 0
    }

    /// A message takes its part. True: there is more.
    #[inline]
    pub(crate) fn take(&mut self, bytes: usize) -> bool {
        self.messages = self.messages.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
        self.any()
    }
}

/// Counts what one queue of one peer holds, in messages and bytes: of messages what they take in memory,
/// of encoded ones what goes over the wire. So what has no bytes of its own counts too.
///
/// A queue is full once either count reaches its limit, and stays so until both have fallen to
/// half of it: libzmq's low-water credit, which wakes a stalled sender once for many messages
/// instead of once for each.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HighWater {
    messages: usize,
    bytes: usize,
    most_messages: usize,
    most_bytes: usize,
    full: bool,
    /// All that ever came in.
    total: (u64, u64),
}

fn unless_zero(most: usize) -> usize {
    if most == 0 {
        usize::MAX
    } else {
        most
    }
}

impl HighWater {
    /// Limits of zero mean none.
    pub(crate) fn new(most_messages: usize, most_bytes: usize) -> HighWater {
        HighWater {
            messages: 0,
            bytes: 0,
            most_messages: unless_zero(most_messages),
            most_bytes: unless_zero(most_bytes),
            full: false,
            total: (0, 0),
        }
    }

    /// Messages and bytes that ever came in.
    pub(crate) fn total(&self) -> (u64, u64) {
        self.total
    }

    /// The limits in messages and bytes; `None` where there is none.
    pub(crate) fn limits(&self) -> (Option<usize>, Option<usize>) {
        let limit = |most| (most != usize::MAX).then_some(most);
        (limit(self.most_messages), limit(self.most_bytes))
    }

    /// Counts what came in. True: that made the queue full.
    #[inline]
    pub(crate) fn add(&mut self, messages: usize, bytes: usize) -> bool {
        self.messages += messages;
        self.bytes += bytes;
        self.total.0 += messages as u64;
        self.total.1 += bytes as u64;
        let reached = self.messages >= self.most_messages || self.bytes >= self.most_bytes;
        let became_full = reached && !self.full;
        self.full |= reached;
        became_full
    }

    /// Counts what went out. True: a full queue has room again.
    #[inline]
    pub(crate) fn sub(&mut self, messages: usize, bytes: usize) -> bool {
        self.messages = self.messages.saturating_sub(messages);
        self.bytes = self.bytes.saturating_sub(bytes);
        let regained = self.full && self.is_low();
        if regained {
            self.full = false;
        }
        regained
    }

    /// Sets the counts to what was found to be left. True: a full queue has room again.
    pub(crate) fn settle(&mut self, messages: usize, bytes: usize) -> bool {
        (self.messages, self.bytes) = (messages, bytes);
        self.sub(0, 0)
    }

    /// Sets other limits; zero means none. What is there stays, however much it is.
    pub(crate) fn set_limits(&mut self, messages: usize, bytes: usize) {
        self.most_messages = unless_zero(messages);
        self.most_bytes = unless_zero(bytes);
        self.full = self.messages >= self.most_messages || self.bytes >= self.most_bytes;
    }

    fn is_low(&self) -> bool {
        self.messages <= self.most_messages / 2 && self.bytes <= self.most_bytes / 2
    }

    #[inline]
    pub(crate) fn is_full(&self) -> bool {
        self.full
    }

    /// Whether the queue is at least half full: time for its sender to write a batch, while the
    /// other half is still free for what comes meanwhile.
    #[inline]
    pub(crate) fn is_half_full(&self) -> bool {
        self.messages > self.most_messages / 2 || self.bytes > self.most_bytes / 2
    }

    /// How many messages, and how many bytes, make [`is_half_full`](HighWater::is_half_full) true.
    #[inline]
    pub(crate) fn room_to_half(&self) -> (usize, usize) {
        (
            (self.most_messages / 2 + 1).saturating_sub(self.messages),
            (self.most_bytes / 2 + 1).saturating_sub(self.bytes),
        )
    }

    #[inline]
    pub(crate) fn messages(&self) -> usize {
        self.messages
    }

    #[inline]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How much more fits.
    #[inline]
    pub(crate) fn room_for(&self) -> Room {
        if self.full {
            return Room::default();
        }
        Room {
            messages: self.most_messages.saturating_sub(self.messages),
            bytes: self.most_bytes.saturating_sub(self.bytes),
        }
    }

    /// How many more messages fit; bytes only stop the queue once they are over the limit.
    #[inline]
    pub(crate) fn room(&self) -> usize {
        if self.full {
            0
        } else {
            self.most_messages.saturating_sub(self.messages)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_has_room_again_at_half() {
        let mut marks = HighWater::new(10, 0);
        assert!(!marks.add(9, 0));
        assert!(marks.add(1, 0));
        assert!(marks.is_full());
        assert!(!marks.sub(4, 0));
        assert_eq!(marks.room(), 0);
        assert!(marks.sub(1, 0));
        assert_eq!(marks.room(), 5);
    }

    #[test]
    fn half_of_either_mark_is_half_full() {
        for (messages, bytes) in [(1, 0), (0, 100), (1, 100)] {
            let mut marks = HighWater::new(10 * messages, 10 * bytes);
            let (to_half, bytes_to_half) = marks.room_to_half();
            assert_eq!(
                to_half.min(bytes_to_half),
                if messages > 0 { 6 } else { 501 }
            );
            let added = (1..20).find(|_| {
                marks.add(1, 100);
                marks.is_half_full()
            });
            assert_eq!(added, Some(6));
            let (to_half, bytes_to_half) = marks.room_to_half();
            assert_eq!(to_half.min(bytes_to_half), 0);
        }
    }

    #[test]
    fn a_mark_of_one_lets_one_through() {
        let mut marks = HighWater::new(1, 0);
        assert!(marks.add(1, 100));
        assert!(marks.sub(1, 100));
        assert_eq!(marks.room(), 1);
    }

    #[test]
    fn bytes_fill_a_queue_too_and_one_large_message_always_fits() {
        let mut marks = HighWater::new(0, 1000);
        assert!(marks.room() > 0);
        assert!(marks.add(1, 5000));
        assert!(marks.sub(1, 5000));
        assert!(!marks.add(1, 999));
        assert!(marks.add(1, 1));
    }

    #[test]
    fn room_is_used_up_by_the_message_that_fills_the_queue() {
        for (messages, bytes) in [(3, 0), (0, 30), (3, 25)] {
            let mut marks = HighWater::new(messages, bytes);
            let mut room = marks.room_for();
            for last in [false, false, true] {
                assert_eq!(room.take(10), !last);
                assert_eq!(marks.add(1, 10), last);
            }
            assert!(!room.any() && !marks.room_for().any());
        }
    }

    #[test]
    fn zero_is_no_limit() {
        let mut marks = HighWater::new(0, 0);
        assert!(!marks.add(1 << 40, 1 << 50));
        assert!(!marks.is_full());
    }
}
