//! The encoder, whose connection breaks, against the list of messages that must come again.

use std::collections::VecDeque;
use std::io::IoSlice;

use super::input::Input;
use crate::message::Message;
use crate::zmtp::command::{self, Command, PingContext, SubscriptionForm};
use crate::zmtp::flight::Flight;
use crate::zmtp::fuzzing::{naive, Received};
use crate::zmtp::outbox::Outbox;

/// What waits at most, in bytes.
const MOST: usize = 1 << 20;

/// Of each connection the peer gets whole units in order, and nothing else but the beginning of one;
/// what it did not get whole comes again, if it is a message.
pub fn encoder(data: &[u8]) {
    let mut input = Input::new(data);
    let mut sender = Sender::default();
    while !input.is_empty() {
        match input.below(10) {
            0..=3 if sender.outbox.bytes() < MOST => {
                let unit = unit(&mut input);
                sender.push(unit);
            }
            // As PUB does it: encoded once, and copied to each.
            4 if sender.outbox.bytes() < MOST => {
                let mut once = Outbox::new();
                let units: Vec<_> = (0..input.below(4)).map(|_| unit(&mut input)).collect();
                let sizes: Vec<_> = units.iter().map(|unit| unit.push(&mut once)).collect();
                sender.outbox.append_copy(&once);
                sender.waiting.extend(units.into_iter().zip(sizes));
            }
            5 => sender.load(),
            6 | 7 => {
                let (slices, most) = (1 + input.below(5), input.size());
                sender.write(slices, most);
            }
            8 => sender.release_memory(),
            9 => sender.lose_connection(),
            _ => sender.write(1024, usize::MAX),
        }
        sender.assert_counts();
    }
    // What is in the air, and then what waits.
    for _ in 0..2 {
        while sender.flight.bytes() > 0 {
            sender.write(1024, usize::MAX);
        }
        sender.load();
    }
    while sender.flight.bytes() > 0 {
        sender.write(3, 10_000);
    }
    sender.lose_connection();
    assert!(sender.waiting.is_empty() && sender.outbox.is_empty());
}

/// What is encoded as one thing.
#[derive(Clone, Debug, PartialEq)]
enum Unit {
    Message(Message),
    Ping,
    Subscription {
        topic: Vec<u8>,
        subscribe: bool,
        form: SubscriptionForm,
    },
}

fn unit(input: &mut Input<'_>) -> Unit {
    match input.below(8) {
        0 => Unit::Ping,
        1 => Unit::Subscription {
            topic: topic(input),
            subscribe: input.flag(),
            form: match input.flag() {
                true => SubscriptionForm::Command,
                false => SubscriptionForm::Message,
            },
        },
        frames => {
            let frames = (1..frames.max(3) - 1).map(|_| input.body());
            Unit::Message(frames.collect())
        }
    }
}

/// No longer than what the decoder takes with the name of the command.
fn topic(input: &mut Input<'_>) -> Vec<u8> {
    let mut topic = input.body();
    topic.truncate(command::MAX_SIZE - b"\x09SUBSCRIBE".len());
    topic
}

fn ping() -> Command {
    Command::Ping {
        ttl: 7,
        context: PingContext::default(),
    }
}

impl Unit {
    /// Appends it, and gives its bytes.
    fn push(&self, outbox: &mut Outbox) -> usize {
        let before = outbox.bytes();
        match self {
            Unit::Message(message) => outbox.push(message),
            Unit::Ping => outbox.push_command(&ping()),
            Unit::Subscription {
                topic,
                subscribe,
                form,
            } => outbox.push_subscription(topic, *subscribe, *form),
        }
        outbox.bytes() - before
    }

    fn is_message(&self) -> bool {
        matches!(self, Unit::Message(_))
    }

