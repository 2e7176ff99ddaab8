//! Reconnecting, the memory: what a link of `connect` remembers of its connections, and what that says of the next
//! try. The decision is `engine/reconnect`, the try `reactor/connect`.

use std::time::Duration;

use crate::tuning;

/// How a connection went, once it is over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outcome {
    /// The kernel took a message whole.
    pub(crate) wrote: bool,
    /// The peer sent something behind its handshake.
    pub(crate) heard: bool,
    /// The peer did what no peer may do, so that the next connection will hardly be better.
    pub(crate) fault: bool,
    /// The peer ended it within a message.
    pub(crate) refused: bool,
}

/// The tries to connect, and what came of them.
///
/// | Count | Grows with | Back to zero with |
/// |---|---|---|
/// | `failures` | each try | a handshake that succeeded |
/// | `setbacks` | each try | a connection that brought or took a message, and did not end by a fault |
/// | `refusals` | a connection that the peer ended within a message | a message that went out, or was dropped for this |
#[derive(Debug, Default)]
pub(crate) struct Retry {
    failures: u32,
    setbacks: u32,
    refusals: u8,
    /// There is to be no other try.
    stopped: bool,
}

impl Retry {
    /// A handshake has succeeded.
    pub(crate) fn established(&mut self) {
        self.failures = 0;
    }

    /// There is to be no other try.
    pub(crate) fn stop(&mut self) {
        self.stopped = true;
    }

    /// A connection is over.
    pub(crate) fn connection_over(&mut self, outcome: Outcome) {
        if (outcome.wrote || outcome.heard) && !outcome.fault {
            self.setbacks = 0;
        }
        if outcome.wrote {
            self.refusals = 0;
        }
        self.refusals = self.refusals.saturating_add(u8::from(outcome.refused));
    }

    /// Whether the message that is first in the queue was refused so often that it is to be dropped, and
    /// how often that was. The count begins anew.
    pub(crate) fn take_refused(&mut self) -> Option<u8> {
        (self.refusals >= tuning::REFUSALS).then(|| std::mem::take(&mut self.refusals))
    }

    /// There is to be another try: how many came to nothing since one brought something. `None`: `most`
    /// have failed in a row, or they were stopped, and there is to be no other.
    pub(crate) fn next(&mut self, most: Option<u32>) -> Option<u32> {
        let (failures, setbacks) = (self.failures, self.setbacks);
        self.failures = failures.saturating_add(1);
        self.setbacks = setbacks.saturating_add(1);
        let more = most.is_none_or(|most| failures < most) && !self.stopped;
        more.then_some(setbacks)
    }
}

/// The pause before the next try after `setbacks` in a row: doubling from `first` up to `most`, and with up
/// to half of it added at random, so that a thousand peers of a restarted server do not come back in step.
pub(crate) fn pause(first: Duration, most: Duration, setbacks: u32, dice: u64) -> Duration {
    let first = first.max(Duration::from_millis(1));
    let most = most.max(first);
    let base = first.saturating_mul(1 << setbacks.min(20)).min(most);
    let jitter = u64::try_from(base.as_micros() / 2).unwrap_or(u64::MAX);
    base.saturating_add(Duration::from_micros(dice % jitter.max(1)))
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VAIN: Outcome = Outcome {
        wrote: false,
        heard: false,
        fault: false,
        refused: false,
    };

    #[test]
    fn tries_are_counted_from_the_last_handshake_and_the_pause_from_the_last_use() {
        let mut retry = Retry::default();
        assert_eq!(retry.next(Some(2)), Some(0));
        retry.established();
        retry.connection_over(VAIN);
        assert_eq!(retry.next(Some(2)), Some(1));
        assert_eq!(retry.next(Some(2)), Some(2));
        assert_eq!(retry.next(Some(2)), None);
        let mut retry = Retry::default();
        assert!((0..1000).all(|tries| retry.next(None) == Some(tries)));
    }

    #[test]
    fn a_connection_that_was_of_use_makes_the_pause_short_unless_it_ended_by_a_fault() {
        for (wrote, heard, fault, expected) in [
            (true, false, false, 0),
            (false, true, false, 0),
            (true, true, true, 1),
            (false, false, false, 1),
        ] {
            let mut retry = Retry::default();
            let _ = retry.next(None);
            retry.connection_over(Outcome {
                wrote,
                heard,
                fault,
                ..VAIN
            });
            assert_eq!(retry.next(None), Some(expected), "{wrote} {heard} {fault}");
        }
    }

    #[test]
    fn a_message_is_given_up_after_several_refusals_in_a_row() {
        let refused = Outcome {
            refused: true,
            ..VAIN
        };
        let mut retry = Retry::default();
        for _ in 1..tuning::REFUSALS {
            retry.connection_over(refused);
            assert_eq!(retry.take_refused(), None);
        }
        // One went out before the one that was refused, which is another one then.
        retry.connection_over(Outcome {
            wrote: true,
            ..refused
        });
        assert_eq!(retry.take_refused(), None);
        for _ in 1..tuning::REFUSALS {
            retry.connection_over(refused);
        }
        assert_eq!(retry.take_refused(), Some(tuning::REFUSALS));
        assert_eq!(retry.take_refused(), None);
    }

    #[test]
    fn the_pause_doubles_up_to_its_bound() {
        let (first, most) = (Duration::from_millis(100), Duration::from_secs(2));
        for setbacks in 0..40 {
            let base = Duration::from_millis((100 << setbacks.min(10)).min(2000));
            assert_eq!(pause(first, most, setbacks, 0), base);
        }
        assert_eq!(pause(Duration::MAX, most, 3, 7), Duration::MAX);
    }

    proptest! {
        #[test]
        fn the_pause_is_up_to_half_as_much_again(
            first: Duration, most: Duration, setbacks: u32, dice: u64
        ) {
            let base = pause(first, most, setbacks, 0);
            let got = pause(first, most, setbacks, dice);
            prop_assert!(base <= got && got <= base.saturating_add(base / 2));
        }
    }
}
