//! A poller over many sockets and descriptors.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sinew::{
    Context, Dealer, Error, Interest, Pair, PollEvent, Poller, Pub, Pull, Push, RecvError, Rep,
    Req, Router, Socket, SocketType, Sub, Xpub, Xsub,
};

use crate::support::{address, await_peer, endpoints, SOON};

const NOW: Duration = Duration::ZERO;

/// The next events, which must come.
#[track_caller]
fn next<Key: Copy>(poller: &mut Poller<Key>) -> Vec<PollEvent<Key>> {
    let events: Vec<_> = poller.wait(SOON).unwrap().collect();
    assert!(!events.is_empty(), "nothing came");
    events
}

#[track_caller]
fn none_now<Key: Copy + std::fmt::Debug>(poller: &mut Poller<Key>) {
    let events: Vec<_> = poller.wait(NOW).unwrap().collect();
    assert!(events.is_empty(), "{events:?}");
}

#[test]
fn a_monitor_is_readable_while_an_event_waits_and_leaves_with_its_socket_or_when_it_is_dropped() {
    let context = Context::new();
    let pull = context.socket(Pull).open().unwrap();
    let [watched, dropped, removed] = [(); 3].map(|()| pull.monitor());
    let mut poller = Poller::new().unwrap();
    poller.add_monitor(&watched, "watched").unwrap();
    poller.add_monitor(&dropped, "dropped").unwrap();
    poller.add_monitor(&removed, "removed").unwrap();
    let again = poller.add_monitor(&watched, "again");
    assert!(matches!(again, Err(Error::AlreadyPolled)));
    assert_eq!(poller.len(), 3);
    let told = |poller: &mut Poller<&'static str>, timeout| {
        let events = poller.wait(Some(timeout)).unwrap();
        let mut told: Vec<_> = events
            .map(|event| {
                assert!(event.readable && !event.writable && !event.error);
                (event.key, event.closed)
            })
            .collect();
        told.sort_unstable();
        told
    };
    assert_eq!(told(&mut poller, Duration::ZERO), []);

    poller.remove_monitor(&removed).unwrap();
    drop(dropped);
    assert_eq!(told(&mut poller, SOON), [("dropped", true)]);
    assert_eq!(told(&mut poller, Duration::ZERO), []);

    pull.bind("inproc://poll-monitor").unwrap();
    for _ in 0..3 {
        assert_eq!(told(&mut poller, SOON), [("watched", false)]);
    }
    watched.try_recv().unwrap();
    assert_eq!(told(&mut poller, Duration::ZERO), []);

    // From another thread, while the poller sleeps.
    for _ in 0..20 {
        let context = context.clone();
        let push = thread::spawn(move || {
            let push = context.socket(Push).open().unwrap();
            push.connect("inproc://poll-monitor").unwrap();
            push
        });
        assert_eq!(told(&mut poller, SOON), [("watched", false)]);
        let push = push.join().unwrap();
        drop(push);
        while told(&mut poller, Duration::ZERO) == [("watched", false)] {
            watched.recv_timeout(SOON).unwrap();
        }
    }

    drop(pull);
    while told(&mut poller, SOON) != [("watched", true)] {
        watched.try_recv().unwrap();
    }
    assert_eq!(watched.try_recv(), Err(RecvError::Closed));
    assert!(poller.is_empty());
    for gone in [&watched, &removed] {
        assert!(matches!(poller.remove_monitor(gone), Err(Error::NotPolled)));
    }
    // One that comes to its end outside is told of its end inside.
    poller.add_monitor(&removed, "late").unwrap();
    while told(&mut poller, SOON) != [("late", true)] {
        removed.try_recv().unwrap();
    }
}

