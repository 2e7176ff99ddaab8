//! Conflating sockets: of each key the last message, whole, and exact counts of what it replaced.

use std::collections::HashMap;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use sinew::{
    Conflate, Context, Dealer, DynSocket, Error, Interest, Message, Options, Poller, Pub, Pull,
    Push, RecvError, Router, SocketType, Sub,
};

use crate::support::{address, endpoints, Raw, SOON};

const PAIRS: [(SocketType, SocketType); 3] = [
    (SocketType::Push, SocketType::Pull),
    (SocketType::Dealer, SocketType::Dealer),
    (SocketType::Pub, SocketType::Sub),
];

/// A sender and a receiver with these settings, which have found each other.
fn pair(
    ctx: &Context,
    types: (SocketType, SocketType),
    endpoint: &str,
    send: Options,
    recv: Options,
) -> (DynSocket, DynSocket) {
    let receiver = ctx.socket(types.1).options(recv).open().unwrap();
    if types.1 == SocketType::Sub {
        receiver.subscribe("").unwrap();
    }
    receiver.bind(endpoint).unwrap();
    let sender = ctx.socket(types.0).options(send);
    let sender = sender.connect(address(&receiver)).unwrap();
    if types.0 == SocketType::Pub {
        sender.wait_for_subscribers("", 1, SOON).unwrap();
    }
    sender.wait_for_peers(1, SOON).unwrap();
    receiver.wait_for_peers(1, SOON).unwrap();
    (sender, receiver)
}

/// Waits until this many messages have come to a socket, received or not.
#[track_caller]
fn await_arrival(receiver: &DynSocket, count: u64) {
    let start = std::time::Instant::now();
    while receiver.peers()[0].received.messages < count {
        assert!(start.elapsed() < SOON, "{:?}", receiver.peers());
        thread::yield_now();
    }
}

fn numbered(n: u32, body: &[u8]) -> Message {
    Message::from([&n.to_be_bytes()[..], body, b"end"])
}

/// The number of a message that has come with all its frames.
#[track_caller]
fn number_of(message: &Message, body: &[u8]) -> u32 {
    assert_eq!(message.len(), 3);
    assert!(&message[1] == body && &message[2] == b"end");
    u32::from_be_bytes(message[0].try_into().unwrap())
}

#[test]
fn a_receiver_that_is_behind_gets_the_last_message_of_its_peer_whole() {
    for types in PAIRS {
        for endpoint in endpoints("last-received") {
            let ctx = Context::new();
            let recv = Options::new().conflate(Conflate::Last).recv_hwm(1);
            let (sender, receiver) = pair(&ctx, types, &endpoint, Options::new(), recv);
            for round in 1..=3 {
                for n in 0..100 {
                    sender.send_timeout(numbered(n, b"body"), SOON).unwrap();
                }
                // What is not a send has written what a stream left.
                assert_eq!(sender.stats().sent, 100 * round);
                await_arrival(&receiver, 100 * round);
                let last = receiver.recv_timeout(SOON).unwrap();
                assert_eq!(number_of(&last, b"body"), 99, "{types:?} {endpoint}");
                assert_eq!(receiver.try_recv(), Err(RecvError::WouldBlock));
                let counted = match endpoint.starts_with("inproc") {
                    true => &sender,
                    false => &receiver,
                };
                assert_eq!(counted.stats().dropped, 99 * round);
                let dropped = counted.peers()[0].dropped;
                assert_eq!((dropped.conflated, dropped.full), (99 * round, 0));
                assert_eq!(receiver.stats().received, round);
            }
        }
    }
}

