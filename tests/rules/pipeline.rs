//! PUSH and PULL: load balance, fair queueing, high-water marks.

use std::collections::HashSet;
use std::net::TcpListener;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use sinew::{Context, EventKind, Message, Pull, Push, RecvError, SendErrorKind, Socket};

use crate::support::{address, await_event, await_peer, endpoints, Raw, A_WHILE, MORE, SOON};

/// Sends until there is no room; how many went.
fn fill(push: &Socket<Push>, body: &[u8]) -> usize {
    (0..100_000)
        .find(|_| match push.try_send(body) {
            Ok(()) => false,
            Err(error) => {
                assert_eq!(error.kind(), SendErrorKind::WouldBlock);
                assert_eq!(error.into_message(), body, "the message comes back");
                true
            }
        })
        .unwrap_or(100_000)
}

#[test]
fn push_gives_each_peer_its_turn() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*", "inproc://turns-"] {
        let ctx = Context::new();
        let push = ctx.socket(Push).open().unwrap();
        let monitor = push.monitor();
        let pulls: Vec<_> = (0..3)
            .map(|n| {
                let inproc = endpoint.starts_with("inproc");
                let name = if inproc {
                    format!("{endpoint}{n}")
                } else {
                    endpoint.to_owned()
                };
                let pull = ctx.socket(Pull).bind(&name).unwrap();
                push.connect(&address(&pull)).unwrap();
                await_peer(&monitor);
                pull
            })
            .collect();
        for n in 0..300 {
            push.send(n.to_string()).unwrap();
        }
        for pull in &pulls {
            for _ in 0..100 {
                pull.recv_timeout(SOON).unwrap();
            }
            assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock), "{endpoint}");
        }
    }
}

#[test]
fn push_leaves_out_a_peer_without_room() {
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .send_hwm(4)
        .linger(Duration::ZERO)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = push.monitor();
    let _deaf = Raw::connect(&address(&push)).shake("PULL");
    await_peer(&monitor);
    let pull = ctx.socket(Pull).connect(&address(&push)).unwrap();
    await_peer(&monitor);
    let receiver = thread::spawn(move || {
        let mut got = 0;
        while pull.recv().is_ok_and(|message| message != "end") {
            got += 1;
        }
        got
    });
    let body = vec![7; 64 * 1024];
    for _ in 0..300 {
        push.send_timeout(body.clone(), SOON).unwrap();
    }
    // By now the deaf one is full, so that this goes to the other.
    push.send_timeout("end", SOON).unwrap();
    let got = receiver.join().unwrap();
    assert!(got >= 150, "{got}");
}

#[test]
fn push_without_a_peer_returns_the_message_or_waits() {
    let ctx = Context::new();
    let push = ctx.socket(Push).open().unwrap();
    let error = push.try_send(["two", "frames"]).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::WouldBlock);
    assert_eq!(error.into_message(), Message::from(["two", "frames"]));

    let start = Instant::now();
    let error = push.send_timeout("late", A_WHILE).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TimedOut);
    assert_eq!(error.into_message(), "late");
    assert!(start.elapsed() >= A_WHILE);

    for endpoint in endpoints("waits") {
        let push = ctx.socket(Push).open().unwrap();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let (started, start) = mpsc::channel();
        let sender = push.clone();
        let waiting = thread::spawn(move || {
            started.send(()).unwrap();
            sender.send("patient")
        });
        start.recv().unwrap();
        push.connect(&address(&pull)).unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "patient");
        waiting.join().unwrap().unwrap();
    }
}

#[test]
fn send_hwm_counts_whole_messages_and_zero_is_no_limit() {
    let ctx = Context::new();
    let away = "tcp://127.0.0.1:9";
    let socket = |hwm: usize| {
        ctx.socket(Push)
            .send_hwm(hwm)
            .linger(Duration::ZERO)
            .connect(away)
            .unwrap()
    };
    for hwm in [1, 2, 7, 1000] {
        assert_eq!(fill(&socket(hwm), b"x"), hwm);
    }
    let frames = socket(3);
    for _ in 0..3 {
        frames.try_send(["a", "b", "c", "d"]).unwrap();
    }
    assert!(frames.try_send("e").is_err());
    assert_eq!(fill(&socket(0), b"x"), 100_000);
    assert_eq!(frames.close().undelivered, 3);
}

