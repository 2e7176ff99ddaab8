//! A proxy: forwards, holds back, is steered.

use std::collections::{HashMap, HashSet};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sinew::{
    proxy, Context, Dealer, Dish, DynSocket, Error, Message, Pair, Proxy, ProxyHandle, ProxyStats,
    Pub, Pull, Push, Radio, RecvError, Rep, Req, Router, SocketType, Sub, Xpub, Xsub,
};

use crate::support::{address, await_subscription, endpoints, SOON};

/// Runs a proxy in a thread until it is asked to end, and says what it has forwarded.
struct Running {
    handle: ProxyHandle,
    thread: thread::JoinHandle<(Proxy, Result<ProxyStats, Error>)>,
}

fn start(mut proxy: Proxy) -> Running {
    Running {
        handle: proxy.handle(),
        thread: thread::spawn(move || {
            let outcome = proxy.run();
            (proxy, outcome)
        }),
    }
}

impl Running {
    fn end(self) -> (Proxy, ProxyStats) {
        self.handle.terminate();
        let (proxy, outcome) = self.thread.join().unwrap();
        (proxy, outcome.unwrap())
    }
}

#[test]
fn requests_go_through_a_queue_and_each_client_gets_its_own_replies() {
    const CLIENTS: usize = 3;
    const EACH: usize = 200;
    for (front, back) in endpoints("queue-front").iter().zip(endpoints("queue-back")) {
        let ctx = Context::new();
        let frontend = ctx.socket(Router).bind(front).unwrap();
        let backend = ctx.socket(Dealer).bind(&back).unwrap();
        let running = start(Proxy::new(&frontend, &backend).unwrap());
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let rep = ctx.socket(Rep).connect(&address(&backend)).unwrap();
                thread::spawn(move || {
                    while let Ok(request) = rep.recv() {
                        rep.send(request).unwrap();
                    }
                })
            })
            .collect();
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let req = ctx.socket(Req).connect(&address(&frontend)).unwrap();
                thread::spawn(move || {
                    for n in 0..EACH {
                        let request = [client.to_string(), String::new(), n.to_string()];
                        req.send(request.clone()).unwrap();
                        assert_eq!(req.recv_timeout(SOON).unwrap(), request);
                    }
                })
            })
            .collect();
        clients.into_iter().for_each(|it| it.join().unwrap());
        let (_, stats) = running.end();
        let all = (CLIENTS * EACH) as u64;
        for side in [stats.frontend, stats.backend] {
            assert_eq!((side.received.messages, side.sent.messages), (all, all));
            assert_eq!(side.received.bytes, side.sent.bytes);
        }
        ctx.shutdown();
        workers.into_iter().for_each(|it| it.join().unwrap());
    }
}

#[test]
fn subscriptions_travel_through_a_forwarder_to_the_publishers_and_messages_back() {
    for (front, back) in endpoints("fwd-front").iter().zip(endpoints("fwd-back")) {
        let ctx = Context::new();
        let frontend = ctx.socket(Xsub).bind(front).unwrap();
        let backend = ctx.socket(Xpub).bind(&back).unwrap();
        let running = start(Proxy::new(&frontend, &backend).unwrap());
        let publisher = ctx.socket(Pub).open().unwrap();
        let monitor = publisher.monitor();
        publisher.connect(&address(&frontend)).unwrap();
        let sub = ctx.socket(Sub).connect(&address(&backend)).unwrap();
        sub.subscribe("wanted").unwrap();
        await_subscription(&monitor);
        assert_eq!(publisher.topics(), 1);
        for n in 0..100 {
            publisher.send(["unwanted", &n.to_string()]).unwrap();
            publisher.send(["wanted", &n.to_string()]).unwrap();
        }
        for n in 0..100 {
            let message = sub.recv_timeout(SOON).unwrap();
            assert_eq!(message, ["wanted", &n.to_string()]);
        }
        sub.unsubscribe("wanted").unwrap();
        while publisher.topics() > 0 {
            monitor.recv_timeout(SOON).unwrap();
        }
        let (_, stats) = running.end();
        // What nobody wants does not travel.
        assert_eq!(
            (
                stats.backend.sent.messages,
                stats.frontend.received.messages
            ),
            (100, 100)
        );
        assert_eq!(
            (
                stats.frontend.sent.messages,
                stats.backend.received.messages
            ),
            (2, 2)
        );
    }
}

