//! Tasks that send and receive: what wakes them, what does not, and what becomes of those that are dropped.

use std::sync::mpsc;
use std::task::{Context as Poller, Poll, Waker};
use std::thread;

use super::{at, block_on, endpoints, is_pending, patient, recv, send, Rings, HANG};
use crate::socket::TaskSocket;
use crate::{
    Dealer, Message, Pair, Pull, Push, RecvError, Rep, Req, Router, SendErrorKind, Socket,
};

#[test]
fn tasks_ask_and_answer_over_every_transport() {
    for endpoint in endpoints("ask") {
        let context = patient();
        let rep = context.socket(Rep).bind(&*endpoint).unwrap();
        let req = context.socket(Req).connect(at(&rep)).unwrap();
        let mut rep = rep.into_task();
        let server = thread::spawn(move || {
            for _ in 0..50 {
                let request = recv(&mut rep);
                send(&mut rep, request);
            }
        });
        let mut req = req.into_task();
        for n in 0..50u32 {
            send(&mut req, n.to_be_bytes());
            assert_eq!(recv(&mut req), n.to_be_bytes());
        }
        server.join().unwrap();
    }
}

#[test]
fn tasks_send_as_fast_as_there_is_room_and_nothing_is_lost() {
    for endpoint in endpoints("stream") {
        let context = patient();
        let pull = context.socket(Pull).recv_hwm(10).bind(&*endpoint).unwrap();
        let push = context
            .socket(Push)
            .send_hwm(10)
            .connect(at(&pull))
            .unwrap();
        let mut push = push.into_task();
        let sender = thread::spawn(move || {
            for n in 0..5000u32 {
                send(&mut push, n.to_be_bytes());
            }
            push
        });
        let mut pull = pull.into_task();
        for n in 0..5000u32 {
            assert_eq!(recv(&mut pull), n.to_be_bytes());
        }
        drop(sender.join().unwrap());
    }
}

#[test]
fn tasks_of_a_pair_talk_both_ways_at_once() {
    for endpoint in endpoints("pair") {
        let context = patient();
        let left = context.socket(Pair).bind(&*endpoint).unwrap();
        let right = context.socket(Pair).connect(at(&left)).unwrap();
        let talk = |socket: Socket<Pair>| {
            let (mut out, mut inn) = (socket.clone().into_task(), socket.into_task());
            let sender =
                thread::spawn(move || (0..500u32).for_each(|n| send(&mut out, n.to_be_bytes())));
            thread::spawn(move || {
                for n in 0..500u32 {
                    assert_eq!(recv(&mut inn), n.to_be_bytes());
                }
                sender.join().unwrap();
                inn
            })
        };
        let (left, right) = (talk(left), talk(right));
        let _ends = (left.join().unwrap(), right.join().unwrap());
    }
}

#[test]
fn one_message_wakes_one_of_two_tasks() {
    for endpoint in endpoints("one") {
        let context = patient();
        let pull = context.socket(Pull).bind(&*endpoint).unwrap();
        let push = context.socket(Push).connect(at(&pull)).unwrap();
        let rings = Rings::new(2);
        let mut tasks = [pull.clone().into_task(), pull.into_task()];
        let poll = |tasks: &mut [TaskSocket<Pull>; 2], task: usize| {
            let waker = rings.waker(task);
            tasks[task].poll_recv(&Poller::from_waker(&waker))
        };
        // The connection may come first, which concerns none that receives.
        push.send("before").unwrap();
        recv(&mut tasks[0].clone());
        for _ in 0..20 {
            assert!(is_pending(&poll(&mut tasks, 0)) && is_pending(&poll(&mut tasks, 1)));
            let before = [rings.wakes(0), rings.wakes(1)];
            push.send("message").unwrap();
            let woken = rings.next();
            assert_eq!(rings.wakes(1 - woken), before[1 - woken]);
            assert!(!is_pending(&poll(&mut tasks, woken)));
            // It may have left some: the other one looks, in vain.
            assert_eq!(rings.next(), 1 - woken);
        }
    }
}

