//! PUB and SUB (RFC 29): who gets what, and from when on.

use std::time::{Duration, Instant};

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind};
use sinew::{Context, Pub, Socket, Sub};

use crate::support::*;

/// One end that publishes and one that subscribes, of whichever library.
struct Pair {
    publisher: Publisher,
    subscriber: Subscriber,
    _address: Address,
}

enum Publisher {
    Ours(Socket<Pub>),
    Theirs(zmq::Socket),
}

enum Subscriber {
    Ours(Socket<Sub>),
    Theirs(zmq::Socket),
}

impl Publisher {
    fn publish(&self, parts: &[Vec<u8>]) {
        match self {
            Publisher::Ours(socket) => socket.send(message(parts)).expect("our publication"),
            Publisher::Theirs(socket) => socket.send_multipart(parts).expect("their publication"),
        }
    }

    fn publish_one(&self, part: &[u8]) {
        self.publish(&[part.to_vec()]);
    }
}

impl Subscriber {
    fn subscribe(&self, topic: &[u8]) {
        match self {
            Subscriber::Ours(socket) => socket.subscribe(topic).expect("our subscription"),
            Subscriber::Theirs(socket) => socket.subscribe(topic).expect("their subscription"),
        }
    }

    fn unsubscribe(&self, topic: &[u8]) {
        match self {
            Subscriber::Ours(socket) => socket.unsubscribe(topic).expect("our cancellation"),
            Subscriber::Theirs(socket) => socket.unsubscribe(topic).expect("their cancellation"),
        }
    }

    fn next(&self, wait: Duration) -> Option<Vec<Vec<u8>>> {
        match self {
            Subscriber::Ours(socket) => socket.recv_timeout(wait).ok().map(|m| parts(&m)),
            Subscriber::Theirs(socket) => their_next(socket, wait),
        }
    }

    fn expect(&self, wanted: &[u8]) {
        let received = self.next(DEADLINE);
        assert_eq!(
            received.as_deref(),
            Some(&[wanted.to_vec()][..]),
            "instead of {:?}",
            String::from_utf8_lossy(wanted)
        );
    }
}

impl Pair {
    fn ours_publishes(setup: Setup) -> Pair {
        let publisher = Context::new().socket(Pub).open().expect("our PUB");
        let subscriber = theirs(&zmq::Context::new(), Kind::Sub);
        let _address = setup.join(&publisher.clone().into_dynamic(), &subscriber);
        Pair {
            publisher: Publisher::Ours(publisher),
            subscriber: Subscriber::Theirs(subscriber),
            _address,
        }
    }

    fn theirs_publishes(setup: Setup) -> Pair {
        let subscriber = Context::new().socket(Sub).open().expect("our SUB");
        let publisher = theirs(&zmq::Context::new(), Kind::Pub);
        let _address = setup.join(&subscriber.clone().into_dynamic(), &publisher);
        Pair {
            publisher: Publisher::Theirs(publisher),
            subscriber: Subscriber::Ours(subscriber),
            _address,
        }
    }

    /// Both directions, transports and roles.
    fn all() -> impl Iterator<Item = Pair> {
        Setup::all().flat_map(|setup| [Pair::ours_publishes(setup), Pair::theirs_publishes(setup)])
    }

    /// Subscribes to `fence` and returns when everything the subscriber asked for before has taken effect:
    /// subscriptions travel in order, so a message of the last one proves the others.
    fn fence(&self, fence: &[u8]) {
        self.subscriber.subscribe(fence);
        let deadline = Instant::now() + DEADLINE;
        let knock = [fence, b"?"].concat();
        let done = [fence, b"!"].concat();
        loop {
            assert!(Instant::now() < deadline, "the subscription never arrives");
            self.publisher.publish_one(&knock);
            if self.subscriber.next(RETRY).is_some() {
                break;
            }
        }
        self.publisher.publish_one(&done);
        while self
            .subscriber
            .next(DEADLINE)
            .expect("the end of the fence")
            != [done.clone()]
        {}
    }
}

