//! The inproc link: two lanes of messages between two sockets of one context.
//!
//! No bytes, no reactor: the sender puts messages into the lane, the receiver takes them out in
//! batches. Each side only wakes the other when that has said that it waits, so that a stream costs
//! one wake-up for many messages.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use bytes::Bytes;

use super::high_water::HighWater;
use super::queue::{Queue, BLOCK};
pub(crate) use super::shares::Limits;
use super::shares::Shares;
use crate::message::Message;
use crate::sync::atomic::{AtomicU32, Ordering};
use crate::sync::Mutex;
use crate::tuning;

/// Every so many messages the sender of a stream shows how many there were; the first few more often.
const SHOW: usize = 16;

/// A receiver that waits awake in a stream lets so many come together before it takes them: each
/// time it takes the lane's memory from the sender's processor, and is to have something for it.
const ENOUGH: u32 = BLOCK as u32;

/// It waits no longer once it has looked so often without seeing more: some microseconds, in which a
/// sender that is still at it shows more, even one that the system has interrupted for a moment.
const STILL: u32 = 16;

/// In a stream it waits so many looks for the first message: then it asks the lane.
const NOTHING: u32 = 16;

/// And no longer than so many looks in all: some ten microseconds.
const GATHER: u32 = 100;

/// Processor pauses in which a stream shows itself by a second message: about 100 nanoseconds.
const CONFIRM: u32 = 6;

/// What the socket at the other end of a pipe is told.
pub(crate) trait Neighbour: Send + Sync {
    /// The lane towards it is no longer empty.
    fn on_pipe_readable(&self, link: usize, serial: u32);
    /// The lane from it has room again.
    fn on_pipe_room(&self, link: usize, serial: u32);
    /// The other end is gone.
    fn on_pipe_closed(&self, link: usize, serial: u32);
    /// The other end has changed what it subscribes to: see `PipeEnd::take_changes`.
    fn on_pipe_changes(&self, link: usize, serial: u32);
}

/// Where to find the link at one end.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) socket: Weak<dyn Neighbour>,
    pub(crate) link: usize,
    pub(crate) serial: u32,
}

impl Door {
    pub(crate) fn readable(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.on_pipe_readable(self.link, self.serial);
        }
    }

    pub(crate) fn room(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.on_pipe_room(self.link, self.serial);
        }
    }

    pub(crate) fn changes(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.on_pipe_changes(self.link, self.serial);
        }
    }

    pub(crate) fn closed(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.on_pipe_closed(self.link, self.serial);
        }
    }
}

impl std::fmt::Debug for Door {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Door")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}

#[derive(Debug)]
struct Lane {
    queue: Queue,
    /// What is in `queue`, and what the receiver took with its last take and may still hold.
    marks: HighWater,
    shares: Shares,
    taken: (usize, usize),
    /// The receiver found nothing and wants to be told.
    receiver_waits: bool,
    /// The sender found no room and wants to be told.
    sender_waits: bool,
    /// The sender is gone: what is queued is the last. Keeps a receiver from waiting awake for more,
    /// and says no more than that: the sender's `closed` says what is to become of the link.
    ended: bool,
    /// The sender puts messages without asking its socket; so many were put since that began.
    direct: bool,
    unbooked: u64,
    /// Messages that were ever put; wraps.
    count: u32,
}

impl Lane {
    /// One side's share is another, or it is there now.
    fn share(&mut self, set: impl FnOnce(&mut Shares)) {
        set(&mut self.shares);
        let (messages, bytes) = self.shares.total();
        self.marks.set_limits(messages, bytes);
    }

    /// What the receiver took last is used up. True: the sender waits, and there is room again.
    fn credit(&mut self) -> bool {
        let (messages, bytes) = std::mem::take(&mut self.taken);
        let regained = self.marks.sub(messages, bytes);
        (regained || !self.marks.is_full()) && std::mem::take(&mut self.sender_waits)
    }
}

/// What a receiver that waits awake sees of a lane without its lock.
///
/// In a place of its own: whoever looks there takes the memory from the sender's processor, and
/// is not to take the lock with it. (Processors fetch 64 bytes, and their neighbours.)
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shown {
    /// The lane's `count`, as often as `SHOW` says.
    count: AtomicU32,
    /// Messages that the receiver had taken when it took the last ones.
    taken: AtomicU32,
    /// How often in a row it found something: more than once only in a stream.
    straight: AtomicU32,
}

/// A subscription, or one that is taken back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) topic: Bytes,
    pub(crate) subscribe: bool,
}

