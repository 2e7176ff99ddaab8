//! An executor of ten lines, and a poll of the program's own, over real sockets. The leases last for ever
//! here: what a thread hears it hears because it was woken.

use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::task::{Context as Poller, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Token};

use crate::reactor::Order;
use crate::socket::TaskSocket;
use crate::{
    Context, Dealer, Kind, Message, Pair, Pull, Push, Readiness, Receives, RecvError, Rep, Req,
    Router, SendErrorKind, Sends, Socket,
};

/// Nothing here takes this long; what hangs fails instead.
const HANG: Duration = Duration::from_secs(120);

const FOR_EVER: Duration = Duration::from_secs(1_000_000);

fn endpoints(name: &str) -> [String; 3] {
    let inproc = format!("inproc://{name}");
    ["tcp://127.0.0.1:*".into(), "ipc://*".into(), inproc]
}

/// A context in which no lease lapses.
fn patient() -> Context {
    let context = Context::new();
    for socket in 0..8 {
        let reactor = context.inner.reactor(socket).unwrap();
        reactor.send(Order::Lease(FOR_EVER));
    }
    context
}

// ----- the executor -----

/// A task's waker: says its number.
struct Ring(usize, Sender<usize>, AtomicUsize);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.2.fetch_add(1, Ordering::Relaxed);
        let _ = self.1.send(self.0);
    }
}

struct Rings {
    rings: Vec<Arc<Ring>>,
    woken: Receiver<usize>,
}

impl Rings {
    fn new(tasks: usize) -> Rings {
        let (sender, woken) = mpsc::channel();
        let rings = (0..tasks)
            .map(|task| Arc::new(Ring(task, sender.clone(), AtomicUsize::new(0))))
            .collect();
        Rings { rings, woken }
    }

    fn waker(&self, task: usize) -> Waker {
        Waker::from(Arc::clone(&self.rings[task]))
    }

    /// The next task that was woken.
    #[track_caller]
    fn next(&self) -> usize {
        self.woken.recv_timeout(HANG).unwrap()
    }

    fn wakes(&self, task: usize) -> usize {
        self.rings[task].2.load(Ordering::Relaxed)
    }
}

