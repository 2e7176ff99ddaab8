//! Waiting until peers are there, or have subscribed.

use std::thread;
use std::time::Duration;

use sinew::{Context, Error, Pub, Pull, Push, SocketType, Sub, WaitError, Xpub};

use crate::support::{address, await_disconnect, endpoints, SOON};

#[test]
fn peers_are_waited_for_by_sockets_of_either_direction() {
    for endpoint in endpoints("peers-awaited") {
        let ctx = Context::new();
        let push = ctx.socket(Push).bind(&endpoint).unwrap();
        let at = address(&push);
        let waiter = thread::spawn({
            let push = push.clone();
            move || push.wait_for_peers(3, None)
        });
        let pulls: Vec<_> = (0..3)
            .map(|_| ctx.socket(Pull).connect(&at).unwrap())
            .collect();
        assert_eq!(waiter.join().unwrap(), Ok(3));
        // A socket that only receives, too.
        for pull in &pulls {
            assert_eq!(pull.wait_for_peers(1, SOON), Ok(1));
        }
        let monitor = push.monitor();
        drop(pulls);
        (0..3).for_each(|_| drop(await_disconnect(&monitor)));
        let none = push.wait_for_peers(1, Duration::ZERO);
        assert_eq!(
            none,
            Err(WaitError::TimedOut {
                there: 0,
                wanted: 1
            })
        );
        assert_eq!(push.wait_for_peers(0, Duration::ZERO), Ok(0));
    }
}

#[test]
fn a_receiver_that_waits_for_peers_is_told_of_each() {
    for endpoint in endpoints("receiver-awaits") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let at = address(&pull);
        let waiter = thread::spawn(move || pull.wait_for_peers(2, SOON));
        let _pushes = [0, 1].map(|_| ctx.socket(Push).connect(&at).unwrap());
        assert_eq!(waiter.join().unwrap(), Ok(2));
    }
}

#[test]
fn what_is_published_once_the_subscribers_are_there_is_missed_by_none() {
    for endpoint in endpoints("subscribers-awaited") {
        let ctx = Context::new();
        let publisher = ctx.socket(Pub).bind(&endpoint).unwrap();
        let subs: Vec<_> = (0..20)
            .map(|_| {
                let at = address(&publisher);
                ctx.socket(Sub).subscribe("news.").connect(&at).unwrap()
            })
            .collect();
        let others = ctx.socket(Sub).subscribe("sport.");
        let _others = others.connect(address(&publisher)).unwrap();
        assert_eq!(publisher.wait_for_subscribers("news.1", 20, SOON), Ok(20));
        publisher.send("news.1").unwrap();
        for sub in &subs {
            assert_eq!(sub.recv_timeout(SOON).unwrap(), "news.1");
        }
        let shorter = publisher.wait_for_subscribers("news", 1, Duration::ZERO);
        let there = WaitError::TimedOut {
            there: 0,
            wanted: 1,
        };
        assert_eq!(shorter, Err(there));
    }
}

#[test]
fn a_peer_with_several_matching_topics_is_one_subscriber() {
    let ctx = Context::new();
    let publisher = ctx.socket(Xpub).bind("inproc://one-subscriber").unwrap();
    let sub = ctx.socket(Sub).subscribe("a").subscribe("ab").subscribe("");
    let _sub = sub.connect("inproc://one-subscriber").unwrap();
    assert_eq!(publisher.wait_for_subscribers("abc", 1, SOON), Ok(1));
}

#[test]
fn waiting_for_peers_ends_when_the_socket_is_closed() {
    let ctx = Context::new();
    let push = ctx.socket(Push).bind("tcp://127.0.0.1:*").unwrap();
    let waiters = [0, 1].map(|_| {
        let push = push.clone();
        thread::spawn(move || push.wait_for_peers(1, None))
    });
    let _ = push.close();
    for waiter in waiters {
        assert_eq!(waiter.join().unwrap(), Err(WaitError::Closed));
    }
}

#[test]
fn a_socket_without_subscribers_says_so() {
    let push = Context::new().socket(SocketType::Push).open().unwrap();
    let error = push.wait_for_subscribers("", 1, SOON).unwrap_err();
    assert_eq!(error, WaitError::Unsupported);
    let error = Error::from(push.wait_for_peers(1, Duration::ZERO).unwrap_err());
    assert!(error.is_timeout() && !error.is_closed());
    assert_eq!(error.to_string(), "0 of 1 peers were there in time");
}