#[test]
fn a_socket_is_readable_until_its_last_message_is_received() {
    for endpoint in endpoints("poller-level") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let mut poller = Poller::new().unwrap();
        poller.add(&pull, 'x', Interest::READABLE).unwrap();
        none_now(&mut poller);
        let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
        for round in 0..50 {
            push.send("one").unwrap();
            push.send("two").unwrap();
            let mut got = Vec::new();
            while got.len() < 2 {
                for event in next(&mut poller) {
                    assert!(event.key == 'x' && event.readable && !event.writable);
                    // One at a time: what is left is told again.
                    got.push(pull.try_recv().unwrap());
                }
            }
            assert_eq!(got, ["one", "two"], "{endpoint}, round {round}");
            none_now(&mut poller);
        }
    }
}

#[test]
fn every_type_that_receives_can_be_waited_for() {
    for endpoint in endpoints("poller-types") {
        let ctx = Context::new();
        let mut poller = Poller::new().unwrap();
        let pair = ctx.socket(Pair).bind(&endpoint).unwrap();
        let other = ctx.socket(Pair).connect(&address(&pair)).unwrap();
        poller.add(&pair, 0, Interest::READABLE).unwrap();
        other.send("x").unwrap();
        assert_eq!(next(&mut poller)[0].key, 0);
        assert_eq!(pair.try_recv().unwrap(), "x");
        drop((pair, other));

        let xpub = ctx.socket(Xpub).bind(&endpoint).unwrap();
        let sub = ctx.socket(Sub).connect(&address(&xpub)).unwrap();
        let xsub = ctx.socket(Xsub).connect(&address(&xpub)).unwrap();
        let mut poller = Poller::new().unwrap();
        poller.add(&xpub, "xpub", Interest::READABLE).unwrap();
        poller.add(&sub, "sub", Interest::READABLE).unwrap();
        poller.add(&xsub, "xsub", Interest::READABLE).unwrap();
        for subscribe in [
            Box::new(|| sub.subscribe("s")) as Box<dyn Fn() -> sinew::Result<()>>,
            Box::new(|| xsub.subscribe("x")),
        ] {
            subscribe().unwrap();
            assert_eq!(next(&mut poller)[0].key, "xpub");
            assert_eq!(xpub.try_recv().unwrap().frames().next().unwrap()[0], 1);
        }
        for (topic, key) in [("s", "sub"), ("x", "xsub")] {
            xpub.send(topic).unwrap();
            assert_eq!(next(&mut poller)[0].key, key);
            match key {
                "sub" => drop(sub.try_recv().unwrap()),
                _ => drop(xsub.try_recv().unwrap()),
            }
            none_now(&mut poller);
        }
    }
}

#[test]
fn a_message_that_nobody_subscribed_to_any_more_makes_nothing_readable() {
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).bind("inproc://poller-filter").unwrap();
    let sub = ctx.socket(Sub).connect("inproc://poller-filter").unwrap();
    sub.subscribe("a").unwrap();
    let mut poller = Poller::new().unwrap();
    poller.add(&sub, (), Interest::READABLE).unwrap();
    publisher.send("a").unwrap();
    next(&mut poller);
    sub.unsubscribe("a").unwrap();
    none_now(&mut poller);
}

#[test]
fn a_full_push_is_writable_once_its_peer_has_taken_enough() {
    for endpoint in endpoints("poller-room") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).recv_hwm(4).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).send_hwm(4).open().unwrap();
        let mut poller = Poller::new().unwrap();
        poller.add(&push, (), Interest::WRITABLE).unwrap();
        none_now(&mut poller);
        push.connect(&address(&pull)).unwrap();
        let body = vec![7; 100_000];
        let mut sent = 0;
        for _ in 0..20 {
            let event = next(&mut poller)[0];
            assert!(event.writable && !event.readable);
            // It is not a matter of luck: whoever is told has room for one at least.
            push.try_send(body.clone()).unwrap();
            sent += 1;
            while push.try_send(body.clone()).is_ok() {
                sent += 1;
            }
            let mut events: Vec<_> = poller.wait(NOW).unwrap().collect();
            // What the connection has swallowed meanwhile made room.
            while !events.is_empty() {
                while push.try_send(body.clone()).is_ok() {
                    sent += 1;
                }
                events = poller.wait(NOW).unwrap().collect();
            }
            while sent > 0 {
                pull.recv_timeout(SOON).unwrap();
                sent -= 1;
            }
        }
    }
}

