//! Two ends of a connection on a wire that cuts, stalls and loses, by a clock that is a number:
//! thousands of stories, each told by its seed.
//!
//! What must hold in each: messages arrive whole, in order and at most once; those that the kernel
//! had not taken to their last byte when the connection broke arrive over the next one; and an end
//! takes the other for dead only when it was silent for as long as was agreed.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::connection::{Connection, Event, Heartbeats, Local, Silence};
use super::flight::Flight;
use super::outbox::Outbox;
use crate::message::{Frame, Message};
use crate::peer::SocketType;

/// Random enough, and the same for the same seed.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
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
struct Beat {
    interval: u64,
    timeout: u64,
    ttl: u16,
}

impl Beat {
    fn heartbeats(self) -> Heartbeats {
        let ms = Duration::from_millis;
        let ttl = ms(u64::from(self.ttl) * 100);
        Heartbeats::new(Some(ms(self.interval)), Some(ms(self.timeout)), Some(ttl))
    }
}

struct End {
    number: usize,
    large: bool,
    next: usize,
    // What outlives connections, as a link that connects does.
    outbox: Outbox,
    /// Messages not wholly in the kernel, oldest first: number, size, bytes that it took.
    unwritten: VecDeque<(usize, usize, usize)>,
    /// Messages that the kernel took whole, over the connection that is.
    written: Vec<usize>,
    /// Messages whose connection broke when the kernel had them and the peer had not.
    forlorn: Vec<usize>,
    received: Vec<usize>,
    // What goes with the connection.
    connection: Connection,
    flight: Flight,
    /// The flight holds messages.
    carries: bool,
    established: bool,
    last_heard: u64,
    /// Flights without messages.
    said: u64,
    gave_up: bool,
    beat: Beat,
}