/// A lane, what can be seen of it without its lock, and what goes beside it.
#[derive(Debug)]
struct Track {
    lane: Mutex<Lane>,
    shown: Shown,
    /// Put in under the subscriber's lock and taken out under the publisher's, so that they arrive in
    /// the order in which the subscriber made them, whichever of its threads brings them over.
    changes: Mutex<VecDeque<Change>>,
}

impl Track {
    fn new(shares: Shares) -> Track {
        let (messages, bytes) = shares.total();
        let lane = Lane {
            queue: Queue::default(),
            marks: HighWater::new(messages, bytes),
            shares,
            taken: (0, 0),
            // Nobody has looked yet, and the first message must be announced.
            receiver_waits: true,
            sender_waits: false,
            ended: false,
            direct: false,
            unbooked: 0,
            count: 0,
        };
        Track {
            lane: Mutex::new(lane),
            shown: Shown::default(),
            changes: Mutex::new(VecDeque::new()),
        }
    }

    /// Puts a message into the lane, which was locked for it.
    #[inline]
    fn put(&self, lane: &mut Lane, message: Message) -> Put {
        let bytes = message.memory();
        lane.queue.push(message, bytes);
        lane.marks.add(1, bytes);
        let full = lane.marks.is_full();
        lane.sender_waits |= full;
        lane.count = lane.count.wrapping_add(1);
        let messages = lane.queue.messages;
        if messages.is_power_of_two() || messages % SHOW == 0 {
            self.shown.count.store(lane.count, Ordering::Release);
        }
        Put {
            announce: std::mem::take(&mut lane.receiver_waits),
            full,
        }
    }
}

/// What a put found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Put {
    /// The receiver waits: tell it.
    pub(crate) announce: bool,
    /// The lane is full now.
    pub(crate) full: bool,
}

