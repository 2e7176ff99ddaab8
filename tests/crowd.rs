//! A thousand rounds of sockets with many busy peers, whose work several reactors share: nothing is
//! lost, nothing comes twice or out of its peer's order, and nothing is left behind.
//!
//! To run one round again: `SINEW_SEED=17 cargo test --test crowd`.

mod rounds;
#[allow(dead_code, reason = "these tests use a part of it")]
#[path = "rules/support.rs"]
mod support;

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};
use std::thread;
use std::time::Duration;

use rounds::{Dice, SOON};
use sinew::{Context, Message, Pub, Pull, Push, RecvError, Socket, Sub};
use support::{frame, Raw};

/// Which peer sent a message, on which of its connections, and its number there.
type Mark = (u32, u32, u32);

#[test]
fn a_thousand_rounds_of_crowds() {
    rounds::run(|seed| match seed % 4 {
        0 => publish(seed),
        1 => deal(seed),
        _ => collect(seed),
    });
}

fn context(dice: &mut Dice) -> Context {
    Context::builder()
        .reactor_threads(2 + dice.roll(2) as usize)
        .build()
}

fn marked(mark: Mark, size: usize) -> Vec<u8> {
    let mut body = Vec::with_capacity(12 + size);
    for part in [mark.0, mark.1, mark.2] {
        body.extend_from_slice(&part.to_le_bytes());
    }
    body.resize(12 + size, mark.2 as u8);
    body
}

fn mark_of(message: &Message) -> Mark {
    let body = message.as_bytes().unwrap();
    let part = |n: usize| u32::from_le_bytes(body[n * 4..][..4].try_into().unwrap());
    let mark = (part(0), part(1), part(2));
    assert!(body[12..].iter().all(|byte| *byte == mark.2 as u8));
    mark
}

/// What one thread received comes in the order of each connection.
fn assert_in_order(got: &[Mark]) {
    let mut last = HashMap::new();
    for (peer, life, number) in got {
        let before = last.insert((peer, life), number);
        assert!(before < Some(number), "{number} after {before:?}");
    }
}

/// Many peers to one PULL. They come back when they are cut off, in the middle of a frame too; the
/// application is away, or comes with several threads, or goes before its time.
fn collect(seed: u64) {
    let mut dice = Dice::new(seed);
    let (ctx, others) = (context(&mut dice), Context::new());
    let threads = dice.roll(4);
    let leaves = dice.roll(6) == 0;
    // What is not received must fit.
    let hwm = *dice.pick(&[0, 5, 1000]) * usize::from(threads > 0);
    let pull = ctx.socket(Pull).recv_hwm(hwm);
    let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
    let at = pull.endpoint().unwrap().to_string();
    let peers: Vec<_> = (0..2 + dice.roll(6) as u32)
        .map(|peer| {
            let dice = Dice::new(seed ^ u64::from(peer + 1) << 32);
            let (others, at) = (others.clone(), at.clone());
            thread::spawn(move || lives(dice, peer, &others, &at, leaves))
        })
        .collect();
    let receivers: Vec<_> = (0..threads)
        .map(|_| {
            let pull = pull.clone();
            thread::spawn(move || receive(&pull))
        })
        .collect();
    if leaves {
        let _ = pull.clone().close();
    }
    let sent: usize = peers.into_iter().map(|peer| peer.join().unwrap()).sum();
    if !leaves {
        let push = others.socket(Push).connect(&at).unwrap();
        receivers.iter().for_each(|_| push.send(END).unwrap());
    }
    let mut got: Vec<_> = receivers.into_iter().map(|r| r.join().unwrap()).collect();
    // An end may overtake what other peers sent: the rest is still to be had.
    let received: usize = got.iter().map(Vec::len).sum();
    let left = if leaves { 0 } else { sent - received };
    let rest = (0..left).map(|_| mark_of(&pull.recv_timeout(SOON).unwrap()));
    match &mut got[..] {
        [one] => one.extend(rest),
        _ => got.push(rest.collect()),
    }
    assert_each_once(&got, sent, leaves);
    if !leaves {
        assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
    }
}

const END: &str = "end";

/// Receives until there is an end, one way or another.
fn receive(socket: &Socket<Pull>) -> Vec<Mark> {
    let mut got = Vec::new();
    loop {
        match socket.recv_timeout(SOON) {
            Ok(message) if message == END => return got,
            Ok(message) => got.push(mark_of(&message)),
            Err(RecvError::Closed) => return got,
            Err(error) => panic!("{error} after {}", got.len()),
        }
    }
}

/// What each thread received came in the order of its connection, and all of it once.
fn assert_each_once(got: &[Vec<Mark>], sent: usize, some_lost: bool) {
    got.iter().for_each(|got| assert_in_order(got));
    let all: Vec<_> = got.concat();
    let distinct: HashSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len(), "nothing comes twice");
    assert!(all.len() == sent || some_lost, "{} of {sent}", all.len());
}

/// One peer and its connections; how many messages it sent whole.
fn lives(mut dice: Dice, peer: u32, others: &Context, at: &str, leaves: bool) -> usize {
    let size = *dice.pick(&[0, 100, 3000, 50_000]);
    let mut sent = 0;
    for life in 0..1 + dice.roll(3) as u32 {
        let count = 1 + dice.roll(800_000 / (size as u64 + 100)).min(1500) as u32;
        let bodies = (0..count).map(|number| marked((peer, life, number), size));
        let took = if dice.roll(3) > 0 {
            as_raw_peer(&mut dice, at, bodies)
        } else {
            as_socket(others, at, leaves, bodies)
        };
        assert!(leaves || took == count as usize);
        sent += took;
    }
    sent
}

