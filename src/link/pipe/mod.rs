//! The inproc link: two lanes of messages between two sockets of one context.
//!
//! No bytes, no reactor: the sender puts messages into the lane, the receiver takes them out a block at
//! a time. Each side only wakes the other when that has said that it waits, so that a stream costs
//! one wake-up for many messages.
//!
//! ```text
//! sender:    HeldBack ── a block at a time, or when wanted ──► Lane
//! receiver:                                                    Lane ── a block at a time ──► its inbox
//! ```
//!
//! The sender of a stream holds up to a block of messages back in its [`HeldBack`]. A receiver that finds
//! its lane empty says that it wants what there is, and has what is held back handed over
//! ([`PipePeer::hand_over`]). Nothing is stranded between the two, because the sender looks whether it is
//! wanted under the very lock under which the receiver asks.

mod blocks;
mod events;
mod held_back;
mod lane;

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use self::lane::Lane;
use super::conflater::Displaced;
use super::high_water::{HighWater, Room};
use super::shares::Shares;
use crate::message::Message;
use crate::options::Conflate;
use crate::sync::Mutex;

pub(crate) use self::events::{HoldsBack, PipeEvents, PipePeer};
pub(crate) use self::held_back::HeldBack;
pub(crate) use self::lane::{Put, Taken};
pub(crate) use super::shares::Limits;

/// A subscription, or one that is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) topic: Bytes,
    pub(crate) subscribe: bool,
}

/// A lane, and what goes beside it.
#[derive(Debug)]
struct Track {
    lane: Lane,
    /// Put in under the subscriber's lock and taken out under the publisher's, so that they arrive in
    /// the order in which the subscriber made them, whichever of its threads brings them over.
    changes: Mutex<VecDeque<Change>>,
}

impl Track {
    fn new(shares: Shares) -> Track {
        Track {
            lane: Lane::new(shares),
            changes: Mutex::new(VecDeque::new()),
        }
    }
}

/// One end of a pipe: writes into one lane and reads from the other. Clones are the same end.
#[derive(Clone, Debug)]
pub(crate) struct PipeEnd {
    tracks: Arc<[Track; 2]>,
    /// The lane this end writes into; it reads from the other one.
    out: usize,
}

/// Makes a pipe: the first end sends under the first limits, and receives under the second. The other
/// end's are added when it is there ([`PipeEnd::widen`]).
pub(crate) fn pipe(first: Limits, second: Limits) -> (PipeEnd, PipeEnd) {
    let tracks = Arc::new([
        Track::new(Shares::of_sender(first)),
        Track::new(Shares::of_receiver(second)),
    ]);
    (
        PipeEnd {
            tracks: Arc::clone(&tracks),
            out: 0,
        },
        PipeEnd { tracks, out: 1 },
    )
}

impl PipeEnd {
    #[inline]
    fn outward(&self) -> &Track {
        &self.tracks[self.out & 1]
    }

    #[inline]
    fn inward(&self) -> &Track {
        &self.tracks[(self.out + 1) & 1]
    }

    /// Sends a message. The caller has made sure that there is room, and holds no other back.
    #[inline]
    pub(crate) fn put(&self, message: Message) -> Put {
        self.outward().lane.put(message)
    }

    /// Sends a message before all that the other end has not taken. The caller tells that end of it.
    pub(crate) fn put_first(&self, message: Message) {
        self.outward().lane.put_first(message);
    }

    /// Sends a block of messages, which is exchanged for an empty one.
    fn put_block(&self, block: &mut VecDeque<Message>, bytes: usize) -> Put {
        self.outward().lane.put_block(block, bytes)
    }

    /// Whether the receiver has nothing, and wants at once what there is.
    #[inline]
    fn is_wanted(&self) -> bool {
        self.outward().lane.is_wanted()
    }

    /// How much may be put. Only this end makes it less, but for an other end that lowers its limits: a
    /// sender that goes by what was said learns of it with its next message, and is ahead by what it holds
    /// back then, at most a block.
    pub(crate) fn room(&self) -> Room {
        self.outward().lane.room()
    }

    /// Leaves a change of the subscriptions for the other end, which is then to be told
    /// ([`PipePeer::changes`]). To be called under the lock under which the change was made.
    pub(crate) fn put_change(&self, topic: &[u8], subscribe: bool) {
        let topic = Bytes::copy_from_slice(topic);
        let change = Change { topic, subscribe };
        self.outward().changes.lock().push_back(change);
    }

    /// Takes the changes that the other end has left, in their order. To be called under the lock
    /// under which they are applied.
    pub(crate) fn take_changes(&self) -> VecDeque<Change> {
        std::mem::take(&mut *self.inward().changes.lock())
    }

    /// The receiver is going to wait awake, and need not be told of messages meanwhile. `None` if
    /// there is something already.
    pub(crate) fn suppress_wakeups(&self) -> Option<Watch> {
        let puts = self.inward().lane.suppress_wakeups()?;
        Some(self.watch(puts))
    }