/// What a take found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) messages: usize,
    /// What they count towards the lane's mark.
    pub(crate) bytes: usize,
    /// The sender waits, and there is room again: tell it.
    pub(crate) room: bool,
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

    /// Sends a message. The caller has made sure that there is room.
    #[inline]
    pub(crate) fn put(&self, message: Message) -> Put {
        let track = self.outward();
        track.put(&mut track.lane.lock(), message)
    }

    /// Sends a message if the direct way is open, without a word to the sender's socket. The message
    /// that fills the lane closes the way.
    #[inline]
    pub(crate) fn put_direct(&self, message: &mut Message) -> Option<Put> {
        let track = self.outward();
        let mut lane = track.lane.lock();
        if !lane.direct {
            return None;
        }
        lane.unbooked += 1;
        let put = track.put(&mut lane, std::mem::take(message));
        lane.direct = !put.full;
        Some(put)
    }

    /// Opens the direct way, if there is room. True: it is open.
    #[inline]
    pub(crate) fn open_direct(&self) -> bool {
        let mut lane = self.outward().lane.lock();
        lane.direct = !lane.marks.is_full();
        lane.direct
    }

    /// Closes the direct way. Returns how many messages went there.
    pub(crate) fn close_direct(&self) -> u64 {
        let mut lane = self.outward().lane.lock();
        lane.direct = false;
        std::mem::take(&mut lane.unbooked)
    }

    /// Leaves a change of the subscriptions for the other end, which is then to be told
    /// (`Door::changes`). To be called under the lock under which the change was made.
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

    /// Whether this and another are ends of one pipe.
    #[inline]
    pub(crate) fn is_same_pipe(&self, other: &PipeEnd) -> bool {
        Arc::ptr_eq(&self.tracks, &other.tracks)
    }

    /// The receiver is going to wait awake, and need not be told of messages meanwhile. `None` if
    /// there is something already.
    pub(crate) fn hush(&self) -> Option<Hushed> {
        let track = self.inward();
        let mut lane = track.lane.lock();
        if lane.ended || lane.queue.messages > 0 {
            return None;
        }
        lane.receiver_waits = false;
        track.shown.taken.store(lane.count, Ordering::Relaxed);
        Some(Hushed {
            pipe: self.clone(),
            gathering: self.gathering(),
        })
    }

    /// In a stream, waits a moment for a batch that is worth taking.
    pub(crate) fn gather(&self) {
        let mut gathering = self.gathering();
        let mut nothing = 0;
        for _ in 0..GATHER {
            if gathering.came(self) == 0 {
                nothing += 1;
                if !gathering.stream || nothing > NOTHING {
                    return;
                }
            } else if gathering.is_over(self) {
                return;
            }
            pause();
        }
    }

    fn gathering(&self) -> Gathering {
        let shown = &self.inward().shown;
        Gathering {
            taken: shown.taken.load(Ordering::Relaxed),
            last: 0,
            still: 0,
            stream: shown.straight.load(Ordering::Relaxed) > 1,
        }
    }

    /// The receiver wants to be told of the next message again. True: there is something already.
    pub(crate) fn listen(&self) -> bool {
        let mut lane = self.inward().lane.lock();
        let found = lane.ended || lane.queue.messages > 0;
        lane.receiver_waits = !found;
        found
    }

    /// Exchanges the empty `inbox` for the oldest block of what is there.
    ///
    /// Finding nothing leaves word that the receiver waits.
    pub(crate) fn take(&self, inbox: &mut VecDeque<Message>) -> Taken {
        let mut lane = self.inward().lane.lock();
        let lane = &mut *lane;
        // Coming back means that what was taken last time is used up.
        let room = lane.credit();
        if lane.queue.messages == 0 {
            self.inward().shown.straight.store(0, Ordering::Relaxed);
            lane.receiver_waits = true;
            return Taken {
                messages: 0,
                bytes: 0,
                room,
            };
        }
        let bytes = lane.queue.pop(inbox);
        let messages = inbox.len();
        let shown = &self.inward().shown;
        let count = lane.count.wrapping_sub(lane.queue.messages as u32);
        shown.taken.store(count, Ordering::Relaxed);
        let straight = shown.straight.load(Ordering::Relaxed).saturating_add(1);
        shown.straight.store(straight, Ordering::Relaxed);
        lane.taken = (messages, bytes);
        Taken {
            messages,
            bytes,
            room,
        }
    }

    /// What was taken last is used up. True: the sender waits, and there is room again.
    pub(crate) fn credit(&self) -> bool {
        self.inward().lane.lock().credit()
    }

    /// Whether what was put is not yet in the receiver's hands: how many messages.
    pub(crate) fn waiting(&self) -> usize {
        self.outward().lane.lock().queue.messages
    }

    /// Takes out what is on its way to this end, to be thrown away with what it took last. True: the
    /// sender waits, and there is room again.
    pub(crate) fn clear_inward(&self) -> (VecDeque<Message>, bool) {
        let mut lane = self.inward().lane.lock();
        let lane = &mut *lane;
        let (messages, bytes) = std::mem::take(&mut lane.taken);
        let queue = std::mem::take(&mut lane.queue);
        lane.marks
            .sub(messages + queue.messages, bytes + queue.bytes());
        let room = !lane.marks.is_full() && std::mem::take(&mut lane.sender_waits);
        (queue.into_messages(), room)
    }

    /// The other side turns out to hold so much more: what this end sends may be that much ahead. What
    /// that side has said for itself meanwhile stands.
    pub(crate) fn widen(&self, more: Limits) {
        let mut lane = self.outward().lane.lock();
        lane.share(|shares| shares.complete(more));
    }

    /// This side's limits are others now. True: the sender at the other end waits, and there is room
    /// again.
    pub(crate) fn set_limits(&self, send: Limits, recv: Limits) -> bool {
        let mut outward = self.outward().lane.lock();
        outward.share(|shares| shares.set_sender(send));
        drop(outward);
        let mut inward = self.inward().lane.lock();
        inward.share(|shares| shares.set_receiver(recv));
        !inward.marks.is_full() && std::mem::take(&mut inward.sender_waits)
    }

    /// Whether a message can be put.
    pub(crate) fn has_room(&self) -> bool {
        !self.outward().lane.lock().marks.is_full()
    }

    /// Takes back what the other end has not taken: it will not.
    pub(crate) fn reclaim(&self) -> VecDeque<Message> {
        std::mem::take(&mut self.outward().lane.lock().queue).into_messages()
    }

    /// This end sends no more.
    pub(crate) fn end(&self) {
        self.outward().lane.lock().ended = true;
    }
}