impl End {
    fn new(number: usize, large: bool, beat: Beat) -> End {
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

    fn send(&mut self) {
        let message = message(self.number, self.next, self.large);
        let before = self.outbox.bytes();
        self.outbox.push(&message);
        let size = self.outbox.bytes() - before;
        self.unwritten.push_back((self.next, size, 0));
        self.next += 1;
    }

    /// Writes at most `most` bytes, as the kernel may take them.
    fn write(&mut self, most: usize, wire: &mut Vec<u8>) {
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
    fn receive(&mut self, chunk: &[u8], room: usize, now: u64, clock: Instant) {
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
    fn lose(&mut self, other_received: &[usize]) {
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
    fn take_events(&mut self, now: u64) {
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

    fn tick(&mut self, now: u64, clock: Instant) {
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
        max_message_size: None,
        recv_hwm_bytes: 0,
        max_message_frames: crate::tuning::MAX_MESSAGE_FRAMES,
        security: Default::default(),
        peer_address: None,
    };
    Connection::open(local, beat.heartbeats(), None)
}

struct World {
    ends: [End; 2],
    /// What end 0 and end 1 have sent and the other has not got.
    wires: [Vec<u8>; 2],
    start: Instant,
    /// Milliseconds since the start.
    now: u64,
}

impl World {
    fn new(large: bool, beat: Beat) -> World {
        World {
            ends: [End::new(0, large, beat), End::new(1, large, beat)],
            wires: [Vec::new(), Vec::new()],
            start: Instant::now(),
            now: 1,
        }
    }

    fn clock(&self) -> Instant {
        self.start + Duration::from_millis(self.now)
    }

    fn deliver(&mut self, from: usize, bytes: usize, room: usize) {
        let bytes = bytes.min(self.wires[from].len());
        let chunk: Vec<u8> = self.wires[from].drain(..bytes).collect();
        let clock = self.clock();
        self.ends[1 - from].receive(&chunk, room, self.now, clock);
    }

    /// Both ends lose what was on its way, and connect anew.
    fn cut(&mut self) {
        let arrived = [0, 1].map(|end| self.ends[1 - end].received.clone());
        for (end, arrived) in self.ends.iter_mut().zip(&arrived) {
            end.lose(arrived);
        }
        self.wires = [Vec::new(), Vec::new()];
    }

    fn pass_time(&mut self, ticks: u64) {
        self.now += ticks;
        let clock = self.clock();
        for end in &mut self.ends {
            end.tick(self.now, clock);
        }
        if self.ends.iter().any(|end| end.gave_up) {
            self.cut();
        }
    }

    fn is_quiet(&self) -> bool {
        self.wires.iter().all(Vec::is_empty)
            && self.ends.iter().all(|end| {
                let written = end.flight.is_empty() && !end.connection.has_output();
                written && end.outbox.is_empty() && end.connection.unused() == 0
            })
    }

    /// Lets everything arrive, then looks whether it was everything.
    fn finish(&mut self) {
        let mut rounds = 0;
        while !self.is_quiet() {
            for end in 0..2 {
                self.ends[end].write(usize::MAX, &mut self.wires[end]);
                self.deliver(end, usize::MAX, usize::MAX);
            }
            rounds += 1;
            assert!(rounds < 1000, "it never ends");
        }
        for end in 0..2 {
            let mut all = self.ends[1 - end].received.clone();
            all.extend(&self.ends[end].forlorn);
            all.sort_unstable();
            let sent: Vec<_> = (0..self.ends[end].next).collect();
            assert_eq!(all, sent, "arrived, or lost with the kernel that had them");
        }
    }

    fn step(&mut self, dice: &mut Dice, grain: usize) {
        let end = dice.below(2);
        match dice.below(100) {
            0..=14 => self.ends[end].send(),
            15..=54 => {
                let most = 1 + dice.below(grain);
                self.ends[end].write(most, &mut self.wires[end]);
            }
            55..=96 => {
                let (bytes, room) = (1 + dice.below(grain), 1 + dice.below(4));
                self.deliver(end, bytes, room);
            }
            97 => self.pass_time(1 + dice.below(40) as u64),
            98 => self.finish_one_way(end),
            _ => {
                if dice.below(3) == 0 {
                    self.cut();
                }
            }
        }
    }

    /// The wire is quick for once.
    fn finish_one_way(&mut self, end: usize) {
        self.ends[end].write(usize::MAX, &mut self.wires[end]);
        self.deliver(end, usize::MAX, usize::MAX);
    }
}

const CALM: Beat = Beat {
    interval: 50,
    timeout: 400,
    ttl: 6,
};

#[test]
fn whatever_happens_messages_arrive_whole_in_order_and_once() {
    for seed in 0..2000 {
        let mut dice = Dice(seed);
        // Byte by byte, in small pieces, or as a healthy network would.
        let grain = [1, 9, 300, 70_000][dice.below(4)];
        let mut world = World::new(grain > 300, CALM);
        for _ in 0..dice.below(400) {
            world.step(&mut dice, grain);
        }
        world.finish();
    }
}

/// The connection of a sender breaks after each of its bytes, when its peer has got all of them, all
/// but one, or half.
#[test]
fn a_connection_may_break_after_every_byte() {
    let mut cut = 0;
    loop {
        let mut ended = false;
        for share in 0..3 {
            let mut world = World::new(false, CALM);
            (0..8).for_each(|_| world.ends[0].send());
            let mut left = cut;
            while left > 0 {
                let before = world.wires[0].len();
                world.ends[0].write(left, &mut world.wires[0]);
                let wrote = world.wires[0].len() - before;
                left -= wrote;
                let waits = world.wires[0].len();
                // Until the last byte, what is written arrives: or there would be no READY.
                let arrives = match (left, share) {
                    (1.., _) | (0, 0) => waits,
                    (0, 1) => waits - 1,
                    _ => waits / 2,
                };
                world.deliver(0, arrives, usize::MAX);
                world.finish_one_way(1);
                if wrote == 0 && world.ends[0].flight.is_empty() && world.ends[0].outbox.is_empty()
                {
                    ended = world.ends[0].established && !world.ends[0].connection.has_output();
                    break;
                }
            }
            world.cut();
            world.finish();
        }
        if ended {
            break;
        }
        cut += 1;
    }
    assert!(cut > 500, "only {cut} bytes");
}

/// An end whose peer falls silent gives up after an interval and a timeout, or when the time to live
/// that the peer announced is over; one whose peer answers never does.
#[test]
fn silence_is_noticed_in_time_and_nothing_else_is() {
    for seed in 0..500 {
        let mut dice = Dice(seed);
        let interval = 10 + dice.below(100) as u64;
        let timeout = 20 + dice.below(200) as u64;
        let ttl = dice.below(4) as u16;
        let beat = Beat {
            interval,
            timeout,
            ttl,
        };
        let mut world = World::new(false, beat);
        world.finish();
        // The time to live is the peer's promise to be heard: keep it, as an interval below it does.
        let lively = ttl == 0 || interval + 10 < u64::from(ttl) * 100;
        let until = world.now + 2000;
        while world.now < until {
            world.pass_time(1 + dice.below(5) as u64);
            world.finish();
            let met = world.ends.iter().all(|end| end.established);
            assert!(met || !lively, "given up although it answered");
        }
        if lively {
            let pings = 2000 / (interval + 5);
            assert!(world
                .ends
                .iter()
                .all(|end| end.said >= pings.saturating_sub(1)));
        }

        let silent_since = world.now;
        // A connection that is just up counts from the next tick.
        let mut limit = interval + timeout + 2;
        if ttl > 0 {
            // A check that heard something is the last but one.
            limit = limit.min(u64::from(ttl) * 200 + 1);
        }
        world.wires = [Vec::new(), Vec::new()];
        while world.ends.iter().all(|end| end.established) {
            world.pass_time(1);
            assert!(world.now - silent_since <= limit, "not noticed");
        }
    }
}