/// Every other pair, between sockets chosen at run time.
#[test]
fn each_legal_pair_forwards_whole_messages_in_order() {
    use SocketType as T;
    // Sender, frontend, backend, receiver.
    let rows = [
        (T::Push, T::Pull, T::Push, T::Pull),
        (T::Scatter, T::Gather, T::Scatter, T::Gather),
        (T::Pair, T::Pair, T::Pair, T::Pair),
        (T::Pair, T::Pair, T::Dealer, T::Dealer),
        (T::Dealer, T::Dealer, T::Dealer, T::Dealer),
        (T::Dealer, T::Dealer, T::Pair, T::Pair),
        (T::Channel, T::Channel, T::Channel, T::Channel),
        (T::Pub, T::Sub, T::Push, T::Pull),
        (T::Push, T::Pull, T::Pub, T::Sub),
    ];
    for swapped in [false, true] {
        for (sender, front, back, receiver) in rows {
            let ctx = Context::new();
            let frontend = ctx.socket(front).bind("inproc://front").unwrap();
            let backend = ctx.socket(back).bind("inproc://back").unwrap();
            if front == T::Sub {
                frontend.subscribe("").unwrap();
            }
            let made = if swapped {
                Proxy::new(&backend, &frontend)
            } else {
                Proxy::new(&frontend, &backend)
            };
            let running = start(made.unwrap());
            let receiver = ctx.socket(receiver).open().unwrap();
            if receiver.socket_type() == T::Sub {
                receiver.subscribe("").unwrap();
            }
            receiver.connect("inproc://back").unwrap();
            let sender = ctx.socket(sender).connect("inproc://front").unwrap();
            let single = matches!(front, T::Gather | T::Channel);
            let message = |n: i32| {
                if single {
                    Message::from(n.to_string())
                } else {
                    Message::from([&*n.to_string(), "", "end"])
                }
            };
            for n in 0..500 {
                sender.send_timeout(message(n), SOON).unwrap();
            }
            for n in 0..500 {
                assert_eq!(receiver.recv_timeout(SOON).unwrap(), message(n), "{front}");
            }
            if matches!(front, T::Pair | T::Dealer | T::Channel) {
                receiver.send(message(7)).unwrap();
                assert_eq!(sender.recv_timeout(SOON).unwrap(), message(7));
            }
            running.end();
        }
    }
}

#[test]
fn a_pair_that_has_nothing_to_say_to_each_other_is_refused_in_words() {
    let ctx = Context::new();
    let push: DynSocket = ctx.socket(SocketType::Push).open().unwrap();
    let rep: DynSocket = ctx.socket(SocketType::Rep).open().unwrap();
    let error = Proxy::new(&push, &rep).unwrap_err();
    assert!(matches!(error, Error::NoProxy(..)));
    assert_eq!(
        error.to_string(),
        "there is no proxy between a PUSH and a REP socket"
    );
    let pull = ctx.socket(Pull).open().unwrap();
    let push_too = ctx.socket(Push).open().unwrap();
    let made = Proxy::new(&pull, &push_too).unwrap();
    let no_sender = ctx.socket(SocketType::Pull).open().unwrap();
    assert!(matches!(
        made.capture(&no_sender),
        Err(Error::Unsupported { .. })
    ));
    let made = Proxy::new(&pull, &push_too).unwrap();
    assert!(made.control(&push).is_err());
}