#[test]
fn a_task_that_was_woken_and_is_dropped_passes_the_wake_on() {
    for endpoint in endpoints("baton") {
        let context = patient();
        let pull = context.socket(Pull).bind(&*endpoint).unwrap();
        let push = context.socket(Push).connect(at(&pull)).unwrap();
        let rings = Rings::new(2);
        let wakers = [rings.waker(0), rings.waker(1)];
        let mut first = pull.clone().into_task();
        let mut second = pull.into_task();
        assert!(is_pending(
            &first.poll_recv(&Poller::from_waker(&wakers[0]))
        ));
        assert!(is_pending(
            &second.poll_recv(&Poller::from_waker(&wakers[1]))
        ));
        push.send("message").unwrap();
        assert_eq!(rings.next(), 0);
        drop(first);
        assert_eq!(rings.next(), 1);
        let got = second.poll_recv(&Poller::from_waker(&wakers[1]));
        assert_eq!(got, Poll::Ready(Ok("message".into())));
    }
}

#[test]
fn a_task_hears_of_its_peers_room_though_another_waits_for_another_peers() {
    let context = patient();
    let router = context.socket(Router).mandatory(true).send_hwm(1);
    let router = router.bind("inproc://whose-room").unwrap();
    let peers = ["a", "b"].map(|id| {
        let peer = context.socket(Dealer).routing_id(id).recv_hwm(1);
        let peer = peer.connect(at(&router)).unwrap();
        peer.send("here").unwrap();
        assert_eq!(router.recv_timeout(HANG).unwrap(), [id, "here"]);
        peer
    });
    let rings = Rings::new(2);
    let mut tasks = [router.clone().into_task(), router.into_task()];
    let mut poll = |task: usize| {
        let mut next = Message::from([["a", "b"][task], "work"]);
        tasks[task].poll_send(&Poller::from_waker(&rings.waker(task)), &mut next)
    };
    while !is_pending(&poll(0)) {}
    while !is_pending(&poll(1)) {}
    // Only the second one's peer receives.
    while peers[1].try_recv().is_ok() {}
    assert_eq!(rings.next(), 0);
    assert!(is_pending(&poll(0)), "its peer has taken nothing");
    assert_eq!(rings.next(), 1);
    assert_eq!(poll(1), Poll::Ready(Ok(())));
}

#[test]
fn what_a_task_sends_is_looked_at_as_any_message_is_whenever_it_is_polled() {
    let context = patient();
    let push = context.socket(Push).open().unwrap();
    let mut task = push.clone().into_task();
    let waker = Poller::from_waker(Waker::noop());
    assert!(is_pending(&task.poll_send(&waker, &mut "given up".into())));
    let pull = context.socket(Pull).bind("inproc://blank").unwrap();
    push.connect("inproc://blank").unwrap();
    // A message without frames is one with an empty frame.
    let mut blank = Message::default();
    assert_eq!(task.poll_send(&waker, &mut blank), Poll::Ready(Ok(())));
    let got = pull.recv_timeout(HANG).unwrap();
    assert_eq!((got.len(), got.frames().count()), (1, 1));
}

#[test]
fn receives_that_are_cancelled_lose_nothing() {
    for endpoint in endpoints("cancel") {
        let context = patient();
        let pull = context.socket(Pull).bind(&*endpoint).unwrap();
        let push = context.socket(Push).connect(at(&pull)).unwrap();
        let sender = thread::spawn(move || {
            for n in 0..2000u32 {
                push.send(n.to_be_bytes()).unwrap();
            }
            push
        });
        let mut task = pull.into_task();
        for n in 0..2000u32 {
            if n % 3 != 0 {
                let cancelled = task.poll_recv(&Poller::from_waker(Waker::noop()));
                task.cancel();
                if let Poll::Ready(message) = cancelled {
                    assert_eq!(message.unwrap(), n.to_be_bytes());
                    continue;
                }
            }
            assert_eq!(recv(&mut task), n.to_be_bytes());
        }
        drop(sender.join().unwrap());
    }
}

#[test]
fn a_task_is_woken_by_the_waker_that_it_was_polled_with_last() {
    let context = patient();
    let pull = context.socket(Pull).bind("inproc://replaced").unwrap();
    let push = context.socket(Push).connect("inproc://replaced").unwrap();
    let rings = Rings::new(2);
    let mut task = pull.into_task();
    for ring in [0, 1] {
        let waker = rings.waker(ring);
        assert!(is_pending(&task.poll_recv(&Poller::from_waker(&waker))));
    }
    push.send("message").unwrap();
    assert_eq!(rings.next(), 1);
    assert_eq!(rings.wakes(0), 0);
    // Polled again by another one after it was woken.
    assert_eq!(recv(&mut task), "message");
}

