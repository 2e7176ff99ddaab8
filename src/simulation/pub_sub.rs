//! What a subscriber gets: what matches the subscriptions that the publisher has of it when it
//! publishes, whole and in order, unless its queue is full.

use std::collections::VecDeque;
use std::time::Duration;

use super::orders;
use super::world::World;
use crate::{EventKind, Message, Monitor, Pub, Socket, Sub};

const TOPICS: [&str; 6] = ["", "a", "ab", "abc", "b", "ba"];

/// A message for a subscriber.
#[derive(Debug)]
struct Due {
    id: u32,
    topic: &'static str,
    /// Over which connection.
    connection: usize,
    /// The subscriber did not want it for a while, or the queue for it may have been full.
    excused: bool,
}

/// One subscriber, with a port of its own at the publisher.
struct Subscriber {
    sub: Socket<Sub>,
    /// What it has subscribed to, as often as it has.
    wants: Vec<&'static str>,
    /// What the publisher knows of that.
    known: Vec<Vec<u8>>,
    /// The connection over which it knows that.
    connection: usize,
    due: VecDeque<Due>,
    received: u64,
}

fn matches(wants: &[impl AsRef<[u8]>], topic: &str) -> bool {
    wants
        .iter()
        .any(|it| topic.as_bytes().starts_with(it.as_ref()))
}

struct Scene {
    publisher: Socket<Pub>,
    monitor: Monitor,
    subscribers: Vec<Subscriber>,
    published: u32,
}

fn port(number: usize) -> String {
    format!("tcp://10.0.0.1:{}", 5000 + number)
}

impl Scene {
    fn new(world: &mut World, publisher: Socket<Pub>, recv_hwm: usize) -> Scene {
        let monitor = publisher.monitor();
        let subscribers = (0..1 + world.dice.below(3)).map(|number| {
            publisher.bind(port(number).as_str()).unwrap();
            let sub = world.socket(Sub).recv_hwm(recv_hwm);
            Subscriber {
                sub: sub.connect(port(number).as_str()).unwrap(),
                wants: Vec::new(),
                known: Vec::new(),
                connection: 0,
                due: VecDeque::new(),
                received: 0,
            }
        });
        Scene {
            subscribers: subscribers.collect(),
            publisher,
            monitor,
            published: 0,
        }
    }

    /// Learns what the publisher knows by now.
    fn learn(&mut self) {
        while let Ok(event) = self.monitor.try_recv() {
            let number = usize::from(event.endpoint.port().unwrap()) - 5000;
            let Subscriber {
                known, connection, ..
            } = &mut self.subscribers[number];
            match event.kind {
                EventKind::Subscribed { topic } => {
                    let address = event.peer_address.unwrap();
                    let caller = address.rsplit(':').next().unwrap();
                    *connection = caller.parse::<usize>().unwrap() - 50_000;
                    if !known.contains(&topic.to_vec()) {
                        known.push(topic.to_vec());
                    }
                }
                EventKind::Unsubscribed { topic } => known.retain(|it| *it != topic),
                EventKind::Disconnected { .. } => known.clear(),
                _ => {}
            }
        }
    }

    /// Publishes a message, which is due to the subscribers of which the publisher knows that they want it.
    fn publish(&mut self, world: &mut World, counts: bool) {
        self.learn();
        let topic = TOPICS[world.dice.below(TOPICS.len())];
        let id = self.published;
        self.published += 1;
        let before = counts.then(|| self.publisher.stats());
        self.publisher
            .try_send([topic.as_bytes(), &id.to_be_bytes()])
            .unwrap();
        let dropped = before.map_or(0, |before| {
            let after = self.publisher.stats();
            let dropped = after.dropped - before.dropped;
            let wanted = self.subscribers.iter();
            let wanted = wanted.filter(|it| matches(&it.known, topic)).count();
            assert_eq!(after.sent - before.sent + dropped, wanted as u64);
            dropped
        });
        for subscriber in &mut self.subscribers {
            if matches(&subscriber.known, topic) {
                subscriber.due.push_back(Due {
                    id,
                    topic,
                    connection: subscriber.connection,
                    excused: dropped > 0 || !matches(&subscriber.wants, topic),
                });
            }
        }
    }

    fn subscribe(&mut self, world: &mut World) {
        let count = self.subscribers.len();
        let subscriber = &mut self.subscribers[world.dice.below(count)];
        let topic = TOPICS[world.dice.below(TOPICS.len())];
        subscriber.sub.subscribe(topic).unwrap();
        subscriber.wants.push(topic);
    }

    fn unsubscribe(&mut self, world: &mut World) {
        let count = self.subscribers.len();
        let subscriber = &mut self.subscribers[world.dice.below(count)];
        if subscriber.wants.is_empty() {
            return;
        }
        let at = world.dice.below(subscriber.wants.len());
        let topic = subscriber.wants.swap_remove(at);
        subscriber.sub.unsubscribe(topic).unwrap();
        for due in &mut subscriber.due {
            due.excused |= !matches(&subscriber.wants, due.topic);
        }
    }

    /// One subscriber receives; whether there was anything.
    fn receive(&mut self, number: usize) -> bool {
        let subscriber = &mut self.subscribers[number];
        let Ok(message) = subscriber.sub.try_recv() else {
            return false;
        };
        subscriber.received += 1;
        let id = id_of(&message);
        loop {
            let due = subscriber.due.pop_front().expect("it is due, and once");
            if due.id == id {
                assert_eq!(&message[0], due.topic.as_bytes());
                assert!(matches(&subscriber.wants, due.topic));
                return true;
            }
            assert!(due.excused, "{due:?} did not come");
        }
    }