#[test]
fn a_sender_never_waits_for_a_receiver_that_is_behind_which_gets_what_is_new() {
    let body = vec![7; 200_000];
    for types in PAIRS {
        for endpoint in endpoints("last-sent") {
            let ctx = Context::new();
            let send = Options::new().conflate(Conflate::Last).send_hwm(1);
            let recv = Options::new().recv_hwm(1);
            let (sender, receiver) = pair(&ctx, types, &endpoint, send, recv);
            const COUNT: u32 = 300;
            for n in 0..COUNT {
                sender.send_timeout(numbered(n, &body), SOON).unwrap();
            }
            let (mut received, mut before) = (0, None);
            while before != Some(COUNT - 1) {
                let n = number_of(&receiver.recv_timeout(SOON).unwrap(), &body);
                assert!(before < Some(n), "{before:?} then {n}");
                before = Some(n);
                received += 1;
            }
            assert_eq!(receiver.try_recv(), Err(RecvError::WouldBlock));
            let stats = sender.stats();
            assert_eq!(stats.sent, u64::from(COUNT));
            assert_eq!(stats.dropped + received, u64::from(COUNT), "{types:?}");
            assert_eq!(sender.peers()[0].dropped.conflated, stats.dropped);
            assert!(received < u64::from(COUNT), "nothing was replaced");
            assert_eq!(sender.close().undelivered, 0);
        }
    }
}

/// A queue that conflates, in the plainest words.
#[derive(Default)]
struct Naive {
    queue: Vec<(String, u32)>,
    replaced: u64,
    evicted: u64,
}

impl Naive {
    fn put(&mut self, key: String, value: u32, most: usize) {
        match self.queue.iter_mut().find(|(there, _)| *there == key) {
            Some((_, there)) => {
                *there = value;
                self.replaced += 1;
            }
            None => self.queue.push((key, value)),
        }
        if self.queue.len() > most {
            self.queue.remove(0);
            self.evicted += 1;
        }
    }
}

/// A message of a key, with a number of frames that differs from message to message.
fn keyed(key: &str, value: u32) -> Message {
    let mut message = Message::from(key);
    message.push_back(&value.to_be_bytes()[..]);
    for _ in 0..value % 3 {
        message.push_back("more");
    }
    message
}

#[track_caller]
fn read(message: &Message) -> (String, u32) {
    let value = u32::from_be_bytes(message[1].try_into().unwrap());
    assert_eq!(message.len(), 2 + value as usize % 3, "it is whole");
    (message.get_str(0).unwrap().to_owned(), value)
}

fn rules() -> impl Strategy<Value = Conflate> {
    prop_oneof![
        Just(Conflate::Last),
        Just(Conflate::ByFirstFrame),
        (1..3usize).prop_map(Conflate::ByPrefix),
    ]
}