#[test]
fn req_and_rep_are_ready_for_what_it_is_their_turn_to_do() {
    for endpoint in endpoints("poller-turns") {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).bind(&endpoint).unwrap();
        let req = ctx.socket(Req).connect(&address(&rep)).unwrap();
        let both = Interest::READABLE | Interest::WRITABLE;
        let mut poller = Poller::new().unwrap();
        poller.add(&rep, "rep", both).unwrap();
        poller.add(&req, "req", both).unwrap();
        let ask = |poller: &mut Poller<_>| {
            let event = next(poller)[0];
            (event.key, event.readable, event.writable)
        };
        for _ in 0..20 {
            assert_eq!(ask(&mut poller), ("req", false, true));
            req.try_send("question").unwrap();
            assert_eq!(ask(&mut poller), ("rep", true, false));
            rep.try_recv().unwrap();
            assert_eq!(ask(&mut poller), ("rep", false, true));
            rep.try_send("answer").unwrap();
            assert_eq!(ask(&mut poller), ("req", true, false));
            req.try_recv().unwrap();
        }
        req.try_send("question").unwrap();
        assert_eq!(ask(&mut poller), ("rep", true, false));
        rep.try_recv().unwrap();
        let gone = address(&rep);
        poller.remove(&rep).unwrap();
        drop(rep);
        assert_eq!(ask(&mut poller), ("req", true, false), "{gone}");
        assert_eq!(req.try_recv(), Err(RecvError::PeerGone));
    }
}

/// To look spends no peer's turn: that would starve one of two.
#[test]
fn a_router_hears_all_its_peers_alike_while_it_is_polled() {
    for endpoint in endpoints("poller-fair") {
        let ctx = Context::new();
        let router = ctx.socket(Router).bind(&endpoint).unwrap();
        let monitor = router.monitor();
        let mut poller = Poller::new().unwrap();
        poller.add(&router, (), Interest::READABLE).unwrap();
        let dealers: Vec<_> = (0..2)
            .map(|n| {
                let dealer = ctx
                    .socket(Dealer)
                    .routing_id(n.to_string())
                    .connect(&address(&router))
                    .unwrap();
                await_peer(&monitor);
                dealer
            })
            .collect();
        for dealer in &dealers {
            (0..100).for_each(|_| dealer.send("x").unwrap());
        }
        // All of it is there before the first is taken.
        let mut seen = [0i32; 2];
        for _ in 0..200 {
            next(&mut poller);
            let from = router.try_recv().unwrap();
            seen[usize::from(from.frames().next().unwrap()[0] - b'0')] += 1;
        }
        assert_eq!(seen, [100, 100], "{endpoint}");
        none_now(&mut poller);
    }
}

#[test]
fn a_closed_socket_is_told_once_and_has_left() {
    for endpoint in endpoints("poller-closed") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
        let idle = ctx.socket(Pull).open().unwrap();
        let mut poller = Poller::new().unwrap();
        poller.add(&pull, 1, Interest::READABLE).unwrap();
        poller.add(&push, 2, Interest::NONE).unwrap();
        poller.add(&idle, 3, Interest::READABLE).unwrap();
        assert_eq!(poller.len(), 3);
        let (clone, closing) = (pull.clone(), push.clone());
        let closer = thread::spawn(move || {
            let _ = (clone.close(), closing.close());
        });
        let mut told = HashSet::new();
        while told.len() < 2 {
            for event in next(&mut poller) {
                assert!(event.closed && told.insert(event.key), "{event:?}");
                assert_eq!((event.readable, event.writable), (event.key == 1, false));
            }
        }
        closer.join().unwrap();
        assert!(matches!(poller.remove(&pull), Err(Error::NotPolled)));
        none_now(&mut poller);
        assert_eq!((told, poller.len()), (HashSet::from([1, 2]), 1));

        drop(idle);
        assert!(next(&mut poller)[0].closed);
        assert!(poller.is_empty());
    }
}