#[test]
fn send_hwm_counts_bytes_too_and_one_large_message_always_fits() {
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .send_hwm(0)
        .send_hwm_bytes(1000)
        .linger(Duration::ZERO)
        .connect("tcp://127.0.0.1:9")
        .unwrap();
    assert_eq!(fill(&push, &[1; 100]), 10);
    let push = ctx
        .socket(Push)
        .send_hwm_bytes(1000)
        .linger(Duration::ZERO)
        .connect("tcp://127.0.0.1:9")
        .unwrap();
    assert_eq!(fill(&push, &[1; 50_000]), 1);
}

#[test]
fn inproc_adds_both_marks_and_either_zero_is_no_limit() {
    for binds in [true, false] {
        for (send, recv, fits) in [(3, 4, 7), (1, 1, 2), (0, 4, 100_000), (4, 0, 100_000)] {
            let ctx = Context::new();
            let push = ctx
                .socket(Push)
                .send_hwm(send)
                .linger(Duration::ZERO)
                .open()
                .unwrap();
            let pull = ctx.socket(Pull).recv_hwm(recv).open().unwrap();
            if binds {
                push.bind("inproc://marks").unwrap();
                pull.connect("inproc://marks").unwrap();
            } else {
                pull.bind("inproc://marks").unwrap();
                push.connect("inproc://marks").unwrap();
            }
            assert_eq!(fill(&push, b"x"), fits, "{send} {recv} {binds}");
        }
    }
}

#[test]
fn inproc_queued_before_the_peer_counts_towards_the_mark() {
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .send_hwm(3)
        .linger(Duration::ZERO)
        .connect("inproc://early")
        .unwrap();
    assert_eq!(fill(&push, b"x"), 3);
    let pull = ctx.socket(Pull).recv_hwm(4).bind("inproc://early").unwrap();
    assert_eq!(fill(&push, b"x"), 4);
    for _ in 0..7 {
        pull.recv_timeout(SOON).unwrap();
    }
    assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
    assert_eq!(fill(&push, b"x"), 7);
}

#[test]
fn a_full_queue_has_room_again_at_low_water_and_not_before() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).recv_hwm(5).bind("inproc://low").unwrap();
    let push = ctx
        .socket(Push)
        .send_hwm(5)
        .linger(Duration::ZERO)
        .connect("inproc://low")
        .unwrap();
    assert_eq!(fill(&push, b"x"), 10);
    pull.recv().unwrap();
    assert_eq!(fill(&push, b"x"), 0);
    for _ in 0..9 {
        pull.recv().unwrap();
    }
    assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
    assert_eq!(fill(&push, b"x"), 10);
}

#[test]
fn marks_of_both_sides_bound_what_a_silent_receiver_holds() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .recv_hwm(3)
        .recv_buffer(Some(64 * 1024))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let push = ctx
        .socket(Push)
        .send_hwm(3)
        .send_buffer(Some(64 * 1024))
        .connect(&address(&pull))
        .unwrap();
    let body = vec![1; 1 << 20];
    let mut sent = 0;
    while push.send_timeout(body.clone(), 4 * A_WHILE).is_ok() {
        sent += 1;
        assert!(sent < 40, "nothing holds the sender up");
    }
    assert!(sent >= 2, "{sent}");
    for _ in 0..sent {
        assert_eq!(pull.recv_timeout(SOON).unwrap().byte_len(), 1 << 20);
    }
}

#[test]
fn a_slow_receiver_with_a_mark_of_one_gets_everything_in_order() {
    for endpoint in endpoints("mark-of-one") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).recv_hwm(1).bind(&endpoint).unwrap();
        let push = ctx
            .socket(Push)
            .send_hwm(1)
            .connect(&address(&pull))
            .unwrap();
        let sender = thread::spawn(move || {
            for n in 0..1000 {
                push.send_timeout(n.to_string(), SOON).unwrap();
            }
            push.close()
        });
        for n in 0..1000 {
            assert_eq!(
                pull.recv_timeout(SOON).unwrap(),
                n.to_string().as_str(),
                "{endpoint}"
            );
        }
        assert_eq!(sender.join().unwrap().undelivered, 0);
    }
}