/// Polls until it is ready, whenever it is woken.
#[track_caller]
fn block_on<T>(mut poll: impl FnMut(&Poller<'_>) -> Poll<T>) -> T {
    let rings = Rings::new(1);
    let waker = rings.waker(0);
    loop {
        match poll(&Poller::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => _ = rings.next(),
        }
    }
}

#[track_caller]
fn recv<K: Receives>(socket: &mut TaskSocket<K>) -> Message {
    block_on(|context| socket.poll_recv(context)).unwrap()
}

#[track_caller]
fn send<K: Sends>(socket: &mut TaskSocket<K>, message: impl Into<Message>) {
    let mut message = message.into();
    block_on(|context| socket.poll_send(context, &mut message)).unwrap();
}

fn is_pending<T>(poll: &Poll<T>) -> bool {
    matches!(poll, Poll::Pending)
}

fn at<K: Kind>(socket: &Socket<K>) -> crate::Endpoint {
    socket.endpoint().unwrap()
}

// ----- tasks -----

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

// ----- a poll of the program's own -----

struct Foreign {
    poll: mio::Poll,
    events: Events,
    wakes: usize,
}

impl Foreign {
    fn new(readiness: &Readiness) -> Foreign {
        let poll = mio::Poll::new().unwrap();
        let fd = readiness.as_raw_fd();
        let mut source = SourceFd(&fd);
        poll.registry()
            .register(&mut source, Token(0), Interest::READABLE)
            .unwrap();
        let events = Events::with_capacity(8);
        Foreign {
            poll,
            events,
            wakes: 0,
        }
    }

    /// Sleeps until the descriptor says that there is news.
    #[track_caller]
    fn sleep(&mut self) {
        self.poll.poll(&mut self.events, Some(HANG)).unwrap();
        assert!(!self.events.is_empty(), "it hangs");
        self.wakes += 1;
    }

    /// Whether it is readable at this moment.
    fn is_readable(readiness: &Readiness) -> bool {
        let mut fresh = Foreign::new(readiness);
        fresh
            .poll
            .poll(&mut fresh.events, Some(Duration::ZERO))
            .unwrap();
        !fresh.events.is_empty()
    }

    #[track_caller]
    fn recv<K: Receives>(&mut self, socket: &Socket<K>) -> Message {
        loop {
            match socket.try_recv() {
                Ok(message) => return message,
                Err(error) => assert_eq!(error, RecvError::WouldBlock),
            }
            self.sleep();
        }
    }
}

#[test]
fn a_foreign_poll_hears_of_messages_though_the_lease_was_a_callers() {
    for endpoint in endpoints("foreign") {
        let (here, there) = (patient(), Context::new());
        let inproc = endpoint.starts_with("inproc");
        let pull = here.socket(Pull).bind(&*endpoint).unwrap();
        let peer = if inproc { &here } else { &there };
        let push = peer.socket(Push).connect(at(&pull)).unwrap();
        push.send("first").unwrap();
        // The lease is this call's, and stays at home when it has left.
        assert_eq!(pull.recv_timeout(HANG).unwrap(), "first");
        let mut foreign = Foreign::new(&pull.readiness().unwrap());
        for n in 0..200u32 {
            assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
            push.send(n.to_be_bytes()).unwrap();
            if n % 50 == 7 {
                // A call that sleeps drives for itself, and leaves nothing behind.
                assert_eq!(pull.recv_timeout(HANG).unwrap(), n.to_be_bytes());
            } else {
                assert_eq!(foreign.recv(&pull), n.to_be_bytes());
            }
        }
        assert!(foreign.wakes <= 2 * 200 + 1, "{} wakes", foreign.wakes);
    }
}

#[test]
fn a_foreign_poll_hears_of_what_a_caller_asleep_in_the_poll_has_read() {
    let (here, there) = (patient(), Context::new());
    let pull = here.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let push = there.socket(Push).connect(at(&pull)).unwrap();
    push.send("first").unwrap();
    assert_eq!(pull.recv_timeout(HANG).unwrap(), "first");
    let sleeper = {
        let pull = pull.clone();
        thread::spawn(move || pull.recv().unwrap())
    };
    let readiness = pull.readiness().unwrap();
    let mut foreign = Foreign::new(&readiness);
    push.send("a").unwrap();
    push.send("b").unwrap();
    let mut got = vec![foreign.recv(&pull), sleeper.join().unwrap()];
    got.sort_by_key(|message| message.first().to_vec());
    assert_eq!(got, ["a", "b"]);
    // The sleeper has left, and the lease is the reactor's again.
    push.send("c").unwrap();
    assert_eq!(foreign.recv(&pull), "c");
}

#[test]
fn a_foreign_poll_hears_of_room_to_send() {
    for endpoint in endpoints("room") {
        let context = patient();
        let pull = context.socket(Pull).recv_hwm(2).bind(&*endpoint).unwrap();
        let push = context.socket(Push).send_hwm(2).connect(at(&pull)).unwrap();
        let readiness = push.readiness().unwrap();
        let mut foreign = Foreign::new(&readiness);
        let mut sent = 0;
        let receiver = thread::spawn(move || {
            for n in 0..3000u32 {
                let message = pull.recv_timeout(HANG).unwrap();
                assert!(message.first().starts_with(&n.to_be_bytes()));
            }
            pull
        });
        while sent < 3000u32 {
            // Large ones, so that the kernel is full soon.
            let mut body = vec![0; 10_000];
            body[..4].copy_from_slice(&sent.to_be_bytes());
            match push.try_send(body) {
                Ok(()) => sent += 1,
                Err(error) => {
                    assert!(error.is_would_block());
                    foreign.sleep();
                }
            }
        }
        drop(receiver.join().unwrap());
    }
}

#[test]
fn a_descriptor_is_readable_while_there_are_messages_and_unreadable_when_there_are_none() {
    for endpoint in endpoints("level") {
        let context = patient();
        let pull = context.socket(Pull).bind(&*endpoint).unwrap();
        let push = context.socket(Push).connect(at(&pull)).unwrap();
        let readiness = pull.readiness().unwrap();
        assert!(Foreign::is_readable(&readiness), "nothing was tried yet");
        let mut foreign = Foreign::new(&readiness);
        for message in ["a", "b", "c"] {
            push.send(message).unwrap();
        }
        for message in ["a", "b", "c"] {
            assert_eq!(foreign.recv(&pull), message);
            assert!(Foreign::is_readable(&readiness), "there may be more");
        }
        // What is about to be told of what was received already may come after it.
        while pull.try_recv().is_err() && Foreign::is_readable(&readiness) {
            thread::yield_now();
        }
        assert!(!Foreign::is_readable(&readiness));
        let _ = pull.close();
        assert!(Foreign::is_readable(&readiness), "closed is news for ever");
    }
}

#[test]
fn a_rep_that_has_to_answer_first_is_told_of_the_next_request_when_it_has() {
    let context = patient();
    let rep = context.socket(Rep).bind("tcp://127.0.0.1:*").unwrap();
    let asks = [(); 2].map(|()| context.socket(Req).connect(at(&rep)).unwrap());
    let readiness = rep.readiness().unwrap();
    let mut foreign = Foreign::new(&readiness);
    asks.iter().for_each(|req| req.send("ask").unwrap());
    assert_eq!(foreign.recv(&rep), "ask");
    while rep
        .try_recv()
        .is_err_and(|error| error == RecvError::MustSendFirst)
        && Foreign::is_readable(&readiness)
    {
        thread::yield_now();
    }
    rep.send("answer").unwrap();
    assert!(Foreign::is_readable(&readiness));
    assert_eq!(foreign.recv(&rep), "ask");
    rep.send("answer").unwrap();
    asks.iter()
        .for_each(|req| assert_eq!(req.recv_timeout(HANG).unwrap(), "answer"));
}

#[test]
fn a_dealer_in_a_foreign_poll_sends_and_receives() {
    for endpoint in endpoints("dealer") {
        let context = patient();
        let echo = context.socket(Dealer).bind(&*endpoint).unwrap();
        let dealer = context.socket(Dealer).connect(at(&echo)).unwrap();
        let server = thread::spawn(move || {
            while let Ok(message) = echo.recv() {
                let _ = echo.send(message);
            }
        });
        let mut foreign = Foreign::new(&dealer.readiness().unwrap());
        let (mut sent, mut received) = (0u32, 0u32);
        while received < 2000 {
            while sent < 2000 && dealer.try_send(sent.to_be_bytes()).is_ok() {
                sent += 1;
            }
            while let Ok(message) = dealer.try_recv() {
                assert_eq!(message, received.to_be_bytes());
                received += 1;
            }
            if received < 2000 {
                foreign.sleep();
            }
        }
        context.shutdown();
        server.join().unwrap();
    }
}