/// A topic of this length that is no prefix of another one of these.
fn topic(len: usize) -> Vec<u8> {
    let mut topic = body(len);
    match len {
        0 => {}
        1 => topic[0] = 0xff,
        _ => topic[..2].copy_from_slice(&(len as u16).to_be_bytes()),
    }
    topic
}

#[test]
fn a_topic_of_any_length_reaches_its_subscriber() {
    for pair in Pair::all() {
        let topics = (1..=300).map(topic).collect::<Vec<_>>();
        for topic in &topics {
            pair.subscriber.subscribe(topic);
        }
        pair.fence(b"\xfefence");
        for topic in &topics {
            let (last, rest) = topic.split_last().expect("not empty");
            let near_miss = [rest, &[last ^ 1]].concat();
            pair.publisher.publish_one(&near_miss);
            pair.publisher.publish_one(topic);
            pair.subscriber.expect(topic);
            let longer = [topic.as_slice(), b" and more"].concat();
            pair.publisher.publish_one(&longer);
            pair.subscriber.expect(&longer);
        }
    }
}

#[test]
fn a_topic_of_any_length_can_be_cancelled() {
    for pair in Pair::all() {
        let topics = [1, 200, 245, 246, 247, 248, 249, 250, 254, 255, 256, 300].map(topic);
        for topic in &topics {
            pair.subscriber.subscribe(topic);
        }
        pair.fence(b"\xfefence");
        for topic in &topics {
            pair.subscriber.unsubscribe(topic);
        }
        pair.fence(b"\xfdfence");
        for topic in &topics {
            pair.publisher.publish_one(topic);
        }
        pair.publisher.publish_one(b"\xfdfence end");
        pair.subscriber.expect(b"\xfdfence end");
    }
}

#[test]
fn the_empty_topic_matches_everything() {
    for pair in Pair::all() {
        pair.subscriber.subscribe(b"");
        pair.fence(b"fence");
        for sent in [&b""[..], b"\0", b"\x01", b"anything", &body(300)] {
            pair.publisher.publish_one(sent);
            pair.subscriber.expect(sent);
        }
    }
}

#[test]
fn without_a_subscription_nothing_arrives() {
    for pair in Pair::all() {
        pair.fence(b"fence");
        for sent in [&b""[..], b"a", b"fenc", b"FENCE"] {
            pair.publisher.publish_one(sent);
        }
        pair.publisher.publish_one(b"fence end");
        pair.subscriber.expect(b"fence end");
    }
}

#[test]
fn a_subscription_takes_effect_while_running_and_so_does_its_end() {
    for pair in Pair::all() {
        pair.subscriber.subscribe(b"a");
        pair.fence(b"1");
        pair.publisher.publish_one(b"b, before");
        pair.publisher.publish_one(b"a, before");
        pair.subscriber.expect(b"a, before");

        pair.subscriber.subscribe(b"b");
        pair.fence(b"2");
        pair.publisher.publish_one(b"b, during");
        pair.subscriber.expect(b"b, during");

        pair.subscriber.unsubscribe(b"b");
        pair.fence(b"3");
        pair.publisher.publish_one(b"b, after");
        pair.publisher.publish_one(b"a, after");
        pair.subscriber.expect(b"a, after");
    }
}

#[test]
fn a_topic_subscribed_twice_ends_with_the_second_cancellation() {
    for pair in Pair::all() {
        pair.subscriber.subscribe(b"a");
        pair.subscriber.subscribe(b"a");
        pair.fence(b"1");
        pair.publisher.publish_one(b"a, once for two");
        pair.publisher.publish_one(b"1 end");
        pair.subscriber.expect(b"a, once for two");
        pair.subscriber.expect(b"1 end");

        pair.subscriber.unsubscribe(b"a");
        pair.fence(b"2");
        pair.publisher.publish_one(b"a, one left");
        pair.subscriber.expect(b"a, one left");

        pair.subscriber.unsubscribe(b"a");
        pair.fence(b"3");
        pair.publisher.publish_one(b"a, none left");
        pair.publisher.publish_one(b"3 end");
        pair.subscriber.expect(b"3 end");
    }
}