    /// Adds what the peer understands.
    fn receive(&self, received: &mut Received) {
        match self {
            Unit::Message(message) => received.messages.push(message.clone()),
            Unit::Ping => received.commands.push(ping()),
            Unit::Subscription {
                topic,
                subscribe,
                form: SubscriptionForm::Message,
            } => {
                let body = [&[u8::from(*subscribe)], &topic[..]].concat();
                received.messages.push(body.into());
            }
            Unit::Subscription {
                topic, subscribe, ..
            } => {
                let topic = topic.clone().into();
                received.commands.push(match subscribe {
                    true => Command::Subscribe(topic),
                    false => Command::Cancel(topic),
                });
            }
        }
    }
}

/// A sender, and the list that says what it must do.
#[derive(Default)]
struct Sender {
    outbox: Outbox,
    flight: Flight,
    /// What the outbox holds, with the bytes of each.
    waiting: VecDeque<(Unit, usize)>,
    /// What the flight holds, and how many bytes of it were written.
    flying: Vec<(Unit, usize)>,
    written: usize,
    /// What this connection carried in flights before.
    flown: Received,
    wire: Vec<u8>,
}

impl Sender {
    fn push(&mut self, unit: Unit) {
        let size = unit.push(&mut self.outbox);
        self.waiting.push_back((unit, size));
    }

    /// Bytes of the flight.
    fn size(&self) -> usize {
        self.flying.iter().map(|(_, size)| size).sum()
    }

    /// Units of the flight that were written to their last byte.
    fn completed(&self) -> usize {
        let mut end = 0;
        let whole = self.flying.iter().take_while(|(_, size)| {
            end += size;
            end <= self.written
        });
        whole.count()
    }

    fn load(&mut self) {
        if self.written == self.size() {
            self.land();
            self.flying = self.waiting.drain(..).collect();
        }
        self.flight.load(&mut self.outbox);
    }

    /// What was written whole belongs to the connection.
    fn land(&mut self) {
        let completed = self.completed();
        for (unit, _) in &self.flying[..completed] {
            unit.receive(&mut self.flown);
        }
        self.flying.clear();
        self.written = 0;
    }

    fn write(&mut self, slices: usize, most: usize) {
        let mut space = vec![IoSlice::new(&[]); slices];
        let used = self.flight.slices(&mut space, most, most);
        let bytes = space[..used].iter().flat_map(|slice| slice.iter());
        let bytes: Vec<u8> = bytes.copied().collect();
        assert!(bytes.len() <= most);
        let left = self.size() - self.written;
        assert!(most == 0 || left == 0 || !bytes.is_empty());
        self.wire.extend_from_slice(&bytes);
        self.flight.advance(bytes.len());
        self.written += bytes.len();
    }

    fn release_memory(&mut self) {
        self.outbox.release_memory();
        self.flight.release_memory();
    }

    fn assert_counts(&mut self) {
        let waiting = self.waiting.iter();
        let waiting = waiting.filter(|(unit, _)| unit.is_message()).count();
        assert_eq!(self.outbox.messages(), waiting);
        let size: usize = self.waiting.iter().map(|(_, size)| size).sum();
        assert_eq!(self.outbox.bytes(), size);
        assert_eq!(self.outbox.is_empty(), self.waiting.is_empty());
        assert_eq!(self.flight.bytes(), self.size() - self.written);
        let completed = self.flying[..self.completed()].iter();
        let completed = completed.filter(|(unit, _)| unit.is_message()).count();
        assert_eq!(self.flight.completed_messages(), completed);
    }

    fn lose_connection(&mut self) {
        let completed = self.completed();
        let again: Vec<_> = self.flying.split_off(completed);
        self.written = self.size();
        self.land();
        assert_eq!(naive(&self.wire, None), self.flown);
        let again = again.into_iter().filter(|(unit, _)| unit.is_message());
        let again: VecDeque<_> = again.chain(self.waiting.drain(..)).collect();

        let mut rewound = self.flight.rewind();
        assert_eq!(self.flight.bytes(), 0);
        rewound.append_copy(&self.outbox);
        self.outbox = rewound;
        self.waiting = again;
        self.flown = Received::default();
        self.wire.clear();
    }
}
