//! One end of a connection: what it sends, what it has received, and what must hold of both.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::message::{Frame, Message};
use crate::peer::SocketType;
use crate::zmtp::connection::{Connection, Event, Heartbeats, Local, Silence};
use crate::zmtp::flight::Flight;
use crate::zmtp::outbox::Outbox;

/// Random enough, and the same for the same seed.
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        (self.roll() % n.max(1) as u64) as usize
    }
}

/// The message that `end` sends as its number `id`; the same whenever it is asked for.
fn message(end: usize, id: usize, large: bool) -> Message {
    let mut dice = Dice((id as u64) << 1 | end as u64);
    let mut message = Message::from(format!("{end}:{id}"));
    for _ in 0..dice.below(4) {
        let size = match dice.below(if large { 12 } else { 8 }) {
            0 => 0,
            1..=4 => dice.below(50),
            5 | 6 => 250 + dice.below(10),
            7 => 1 + dice.below(600),
            8 => 4090 + dice.below(10),
            9 | 10 => 8180 + dice.below(30),
            _ => 20_000 + dice.below(60_000),
        };
        let fill = dice.roll() as u8;
        message.push_back(Frame::from(Bytes::from(vec![fill; size])));
    }
    message
}

/// Ticks of the clock between two PINGs, and of silence until an end gives up. The time to live that
/// an end announces is in tenths of a second; a tick is a millisecond.
#[derive(Clone, Copy)]
pub(super) struct Beat {
    pub(super) interval: u64,
    pub(super) timeout: u64,
    pub(super) ttl: u16,
}

impl Beat {
    pub(super) fn heartbeats(self) -> Heartbeats {
        let ms = Duration::from_millis;
        let ttl = ms(u64::from(self.ttl) * 100);
        Heartbeats::new(Some(ms(self.interval)), Some(ms(self.timeout)), Some(ttl))
    }
}

pub(super) struct End {
    pub(super) number: usize,
    pub(super) large: bool,
    pub(super) next: usize,
    // What outlives connections, as a link that connects does.
    pub(super) outbox: Outbox,
    /// Messages not wholly in the kernel, oldest first: number, size, bytes that it took.
    pub(super) unwritten: VecDeque<(usize, usize, usize)>,
    /// Messages that the kernel took whole, over the connection that is.
    pub(super) written: Vec<usize>,
    /// Messages whose connection broke when the kernel had them and the peer had not.
    pub(super) forlorn: Vec<usize>,
    pub(super) received: Vec<usize>,
    // What goes with the connection.
    pub(super) connection: Connection,
    pub(super) flight: Flight,
    /// The flight holds messages.
    pub(super) carries: bool,
    pub(super) established: bool,
    pub(super) last_heard: u64,
    /// Flights without messages.
    pub(super) said: u64,
    pub(super) gave_up: bool,
    pub(super) beat: Beat,
}

impl End {
    pub(super) fn new(number: usize, large: bool, beat: Beat) -> End {
        End {
            number,
            large,
            next: 0,
            outbox: Outbox::new(),
            unwritten: VecDeque::new(),
            written: Vec::new(),
            forlorn: Vec::new(),
            received: Vec::new(),
            connection: connection(beat),
            flight: Flight::new(),
            carries: false,
            established: false,
            last_heard: 0,
            said: 0,
            gave_up: false,
            beat,
        }
    }

    pub(super) fn send(&mut self) {
        let message = message(self.number, self.next, self.large);
        let before = self.outbox.bytes();
        self.outbox.push(&message);
        let size = self.outbox.bytes() - before;
        self.unwritten.push_back((self.next, size, 0));
        self.next += 1;
    }

    /// Writes at most `most` bytes, as the kernel may take them.
    pub(super) fn write(&mut self, most: usize, wire: &mut Vec<u8>) {
        if self.flight.is_empty() {
            self.connection.poll_output(&mut self.flight);
            self.carries = false;
            self.said += u64::from(!self.flight.is_empty());
        }
        if self.flight.is_empty() && self.established {
            self.flight.load(&mut self.outbox);
            self.carries = true;
        }
        let mut slices = [IoSlice::new(&[]); 3];
        let count = self.flight.slices(&mut slices, usize::MAX, usize::MAX);
        let mut taken = 0;
        for slice in &slices[..count] {
            let n = slice.len().min(most - taken);
            wire.extend_from_slice(&slice[..n]);
            taken += n;
        }
        self.flight.advance(taken);
        if self.carries {
            self.note_written(taken);
        }
    }