#[test]
fn a_context_that_is_closed_closes_all_that_is_polled() {
    let ctx = Context::new();
    let pulls: Vec<_> = (0..10).map(|_| ctx.socket(Pull).open().unwrap()).collect();
    let mut poller = Poller::new().unwrap();
    for (n, pull) in pulls.iter().enumerate() {
        poller.add(pull, n, Interest::READABLE).unwrap();
    }
    let closer = thread::spawn(move || ctx.shutdown());
    let mut told = HashSet::new();
    while !poller.is_empty() {
        told.extend(next(&mut poller).iter().map(|event| event.key));
    }
    closer.join().unwrap();
    assert_eq!(told.len(), 10);
    // And one that was closed before it is added.
    poller.add(&pulls[0], 0, Interest::READABLE).unwrap();
    assert!(next(&mut poller)[0].closed);
}

#[test]
fn what_a_poller_cannot_do_is_said_in_words() {
    let ctx = Context::new();
    let push = ctx.socket(Push).open().unwrap();
    let mut poller = Poller::new().unwrap();
    let error = poller.add(&push, 0, Interest::READABLE).unwrap_err();
    assert_eq!(error.to_string(), "a PUSH socket cannot receive");
    let dynamic = ctx.socket(Pull).open().unwrap().into_dynamic();
    let error = poller.add(&dynamic, 0, Interest::WRITABLE).unwrap_err();
    assert_eq!(error.to_string(), "a PULL socket cannot send");
    assert!(matches!(poller.remove(&push), Err(Error::NotPolled)));
    let modified = poller.modify(&push, 0, Interest::NONE);
    assert!(matches!(modified, Err(Error::NotPolled)));
    poller.add(&push, 0, Interest::WRITABLE).unwrap();
    let again = poller.add(&push.clone(), 0, Interest::WRITABLE);
    assert!(matches!(again, Err(Error::AlreadyPolled)));
    assert!(poller.modify(&push, 0, Interest::READABLE).is_err());
    poller.remove(&push).unwrap();
    assert!(poller.is_empty());
}

#[test]
fn what_is_told_can_be_changed_and_ended_while_events_are_gone_through() {
    let ctx = Context::new();
    let pair = ctx.socket(Pair).bind("inproc://poller-modify").unwrap();
    let peer = ctx.socket(Pair).connect("inproc://poller-modify").unwrap();
    let mut poller = Poller::new().unwrap();
    poller.add(&pair, 1, Interest::READABLE).unwrap();
    peer.send("x").unwrap();
    for event in poller.wait(SOON).unwrap() {
        poller
            .modify(&pair, event.key + 1, Interest::WRITABLE)
            .unwrap();
    }
    let event = next(&mut poller)[0];
    assert_eq!(
        (event.key, event.readable, event.writable),
        (2, false, true)
    );
    poller
        .modify(&pair, 3, Interest::READABLE | Interest::WRITABLE)
        .unwrap();
    let event = next(&mut poller)[0];
    assert_eq!((event.key, event.readable, event.writable), (3, true, true));
    poller.modify(&pair, 4, Interest::NONE).unwrap();
    none_now(&mut poller);
    poller.modify(&pair, 5, Interest::READABLE).unwrap();
    assert_eq!(next(&mut poller)[0].key, 5);
    poller.remove(&pair).unwrap();
    none_now(&mut poller);
    poller.add(&pair, 6, Interest::READABLE).unwrap();
    assert_eq!(next(&mut poller)[0].key, 6);
}