/// Sender and receiver with marks of a few messages: all of it waits where it is.
#[test]
fn messages_of_groups_go_through_a_proxy_each_in_its_group() {
    let fronts = endpoints("groups-front");
    for (front, back) in fronts.iter().zip(endpoints("groups-back")) {
        let ctx = Context::new();
        let frontend = ctx.socket(Dish).join("a").join("b").bind(front).unwrap();
        let backend = ctx.socket(Radio).bind(&back).unwrap();
        let copies = ctx.socket(Radio).bind("inproc://groups-copies").unwrap();
        let proxy = Proxy::new(&frontend, &backend).unwrap();
        let running = start(proxy.capture(&copies).unwrap());
        let radio = ctx.socket(Radio).connect(address(&frontend)).unwrap();
        let dish = ctx.socket(Dish).join("a").join("b").join("c");
        let dish = dish.connect(address(&backend)).unwrap();
        let only_b = ctx.socket(Dish).join("b");
        let only_b = only_b.connect("inproc://groups-copies").unwrap();
        radio.wait_for_subscribers("b", 1, SOON).unwrap();
        backend.wait_for_subscribers("c", 1, SOON).unwrap();
        copies.wait_for_subscribers("b", 1, SOON).unwrap();
        for n in 0..30u32 {
            let group = ["a", "b", "c"][n as usize % 3];
            radio
                .send(Message::from(n.to_be_bytes()).in_group(group))
                .unwrap();
        }
        // The proxy's own DISH is not in "c".
        for n in (0..30u32).filter(|n| n % 3 < 2) {
            let message = dish.recv_timeout(SOON).unwrap();
            assert_eq!(message, n.to_be_bytes());
            let group = [b"a", b"b"][n as usize % 3];
            assert_eq!(message.group(), Some(&group[..]));
            if n % 3 == 1 {
                let copy = only_b.recv_timeout(SOON).unwrap();
                assert_eq!((&copy, copy.group()), (&message, Some(&b"b"[..])));
            }
        }
        let (_, stats) = running.end();
        assert_eq!(
            (
                stats.frontend.received.messages,
                stats.backend.sent.messages
            ),
            (20, 20)
        );
    }
    let ctx = Context::new();
    let dish = ctx.socket(SocketType::Dish).open().unwrap();
    let radio = ctx.socket(SocketType::Radio).open().unwrap();
    assert!(Proxy::new(&radio, &dish).is_ok());
    assert!(Proxy::new(&dish, &dish).is_err());
}

#[test]
fn what_cannot_be_sent_on_is_not_received() {
    for (front, back) in endpoints("bp-front").iter().zip(endpoints("bp-back")) {
        let ctx = Context::new();
        let frontend = ctx.socket(Pull).recv_hwm(10).bind(front).unwrap();
        let backend = ctx.socket(Push).send_hwm(10).bind(&back).unwrap();
        let running = start(Proxy::new(&frontend, &backend).unwrap());
        let push = ctx
            .socket(Push)
            .send_hwm(10)
            .connect(&address(&frontend))
            .unwrap();
        // Without a receiver nothing is taken at all.
        let mut accepted = 0;
        while push
            .send_timeout(vec![7; 300_000], Duration::from_millis(50))
            .is_ok()
        {
            accepted += 1;
            assert!(accepted < 1000, "something has no bound");
        }
        let stats = running.handle.stats();
        assert_eq!((stats.frontend.received.messages, stats.held), (0, 0));
        let pull = ctx
            .socket(Pull)
            .recv_hwm(10)
            .connect(&address(&backend))
            .unwrap();
        for _ in 0..accepted {
            pull.recv_timeout(SOON).unwrap();
        }
        // With one that does not receive, no more than the marks and what the system holds.
        let mut more = 0;
        while push
            .send_timeout(vec![7; 300_000], Duration::from_millis(50))
            .is_ok()
        {
            more += 1;
            assert!(more < 1000, "something has no bound");
        }
        for _ in 0..more {
            pull.recv_timeout(SOON).unwrap();
        }
        let (_, stats) = running.end();
        assert_eq!(stats.backend.sent.messages, accepted + more);
        assert_eq!((stats.held, stats.refused), (0, 0));
    }
}

#[test]
fn a_paused_proxy_receives_nothing_and_a_terminated_one_goes_on_where_it_ended() {
    let ctx = Context::new();
    let frontend = ctx.socket(Pull).bind("inproc://front").unwrap();
    let backend = ctx.socket(Push).bind("inproc://back").unwrap();
    let push = ctx.socket(Push).connect("inproc://front").unwrap();
    let pull = ctx.socket(Pull).connect("inproc://back").unwrap();
    let made = Proxy::new(&frontend, &backend).unwrap();
    made.handle().pause();
    let running = start(made);
    push.send("1").unwrap();
    // That it was told to pause before it ran is what makes this certain.
    assert_eq!(
        pull.recv_timeout(Duration::from_millis(20)),
        Err(RecvError::TimedOut)
    );
    assert!(running.handle.is_paused());
    assert_eq!(running.handle.stats(), ProxyStats::default());
    running.handle.resume();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "1");
    let (proxy, stats) = running.end();
    assert_eq!(stats.backend.sent.messages, 1);
    push.send("2").unwrap();
    let running = start(proxy);
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "2");
    assert_eq!(running.end().1.backend.sent.messages, 2);
}