#[test]
fn a_full_receiver_gets_also_what_came_before_its_peer_went() {
    let ctx = Context::new();
    let pull = ctx
        .socket(Pull)
        .recv_hwm(1)
        .heartbeat_interval(Duration::from_millis(20))
        .heartbeat_timeout(Duration::from_secs(60))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    for n in 0..100 {
        raw.send(0, n.to_string().as_bytes());
    }
    await_peer(&monitor);
    // The next PING finds no peer.
    drop(raw);
    let gone = monitor.recv_timeout(4 * A_WHILE);
    for n in 0..100 {
        let got = pull.recv_timeout(SOON).unwrap();
        assert_eq!(got, n.to_string().as_str(), "{gone:?}");
    }
}

#[test]
fn pull_lets_no_fast_peer_starve_a_slow_one() {
    for endpoint in endpoints("fair") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let monitor = pull.monitor();
        let fast = ctx
            .socket(Push)
            .linger(Duration::ZERO)
            .connect(&address(&pull))
            .unwrap();
        let slow = ctx.socket(Push).connect(&address(&pull)).unwrap();
        await_peer(&monitor);
        await_peer(&monitor);
        let flooding = fast.clone();
        let flood = thread::spawn(move || while flooding.send("fast").is_ok() {});
        // The flood is on.
        pull.recv_timeout(SOON).unwrap();
        for _ in 0..50 {
            slow.send("slow").unwrap();
        }
        // A call that does not send: what a burst has left for the next batch is written now.
        assert_eq!(slow.stats().sent, 50);
        let mut left = 50;
        for _ in 0..20_000 {
            if pull.recv_timeout(SOON).unwrap() == "slow" {
                left -= 1;
            }
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0, "{endpoint}");
        let _ = fast.close();
        flood.join().unwrap();
    }
}

#[test]
fn pull_lets_no_stream_of_large_bodies_starve_a_peer_of_small_ones() {
    for endpoint in endpoints("large") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let monitor = pull.monitor();
        let large = ctx
            .socket(Push)
            .linger(Duration::ZERO)
            .connect(&address(&pull))
            .unwrap();
        let small = ctx.socket(Push).connect(&address(&pull)).unwrap();
        await_peer(&monitor);
        await_peer(&monitor);
        let flooding = large.clone();
        let body = Message::from(vec![7; 1 << 20]);
        let flood = thread::spawn(move || while flooding.send(body.clone()).is_ok() {});
        pull.recv_timeout(SOON).unwrap();
        for _ in 0..50 {
            small.send("small").unwrap();
        }
        // A call that does not send: what a burst has left for the next batch is written now.
        assert_eq!(small.stats().sent, 50);
        let small_ones = |_: &usize| pull.recv_timeout(SOON).unwrap().byte_len() == 5;
        // In turns they need fifty of the others, and some came before them.
        assert_eq!(
            (0..1000).filter(small_ones).take(50).count(),
            50,
            "{endpoint}"
        );
        let _ = large.close();
        flood.join().unwrap();
    }
}

#[test]
fn many_threads_share_one_socket_and_nothing_is_lost() {
    const THREADS: u32 = 8;
    const EACH: u32 = 1500;
    for endpoint in endpoints("threads") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).recv_hwm(50).bind(&endpoint).unwrap();
        let push = ctx
            .socket(Push)
            .send_hwm(50)
            .connect(&address(&pull))
            .unwrap();
        let receivers: Vec<_> = (0..THREADS)
            .map(|_| {
                let pull = pull.clone();
                thread::spawn(move || {
                    let mut got = Vec::new();
                    loop {
                        let message = pull.recv_timeout(SOON).unwrap();
                        if message == "end" {
                            return got;
                        }
                        got.push(String::try_from(message).unwrap());
                    }
                })
            })
            .collect();
        let senders: Vec<_> = (0..THREADS)
            .map(|thread| {
                let push = push.clone();
                thread::spawn(move || {
                    for n in 0..EACH {
                        push.send_timeout(format!("{thread} {n}"), SOON).unwrap();
                    }
                })
            })
            .collect();
        senders.into_iter().for_each(|s| s.join().unwrap());
        for _ in 0..THREADS {
            push.send_timeout("end", SOON).unwrap();
        }
        let got: Vec<_> = receivers
            .into_iter()
            .flat_map(|r| r.join().unwrap())
            .collect();
        let distinct: HashSet<_> = got.iter().collect();
        assert_eq!(got.len() as u32, THREADS * EACH, "{endpoint}");
        assert_eq!(distinct.len(), got.len());
    }
}