    fn note_written(&mut self, mut taken: usize) {
        while taken > 0 {
            let (id, size, done) = self
                .unwritten
                .front_mut()
                .expect("more bytes than messages");
            let n = taken.min(*size - *done);
            *done += n;
            taken -= n;
            if done == size {
                self.written.push(*id);
                self.unwritten.pop_front();
            }
        }
    }

    /// Takes what came, and decodes at most `room` messages of it; the rest waits.
    pub(super) fn receive(&mut self, chunk: &[u8], room: usize, now: u64, clock: Instant) {
        if !chunk.is_empty() {
            self.last_heard = now;
        }
        self.connection.handle_input(chunk, room, clock);
        assert_eq!(self.connection.fault(), None, "our own bytes");
        self.take_messages();
        self.take_events(now);
    }

    fn take_messages(&mut self) {
        while let Some(got) = self.connection.poll_message() {
            let first = got
                .get_str(0)
                .expect("whole messages begin with their number");
            let (from, id) = first.split_once(':').expect("so do these");
            assert_eq!(from, (1 - self.number).to_string());
            let id = id.parse().expect("a number");
            assert!(
                got == message(1 - self.number, id, self.large),
                "not whole: {first}"
            );
            assert!(
                self.received.last() < Some(&id),
                "again, or out of order: {first}"
            );
            self.received.push(id);
        }
    }

    /// The connection is gone: what the peer cannot have got whole is kept for the next one.
    pub(super) fn lose(&mut self, other_received: &[usize]) {
        let rewound = self.flight.rewind();
        let mut all = rewound;
        all.append_copy(&self.outbox);
        self.outbox = all;
        assert_eq!(self.outbox.messages(), self.unwritten.len());
        for (_, _, done) in &mut self.unwritten {
            *done = 0;
        }
        let total: usize = self.unwritten.iter().map(|(_, size, _)| size).sum();
        assert_eq!(self.outbox.bytes(), total);
        let arrived = other_received.last();
        let lost = self.written.drain(..).filter(|id| arrived < Some(id));
        self.forlorn.extend(lost);
        self.connection = connection(self.beat);
        self.established = false;
        self.gave_up = false;
    }

    /// An end takes the other for dead only when it was silent for as long as was agreed.
    pub(super) fn take_events(&mut self, now: u64) {
        while let Some(event) = self.connection.poll_event() {
            let patience = match event {
                Event::Established(_) => {
                    self.established = true;
                    continue;
                }
                Event::Silent(Silence::NoAnswer) => self.beat.timeout,
                Event::Silent(Silence::PeerTtl) => u64::from(self.beat.ttl) * 100,
                other => panic!("nobody said {other:?}"),
            };
            let silence = now - self.last_heard;
            assert!(silence >= patience, "given up after {silence}");
            self.gave_up = true;
        }
    }

    pub(super) fn tick(&mut self, now: u64, clock: Instant) {
        if self.connection.poll_timeout().is_some_and(|at| at <= clock) {
            self.connection.handle_timeout(clock, true);
            assert!(self.connection.poll_timeout().is_none_or(|at| at > clock));
        }
        self.take_events(now);
    }
}

fn connection(beat: Beat) -> Connection {
    let local = Local {
        socket_type: SocketType::Dealer,
        routing_id: Bytes::new(),
        properties: Vec::new(),
        max_message_size: None,
        recv_hwm_bytes: 0,
        max_message_frames: crate::tuning::MAX_MESSAGE_FRAMES,
        security: Default::default(),
        access: None,
        #[cfg(feature = "curve")]
        fresh: None,
    };
    Connection::open(local, beat.heartbeats(), None)
}