fn key(rule: Conflate, name: &str) -> String {
    match rule {
        Conflate::ByFirstFrame => name.to_owned(),
        Conflate::ByPrefix(most) => name.chars().take(most).collect(),
        _ => String::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    /// Sends and receives in any order, over all transports.
    #[test]
    fn a_receiver_gets_what_a_list_without_two_of_a_key_would_give_it(
        rule in rules(),
        most in 1..6usize,
        steps in prop::collection::vec(prop::option::weighted(0.8, "[abc]{0,2}"), 1..60),
    ) {
        for endpoint in endpoints("conflate-model") {
            let ctx = Context::new();
            // Over inproc the bounds of both ends add up.
            let inproc = endpoint.starts_with("inproc");
            let recv_hwm = if inproc { most.max(2) - 1 } else { most };
            let most = if inproc { recv_hwm + 1 } else { most };
            let recv = Options::new().conflate(rule).recv_hwm(recv_hwm);
            let send = Options::new().send_hwm(1);
            let types = (SocketType::Push, SocketType::Pull);
            let (sender, receiver) = pair(&ctx, types, &endpoint, send, recv);
            let mut naive = Naive::default();
            let (mut sent, mut values) = (0, HashMap::new());
            for step in &steps {
                if let Some(name) = step {
                    sender.send_timeout(keyed(name, sent), SOON).unwrap();
                    values.insert(sent, name.clone());
                    naive.put(key(rule, name), sent, most);
                    sent += 1;
                    await_arrival(&receiver, u64::from(sent));
                } else {
                    let got = receiver.try_recv().ok().map(|it| read(&it));
                    let expected = (!naive.queue.is_empty()).then(|| naive.queue.remove(0).1);
                    prop_assert_eq!(got.as_ref().map(|it| it.1), expected);
                    prop_assert_eq!(got.map(|it| it.0), expected.map(|it| values[&it].clone()));
                }
            }
            for (_, value) in &naive.queue {
                prop_assert_eq!(read(&receiver.recv_timeout(SOON).unwrap()).1, *value);
            }
            prop_assert_eq!(receiver.try_recv(), Err(RecvError::WouldBlock));
            let counted = if inproc { &sender } else { &receiver };
            let dropped = counted.peers()[0].dropped;
            prop_assert_eq!((dropped.conflated, dropped.full), (naive.replaced, naive.evicted));
            prop_assert_eq!(counted.stats().dropped, naive.replaced + naive.evicted);
        }
    }

    /// A sender whose peer is not there yet has a queue that is as well known.
    #[test]
    fn a_sender_keeps_for_a_peer_to_come_what_a_list_without_two_of_a_key_would_keep(
        rule in rules(),
        most in 1..6usize,
        names in prop::collection::vec("[abc]{0,2}", 1..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let ipc = format!("ipc://{}/later", dir.path().display());
        for endpoint in [ipc, "inproc://conflate-later".into()] {
            let ctx = Context::new();
            let push = ctx
                .socket(Push)
                .conflate(rule)
                .send_hwm(most)
                .reconnect_interval(Duration::from_millis(1))
                .connect(&endpoint)
                .unwrap();
            let mut naive = Naive::default();
            for (value, name) in names.iter().enumerate() {
                push.try_send(keyed(name, value as u32)).unwrap();
                naive.put(key(rule, name), value as u32, most);
            }
            let peer = &push.peers()[0];
            prop_assert_eq!(peer.send_queue.messages, naive.queue.len());
            prop_assert_eq!(peer.send_queue.most_messages, Some(most));
            prop_assert_eq!(peer.sent.messages, names.len() as u64);
            let dropped = peer.dropped;
            prop_assert_eq!((dropped.conflated, dropped.full), (naive.replaced, naive.evicted));
            let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
            for (_, value) in &naive.queue {
                prop_assert_eq!(read(&pull.recv_timeout(SOON).unwrap()).1, *value);
            }
            prop_assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
            prop_assert_eq!(push.close().undelivered, 0);
        }
    }
}

#[test]
fn what_waited_for_a_receiver_that_conflates_is_conflated_when_it_comes() {
    let ctx = Context::new();
    let push = ctx.socket(Push).connect("inproc://comes-late").unwrap();
    for n in 0..10 {
        push.send(numbered(n, b"")).unwrap();
    }
    let pull = ctx
        .socket(Pull)
        .conflate(Conflate::Last)
        .bind("inproc://comes-late")
        .unwrap();
    assert_eq!(number_of(&pull.recv_timeout(SOON).unwrap(), b""), 9);
    assert!(pull.try_recv().is_err());
    assert_eq!(push.peers()[0].dropped.conflated, 9);
    assert_eq!((push.stats().sent, push.stats().dropped), (10, 9));
}

#[test]
fn over_inproc_the_receivers_rule_goes_before_the_senders() {
    for (binds, name) in [(true, "inproc://rule/1"), (false, "inproc://rule/2")] {
        let ctx = Context::new();
        let push = ctx.socket(Push).conflate(Conflate::Last).open().unwrap();
        let pull = ctx
            .socket(Pull)
            .conflate(Conflate::ByFirstFrame)
            .open()
            .unwrap();
        if binds {
            push.bind(name).unwrap();
            pull.connect(name).unwrap();
        } else {
            pull.bind(name).unwrap();
            push.connect(name).unwrap();
        }
        for (value, key) in ["a", "b", "a", "c"].into_iter().enumerate() {
            push.send(keyed(key, value as u32)).unwrap();
        }
        let got = [(); 3].map(|()| read(&pull.recv_timeout(SOON).unwrap()).1);
        assert_eq!(got, [2, 1, 3]);
        assert!(pull.try_recv().is_err());
    }
}

#[test]
fn each_peer_has_a_queue_of_its_own() {
    for endpoint in endpoints("conflate-peers") {
        let ctx = Context::new();
        let pull = ctx
            .socket(Pull)
            .conflate(Conflate::Last)
            .bind(&endpoint)
            .unwrap();
        let pushes = [0, 1, 2].map(|_| ctx.socket(Push).connect(address(&pull)).unwrap());
        for (who, push) in pushes.iter().enumerate() {
            for n in 0..10 {
                push.send(numbered(n, &[who as u8])).unwrap();
            }
            assert_eq!(push.stats().sent, 10);
        }
        let all = || {
            let peers = pull.peers();
            peers.iter().map(|it| it.received.messages).sum::<u64>()
        };
        let start = std::time::Instant::now();
        while all() < 30 {
            assert!(start.elapsed() < SOON);
            thread::yield_now();
        }
        let mut from: Vec<_> = (0..3)
            .map(|_| {
                let message = pull.recv_timeout(SOON).unwrap();
                let who = message[1][0];
                assert_eq!(number_of(&message, &[who]), 9);
                who
            })
            .collect();
        from.sort_unstable();
        assert_eq!(from, [0, 1, 2]);
        assert!(pull.try_recv().is_err());
    }
}

#[test]
fn closing_counts_what_waits_and_not_what_was_replaced() {
    for endpoint in ["tcp://127.0.0.1:9", "inproc://nobody-conflates"] {
        for (rule, kept) in [(Conflate::Last, 1), (Conflate::ByFirstFrame, 3)] {
            let push = Context::new()
                .socket(Push)
                .conflate(rule)
                .linger(Duration::ZERO)
                .connect(endpoint)
                .unwrap();
            for n in 0..12 {
                push.try_send([["a", "b", "c"][n % 3], "value"]).unwrap();
            }
            assert_eq!(push.stats().dropped, 12 - kept, "{endpoint}");
            assert_eq!(push.close().undelivered, kept, "{endpoint} {rule:?}");
        }
    }
}

/// A message that no system takes whole from a peer that does not read.
fn large(key: &str) -> Message {
    Message::from([key.as_bytes(), &vec![7; 32 << 20]])
}

#[test]
fn what_a_lost_connection_had_not_taken_goes_out_again_unless_it_was_replaced() {
    for (rule, keys, expected) in [
        (Conflate::Last, ["a", "b"], &["b"][..]),
        (Conflate::ByFirstFrame, ["a", "a"], &["a"]),
        (Conflate::ByFirstFrame, ["a", "b"], &["a", "b"]),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let push = Context::new()
            .socket(Push)
            .conflate(rule)
            .reconnect_interval(Duration::from_millis(1))
            .linger(Duration::ZERO)
            .connect(format!("tcp://{}", listener.local_addr().unwrap()))
            .unwrap();
        let mut raw = Raw::accept(&listener).shake("PULL");
        push.wait_for_peers(1, SOON).unwrap();
        push.send(large(keys[0])).unwrap();
        // Its beginning has come, so that it is on its way.
        raw.read(1000);
        push.send([keys[1], "new"]).unwrap();
        drop(raw);
        let mut raw = Raw::accept(&listener).shake("PULL");
        let mut got = Vec::new();
        for _ in expected {
            let (_, key) = raw.read_frame();
            raw.read_frame();
            got.push(String::from_utf8(key).unwrap());
        }
        assert_eq!(got, expected, "{rule:?}");
        let dropped = push.stats().dropped;
        assert_eq!(dropped, 2 - expected.len() as u64);
        assert_eq!(push.peers()[0].dropped.conflated, dropped);
    }
}

#[test]
fn what_a_subscriber_did_not_ask_for_replaces_nothing() {
    let sub = Context::new()
        .socket(Sub)
        .conflate(Conflate::Last)
        .subscribe("A")
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    // A publisher that does not filter.
    let mut raw = Raw::connect(&address(&sub)).shake("PUB");
    raw.send(0, b"A1");
    raw.send(0, b"A2");
    raw.send(0, b"B");
    raw.send(0, b"A3");
    raw.send(0, b"B");
    // Commands are read behind all that.
    let start = std::time::Instant::now();
    while sub.stats().dropped < 2 {
        assert!(start.elapsed() < SOON);
        thread::yield_now();
    }
    assert_eq!(sub.recv_timeout(SOON).unwrap(), "A3");
}

#[test]
fn a_poller_that_looks_does_not_keep_a_message_from_being_replaced() {
    for endpoint in endpoints("conflate-poller") {
        let ctx = Context::new();
        let recv = Options::new().conflate(Conflate::ByFirstFrame);
        let types = (SocketType::Push, SocketType::Pull);
        let (sender, receiver) = pair(&ctx, types, &endpoint, Options::new(), recv);
        let mut poller = Poller::new().unwrap();
        poller.add(&receiver, (), Interest::READABLE).unwrap();
        let mut sent = 0;
        let mut send = |key: &str| {
            sender.send(keyed(key, sent)).unwrap();
            sent += 1;
            await_arrival(&receiver, u64::from(sent));
        };
        let wait = |poller: &mut Poller<()>| {
            let mut events = poller.wait(Some(SOON)).unwrap();
            assert!(events.next().unwrap().readable);
        };
        send("a");
        wait(&mut poller);
        send("a");
        send("b");
        wait(&mut poller);
        assert_eq!(read(&receiver.try_recv().unwrap()), ("a".into(), 1));
        wait(&mut poller);
        send("b");
        assert_eq!(read(&receiver.try_recv().unwrap()), ("b".into(), 3));
        assert_eq!(receiver.try_recv(), Err(RecvError::WouldBlock));
        let nothing = poller.wait(Some(Duration::ZERO)).unwrap().next();
        assert!(nothing.is_none());
        send("c");
        wait(&mut poller);
        assert_eq!(read(&receiver.try_recv().unwrap()), ("c".into(), 4));
    }
}

#[test]
fn a_message_of_a_topic_that_is_wanted_no_more_makes_nothing_readable() {
    for endpoint in endpoints("conflate-unwanted") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).bind(&endpoint).unwrap();
        let sub = ctx.socket(Sub).conflate(Conflate::ByFirstFrame);
        let sub = sub.subscribe("a").subscribe("b").open().unwrap();
        sub.connect(address(&publisher)).unwrap();
        publisher.wait_for_subscribers("b", 1, SOON).unwrap();
        let mut poller = Poller::new().unwrap();
        poller.add(&sub, (), Interest::READABLE).unwrap();
        for message in [["a", "1"], ["b", "1"], ["a", "2"]] {
            publisher.send(message).unwrap();
        }
        await_arrival(&sub.clone().into_dynamic(), 3);
        assert!(poller.wait(Some(SOON)).unwrap().next().is_some());
        sub.unsubscribe("a").unwrap();
        // "b" is behind "a".
        assert!(poller.wait(Some(SOON)).unwrap().next().is_some());
        sub.unsubscribe("b").unwrap();
        assert!(poller.wait(Some(Duration::ZERO)).unwrap().next().is_none());
        assert_eq!(sub.try_recv(), Err(RecvError::WouldBlock));
        sub.subscribe("c").unwrap();
        publisher.wait_for_subscribers("c", 1, SOON).unwrap();
        publisher.send(["c", "1"]).unwrap();
        assert_eq!(publisher.stats().sent, 4);
        assert!(poller.wait(Some(SOON)).unwrap().next().is_some());
        assert_eq!(sub.try_recv().unwrap(), ["c", "1"]);
    }
}