#[test]
fn closing_wakes_every_task_with_closed() {
    for endpoint in endpoints("closed") {
        let context = patient();
        let pair = context.socket(Pair).send_hwm(1).bind(&*endpoint).unwrap();
        let rings = Rings::new(3);
        let mut tasks = [(); 3].map(|()| pair.clone().into_task());
        let mut message = Message::from("x");
        for (ring, task) in tasks.iter_mut().enumerate() {
            let waker = rings.waker(ring);
            let poller = Poller::from_waker(&waker);
            if ring == 2 {
                assert!(is_pending(&task.poll_send(&poller, &mut message)));
            } else {
                assert!(is_pending(&task.poll_recv(&poller)));
            }
        }
        let _ = pair.close();
        let mut woken = [rings.next(), rings.next(), rings.next()];
        woken.sort_unstable();
        assert_eq!(woken, [0, 1, 2]);
        let waker = rings.waker(0);
        let poller = Poller::from_waker(&waker);
        assert_eq!(
            tasks[0].poll_recv(&poller),
            Poll::Ready(Err(RecvError::Closed))
        );
        let sent = tasks[2].poll_send(&poller, &mut message);
        assert_eq!(sent, Poll::Ready(Err(SendErrorKind::Closed)));
        assert_eq!(message, "x", "what was not sent is where it was");
    }
}

#[test]
fn a_stream_wakes_its_task_for_batches_and_not_for_messages() {
    const MANY: usize = 20_000;
    for endpoint in endpoints("batches") {
        let context = patient();
        let pull = context.socket(Pull).bind(&*endpoint).unwrap();
        let push = context.socket(Push).connect(at(&pull)).unwrap();
        let rings = Rings::new(1);
        let mut task = pull.into_task();
        let waker = rings.waker(0);
        assert!(is_pending(&task.poll_recv(&Poller::from_waker(&waker))));
        // Not polled meanwhile: however much comes, it was woken once.
        for _ in 0..500 {
            push.send("message").unwrap();
        }
        rings.next();
        let sender = thread::spawn(move || {
            for _ in 500..MANY {
                push.send("message").unwrap();
            }
            push
        });
        let mut polls = 0;
        let mut received = 0;
        while received < MANY {
            polls += 1;
            match task.poll_recv(&Poller::from_waker(&waker)) {
                Poll::Ready(message) => {
                    message.unwrap();
                    received += 1;
                }
                Poll::Pending => _ = rings.next(),
            }
        }
        // No wake without a poll that found nothing before it.
        assert!(rings.wakes(0) <= 1 + polls - received + 1, "{endpoint}");
        drop(sender.join().unwrap());
    }
}

#[test]
fn threads_and_tasks_share_what_comes() {
    for endpoint in endpoints("share") {
        let context = patient();
        let pull = context.socket(Pull).bind(&*endpoint).unwrap();
        let push = context.socket(Push).connect(at(&pull)).unwrap();
        let (got, all) = mpsc::channel();
        for task in [false, true, false, true] {
            let (pull, got) = (pull.clone(), got.clone());
            thread::spawn(move || {
                let mut waits = task.then(|| pull.clone().into_task());
                loop {
                    let message = match &mut waits {
                        Some(task) => block_on(|context| task.poll_recv(context)),
                        None => pull.recv(),
                    };
                    match message {
                        Ok(message) => got.send(message).unwrap(),
                        Err(_) => return,
                    }
                }
            });
        }
        let mut numbers = Vec::new();
        for n in 0..1000u32 {
            push.send(n.to_be_bytes()).unwrap();
            if n % 10 == 0 {
                let message = all.recv_timeout(HANG).unwrap();
                numbers.push(u32::from_be_bytes((*message.first()).try_into().unwrap()));
            }
        }
        while numbers.len() < 1000 {
            let message = all.recv_timeout(HANG).unwrap();
            numbers.push(u32::from_be_bytes((*message.first()).try_into().unwrap()));
        }
        numbers.sort_unstable();
        assert!(numbers.into_iter().eq(0..1000));
        let _ = pull.close();
    }
}