#[test]
fn a_socket_may_be_in_several_pollers_and_each_is_told() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
    let (told, hear) = mpsc::channel();
    let pollers: Vec<_> = (0..3)
        .map(|n| {
            let (told, pull) = (told.clone(), pull.clone());
            thread::spawn(move || {
                let mut poller = Poller::new().unwrap();
                poller.add(&pull, n, Interest::READABLE).unwrap();
                told.send(next(&mut poller)[0].key).unwrap();
            })
        })
        .collect();
    push.send("x").unwrap();
    let all: HashSet<i32> = (0..3).map(|_| hear.recv_timeout(SOON).unwrap()).collect();
    assert_eq!(all.len(), 3);
    pollers.into_iter().for_each(|it| it.join().unwrap());
    assert_eq!(pull.try_recv().unwrap(), "x");
}

#[test]
fn a_descriptor_is_ready_until_it_is_read_beside_the_sockets() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("inproc://poller-fd").unwrap();
    let push = ctx.socket(Push).connect("inproc://poller-fd").unwrap();
    let (mut here, mut there) = UnixStream::pair().unwrap();
    let mut poller = Poller::new().unwrap();
    poller.add(&pull, "socket", Interest::READABLE).unwrap();
    poller.add_fd(&here, "fd", Interest::READABLE).unwrap();
    let again = poller.add_fd(&here, "fd", Interest::READABLE);
    assert!(matches!(again, Err(Error::AlreadyPolled)));
    none_now(&mut poller);
    there.write_all(b"ab").unwrap();
    push.send("x").unwrap();
    for _ in 0..2 {
        let keys: HashSet<_> = next(&mut poller).iter().map(|it| it.key).collect();
        assert_eq!(keys, HashSet::from(["socket", "fd"]));
    }
    pull.try_recv().unwrap();
    for _ in 0..2 {
        let event = next(&mut poller)[0];
        assert!(event.key == "fd" && event.readable && !event.writable);
        here.read_exact(&mut [0]).unwrap();
    }
    none_now(&mut poller);
    let both = Interest::READABLE | Interest::WRITABLE;
    poller.modify_fd(&here, "both", both).unwrap();
    for _ in 0..3 {
        let event = next(&mut poller)[0];
        assert!(event.key == "both" && !event.readable && event.writable);
    }
    poller.modify_fd(&here, "none", Interest::NONE).unwrap();
    none_now(&mut poller);
    poller.modify_fd(&here, "end", Interest::READABLE).unwrap();
    drop(there);
    for _ in 0..3 {
        let event = next(&mut poller)[0];
        assert!(event.key == "end" && event.readable);
    }
    poller.remove_fd(&here).unwrap();
    none_now(&mut poller);
    assert!(matches!(poller.remove_fd(&here), Err(Error::NotPolled)));
    let file = std::fs::File::open("/").unwrap();
    let refused = poller.add_fd(&file, "file", Interest::READABLE);
    assert!(matches!(refused, Err(Error::Io(_))));
    assert_eq!(poller.len(), 1);
}

#[test]
fn a_poller_is_woken_from_another_thread() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).open().unwrap();
    let mut poller = Poller::new().unwrap();
    poller.add(&pull, (), Interest::READABLE).unwrap();
    let waker = poller.waker();
    for _ in 0..100 {
        let waker = waker.clone();
        let other = thread::spawn(move || waker.wake());
        assert_eq!(poller.wait(None).unwrap().len(), 0);
        other.join().unwrap();
    }
    assert_eq!(poller.wait(Duration::from_millis(1)).unwrap().len(), 0);
}