#[test]
fn immediate_queues_for_nobody_who_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/immediate", dir.path().display());
    for endpoint in [ipc.as_str(), "inproc://immediate"] {
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .immediate(true)
            .reconnect_interval(Duration::from_millis(5))
            .connect(endpoint)
            .unwrap();
        assert_eq!(
            push.try_send("x").unwrap_err().kind(),
            SendErrorKind::WouldBlock,
            "{endpoint}"
        );
        let pull = ctx.socket(Pull).bind(endpoint).unwrap();
        push.send_timeout("there", SOON).unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "there");
        let monitor = push.monitor();
        let _ = pull.close();
        await_event(&monitor, |k| matches!(k, EventKind::Disconnected { .. }));
        assert!(push.try_send("x").is_err(), "{endpoint}");
    }
}

#[test]
fn connecting_twice_makes_two_connections_for_push() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let push = ctx.socket(Push).connect(&address(&pull)).unwrap();
    push.connect(&address(&pull)).unwrap();
    await_peer(&monitor);
    await_peer(&monitor);
    assert_eq!(pull.stats().peers, 2);
}

#[test]
fn a_lost_connection_keeps_the_queue_of_the_side_that_connected() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .reconnect_interval(Duration::from_millis(1))
        .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let monitor = push.monitor();
    // It greets, but is gone before its READY: nothing was given to it.
    let mut first = Raw::accept(&listener);
    push.send("kept").unwrap();
    first.write(&Raw::greeting(1, "NULL"));
    drop(first);
    await_event(&monitor, |k| matches!(k, EventKind::HandshakeFailed { .. }));
    let mut second = Raw::accept(&listener).shake("PULL");
    assert_eq!(second.read_frame(), (0, b"kept".to_vec()));
}

#[test]
fn a_message_cut_in_the_middle_is_sent_whole_to_the_next_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .reconnect_interval(Duration::from_millis(1))
        .connect(&format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let mut first = Raw::accept(&listener).shake("PULL");
    let body = vec![3; 8 << 20];
    push.send([b"head".to_vec(), body.clone()]).unwrap();
    first.read(100);
    drop(first);
    let mut second = Raw::accept(&listener).shake("PULL");
    assert_eq!(second.read_frame(), (1, b"head".to_vec()));
    let (flags, got) = second.read_frame();
    assert_eq!(flags & 1, 0);
    assert!(got == body);
}

#[test]
fn pull_gets_nothing_of_a_message_that_was_cut() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let mut raw = Raw::connect(&address(&pull)).shake("PUSH");
    raw.send(0, b"whole");
    raw.send(MORE, b"half");
    drop(raw);
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "whole");
    await_event(&monitor, |k| matches!(k, EventKind::Disconnected { .. }));
    assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn batches_go_in_order_and_say_how_far_they_came() {
    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .send_hwm(3)
        .connect("inproc://batch")
        .unwrap();
    let mut batch: Vec<Message> = (0..5).map(|n| n.to_string().into()).collect();
    assert_eq!(push.try_send_many(&mut batch).unwrap(), 3);
    assert_eq!(batch, [Message::from("3"), Message::from("4")]);
    let pull = ctx.socket(Pull).bind("inproc://batch").unwrap();
    assert_eq!(push.send_many(&mut batch).unwrap(), 2);
    assert!(batch.is_empty());
    let mut got = Vec::new();
    assert_eq!(pull.recv_many(&mut got, 2).unwrap(), 2);
    while got.len() < 5 {
        pull.recv_many_timeout(&mut got, 10, SOON).unwrap();
    }
    for (n, message) in got.iter().enumerate() {
        assert_eq!(*message, n.to_string().as_str());
    }
}

#[test]
fn a_stream_to_several_peers_is_dealt_message_by_message() {
    const PEERS: u32 = 3;
    const COUNT: u32 = 30_000;
    for endpoint in ["tcp://127.0.0.1:*", "inproc://dealt-"] {
        let ctx = Context::new();
        let push = ctx.socket(Push).send_hwm(0).open().unwrap();
        let monitor = push.monitor();
        let pulls: Vec<_> = (0..PEERS)
            .map(|n| {
                let inproc = endpoint.starts_with("inproc");
                let name = match inproc {
                    true => format!("{endpoint}{n}"),
                    false => endpoint.to_owned(),
                };
                let pull = ctx.socket(Pull).recv_hwm(0).bind(&name).unwrap();
                push.connect(&address(&pull)).unwrap();
                await_peer(&monitor);
                pull
            })
            .collect();
        for n in 0..COUNT {
            push.send(n.to_be_bytes()).unwrap();
        }
        assert_eq!(push.stats().sent, u64::from(COUNT));
        for (first, pull) in (0..PEERS).zip(&pulls) {
            for n in (first..COUNT).step_by(PEERS as usize) {
                assert_eq!(
                    pull.recv_timeout(SOON).unwrap(),
                    n.to_be_bytes(),
                    "{endpoint}"
                );
            }
            assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock), "{endpoint}");
        }
    }
}

