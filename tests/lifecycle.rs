//! A thousand rounds of whatever several threads can do to sockets at once. Nothing hangs, nothing
//! leaks, and nothing is lost that the rules say must arrive.
//!
//! Each round is made from its seed, which is printed when it fails. To run one again:
//! `SINEW_SEED=17 cargo test --test lifecycle`.

mod rounds;

use std::collections::HashSet;
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use rounds::{Dice, SOON};
use sinew::{Context, DynSocket, Pull, Push, RecvError, Rep, Req, SocketType};

#[test]
fn a_thousand_rounds_of_anything_at_once() {
    rounds::run(round);
}

fn round(seed: u64) {
    match seed % 4 {
        0 => pipeline(seed),
        1 => questions(seed),
        _ => anything(seed),
    }
}

fn endpoint(dice: &mut Dice, seed: u64) -> String {
    match dice.roll(3) {
        0 => "tcp://127.0.0.1:*".into(),
        1 => "ipc://*".into(),
        _ => format!("inproc://round-{seed}"),
    }
}

/// PUSH to PULL: what a `close` says was delivered is received by PULLs that stay.
fn pipeline(seed: u64) {
    let mut dice = Dice::new(seed);
    let ctx = Context::new();
    let hwm = *dice.pick(&[1, 2, 7, 100]);
    let bind = endpoint(&mut dice, seed);
    let pull = ctx.socket(Pull).recv_hwm(hwm).bind(&bind).unwrap();
    let at = pull.endpoint().unwrap().to_string();
    let senders = 1 + dice.roll(3);
    let body = *dice.pick(&[0, 10, 300, 20_000]);
    let receivers: Vec<_> = (0..1 + dice.roll(2))
        .map(|_| {
            let pull = pull.clone();
            thread::spawn(move || {
                let mut got = Vec::new();
                loop {
                    match pull.recv_timeout(SOON) {
                        Ok(message) if message == "end" => return got,
                        Ok(message) => got.push(message.get_str(0).unwrap().to_owned()),
                        Err(error) => panic!("{error} after {}", got.len()),
                    }
                }
            })
        })
        .collect();
    let sending: Vec<_> = (0..senders)
        .map(|sender| {
            let mut dice = Dice::new(seed ^ (sender + 1) << 32);
            let (ctx, at) = (ctx.clone(), at.clone());
            thread::spawn(move || {
                let push = ctx
                    .socket(Push)
                    .send_hwm(*dice.pick(&[1, 3, 1000]))
                    .connect(&at)
                    .unwrap();
                let count = 1 + dice.roll(60);
                for n in 0..count {
                    push.send([format!("{sender} {n}").into_bytes(), vec![7; body]])
                        .unwrap();
                }
                match dice.roll(3) {
                    0 => assert_eq!(push.close().undelivered, 0),
                    // It lingers in the background.
                    1 => drop(push),
                    _ => {
                        push.disconnect(&at).unwrap();
                        assert_eq!(push.close().undelivered, 0);
                    }
                }
                count
            })
        })
        .collect();
    let sent: u64 = sending.into_iter().map(|s| s.join().unwrap()).sum();
    // A thread that takes an end takes no more: one each, and not before all else was received.
    let mut got = Vec::new();
    let push = ctx.socket(Push).connect(&at).unwrap();
    let total = receivers.len();
    let mut finished = 0;
    let mut receivers = receivers;
    while let Some(receiver) = receivers.pop() {
        push.send("end").unwrap();
        finished += 1;
        if finished == total {
            got.extend(receiver.join().unwrap());
            for receiver in receivers.drain(..) {
                got.extend(receiver.join().unwrap());
            }
        } else {
            receivers.insert(0, receiver);
        }
    }
    // An end may overtake what other senders sent: the rest is still to be had.
    while (got.len() as u64) < sent {
        let message = pull
            .recv_timeout(SOON)
            .unwrap_or_else(|e| panic!("{e}: {} of {sent} over {at}", got.len()));
        got.push(message.get_str(0).unwrap().to_owned());
    }
    let distinct: HashSet<_> = got.iter().collect();
    assert_eq!(distinct.len(), got.len(), "nothing comes twice");
    assert_eq!(got.len() as u64, sent);
    assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
}