#[test]
fn a_longer_topic_outlives_the_shorter_one_it_starts_with() {
    for pair in Pair::all() {
        pair.subscriber.subscribe(b"weather");
        pair.subscriber.subscribe(b"weather/north");
        pair.fence(b"1");
        pair.publisher.publish_one(b"weather/north: snow");
        pair.publisher.publish_one(b"1 end");
        pair.subscriber.expect(b"weather/north: snow");
        pair.subscriber.expect(b"1 end");

        pair.subscriber.unsubscribe(b"weather");
        pair.fence(b"2");
        pair.publisher.publish_one(b"weather/south: sun");
        pair.publisher.publish_one(b"weather/north: rain");
        pair.subscriber.expect(b"weather/north: rain");
    }
}

#[test]
fn cancelling_what_was_never_subscribed_changes_nothing() {
    for pair in Pair::all() {
        pair.subscriber.subscribe(b"a");
        pair.subscriber.unsubscribe(b"b");
        pair.subscriber.unsubscribe(b"aa");
        pair.fence(b"1");
        pair.publisher.publish_one(b"aa");
        pair.subscriber.expect(b"aa");
    }
}

#[test]
fn the_first_frame_alone_decides_and_the_others_come_along() {
    for pair in Pair::all() {
        pair.subscriber.subscribe(b"yes");
        pair.fence(b"1");
        let wanted = ["yes", "", "no", "yes"].map(|part| part.as_bytes().to_vec());
        let unwanted = ["no", "yes", ""].map(|part| part.as_bytes().to_vec());
        pair.publisher.publish(&unwanted);
        pair.publisher.publish(&wanted);
        assert_eq!(pair.subscriber.next(DEADLINE), Some(wanted.to_vec()));
    }
}

#[test]
fn an_xpub_sees_our_first_subscription_and_our_last_cancellation() {
    for setup in Setup::all() {
        let xpub = theirs(&zmq::Context::new(), Kind::XPub);
        xpub.set_int(option::XPUB_VERBOSER, 1).expect("verboser");
        let sub = Context::new().socket(Sub).open().expect("our SUB");
        sub.subscribe("early").expect("our subscription");
        let _address = setup.join(&sub.clone().into_dynamic(), &xpub);
        assert_eq!(xpub.recv_multipart().expect("an event"), [b"\x01early"]);

        sub.subscribe("late").expect("our subscription");
        assert_eq!(xpub.recv_multipart().expect("an event"), [b"\x01late"]);
        sub.unsubscribe("early").expect("our cancellation");
        assert_eq!(xpub.recv_multipart().expect("an event"), [b"\0early"]);

        // Of one topic twice, an XPUB is told any number of times from one to two, as by libzmq; the
        // cancellation it is told of is the last one.
        sub.subscribe("late").expect("our subscription");
        sub.unsubscribe("late").expect("our cancellation");
        sub.unsubscribe("late").expect("our cancellation");
        let mut heard = xpub.recv_multipart().expect("an event");
        if heard == [b"\x01late"] {
            heard = xpub.recv_multipart().expect("an event");
        }
        assert_eq!(heard, [b"\0late"]);
        sub.subscribe("end").expect("our subscription");
        assert_eq!(xpub.recv_multipart().expect("an event"), [b"\x01end"]);
    }
}

#[test]
fn a_publication_reaches_every_subscriber_and_only_those() {
    let publisher = Context::new()
        .socket(Pub)
        .bind("tcp://127.0.0.1:0")
        .expect("our PUB");
    let endpoint = publisher.last_endpoint().expect("an endpoint").to_string();
    let context = zmq::Context::new();
    let subscribers = (0..16u8)
        .map(|number| {
            let subscriber = theirs(&context, Kind::Sub);
            subscriber.subscribe(b"all").expect("their subscription");
            subscriber.subscribe(&[number]).expect("their subscription");
            subscriber.connect(&endpoint).expect("their connect");
            subscriber
        })
        .collect::<Vec<_>>();

    // Own topic first: libzmq forwards subscriptions in the order of its tree, so hear both kinds.
    for (number, subscriber) in (0u8..).zip(&subscribers) {
        for topic in [&[number][..], b"all"] {
            let deadline = Instant::now() + DEADLINE;
            while their_next(subscriber, RETRY).is_none() {
                assert!(Instant::now() < deadline, "the subscription never arrives");
                publisher.send(topic).expect("our publication");
            }
        }
    }
    publisher.send("all, done").expect("our publication");
    for subscriber in &subscribers {
        while subscriber.recv_multipart().expect("arrival") != [b"all, done"] {}
    }

    for number in 0..16u8 {
        publisher.send([number, 7]).expect("our publication");
    }
    publisher.send("all, again").expect("our publication");
    for (number, subscriber) in (0u8..).zip(&subscribers) {
        assert_eq!(subscriber.recv_multipart().expect("its own"), [[number, 7]]);
        assert_eq!(subscriber.recv_multipart().expect("all"), [b"all, again"]);
    }
}