fn as_socket(
    others: &Context,
    at: &str,
    leaves: bool,
    bodies: impl Iterator<Item = Vec<u8>>,
) -> usize {
    let (linger, brief) = match leaves {
        true => (Duration::ZERO, Duration::from_millis(1)),
        false => (SOON, SOON),
    };
    let push = others.socket(Push).linger(linger).connect(at).unwrap();
    let sent = bodies
        .take_while(|body| push.send_timeout(body.as_slice(), brief).is_ok())
        .count();
    let lost = push.close().undelivered;
    assert!(leaves || lost == 0);
    sent
}

/// A peer without a library, which is cut off when it has sent all, or has begun one more.
fn as_raw_peer(dice: &mut Dice, at: &str, bodies: impl Iterator<Item = Vec<u8>>) -> usize {
    let address = at.strip_prefix("tcp://").unwrap();
    // The socket may be closed by now.
    let Ok(mut stream) = std::net::TcpStream::connect(address) else {
        return 0;
    };
    stream.set_write_timeout(Some(SOON)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut bytes = [Raw::greeting(1, "NULL"), Raw::ready("PUSH")].concat();
    let mut count = 0;
    for body in bodies {
        bytes.extend(frame(0, &body));
        count += 1;
    }
    if dice.roll(2) == 0 {
        bytes.extend(&frame(0, &[7; 500])[..100]);
    }
    // What is read first is not what a system would reset the connection for.
    let mut hello = vec![0; 64 + Raw::ready("PULL").len()];
    let (first, rest) = bytes.split_at(64);
    if stream.write_all(first).is_err() {
        return 0;
    }
    if stream.read_exact(&mut hello[..64]).is_err() {
        return 0;
    }
    let _ = stream
        .write_all(rest)
        .is_ok_and(|()| stream.read_exact(&mut hello[64..]).is_ok());
    // Nor is what a receiver says that is behind: PONGs, to show that it lives.
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let _ = stream.read_to_end(&mut Vec::new());
    count
}

/// One PUB to many SUBs, each of which gets everything; some of them go in between.
fn publish(seed: u64) {
    let mut dice = Dice::new(seed);
    let (ctx, others) = (context(&mut dice), context(&mut dice));
    let publisher = ctx.socket(Pub).no_drop(true);
    let publisher = publisher.bind("tcp://127.0.0.1:*").unwrap();
    let at = publisher.endpoint().unwrap().to_string();
    let monitor = publisher.monitor();
    let mut subs: Vec<_> = (0..3 + dice.roll(12))
        .map(|_| {
            let sub = others.socket(Sub).recv_hwm(0).connect(&at).unwrap();
            sub.subscribe("").unwrap();
            sub
        })
        .collect();
    for _ in &subs {
        support::await_subscription(&monitor);
    }
    let size = *dice.pick(&[0, 100, 3000, 20_000]);
    let count = 1 + dice.roll(100_000 / (size as u64 + 100)).min(600) as u32;
    for number in 0..count {
        publisher.send(marked((0, 0, number), size)).unwrap();
        if dice.roll(200) == 0 && subs.len() > 1 {
            subs.pop();
        }
    }
    let report = dice.roll(2) == 0;
    if report {
        let _ = publisher.close();
    }
    for sub in &subs {
        for number in 0..count {
            let message = sub.recv_timeout(SOON).unwrap();
            assert_eq!(mark_of(&message), (0, 0, number));
        }
        assert_eq!(sub.try_recv(), Err(RecvError::WouldBlock));
    }
}

/// One PUSH to several PULLs: each message to one of them.
fn deal(seed: u64) {
    let mut dice = Dice::new(seed);
    let (ctx, others) = (context(&mut dice), context(&mut dice));
    let push = ctx.socket(Push).bind("tcp://127.0.0.1:*").unwrap();
    let at = push.endpoint().unwrap().to_string();
    let receivers: Vec<_> = (0..2 + dice.roll(4))
        .map(|_| {
            let pull = others.socket(Pull).connect(&at).unwrap();
            let receiving = pull.clone();
            (pull, thread::spawn(move || receive(&receiving)))
        })
        .collect();
    let size = *dice.pick(&[0, 100, 3000, 20_000]);
    let count = 1 + dice.roll(600_000 / (size as u64 + 100)) as u32;
    for number in 0..count {
        push.send(marked((0, 0, number), size)).unwrap();
    }
    assert_eq!(push.close().undelivered, 0);
    let mut got: Vec<_> = Vec::new();
    for (pull, receiver) in receivers {
        let peer = others.socket(Push).bind("tcp://127.0.0.1:*").unwrap();
        let end = peer.endpoint().unwrap().to_string();
        pull.connect(&end).unwrap();
        peer.send(END).unwrap();
        let mut mine = receiver.join().unwrap();
        while let Ok(message) = pull.try_recv() {
            mine.push(mark_of(&message));
        }
        got.push(mine);
    }
    assert_each_once(&got, count as usize, false);
}
