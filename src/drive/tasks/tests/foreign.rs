//! A poll of the program's own that watches a socket's descriptor.

use std::os::fd::AsRawFd;
use std::thread;
use std::time::Duration;

use mio::unix::SourceFd;
use mio::{Events, Interest, Token};

use super::{at, endpoints, patient, HANG};
use crate::{
    Context, Dealer, Message, Pull, Push, Readiness, Receives, RecvError, Rep, Req, Socket,
};

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