/// Small enough that a stalled subscriber fills everything between the two programs at once, and not so
/// small that TCP over loopback, with its segments of 64 KiB, crawls.
const TIGHT: i32 = 64 * 1024;

/// Publishes numbered messages of three parts to a subscriber that does not read, then lets it read, and
/// checks that what is missing is missing whole.
fn assert_drops_are_whole(pair: &Pair) {
    const PUBLISHED: u32 = 20_000;
    pair.subscriber.subscribe(b"n");
    pair.fence(b"f");
    for number in 0..PUBLISHED {
        let tag = number.to_le_bytes().to_vec();
        let head = [b"n", tag.as_slice()].concat();
        pair.publisher.publish(&[head, body(1_000), tag]);
    }

    let mut received = 0;
    let mut last = None;
    let deadline = Instant::now() + DEADLINE;
    loop {
        assert!(Instant::now() < deadline, "the end never arrives");
        pair.publisher.publish_one(b"f end");
        let Some(message) = pair.subscriber.next(RETRY) else {
            continue;
        };
        if message == [b"f end"] {
            break;
        }
        let [head, middle, tail] = message.as_slice() else {
            panic!("a message of {} parts", message.len());
        };
        assert_eq!(head[1..], tail[..], "parts of two messages");
        assert!(*middle == body(1_000), "a damaged part");
        let number = u32::from_le_bytes(tail.as_slice().try_into().expect("a number"));
        assert!(Some(number) > last, "{number} after {last:?}");
        last = Some(number);
        received += 1;
    }
    assert!(received > 0, "something fits");
    assert!(
        received < PUBLISHED,
        "nothing was dropped, so nothing was tested"
    );
}

#[test]
fn our_pub_drops_whole_messages_never_parts() {
    let publisher = Context::new()
        .socket(Pub)
        .send_hwm(10)
        .send_buffer(TIGHT as usize)
        .open()
        .expect("our PUB");
    let subscriber = theirs(&zmq::Context::new(), Kind::Sub);
    for (name, value) in [(option::RCVHWM, 10), (option::RCVBUF, TIGHT)] {
        subscriber.set_int(name, value).expect("their option");
    }
    let _address = Setup::TCP.join(&publisher.clone().into_dynamic(), &subscriber);
    assert_drops_are_whole(&Pair {
        publisher: Publisher::Ours(publisher.clone()),
        subscriber: Subscriber::Theirs(subscriber),
        _address,
    });
    assert!(publisher.stats().dropped > 0, "drops are counted");
}

#[test]
fn our_sub_receives_whole_messages_when_a_libzmq_pub_drops() {
    let publisher = theirs(&zmq::Context::new(), Kind::Pub);
    for (name, value) in [(option::SNDHWM, 10), (option::SNDBUF, TIGHT)] {
        publisher.set_int(name, value).expect("their option");
    }
    let subscriber = Context::new()
        .socket(Sub)
        .recv_hwm(10)
        .recv_buffer(TIGHT as usize)
        .open()
        .expect("our SUB");
    let _address = Setup::TCP.join(&subscriber.clone().into_dynamic(), &publisher);
    assert_drops_are_whole(&Pair {
        publisher: Publisher::Theirs(publisher),
        subscriber: Subscriber::Ours(subscriber),
        _address,
    });
}