/// Ten thousand sockets, of which one is ready, cost one look and no descriptor.
#[test]
fn ten_thousand_sockets_cost_what_the_ready_ones_cost() {
    const SOCKETS: usize = 10_000;
    let ctx = Context::new();
    let mut poller = Poller::new().unwrap();
    let descriptors = || std::fs::read_dir("/dev/fd").map_or(0, Iterator::count);
    let before = descriptors();
    let pulls: Vec<Socket<Pull>> = (0..SOCKETS)
        .map(|n| {
            let name = format!("inproc://poller-many-{n}");
            let pull = ctx.socket(Pull).bind(&*name).unwrap();
            poller.add(&pull, n, Interest::READABLE).unwrap();
            pull
        })
        .collect();
    // Other tests of this process open and close theirs meanwhile.
    assert!(descriptors() < before + SOCKETS / 2);
    none_now(&mut poller);
    let push = ctx.socket(Push).open().unwrap();
    for n in (0..SOCKETS).step_by(997) {
        let name = format!("inproc://poller-many-{n}");
        push.connect(&*name).unwrap();
        // It brings room for a message and, to those with a new peer, a change.
        none_now(&mut poller);
        let looks = poller.looks();
        push.send(n.to_string()).unwrap();
        let events = next(&mut poller);
        assert_eq!((events.len(), events[0].key), (1, n));
        assert_eq!(pulls[n].try_recv().unwrap(), *n.to_string());
        none_now(&mut poller);
        none_now(&mut poller);
        // One that finds the message, one that finds nothing; and one more where it was told of room.
        assert!(poller.looks() - looks <= 3, "{}", poller.looks() - looks);
        push.disconnect(&*name).unwrap();
    }
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

/// Senders on all transports, a thread that takes messages away, and one poller, which receives as many as
/// the dice say: nothing is lost, and the poller never sleeps over anything.
#[test]
fn a_poller_under_load_misses_nothing() {
    const EACH: usize = 2000;
    for seed in 1..=4 {
        let ctx = Context::new();
        let mut poller = Poller::new().unwrap();
        let mut pulls = Vec::new();
        let mut senders = Vec::new();
        for (n, endpoint) in (0..3)
            .flat_map(|n| endpoints(&format!("poller-load-{seed}-{n}")))
            .enumerate()
        {
            let pull = ctx.socket(Pull).recv_hwm(50).bind(&endpoint).unwrap();
            poller.add(&pull, n, Interest::READABLE).unwrap();
            for sender in 0..2 {
                let push = ctx
                    .socket(Push)
                    .send_hwm(50)
                    .connect(&address(&pull))
                    .unwrap();
                let mut dice = Dice(seed * 1000 + n as u64 * 10 + sender);
                senders.push(thread::spawn(move || {
                    for n in 0..EACH {
                        push.send(n.to_string()).unwrap();
                        if dice.roll(50) == 0 {
                            thread::yield_now();
                        }
                    }
                    let _ = push.close();
                }));
            }
            pulls.push(pull);
        }
        let all = senders.len() * EACH;
        let received = AtomicUsize::new(0);
        let over = AtomicBool::new(false);
        let waker = poller.waker();
        thread::scope(|scope| {
            scope.spawn(|| {
                let mut dice = Dice(seed);
                while !over.load(Ordering::Acquire) {
                    let pull = &pulls[dice.roll(pulls.len() as u64) as usize];
                    if pull.try_recv().is_ok() && received.fetch_add(1, Ordering::AcqRel) + 1 == all
                    {
                        waker.wake();
                    }
                    thread::yield_now();
                }
            });
            let mut dice = Dice(seed + 100);
            while received.load(Ordering::Acquire) < all {
                let events = poller.wait(SOON).unwrap();
                let last = received.load(Ordering::Acquire) == all;
                assert!(events.len() > 0 || last, "it slept over a message");
                for event in events {
                    for _ in 0..=dice.roll(20) {
                        if pulls[event.key].try_recv().is_err() {
                            break;
                        }
                        received.fetch_add(1, Ordering::AcqRel);
                    }
                }
            }
            over.store(true, Ordering::Release);
        });
        senders.into_iter().for_each(|it| it.join().unwrap());
        assert_eq!(received.into_inner(), all);
        none_now(&mut poller);
    }
}

/// One thread feeds many peers, each when it has room, all of them slower than it is.
#[test]
fn a_poller_finds_room_wherever_it_appears() {
    const EACH: usize = 1000;
    let ctx = Context::new();
    let mut poller = Poller::new().unwrap();
    let mut left = Vec::new();
    let mut pushes = Vec::new();
    let mut receivers = Vec::new();
    for (n, endpoint) in (0..2)
        .flat_map(|n| endpoints(&format!("poller-feed-{n}")))
        .enumerate()
    {
        let pull = ctx.socket(Pull).recv_hwm(3).bind(&endpoint).unwrap();
        let push = ctx
            .socket(Push)
            .send_hwm(3)
            .connect(&address(&pull))
            .unwrap();
        poller.add(&push, n, Interest::WRITABLE).unwrap();
        left.push(EACH);
        pushes.push(push);
        receivers.push(thread::spawn(move || {
            for n in 0..EACH {
                assert_eq!(pull.recv_timeout(SOON).unwrap(), *n.to_string());
            }
        }));
    }
    while !poller.is_empty() {
        for event in next(&mut poller) {
            let (push, left) = (&pushes[event.key], &mut left[event.key]);
            while *left > 0 && push.try_send((EACH - *left).to_string()).is_ok() {
                *left -= 1;
            }
            if *left == 0 {
                poller.remove(push).unwrap();
            }
        }
    }
    receivers.into_iter().for_each(|it| it.join().unwrap());
}

#[test]
fn sockets_are_closed_in_one_thread_while_another_polls_them() {
    for seed in 1..=20 {
        let ctx = Context::new();
        let mut poller = Poller::new().unwrap();
        let mut dice = Dice(seed);
        let mut pulls: Vec<_> = (0..30)
            .map(|n| {
                let endpoint = &endpoints(&format!("poller-closing-{seed}-{n}"))[n % 3];
                let pull = ctx.socket(Pull).bind(endpoint).unwrap();
                poller.add(&pull, n, Interest::READABLE).unwrap();
                pull
            })
            .collect();
        let closer = thread::spawn(move || {
            while !pulls.is_empty() {
                let pull = pulls.swap_remove(dice.roll(pulls.len() as u64) as usize);
                let push = ctx.socket(Push).linger(NOW).open().unwrap();
                push.connect(&address(&pull)).unwrap();
                let _ = push.try_send("x");
                match dice.roll(3) {
                    0 => drop(pull),
                    1 => drop(pull.close()),
                    _ => drop((pull.clone(), pull)),
                }
            }
        });
        let mut closed = HashSet::new();
        while !poller.is_empty() {
            for event in next(&mut poller) {
                assert!(!closed.contains(&event.key), "told after its end");
                if event.closed {
                    closed.insert(event.key);
                }
            }
        }
        assert_eq!(closed.len(), 30);
        closer.join().unwrap();
    }
}

#[test]
fn a_socket_that_never_waits_is_always_writable() {
    let ctx = Context::new();
    for kind in [
        SocketType::Pub,
        SocketType::Xpub,
        SocketType::Xsub,
        SocketType::Radio,
        SocketType::Router,
    ] {
        let mut poller = Poller::new().unwrap();
        let socket = ctx.socket(kind).bind("tcp://127.0.0.1:*").unwrap();
        poller.add(&socket, (), Interest::WRITABLE).unwrap();
        assert!(next(&mut poller)[0].writable, "{kind} without a peer");
    }
    // One that may have to wait is writable with its first peer.
    let mut poller = Poller::new().unwrap();
    let router = ctx.socket(Router).mandatory(true);
    let router = router.bind("tcp://127.0.0.1:*").unwrap();
    poller.add(&router, (), Interest::WRITABLE).unwrap();
    // What the router did not get before it is gone is nothing to linger for.
    let dealer = ctx.socket(Dealer).linger(Duration::ZERO);
    let dealer = dealer.connect(address(&router)).unwrap();
    dealer.send("hello").unwrap();
    assert!(next(&mut poller)[0].writable);
}