/// REQ and REP: each answer is to the question asked, also while REPs come and go.
fn questions(seed: u64) {
    let mut dice = Dice::new(seed);
    let ctx = Context::new();
    let bind = endpoint(&mut dice, seed);
    let front = ctx.socket(Rep).bind(&bind).unwrap();
    let at = front.endpoint().unwrap().to_string();
    let serving = front.clone();
    let server = thread::spawn(move || {
        while let Ok(question) = serving.recv() {
            // A requester may go at any time; an answer to one that has gone is no error.
            if serving.send(question).is_err() {
                return;
            }
        }
    });
    let asking: Vec<_> = (0..1 + dice.roll(3))
        .map(|asker| {
            let mut dice = Dice::new(seed ^ (asker + 1) << 32);
            let (ctx, at) = (ctx.clone(), at.clone());
            thread::spawn(move || {
                for life in 0..1 + dice.roll(3) {
                    let relaxed = dice.roll(2) == 0;
                    let req = ctx
                        .socket(Req)
                        .relaxed(relaxed)
                        .correlate(relaxed)
                        // The last question may find that no REP is there any more.
                        .linger(Duration::from_millis(10))
                        .connect(&at)
                        .unwrap();
                    for n in 0..dice.roll(20) {
                        let question = format!("{asker} {life} {n}");
                        if relaxed && dice.roll(4) == 0 {
                            req.send("never mind").unwrap();
                        }
                        req.send(question.as_str()).unwrap();
                        let answer = req.recv_timeout(SOON).unwrap();
                        assert_eq!(answer, question.as_str());
                    }
                    if dice.roll(2) == 0 {
                        // Gone before the answer.
                        req.send("last").unwrap();
                    }
                }
            })
        })
        .collect();
    asking.into_iter().for_each(|a| a.join().unwrap());
    let _ = front.close();
    server.join().unwrap();
}

const KINDS: [SocketType; 6] = [
    SocketType::Push,
    SocketType::Pull,
    SocketType::Pub,
    SocketType::Sub,
    SocketType::Req,
    SocketType::Rep,
];

/// A few sockets, and threads that do anything to any of them.
fn anything(seed: u64) {
    let mut dice = Dice::new(seed);
    let ctx = Context::builder()
        .reactor_threads(1 + dice.roll(3) as usize)
        .build();
    let sockets: Arc<Vec<DynSocket>> = Arc::new(
        (0..3 + dice.roll(4))
            .map(|_| {
                let pause = Duration::from_millis(1 + dice.roll(5));
                ctx.socket(*dice.pick(&KINDS))
                    .send_hwm(*dice.pick(&[1, 2, 10, 1000]))
                    .recv_hwm(*dice.pick(&[1, 2, 10, 1000]))
                    .linger(Duration::from_millis(dice.roll(8)))
                    .reconnect_interval(pause)
                    .immediate(dice.roll(4) == 0)
                    .no_drop(dice.roll(4) == 0)
                    .relaxed(dice.roll(2) == 0)
                    .heartbeat_interval(match dice.roll(3) {
                        0 => Some(pause),
                        _ => None,
                    })
                    .open()
                    .unwrap()
            })
            .collect(),
    );
    // Where a socket is, has been or will be bound.
    let names: Arc<Vec<String>> = Arc::new(
        (0..3)
            .map(|n| match dice.roll(3) {
                0 => {
                    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
                    format!("tcp://{}", free.local_addr().unwrap())
                }
                1 => format!("ipc://@sinew-round-{}-{seed}-{n}", std::process::id()),
                _ => format!("inproc://round-{n}"),
            })
            .collect(),
    );
    let count = 2 + dice.roll(3);
    let start = Arc::new(Barrier::new(count as usize));
    let actors: Vec<_> = (0..count)
        .map(|actor| {
            let dice = Dice::new(seed ^ (actor + 1) << 32);
            let (sockets, names) = (Arc::clone(&sockets), Arc::clone(&names));
            let start = Arc::clone(&start);
            thread::spawn(move || {
                start.wait();
                act(dice, &sockets, &names);
            })
        })
        .collect();
    match dice.roll(4) {
        0 => ctx.shutdown(),
        1 => drop(ctx),
        _ => {}
    }
    for actor in actors {
        actor.join().unwrap();
    }
}

/// Does things; whether they work is not asked here, only that they end.
fn act(mut dice: Dice, sockets: &[DynSocket], names: &[String]) {
    let brief = Duration::from_millis(2);
    for _ in 0..10 + dice.roll(40) {
        let socket = dice.pick(sockets);
        let name = dice.pick(names);
        match dice.roll(16) {
            0 | 1 => drop(socket.bind(name)),
            2..=4 => drop(socket.connect(name)),
            5 => drop(socket.unbind(name)),
            6 => drop(socket.disconnect(name)),
            7 => drop(socket.subscribe(name)),
            8 => drop(socket.subscribe("")),
            9 => drop(socket.unsubscribe("")),
            10 => drop(socket.send_timeout([name.as_str(), "more"], brief)),
            11 => drop(socket.send_timeout(vec![0; dice.roll(100_000) as usize], brief)),
            12 => drop(socket.recv_timeout(brief)),
            13 => {
                let mut batch: Vec<_> = (0..20).map(|n| n.to_string().into()).collect();
                let _ = socket.try_send_many(&mut batch);
                let _ = socket.try_recv_many(&mut batch, 10);
            }
            14 => {
                let monitor = socket.monitor();
                let _ = monitor.recv_timeout(brief);
                let _ = (socket.stats(), socket.last_endpoint());
            }
            _ if dice.roll(8) == 0 => _ = socket.clone().close(),
            _ => drop(socket.try_recv()),
        }
    }
}
