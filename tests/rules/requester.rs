//! The requester: many requests under way over one socket, each with its own reply.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use sinew::{Context, Dealer, Error, Message, Rep, RequestError, Requester, Router, Socket};

use crate::support::*;

/// Has `threads` threads ask `requests` times each, and looks at each reply.
fn ask(requester: &Socket<Requester>, threads: usize, requests: usize) {
    thread::scope(|scope| {
        for asker in 0..threads {
            let requester = requester.clone();
            scope.spawn(move || {
                for number in 0..requests {
                    let question = format!("{asker}.{number}");
                    let reply = requester.request_timeout(question.as_str(), SOON);
                    assert_eq!(reply.unwrap(), ["re", question.as_str()]);
                }
            });
        }
    });
}

/// Replies to each request with itself behind "re", until the socket is closed.
fn serve(rep: Socket<Rep>) {
    while let Ok(mut request) = rep.recv() {
        request.push_front("re");
        if rep.send(request).is_err() {
            return;
        }
    }
}

#[test]
fn each_of_many_threads_gets_the_reply_to_its_own_request() {
    for endpoint in endpoints("own reply") {
        let context = Context::new();
        let rep = context.socket(Rep).bind(endpoint.as_str()).unwrap();
        let requester = context.socket(Requester).connect(address(&rep)).unwrap();
        let server = thread::spawn({
            let rep = rep.clone();
            move || serve(rep)
        });
        ask(&requester, 8, 200);
        let _ = rep.clone().close();
        server.join().unwrap();
    }
}

#[test]
fn a_router_replies_in_any_order_and_each_reply_finds_its_thread() {
    for endpoint in endpoints("any order") {
        let context = Context::new();
        let router = context.socket(Router).bind(endpoint.as_str()).unwrap();
        let requester = context.socket(Requester).connect(address(&router)).unwrap();
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..50 {
                    // All eight are under way before the first has its reply.
                    let mut all: Vec<_> =
                        (0..8).map(|_| router.recv_timeout(SOON).unwrap()).collect();
                    while let Some(request) = all.pop() {
                        let mut reply: Message = request.frames().take(3).collect();
                        reply.push_back("re");
                        reply.push_back(request.get(3).unwrap().to_vec());
                        router.send(reply).unwrap();
                    }
                }
            });
            ask(&requester, 8, 50);
        });
    }
}

#[test]
fn requests_go_to_several_peers_in_turn() {
    let context = Context::new();
    let requester = context.socket(Requester).open().unwrap();
    let monitor = requester.monitor();
    let reps: Vec<_> = (0..3)
        .map(|_| context.socket(Rep).bind("tcp://127.0.0.1:*").unwrap())
        .collect();
    for rep in &reps {
        requester.connect(address(rep)).unwrap();
        await_peer(&monitor);
    }
    let servers: Vec<_> = reps
        .iter()
        .cloned()
        .map(|rep| thread::spawn(move || serve(rep)))
        .collect();
    ask(&requester, 8, 30);
    for rep in &reps {
        assert_eq!(rep.stats().received, 80);
        let _ = rep.clone().close();
    }
    servers
        .into_iter()
        .for_each(|server| server.join().unwrap());
}

#[test]
fn a_request_to_a_peer_that_dies_says_so_and_the_others_go_on() {
    for endpoint in endpoints("dies") {
        let context = Context::new();
        let mortal = context.socket(Router).bind(endpoint.as_str()).unwrap();
        let requester = context.socket(Requester).connect(address(&mortal)).unwrap();
        let survivor = context.socket(Rep).open().unwrap();
        let (died, told) = mpsc::channel();
        thread::scope(|scope| {
            for number in 0..4 {
                let (requester, died) = (&requester, died.clone());
                scope.spawn(move || died.send(requester.request(format!("{number}"))).unwrap());
            }
            for _ in 0..4 {
                mortal.recv_timeout(SOON).unwrap();
            }
            drop(mortal);
            for _ in 0..4 {
                assert_eq!(
                    told.recv_timeout(SOON).unwrap(),
                    Err(RequestError::PeerGone)
                );
            }
            // It tries its endpoint again, and does not wait for it.
            let place = requester.disconnect(requester.endpoint().unwrap());
            place.unwrap();
            survivor.bind("tcp://127.0.0.1:*").unwrap();
            requester.connect(address(&survivor)).unwrap();
            let server = survivor.clone();
            scope.spawn(move || serve(server));
            ask(&requester, 8, 20);
            let _ = survivor.clone().close();
        });
    }
}