    /// The receiver wants to be told of the next message again. True: there is something already.
    pub(crate) fn resume_wakeups(&self) -> bool {
        self.inward().lane.resume_wakeups()
    }

    /// What a receiver watches until there is more than there was at `puts`.
    fn watch(&self, puts: u32) -> Watch {
        Watch {
            pipe: self.clone(),
            puts,
        }
    }

    /// Exchanges the empty `inbox` for the oldest block of what is there.
    ///
    /// Finding nothing leaves word that the receiver waits, and wants what is held back.
    pub(crate) fn take(&self, inbox: &mut VecDeque<Message>) -> Taken {
        self.inward().lane.take(inbox)
    }

    /// The same, and if there is nothing, has handed over what `peer`, at the other end, holds back. Says
    /// what to watch, if this was all there is: in a stream, more is to be seen there soon.
    pub(crate) fn take_all(
        &self,
        peer: Option<&PipePeer>,
        inbox: &mut VecDeque<Message>,
    ) -> (Taken, Option<Watch>) {
        let mut taken = self.take(inbox);
        if taken.messages == 0 && peer.is_some_and(PipePeer::hand_over) {
            let late = self.take(inbox);
            taken = Taken {
                room: taken.room | late.room,
                ..late
            };
        }
        let watch = taken.emptied.map(|puts| self.watch(puts));
        (taken, watch)
    }

    /// What was taken last is used up. True: the sender waits, and there is room again.
    pub(crate) fn credit(&self) -> bool {
        self.inward().lane.credit()
    }

    /// Messages that were put and that the receiver has not taken.
    pub(crate) fn waiting(&self) -> usize {
        self.outward().lane.waiting()
    }

    /// Takes out what is on its way to this end, to be thrown away with what it took last. True: the
    /// sender waits, and there is room again.
    pub(crate) fn clear_inward(&self) -> (VecDeque<Message>, bool) {
        self.inward().lane.clear()
    }

    /// The other side turns out to hold `more`: what this end sends may be that much ahead. What
    /// that side has said for itself meanwhile stands.
    pub(crate) fn widen(&self, more: Limits) {
        self.outward().lane.complete(more);
    }

    /// This side's limits are others now: so may be the room of both ends, and the other one is to be
    /// told.
    pub(crate) fn set_limits(&self, send: Limits, recv: Limits) {
        self.outward().lane.set_sender_share(send);
        self.inward().lane.set_receiver_share(recv);
    }

    /// The socket at this end conflates: so do both lanes, each as its receiver says, or else as its sender
    /// does.
    pub(crate) fn conflate(&self, rule: Conflate) {
        self.outward().lane.conflate(rule, false);
        self.inward().lane.conflate(rule, true);
    }

    /// What of this end's messages had to go since this was asked last: replaced by others, or at a mark of a
    /// lane that conflates. To be asked after each put that left no room.
    pub(crate) fn take_displaced(&self) -> Displaced {
        self.outward().lane.take_displaced()
    }

    /// Whether there is something for this end, without taking it. If not, it waits for the next message. Of a
    /// lane that conflates, what comes before the first message that is wanted is taken out.
    pub(crate) fn look(
        &self,
        wants: &mut impl FnMut(&Message) -> bool,
        unwanted: &mut VecDeque<Message>,
    ) -> bool {
        self.inward().lane.look(wants, unwanted)
    }

    /// What is counted of what this end sends, and of what it receives.
    pub(crate) fn counts(&self) -> [HighWater; 2] {
        [self.outward(), self.inward()].map(|track| track.lane.counts())
    }

    /// Whether a message can be put.
    pub(crate) fn has_room(&self) -> bool {
        self.outward().lane.has_room()
    }

    /// Takes back what the other end has not taken: it will not.
    pub(crate) fn reclaim(&self) -> VecDeque<Message> {
        self.outward().lane.reclaim()
    }

    /// Whether the other end has taken anything of what this end put.
    pub(crate) fn is_touched(&self) -> bool {
        self.outward().lane.is_touched()
    }

    /// This end sends no more.
    pub(crate) fn end(&self) {
        self.outward().lane.end();
    }
}

/// A pipe whose receiver waits awake.
#[derive(Debug)]
pub(crate) struct Watch {
    pipe: PipeEnd,
    puts: u32,
}

