//! One heap of deadlines. Nothing is cancelled: the socket that set a timer recognises a stale one by the
//! generation in it. When the heap has doubled, those that have become stale are taken out together, so
//! that setting a timer stays cheap, a connection's end costs nothing here, and what is gone does
//! not hold memory until its time has come.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::time::{Duration, Instant};

/// The longest a poll is asked to sleep at once.
///
/// A poll takes its time-out as milliseconds in 32 bits, and what does not fit is cut off: a sleep
/// of 50 days could become none at all. A thread that has still to wait after a day polls again.
pub(crate) const LONGEST_POLL: Duration = Duration::from_secs(24 * 60 * 60);

/// The instant `after` from now; `None`: the clock cannot name it, so it never comes.
///
/// The only place where a time is added to an instant: the operator panics on what does not fit, and
/// a `Duration::MAX` that means "for ever" does not.
pub(crate) fn deadline(now: Instant, after: Duration) -> Option<Instant> {
    now.checked_add(after)
}

/// Deadlines, each with what is due then. Time is an argument.
#[derive(Debug)]
pub(crate) struct Timers<T> {
    heap: BinaryHeap<Reverse<Entry<T>>>,
    /// Orders timers of one instant by when they were set.
    count: u64,
    /// Entries with which it is time to look for stale ones.
    crowd: usize,
}

/// So few entries are never worth a look for stale ones.
const FEW: usize = 1024;

#[derive(Debug)]
struct Entry<T> {
    at: Instant,
    number: u64,
    due: T,
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.number) == (other.at, other.number)
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.number).cmp(&(other.at, other.number))
    }
}

impl<T> Timers<T> {
    pub(crate) fn new() -> Timers<T> {
        Timers {
            heap: BinaryHeap::new(),
            count: 0,
            crowd: FEW,
        }
    }

    /// Whether there are twice as many timers as after the last [`retain`](Timers::retain).
    pub(crate) fn is_crowded(&self) -> bool {
        self.heap.len() >= self.crowd
    }

    /// Takes out those that mean nothing any more.
    pub(crate) fn retain(&mut self, is_current: impl Fn(&T) -> bool) {
        self.heap.retain(|Reverse(entry)| is_current(&entry.due));
        self.crowd = FEW.max(2 * self.heap.len());
        self.heap.shrink_to(self.crowd);
    }

    pub(crate) fn set(&mut self, at: Instant, due: T) {
        self.count += 1;
        self.heap.push(Reverse(Entry {
            at,
            number: self.count,
            due,
        }));
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Takes one timer that is due.
    pub(crate) fn expire(&mut self, now: Instant) -> Option<T> {
        if self.next()? > now {
            return None;
        }
        self.heap.pop().map(|Reverse(entry)| entry.due)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_the_clock_cannot_name_never_comes() {
        let now = Instant::now();
        assert_eq!(deadline(now, Duration::MAX), None);
        assert_eq!(deadline(now, Duration::ZERO), Some(now));
    }

    #[test]
    fn timers_of_what_is_gone_do_not_pile_up() {
        let start = Instant::now();
        let far = start + Duration::from_secs(6553);
        let mut timers = Timers::new();
        let mut most = 0;
        // A hundred at a time are there, and each goes without a word.
        for n in 0..100_000u32 {
            timers.set(far, n);
            if timers.is_crowded() {
                timers.retain(|due| due + 100 > n);
            }
            most = most.max(timers.heap.len());
        }
        assert!(most <= FEW, "{most}");
        // Those that still mean something stay, in their order.
        timers.retain(|due| due + 100 >= 100_000);
        let due: Vec<_> = std::iter::from_fn(|| timers.expire(far)).collect();
        assert_eq!(due, (99_900..100_000).collect::<Vec<_>>());
    }

    #[test]
    fn timers_expire_in_order_and_not_early() {
        let start = Instant::now();
        let mut timers = Timers::new();
        for (ms, name) in [(30, "c"), (10, "a"), (20, "b"), (10, "a2")] {
            timers.set(start + Duration::from_millis(ms), name);
        }
        assert_eq!(timers.expire(start), None);
        assert_eq!(timers.next(), Some(start + Duration::from_millis(10)));
        let later = start + Duration::from_millis(25);
        let due: Vec<_> = std::iter::from_fn(|| timers.expire(later)).collect();
        assert_eq!(due, ["a", "a2", "b"]);
        assert_eq!(timers.expire(start + Duration::from_millis(30)), Some("c"));
        assert_eq!(timers.next(), None);
    }
}