#[test]
fn a_request_that_was_not_sent_yet_waits_for_the_peer_to_come_back() {
    let context = Context::new();
    let first = context.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
    let place = address(&first);
    let requester = context
        .socket(Requester)
        .reconnect_interval(Duration::from_millis(1))
        .connect(place.clone())
        .unwrap();
    let monitor = requester.monitor();
    await_peer(&monitor);
    drop(first);
    await_disconnect(&monitor);
    thread::scope(|scope| {
        let reply = scope.spawn(|| requester.request_timeout("later", SOON));
        let rep = context.socket(Rep).bind(place).unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), "later");
        rep.send("now").unwrap();
        assert_eq!(reply.join().unwrap().unwrap(), "now");
    });
}

#[test]
fn a_time_out_gives_up_one_request_and_harms_no_other() {
    let context = Context::new();
    let router = context.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
    let requester = context.socket(Requester).connect(address(&router)).unwrap();
    thread::scope(|scope| {
        let patient = scope.spawn(|| requester.request_timeout("patient", SOON));
        let first = router.recv_timeout(SOON).unwrap();
        // The patient thread receives for both, or this one does: both ways it is over in time.
        let hasty = requester.request_timeout("hasty", Duration::from_millis(5));
        assert_eq!(hasty, Err(RequestError::TimedOut));
        let second = router.recv_timeout(SOON).unwrap();
        assert_eq!(second.get(3).unwrap(), b"hasty");
        // The late reply is thrown away, and the other one arrives behind it.
        router.send(second).unwrap();
        router.send(first).unwrap();
        assert_eq!(patient.join().unwrap().unwrap(), "patient");
    });
    // The thread that led has left; the next one leads.
    thread::scope(|scope| {
        let reply = scope.spawn(|| requester.request_timeout("next", SOON));
        router.send(router.recv_timeout(SOON).unwrap()).unwrap();
        assert_eq!(reply.join().unwrap().unwrap(), "next");
    });
}

#[test]
fn a_request_that_no_peer_has_room_for_comes_back() {
    let context = Context::new();
    let requester = context.socket(Requester).open().unwrap();
    let error = requester
        .request_timeout(["a", "b"], Duration::from_millis(1))
        .unwrap_err();
    assert!(
        error.is_timeout() && matches!(error, RequestError::NotSent(_)),
        "{error:?}"
    );
    assert_eq!(Error::from(error).into_message().unwrap(), ["a", "b"]);
}

#[test]
fn closing_ends_all_requests() {
    let context = Context::new();
    let router = context.socket(Router).bind("inproc://closing").unwrap();
    let requester = context
        .socket(Requester)
        .connect("inproc://closing")
        .unwrap();
    thread::scope(|scope| {
        let waiting: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| requester.request("?")))
            .collect();
        for _ in 0..4 {
            router.recv_timeout(SOON).unwrap();
        }
        let _ = requester.clone().close();
        for thread in waiting {
            assert_eq!(thread.join().unwrap(), Err(RequestError::Closed));
        }
    });
    assert!(requester.request("late").unwrap_err().is_closed());
}

#[test]
fn what_is_no_reply_to_an_open_request_is_thrown_away() {
    let context = Context::new();
    let router = context.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
    let requester = context.socket(Requester).connect(address(&router)).unwrap();
    thread::scope(|scope| {
        let reply = scope.spawn(|| requester.request_timeout("real", SOON));
        let request = router.recv_timeout(SOON).unwrap();
        let id = request.get(0).unwrap().to_vec();
        router.send([&id[..], b"", b"noise"]).unwrap();
        router
            .send([&id[..], b"12345678", b"", b"another's"])
            .unwrap();
        router
            .send([&id[..], request.get(1).unwrap(), b"no delimiter"])
            .unwrap();
        router.send(request.clone()).unwrap();
        router.send(request).unwrap();
        assert_eq!(reply.join().unwrap().unwrap(), "real");
    });
}

#[test]
fn a_dealer_is_no_peer_of_it() {
    let context = Context::new();
    let dealer = context.socket(Dealer).bind("tcp://127.0.0.1:*").unwrap();
    let requester = context.socket(Requester).open().unwrap();
    let monitor = requester.monitor();
    requester.connect(address(&dealer)).unwrap();
    await_refusal(&monitor);
}