#[cfg(test)]
thread_local! {
    /// How often this thread has paused.
    pub(crate) static PAUSES: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// A moment awake: 150 to 500 nanoseconds, as processors differ in what a pause is.
pub(crate) fn pause() {
    #[cfg(test)]
    PAUSES.set(PAUSES.get() + 1);
    for _ in 0..tuning::PAUSES {
        std::hint::spin_loop();
    }
}

/// A pipe whose receiver waits awake.
#[derive(Debug)]
pub(crate) struct Hushed {
    pipe: PipeEnd,
    gathering: Gathering,
}

impl Hushed {
    /// Looks, without the lane's lock, whether it is time to take what came.
    pub(crate) fn is_over(&mut self) -> bool {
        self.gathering.is_over(&self.pipe)
    }
}

/// What a receiver sees coming.
#[derive(Debug)]
struct Gathering {
    /// What it had before.
    taken: u32,
    /// How many had come at the last look, and for how many looks that has not changed.
    last: u32,
    still: u32,
    /// It is a stream: it is worth waiting for more.
    stream: bool,
}

impl Gathering {
    fn came(&self, pipe: &PipeEnd) -> u32 {
        let shown = pipe.inward().shown.count.load(Ordering::Acquire);
        let came = shown.wrapping_sub(self.taken);
        // What was taken may not have been shown: then the difference is a small negative number.
        if came > u32::MAX / 2 {
            0
        } else {
            came
        }
    }

    fn is_over(&mut self, pipe: &PipeEnd) -> bool {
        let came = self.came(pipe);
        if came == 0 || came >= ENOUGH {
            return came > 0;
        }
        if !self.stream {
            // A lone message is not to wait; a second one in no time at all is a stream's.
            (0..CONFIRM).for_each(|_| std::hint::spin_loop());
            self.stream = self.came(pipe) > came;
            return !self.stream;
        }
        self.still = if came == self.last { self.still + 1 } else { 0 };
        self.last = came;
        self.still >= STILL
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
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
        assert!(!a.put("1".into()).full);
        assert!(a.put("2".into()).full);
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
    fn who_waits_awake_sees_the_first_message_and_is_told_of_none() {
        let (a, b) = pipe((0, 0), (0, 0));
        let mut hushed = b.hush().unwrap();
        assert!(!hushed.is_over());
        assert!(!a.put("1".into()).announce);
        assert!(hushed.is_over());
        assert!(b.hush().is_none(), "there is something already");
        assert!(b.listen());
        assert_eq!(b.take(&mut VecDeque::new()).messages, 1);
        assert!(!b.listen());
        assert!(a.put("2".into()).announce);
    }

    #[test]
    fn the_direct_way_closes_with_the_message_that_fills_the_lane() {
        let (a, b) = pipe((3, 0), (3, 0));
        assert!(a.put_direct(&mut "closed".into()).is_none());
        assert!(a.open_direct());
        for full in [false, false, true] {
            assert_eq!(a.put_direct(&mut "m".into()).unwrap().full, full);
        }
        assert!(a.put_direct(&mut "too many".into()).is_none() && !a.open_direct());
        assert_eq!(a.close_direct(), 3);
        assert_eq!(b.take(&mut VecDeque::new()).messages, 3);
        b.take(&mut VecDeque::new());
        assert!(a.open_direct());
    }

    #[test]
    fn what_is_thrown_away_unread_makes_room() {
        let (a, b) = pipe((2, 0), (2, 0));
        for _ in 0..3 {
            assert!(!a.put("stale".into()).full);
            assert!(a.put("stale".into()).full);
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
        assert!(b.hush().is_none(), "nobody waits awake for one who is gone");
    }
}