    fn receive_all(&mut self, world: &mut World) {
        loop {
            world.settle();
            let count = self.subscribers.len();
            let any = (0..count).map(|number| (0..).take_while(|_| self.receive(number)).count());
            if any.sum::<usize>() == 0 {
                return;
            }
        }
    }

    fn expect_nothing_due(&self) {
        for subscriber in &self.subscribers {
            let missing = subscriber.due.iter().find(|due| !due.excused);
            assert!(missing.is_none(), "{missing:?} did not come");
            assert_eq!(subscriber.sub.stats().received, subscriber.received);
        }
    }
}

fn id_of(message: &Message) -> u32 {
    u32::from_be_bytes(message[1][..].try_into().unwrap())
}

#[test]
fn a_subscriber_gets_what_matches_what_the_publisher_knows_of_it_and_nothing_else() {
    orders(120, |world| {
        let publisher = world.socket(Pub).open().unwrap();
        let mut scene = Scene::new(world, publisher, 1000);
        for _ in 0..250 {
            match world.dice.below(8) {
                0 => scene.subscribe(world),
                1 if world.dice.once_in(2) => scene.unsubscribe(world),
                2..=3 => scene.publish(world, false),
                4 => {
                    let number = world.dice.below(scene.subscribers.len());
                    scene.receive(number);
                }
                _ => world.nudge(),
            }
        }
        scene.receive_all(world);
        scene.expect_nothing_due();
        // All subscriptions have come by now.
        scene.learn();
        for subscriber in &scene.subscribers {
            for topic in TOPICS {
                let wants = matches(&subscriber.wants, topic);
                assert_eq!(wants, matches(&subscriber.known, topic), "{topic}");
            }
        }
        assert_eq!(scene.publisher.stats().dropped, 0);
    });
}

#[test]
fn a_slow_subscriber_loses_whole_messages_and_each_is_counted() {
    orders(80, |world| {
        let publisher = world.socket(Pub).send_hwm(1 + world.dice.below(8));
        let publisher = publisher.open().unwrap();
        let recv_hwm = 1 + world.dice.below(8);
        let mut scene = Scene::new(world, publisher, recv_hwm);
        for _ in 0..300 {
            match world.dice.below(8) {
                0 => scene.subscribe(world),
                1..=4 => scene.publish(world, true),
                5 => {
                    let number = world.dice.below(scene.subscribers.len());
                    scene.receive(number);
                }
                _ => world.nudge(),
            }
        }
        scene.receive_all(world);
        scene.expect_nothing_due();
        let received = scene.subscribers.iter().map(|it| it.received).sum::<u64>();
        assert_eq!(scene.publisher.stats().sent, received);
    });
}

#[test]
fn subscriptions_are_told_again_to_a_publisher_that_is_found_again() {
    orders(80, |world| {
        let publisher = world.socket(Pub).open().unwrap();
        let mut scene = Scene::new(world, publisher, 1000);
        for _ in 0..4 {
            for _ in 0..60 {
                match world.dice.below(8) {
                    0 => scene.subscribe(world),
                    1 if world.dice.once_in(2) => scene.unsubscribe(world),
                    2..=3 => scene.publish(world, false),
                    4 => {
                        let number = world.dice.below(scene.subscribers.len());
                        scene.receive(number);
                    }
                    _ => world.nudge(),
                }
                if world.dice.once_in(40) {
                    world.cut_one();
                }
                // What is due over a connection that is not there any more need not come.
                let up = world.connections();
                for due in scene.subscribers.iter_mut().flat_map(|it| &mut it.due) {
                    due.excused |= up.iter().all(|it| it.number() != due.connection);
                }
            }
            world.pass(Duration::from_secs(3));
            scene.receive_all(world);
            scene.learn();
            for subscriber in &scene.subscribers {
                for topic in TOPICS {
                    let wants = matches(&subscriber.wants, topic);
                    assert_eq!(wants, matches(&subscriber.known, topic), "{topic}");
                }
            }
        }
        scene.expect_nothing_due();
    });
}

#[test]
fn without_drops_a_publisher_waits_and_every_subscriber_gets_everything() {
    orders(80, |world| {
        let publisher = world.socket(Pub).no_drop(true);
        let publisher = publisher.send_hwm(1 + world.dice.below(8)).open().unwrap();
        let recv_hwm = 1 + world.dice.below(8);
        let scene = Scene::new(world, publisher, recv_hwm);
        let subs: Vec<_> = scene.subscribers.iter().map(|it| &it.sub).collect();
        subs.iter().for_each(|sub| sub.subscribe("").unwrap());
        world.settle();
        let mut sent = 0u32;
        let mut received = vec![0; subs.len()];
        let mut take = |at: usize| match subs[at].try_recv() {
            Ok(message) => {
                assert_eq!(id_of(&message), received[at]);
                received[at] += 1;
                true
            }
            Err(_) => false,
        };
        for _ in 0..300 {
            match world.dice.below(4) {
                0 => {
                    let message = [&b"x"[..], &sent.to_be_bytes()];
                    sent += u32::from(scene.publisher.try_send(message).is_ok());
                }
                1 => _ = take(world.dice.below(subs.len())),
                _ => world.nudge(),
            }
        }
        loop {
            world.settle();
            if (0..subs.len()).filter(|at| take(*at)).count() == 0 {
                break;
            }
        }
        assert_eq!(received, vec![sent; subs.len()]);
        let message = [&b"x"[..], &sent.to_be_bytes()];
        assert!(
            scene.publisher.try_send(message).is_ok(),
            "there is room again"
        );
        assert_eq!(scene.publisher.stats().dropped, 0);
    });
}