#[test]
fn a_proxy_ends_when_a_socket_or_its_context_is_closed() {
    for how in 0..3 {
        let ctx = Context::new();
        let frontend = ctx.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
        let backend = ctx.socket(Dealer).bind("inproc://back").unwrap();
        let (one, other) = (frontend.clone(), backend.clone());
        let thread = thread::spawn(move || proxy(&one, &other));
        match how {
            0 => ctx.shutdown(),
            1 => drop(frontend.close()),
            _ => drop(backend.close()),
        }
        assert_eq!(thread.join().unwrap().unwrap(), ProxyStats::default());
    }
}

#[test]
fn a_capture_socket_gets_a_copy_of_all_both_ways_and_holds_nothing_up() {
    let ctx = Context::new();
    let frontend = ctx.socket(Router).bind("inproc://front").unwrap();
    let backend = ctx.socket(Dealer).bind("inproc://back").unwrap();
    let capture = ctx
        .socket(Push)
        .send_hwm(0)
        .bind("inproc://capture")
        .unwrap();
    let made = Proxy::new(&frontend, &backend).unwrap();
    let running = start(made.capture(&capture).unwrap());
    let rep = ctx.socket(Rep).connect("inproc://back").unwrap();
    let req = ctx.socket(Req).connect("inproc://front").unwrap();
    let round = || {
        req.send("question").unwrap();
        rep.recv_timeout(SOON).unwrap();
        rep.send("answer").unwrap();
        assert_eq!(req.recv_timeout(SOON).unwrap(), "answer");
    };
    // Nobody looks on.
    round();
    assert_eq!(running.handle.stats().uncaptured, 2);
    let pull = ctx.socket(Pull).connect("inproc://capture").unwrap();
    round();
    for text in ["question", "answer"] {
        let copy = pull.recv_timeout(SOON).unwrap();
        assert_eq!((copy.len(), &copy[2]), (3, text.as_bytes()));
    }
    assert_eq!(running.end().1.uncaptured, 2);
}

#[test]
fn a_proxy_is_steered_by_the_messages_of_zmq_proxy_steerable() {
    let ctx = Context::new();
    let frontend = ctx.socket(Pull).bind("inproc://front").unwrap();
    let backend = ctx.socket(Push).bind("inproc://back").unwrap();
    let push = ctx.socket(Push).connect("inproc://front").unwrap();
    let pull = ctx.socket(Pull).connect("inproc://back").unwrap();
    let control = ctx.socket(Rep).bind("inproc://control").unwrap();
    let made = Proxy::new(&frontend, &backend).unwrap();
    let running = start(made.control(&control).unwrap());
    let req = ctx.socket(Req).connect("inproc://control").unwrap();
    let ask = |command: &str| {
        req.send(command).unwrap();
        req.recv_timeout(SOON).unwrap()
    };
    push.send("12345").unwrap();
    pull.recv_timeout(SOON).unwrap();
    assert_eq!(ask("PAUSE"), "");
    assert!(running.handle.is_paused());
    let numbers: Vec<_> = ask("STATISTICS")
        .frames()
        .map(|frame| u64::from_ne_bytes(frame.try_into().unwrap()))
        .collect();
    assert_eq!(numbers, [1, 5, 0, 0, 0, 0, 1, 5]);
    assert_eq!(ask("DANCE"), "unknown command");
    assert_eq!(ask("RESUME"), "");
    assert!(!running.handle.is_paused());
    push.send("x").unwrap();
    pull.recv_timeout(SOON).unwrap();
    assert_eq!(ask("TERMINATE"), "");
    let (proxy, outcome) = running.thread.join().unwrap();
    assert_eq!(outcome.unwrap().backend.sent.messages, 2);
    drop(proxy);

    // One that cannot answer, by a socket that does not want one.
    let control = ctx.socket(Pair).bind("inproc://pair").unwrap();
    let made = Proxy::new(&frontend, &backend).unwrap();
    let running = start(made.control(&control).unwrap());
    let pair = ctx.socket(Pair).connect("inproc://pair").unwrap();
    pair.send("PAUSE").unwrap();
    pair.send("STATISTICS").unwrap();
    assert_eq!(pair.recv_timeout(SOON).unwrap().len(), 8);
    pair.send("TERMINATE").unwrap();
    assert!(running.thread.join().unwrap().1.is_ok());
}