impl Watch {
    /// Looks, without any lock, whether something was put.
    #[inline]
    pub(crate) fn has_news(&self) -> bool {
        self.pipe.inward().lane.puts() != self.puts
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::blocks::BLOCK;
    use super::*;

    #[test]
    fn a_stream_is_announced_once() {
        let (a, b) = pipe((10, 0), (10, 0));
        assert!(a.put("1".into()).announce);
        assert!(!a.put("2".into()).announce);
        let mut inbox = VecDeque::new();
        assert_eq!(b.take(&mut inbox).messages, 2);
        assert!(
            !a.put("3".into()).announce,
            "the receiver has not found it empty yet"
        );
        inbox.clear();
        assert_eq!(b.take(&mut inbox).messages, 1);
        inbox.clear();
        assert_eq!(b.take(&mut inbox).messages, 0);
        assert!(a.put("4".into()).announce);
    }

    #[test]
    fn a_full_lane_has_room_when_the_receiver_comes_back() {
        let (a, b) = pipe((2, 0), (2, 0));
        assert!(!a.put("1".into()).is_full());
        assert!(a.put("2".into()).is_full());
        let mut inbox = VecDeque::new();
        let taken = b.take(&mut inbox);
        assert_eq!((taken.messages, taken.room), (2, false));
        assert!(b.take(&mut inbox).room);
        assert!(!b.take(&mut inbox).room);
    }

    #[test]
    fn a_long_line_changes_hands_in_blocks_and_in_order() {
        let (a, b) = pipe((0, 0), (0, 0));
        let total = 5 * BLOCK + 7;
        for number in 0..total {
            a.put(number.to_string().into());
        }
        assert_eq!(a.waiting(), total);
        let mut inbox = VecDeque::new();
        let mut next = 0;
        while b.take(&mut inbox).messages > 0 {
            assert!(inbox.len() <= BLOCK);
            for message in inbox.drain(..) {
                assert_eq!(message, next.to_string().as_str());
                next += 1;
            }
        }
        assert_eq!((next, a.waiting()), (total, 0));
    }

    #[test]
    fn a_receiver_that_waits_awake_sees_the_first_message_and_is_told_of_none() {
        let (a, b) = pipe((0, 0), (0, 0));
        let watch = b.suppress_wakeups().unwrap();
        assert!(!watch.has_news());
        assert!(!a.put("1".into()).announce);
        assert!(watch.has_news());
        assert!(b.suppress_wakeups().is_none(), "there is something already");
        assert!(b.resume_wakeups());
        assert_eq!(b.take(&mut VecDeque::new()).messages, 1);
        assert!(!b.resume_wakeups());
        assert!(a.put("2".into()).announce);
    }

    #[test]
    fn a_sender_holds_a_stream_back_until_it_is_wanted_or_fills_a_block_or_the_lane() {
        let (a, b) = pipe((2 * BLOCK, 0), (0, 0));
        let mut held = HeldBack::default();
        held.open(a.room());
        let first = held.push(&a, "first".into()).unwrap();
        assert!(first.announce, "the receiver has never looked");
        assert_eq!(b.take(&mut VecDeque::new()).messages, 1);
        assert!(held.push(&a, "held".into()).is_none());
        assert_eq!(a.waiting(), 0);
        assert_eq!(b.take(&mut VecDeque::new()).messages, 0);
        let wanted = held.push(&a, "wanted".into()).unwrap();
        assert!(wanted.announce && !wanted.is_full());
        assert_eq!(a.waiting(), 2);
        let until = |held: &mut HeldBack| (1..).find_map(|n| Some((n, held.push(&a, "m".into())?)));
        let (all, put) = until(&mut held).unwrap();
        assert!(all == BLOCK && !put.announce && !put.is_full());
        let (more, put) = until(&mut held).unwrap();
        assert!(put.is_full() && 2 + BLOCK + more == 2 * BLOCK);
        assert!(!a.has_room());
        assert!(!held.hand_over(&a).announce);
    }

    #[test]
    fn what_is_thrown_away_unread_makes_room() {
        let (a, b) = pipe((2, 0), (2, 0));
        for _ in 0..3 {
            assert!(!a.put("stale".into()).is_full());
            assert!(a.put("stale".into()).is_full());
            assert!(b.clear_inward().1);
            assert!(a.has_room());
            let taken = b.take(&mut VecDeque::new());
            assert_eq!((taken.messages, taken.room), (0, false));
        }
    }

    #[test]
    fn changes_arrive_once_and_in_their_order() {
        let (a, b) = pipe((0, 0), (0, 0));
        a.put_change(b"one", true);
        a.put_change(b"one", false);
        a.put_change(b"two", true);
        let taken: Vec<_> = b.take_changes().into();
        let taken: Vec<_> = taken.iter().map(|c| (&c.topic[..], c.subscribe)).collect();
        assert_eq!(
            taken,
            [(&b"one"[..], true), (b"one", false), (b"two", true)]
        );
        assert!(b.take_changes().is_empty() && a.take_changes().is_empty());
    }

    #[test]
    fn the_end_comes_after_the_last_message() {
        let (a, b) = pipe((0, 0), (0, 0));
        a.put("last".into());
        a.end();
        let mut inbox = VecDeque::new();
        assert_eq!(b.take(&mut inbox).messages, 1);
        assert_eq!(inbox.pop_front().unwrap(), "last");
        assert_eq!(b.take(&mut inbox), Taken::default());
        assert!(b.suppress_wakeups().is_none(), "no more will come");
    }
}