#[test]
fn what_greets_a_peer_is_not_replaced() {
    for endpoint in endpoints("conflate-greets") {
        let ctx = Context::new();
        let router = ctx.socket(Router).bind(&endpoint).unwrap();
        let dealer = ctx
            .socket(Dealer)
            .conflate(Conflate::Last)
            .hello_message("hello")
            .connect(address(&router))
            .unwrap();
        dealer.send("one").unwrap();
        assert_eq!(&router.recv_timeout(SOON).unwrap()[1], b"hello");
        assert_eq!(&router.recv_timeout(SOON).unwrap()[1], b"one");
    }
}

#[test]
fn readers_of_any_speed_end_with_the_last_of_each_key_and_every_message_is_accounted_for() {
    const VALUES: u32 = 7_000;
    for endpoint in endpoints("conflate-stress") {
        for (send, recv) in [
            (Conflate::ByFirstFrame, Conflate::Off),
            (Conflate::Off, Conflate::ByFirstFrame),
            (Conflate::ByFirstFrame, Conflate::ByFirstFrame),
        ] {
            let ctx = Context::new();
            let publisher = ctx.socket(Pub).conflate(send).send_hwm(0).open().unwrap();
            publisher.bind(&endpoint).unwrap();
            let readers: Vec<_> = (0..3)
                .map(|reader| {
                    let sub = ctx.socket(Sub).conflate(recv).recv_hwm(0).subscribe("");
                    let sub = sub.connect(address(&publisher)).unwrap();
                    thread::spawn(move || {
                        let mut last = HashMap::new();
                        let mut received = 0;
                        while last.values().filter(|value| **value >= VALUES - 7).count() < 7 {
                            let (key, value) = read(&sub.recv_timeout(SOON).unwrap());
                            let before = last.insert(key, value);
                            assert!(before < Some(value), "{before:?} then {value}");
                            received += 1;
                            if reader == 0 && received % 100 == 0 {
                                thread::yield_now();
                            }
                        }
                        assert_eq!(sub.stats().received, received);
                        received + sub.stats().dropped
                    })
                })
                .collect();
            publisher.wait_for_subscribers("", 3, SOON).unwrap();
            let message = |value: u32| keyed(&(value % 7).to_string(), value);
            for first in (0..VALUES).step_by(100) {
                let mut batch: Vec<_> = (first..first + 99).map(message).collect();
                publisher.send_many(&mut batch).unwrap();
                publisher.send(message(first + 99)).unwrap();
            }
            // What is not a send has written what a stream left.
            assert_eq!(publisher.stats().sent, 3 * u64::from(VALUES));
            let came: u64 = readers.into_iter().map(|it| it.join().unwrap()).sum();
            let stats = publisher.stats();
            assert_eq!(
                came + stats.dropped,
                stats.sent,
                "{endpoint} {send:?} {recv:?}"
            );
        }
    }
}

