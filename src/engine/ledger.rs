//! What the socket has done with messages: counts, and which of those it has handed out are received.

use crate::stats::Stats;

/// Messages that left a link's queue in a prefetched batch and are not received yet: until then they
/// count as waiting there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Credit {
    pub(super) link: usize,
    /// Tells the link from others under the same key.
    pub(super) first_generation: u32,
    pub(super) messages: usize,
    pub(super) bytes: usize,
}

/// A socket's book-keeping.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    sent: u64,
    received: u64,
    dropped: u64,
    undelivered: u64,
    owed: Vec<Credit>,
}

impl Ledger {
    #[inline]
    pub(super) fn sent(&mut self, messages: u64) {
        self.sent += messages;
    }

    #[inline]
    pub(super) fn received(&mut self, messages: usize) {
        self.received += messages as u64;
    }

    /// Messages that were counted as received are not wanted after all.
    pub(crate) fn took_back(&mut self, messages: usize) {
        self.received = self.received.saturating_sub(messages as u64);
    }

    /// Messages that the rules of the pattern had dropped.
    pub(super) fn dropped(&mut self, messages: usize) {
        self.dropped += messages as u64;
    }

    /// What was queued for a peer will not get there; that is told by `close` if it happens while the
    /// socket lingers.
    pub(super) fn lost(&mut self, messages: u64, lingers: bool) {
        self.dropped += messages;
        if lingers {
            self.undelivered += messages;
        }
    }

    pub(crate) fn undelivered(&self) -> u64 {
        self.undelivered
    }

    /// The counts, with what others know: how many peers there are, and how many of the messages that
    /// count as received wait in a batch.
    pub(crate) fn stats(&self, peers: usize, waiting: usize) -> Stats {
        Stats {
            sent: self.sent,
            received: self.received.saturating_sub(waiting as u64),
            dropped: self.dropped,
            peers,
        }
    }

    /// Messages go out in a batch; they are credited when it is used up.
    pub(super) fn owe(&mut self, credit: Credit) {
        self.owed.push(credit);
    }

    /// How many messages and bytes are owed, to all links together.
    pub(super) fn owed(&self) -> (usize, usize) {
        let owed = self.owed.iter();
        owed.fold((0, 0), |(messages, bytes), credit| {
            (messages + credit.messages, bytes + credit.bytes)
        })
    }

    /// The batch is used up: the next link to be credited.
    pub(super) fn next_owed(&mut self) -> Option<Credit> {
        self.owed.pop()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_in_a_batch_or_was_taken_back_is_not_received() {
        let mut ledger = Ledger::default();
        ledger.received(10);
        ledger.took_back(3);
        assert_eq!(ledger.stats(2, 4).received, 3);
        assert_eq!(ledger.stats(2, 40).received, 0);
        assert_eq!(ledger.stats(2, 0).peers, 2);
    }

    #[test]
    fn only_what_is_lost_while_the_socket_lingers_is_told_by_close() {
        let mut ledger = Ledger::default();
        ledger.sent(9);
        ledger.dropped(1);
        ledger.lost(2, false);
        ledger.lost(4, true);
        assert_eq!(ledger.undelivered(), 4);
        let stats = ledger.stats(0, 0);
        assert_eq!((stats.sent, stats.dropped), (9, 7));
    }

    #[test]
    fn each_credit_is_given_once() {
        let mut ledger = Ledger::default();
        let credit = |link| Credit {
            link,
            first_generation: 7,
            messages: 1,
            bytes: 10,
        };
        ledger.owe(credit(1));
        ledger.owe(credit(2));
        assert_eq!(ledger.owed(), (2, 20));
        let mut links: Vec<_> = std::iter::from_fn(|| ledger.next_owed())
            .map(|credit| credit.link)
            .collect();
        links.sort_unstable();
        assert_eq!(links, [1, 2]);
        assert_eq!(ledger.next_owed(), None);
    }
}