#[test]
fn what_a_mandatory_router_refuses_is_counted_and_stops_nothing() {
    let ctx = Context::new();
    let frontend = ctx
        .socket(Router)
        .mandatory(true)
        .bind("inproc://front")
        .unwrap();
    let backend = ctx.socket(Dealer).bind("inproc://back").unwrap();
    let running = start(Proxy::new(&frontend, &backend).unwrap());
    let worker = ctx.socket(Dealer).connect("inproc://back").unwrap();
    let client = ctx.socket(Dealer).connect("inproc://front").unwrap();
    client.send("hello").unwrap();
    let mut back = worker.recv_timeout(SOON).unwrap();
    worker.send(["nobody", "is there"]).unwrap();
    back.push_back("again");
    worker.send(back).unwrap();
    assert_eq!(client.recv_timeout(SOON).unwrap(), ["hello", "again"]);
    let (_, stats) = running.end();
    assert_eq!((stats.refused, stats.frontend.sent.messages), (1, 1));
    assert_eq!((stats.backend.received.messages, stats.held), (2, 0));
}

/// xorshift64*
struct Dice(u64);

impl Dice {
    fn roll(&mut self, below: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below
    }
}

/// Senders of all sizes of message through a proxy with small marks, which is paused, resumed and ended
/// and started again at random: each receiver's messages of each sender are in order, and all are there.
#[test]
fn a_proxy_that_is_steered_at_random_loses_nothing() {
    const SENDERS: usize = 3;
    const EACH: usize = 400;
    for seed in 1..=3 {
        for (front, back) in endpoints("stress-front")
            .iter()
            .zip(endpoints("stress-back"))
        {
            let ctx = Context::new();
            let frontend = ctx.socket(Pull).recv_hwm(20).bind(front).unwrap();
            let backend = ctx.socket(Push).send_hwm(20).bind(&back).unwrap();
            let made = Proxy::new(&frontend, &backend).unwrap();
            let senders: Vec<_> = (0..SENDERS)
                .map(|sender| {
                    let to = address(&frontend);
                    let push = ctx.socket(Push).send_hwm(20).connect(&to).unwrap();
                    let mut dice = Dice(seed * 100 + sender as u64);
                    thread::spawn(move || {
                        for n in 0..EACH {
                            let size = [3, 100, 5000, 50_000][dice.roll(4) as usize];
                            let body = vec![n as u8; size];
                            let head = [sender.to_string(), n.to_string()];
                            let message: Message = head
                                .into_iter()
                                .map(sinew::Frame::from)
                                .chain([sinew::Frame::from(body)])
                                .collect();
                            push.send(message).unwrap();
                        }
                    })
                })
                .collect();
            let (tell, told) = mpsc::channel();
            let receivers: Vec<_> = (0..2)
                .map(|receiver| {
                    let tell = tell.clone();
                    let to = address(&backend);
                    let pull = ctx.socket(Pull).recv_hwm(20).connect(&to).unwrap();
                    thread::spawn(move || {
                        while let Ok(message) = pull.recv() {
                            let text = |n: usize| std::str::from_utf8(&message[n]).unwrap();
                            let (sender, n): (usize, usize) =
                                (text(0).parse().unwrap(), text(1).parse().unwrap());
                            assert!(message[2].iter().all(|byte| *byte == n as u8));
                            tell.send((receiver, sender, n)).unwrap();
                        }
                    })
                })
                .collect();
            let mut dice = Dice(seed);
            let mut running = start(made);
            let all = (SENDERS * EACH) as u64;
            while running.handle.stats().backend.sent.messages < all {
                match dice.roll(8) {
                    0 => running.handle.pause(),
                    1 => running = start(running.end().0),
                    _ => running.handle.resume(),
                }
                thread::yield_now();
            }
            senders.into_iter().for_each(|it| it.join().unwrap());
            let (proxy, stats) = running.end();
            assert_eq!((stats.frontend.received.messages, stats.held), (all, 0));
            assert_eq!(stats.frontend.received.bytes, stats.backend.sent.bytes);
            drop(proxy);
            let mut seen = HashSet::new();
            let mut last = HashMap::new();
            for _ in 0..all {
                let (receiver, sender, n) = told.recv_timeout(SOON).unwrap();
                assert!(seen.insert((sender, n)), "twice");
                let before = last.insert((receiver, sender), n);
                assert!(before.is_none_or(|before| before < n), "out of order");
            }
            ctx.shutdown();
            receivers.into_iter().for_each(|it| it.join().unwrap());
        }
    }
}