#[test]
fn only_types_whose_messages_stand_for_themselves_conflate() {
    let ctx = Context::new();
    let able = [
        SocketType::Push,
        SocketType::Pull,
        SocketType::Pub,
        SocketType::Sub,
        SocketType::Dealer,
    ];
    for kind in SocketType::ALL {
        let opened = ctx.socket(kind).conflate(Conflate::Last).open();
        if able.contains(&kind) {
            assert_eq!(opened.unwrap().options().conflate, Conflate::Last);
            continue;
        }
        let error = opened.unwrap_err();
        let text = format!("conflate is not for a {kind}, but for PUSH, PULL, PUB, SUB, DEALER");
        assert!(matches!(error, Error::Option(_)));
        assert_eq!(error.to_string(), text);
    }
    let nothing = ctx.socket(Pull).conflate(Conflate::ByPrefix(0)).open();
    let error = nothing.unwrap_err().to_string();
    assert!(error.contains("Conflate::Last"), "{error}");
}

#[test]
fn an_open_socket_keeps_its_rule() {
    let pull = Context::new().socket(Pull).bind("inproc://rule").unwrap();
    let error = pull
        .set_options(|now| now.conflate(Conflate::Last).recv_hwm(7))
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "conflate cannot be changed once the socket is open; use the builder's setter"
    );
    assert_eq!(pull.options(), Options::new());
}

#[test]
fn other_marks_bound_the_keys_from_then_on() {
    for endpoint in ["tcp://127.0.0.1:9", "inproc://nobody-marks"] {
        let push = Context::new()
            .socket(Push)
            .conflate(Conflate::ByFirstFrame)
            .linger(Duration::ZERO)
            .connect(endpoint)
            .unwrap();
        for n in 0..10u32 {
            push.try_send(n.to_be_bytes()).unwrap();
        }
        push.set_options(|now| now.send_hwm(4)).unwrap();
        assert_eq!(push.peers()[0].send_queue.messages, 10);
        push.try_send(10u32.to_be_bytes()).unwrap();
        let peer = &push.peers()[0];
        assert_eq!((peer.send_queue.messages, peer.dropped.full), (4, 7));
        assert_eq!(push.close().undelivered, 4, "{endpoint}");
    }
}
