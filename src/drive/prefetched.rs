//! Messages that were taken out of the engine together and are received next, so that most receives
//! take a lock that nothing else wants and no more.

use std::collections::VecDeque;

use crate::engine::backoff::Backoff;
use crate::link::pipe::Watch;
use crate::message::Message;

/// What a receive that takes from the batch gets.
pub(crate) struct Popped {
    pub(crate) message: Message,
    /// The batch is used up, and its peers wait for the room that it took: the engine is to be told
    /// now, because the next receive may be a long way off.
    pub(crate) credit_due: bool,
}

/// The batch of a socket that prefetches (PULL, SUB, DEALER, PAIR, ROUTER and others).
///
/// | Field | Changed by | What holds |
/// |---|---|---|
/// | `messages` | the engine's holder fills them when they are empty; receivers take them out | they count towards their links' marks until the engine is told |
/// | `stream`, `gathered`, `backoff` | with a batch, and the receive that finds none left | whether to wait awake for the next batch |
/// | `credit_due` | the engine's holder sets it with a batch; telling the engine clears it | true: the batch holds half of a mark or more, so that its peer may be waiting for it |
#[derive(Debug, Default)]
pub(crate) struct Prefetched {
    messages: VecDeque<Message>,
    credit_due: bool,
    /// The batch was all there was of a stream.
    stream: Option<Watch>,
    /// That batch was waited for.
    gathered: bool,
    backoff: Backoff,
}

impl Prefetched {
    /// The next message, if the engine need not be told of it. `None`: there is none, or it is for
    /// [`pop`](Prefetched::pop).
    ///
    /// It is returned by itself, because a message that travels beside a flag is copied twice, and the
    /// second copy waits for the first: a tenth of what a small message costs its receiver.
    #[inline]
    pub(crate) fn pop_quietly(&mut self) -> Option<Message> {
        if self.credit_due && self.messages.len() == 1 {
            return None;
        }
        self.messages.pop_front()
    }

    /// The next message.
    pub(crate) fn pop(&mut self) -> Option<Popped> {
        let message = self.messages.pop_front()?;
        let credit_due = self.credit_due && self.messages.is_empty();
        Some(Popped {
            message,
            credit_due,
        })
    }

    /// Moves at most `most` messages to `messages`. True: as [`Popped::credit_due`].
    pub(crate) fn drain_into(&mut self, messages: &mut Vec<Message>, most: usize) -> bool {
        let most = most.min(self.messages.len());
        messages.extend(self.messages.drain(..most));
        most > 0 && self.credit_due && self.messages.is_empty()
    }

    /// What a receive that finds nothing left may watch for a moment before it asks the engine: there a batch
    /// gathers. Asking the engine has the sender hand over what it holds back, a few messages at a
    /// time, and each time takes memory from its processor.
    pub(super) fn stream(&mut self) -> Option<Watch> {
        let stream = self.stream.take().filter(|_| self.backoff.pays());
        self.gathered = stream.is_some();
        stream
    }

    /// A batch was put in, or there was none; this shows when there is more, if it is of a stream.
    pub(super) fn set_stream(&mut self, stream: Option<Watch>) {
        self.stream = stream;
        if std::mem::take(&mut self.gathered) {
            self.backoff.learn(self.messages.len() > 1);
        }
    }

    /// Where a batch is put.
    pub(crate) fn batch(&mut self) -> &mut VecDeque<Message> {
        &mut self.messages
    }

    /// A batch was put in, or the engine was told that it is used up.
    pub(crate) fn set_credit_due(&mut self, credit_due: bool) {
        self.credit_due = credit_due;
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    pub(crate) fn len(&self) -> usize {
        self.messages.len()
    }

    /// Takes everything out; it will not be received.
    pub(crate) fn take(&mut self) -> VecDeque<Message> {
        self.credit_due = false;
        self.stream = None;
        std::mem::take(&mut self.messages)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::VecDeque;
    use std::time::Duration;

    use super::*;
    use crate::{Context, Pull, Push};

    /// Nothing here takes this long; what hangs fails instead.
    const HANG: Duration = Duration::from_secs(120);

    fn batch(credit_due: bool) -> Prefetched {
        let messages: VecDeque<_> = ["a", "b", "c"].into_iter().map(Message::from).collect();
        Prefetched {
            messages,
            credit_due,
            ..Prefetched::default()
        }
    }

    #[test]
    fn the_receive_that_empties_a_batch_says_that_its_credit_is_due() {
        for credit_due in [false, true] {
            let mut prefetched = batch(credit_due);
            let credit: Vec<_> =
                std::iter::from_fn(|| prefetched.pop().map(|it| it.credit_due)).collect();
            assert_eq!(credit, [false, false, credit_due]);
            let mut prefetched = batch(credit_due);
            let quietly = std::iter::from_fn(|| prefetched.pop_quietly()).count();
            assert_eq!(quietly, if credit_due { 2 } else { 3 });
            assert_eq!(
                prefetched.pop().map(|it| it.credit_due),
                credit_due.then_some(true)
            );
            let mut prefetched = batch(credit_due);
            let mut out = Vec::new();
            assert!(!prefetched.drain_into(&mut out, 2));
            assert_eq!(prefetched.drain_into(&mut out, 9), credit_due);
            assert!(!prefetched.drain_into(&mut out, 9), "nothing was taken");
            assert_eq!(out, ["a", "b", "c"]);
        }
    }

    #[test]
    fn an_inproc_sender_has_room_once_all_that_it_sent_is_received() {
        let ctx = Context::new();
        for many in [false, true] {
            let name = format!("inproc://room/{many}");
            let pull = ctx.socket(Pull).recv_hwm(1).bind(&*name).unwrap();
            let push = ctx.socket(Push).send_hwm(1).connect(&*name).unwrap();
            while push.try_send("x").is_ok() {}
            let mut got = Vec::new();
            if many {
                while pull.stats().received < push.stats().sent {
                    pull.recv_many(&mut got, 1).unwrap();
                }
            } else {
                for _ in 0..push.stats().sent {
                    pull.recv().unwrap();
                }
            }
            // The receiver makes no further call.
            push.send_timeout("y", HANG).unwrap();
        }
    }
}