#[test]
fn a_peer_that_is_left_in_the_middle_of_a_stream_gets_all_that_was_dealt_to_it() {
    const HALF: u32 = 20_000;
    for endpoint in ["tcp://127.0.0.1:*", "inproc://left-"] {
        let ctx = Context::new();
        let push = ctx.socket(Push).open().unwrap();
        let monitor = push.monitor();
        let (received, numbers) = mpsc::channel();
        let mut addresses = Vec::new();
        for peer in 0..3 {
            let name = match endpoint.starts_with("inproc") {
                true => format!("{endpoint}{peer}"),
                false => endpoint.to_owned(),
            };
            let pull = ctx.socket(Pull).bind(&name).unwrap();
            push.connect(&address(&pull)).unwrap();
            addresses.push(address(&pull));
            await_peer(&monitor);
            let received = received.clone();
            thread::spawn(move || {
                while let Ok(message) = pull.recv() {
                    let number: [u8; 4] = message.as_bytes().unwrap().try_into().unwrap();
                    received.send((peer, u32::from_be_bytes(number))).unwrap();
                }
            });
        }
        for n in 0..2 * HALF {
            if n == HALF {
                push.disconnect(&addresses[1]).unwrap();
            }
            push.send(n.to_be_bytes()).unwrap();
        }
        let mut seen = HashSet::new();
        let mut last = [None; 3];
        for _ in 0..2 * HALF {
            let (peer, number) = numbers.recv_timeout(SOON).unwrap();
            assert!(seen.insert(number), "{endpoint}: {number} came twice");
            assert!(
                last[peer] < Some(number),
                "{endpoint}: {number} was overtaken"
            );
            assert!(peer != 1 || number < HALF, "{endpoint}: it was left before");
            last[peer] = Some(number);
        }
        ctx.shutdown();
    }
}

#[test]
fn several_peers_are_filled_to_their_marks_and_no_further() {
    let ctx = Context::new();
    let push = ctx.socket(Push).send_hwm(300).open().unwrap();
    let pulls: Vec<_> = (0..3)
        .map(|n| {
            let name = format!("inproc://marks-{n}");
            let pull = ctx.socket(Pull).recv_hwm(200 + n).bind(&*name).unwrap();
            push.connect(&*name).unwrap();
            pull
        })
        .collect();
    assert_eq!(fill(&push, b"m"), 3 * 500 + 3);
    // Each has room again when it has received half of what it holds.
    for pull in &pulls {
        while push.try_send("more").is_err() {
            pull.recv_timeout(SOON).unwrap();
        }
    }
}

#[test]
fn pull_never_mixes_the_frames_of_two_peers() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let [mut slow, mut quick] = [(); 2].map(|()| {
        let raw = Raw::connect(&address(&pull)).shake("PUSH");
        await_peer(&monitor);
        raw
    });
    slow.send(MORE, b"slow");
    quick.send(MORE, b"quick");
    quick.send(0, b"end");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), ["quick", "end"]);
    quick.send(MORE, b"again");
    slow.send(0, b"end");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), ["slow", "end"]);
    quick.send(0, b"end");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), ["again", "end"]);
}

#[test]
fn a_bound_push_queues_for_no_peer_whose_handshake_is_not_complete() {
    let ctx = Context::new();
    let push = ctx.socket(Push).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = push.monitor();
    let mut raw = Raw::connect(&address(&push));
    raw.write(&Raw::greeting(1, "NULL"));
    await_event(&monitor, |kind| matches!(kind, EventKind::Accepted));
    raw.read(64);
    let error = push.try_send("early").unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::WouldBlock);
    raw.write(&Raw::ready("PULL"));
    await_peer(&monitor);
    push.try_send("now").unwrap();
}
