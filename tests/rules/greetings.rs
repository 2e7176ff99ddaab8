//! What sockets say, and are told, when peers come and go; and when they stop coming back.

use sinew::{
    Client, Context, Dealer, Error, EventKind, Message, Options, Push, ReconnectStop, Router,
    Server, SocketType,
};
use std::net::TcpListener;
use std::time::Duration;

use crate::support::*;

const HASTE: Duration = Duration::from_millis(1);

#[test]
fn a_hello_goes_before_all_other_messages_to_each_peer_from_both_sides() {
    for endpoint in endpoints("hello") {
        let context = Context::new();
        let router = context
            .socket(Router)
            .hello_message(["welcome", "here"])
            .bind(endpoint.as_str())
            .unwrap();
        for name in ["a", "b"] {
            let dealer = context
                .socket(Dealer)
                .routing_id(name)
                .hello_message("ready")
                .open()
                .unwrap();
            dealer.connect(address(&router)).unwrap();
            dealer.send("work").unwrap();
            assert_eq!(router.recv_timeout(SOON).unwrap(), [name, "ready"]);
            assert_eq!(router.recv_timeout(SOON).unwrap(), [name, "work"]);
            assert_eq!(dealer.recv_timeout(SOON).unwrap(), ["welcome", "here"]);
            assert_eq!(dealer.stats().sent, 1, "a hello does not count");
        }
    }
}

#[test]
fn a_hello_goes_before_what_waited_for_the_peer_and_again_to_the_next() {
    for endpoint in ["tcp://127.0.0.1:*", "inproc://hello first"] {
        let context = Context::new();
        let first = context.socket(Router).bind(endpoint).unwrap();
        let place = address(&first);
        drop(first);
        let dealer = context
            .socket(Dealer)
            .hello_message("ready")
            .reconnect_interval(HASTE)
            .connect(place.clone())
            .unwrap();
        dealer.send("1").unwrap();
        dealer.send("2").unwrap();
        let router = context.socket(Router).bind(place.clone()).unwrap();
        for expected in ["ready", "1", "2"] {
            assert_eq!(&router.recv_timeout(SOON).unwrap()[1], expected.as_bytes());
        }
        let monitor = dealer.monitor();
        drop(router);
        await_disconnect(&monitor);
        dealer.send("3").unwrap();
        let router = context.socket(Router).bind(place).unwrap();
        for expected in ["ready", "3"] {
            assert_eq!(&router.recv_timeout(SOON).unwrap()[1], expected.as_bytes());
        }
    }
}

#[test]
fn an_inproc_hello_that_was_not_taken_is_not_said_twice() {
    let context = Context::new();
    let deaf = context.socket(Router).bind("inproc://deaf").unwrap();
    let dealer = context
        .socket(Dealer)
        .hello_message("ready")
        .connect("inproc://deaf")
        .unwrap();
    dealer.send("1").unwrap();
    drop(deaf);
    let router = context.socket(Router).bind("inproc://deaf").unwrap();
    for expected in ["ready", "1"] {
        assert_eq!(&router.recv_timeout(SOON).unwrap()[1], expected.as_bytes());
    }
    assert!(router.try_recv().unwrap_err().is_would_block());
}

#[test]
fn a_router_is_told_when_a_peer_that_called_has_gone_behind_what_it_sent() {
    for endpoint in endpoints("gone") {
        let context = Context::new();
        let router = context
            .socket(Router)
            .disconnect_message(["gone", "for good"])
            .bind(endpoint.as_str())
            .unwrap();
        let dealer = context
            .socket(Dealer)
            .routing_id("guest")
            .connect(address(&router))
            .unwrap();
        dealer.send("last words").unwrap();
        let _ = dealer.close();
        let first = router.recv_timeout(SOON).unwrap();
        assert_eq!(first, ["guest", "last words"], "{endpoint}");
        let second = router.recv_timeout(SOON).unwrap();
        assert_eq!(second, ["guest", "gone", "for good"], "{endpoint}");
    }
}

#[test]
fn a_server_is_told_by_the_number_of_the_peer() {
    let context = Context::new();
    let server = context
        .socket(Server)
        .disconnect_message("gone")
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let client = context.socket(Client).connect(address(&server)).unwrap();
    client.send("here").unwrap();
    let here = server.recv_timeout(SOON).unwrap();
    let _ = client.close();
    let gone = server.recv_timeout(SOON).unwrap();
    assert_eq!(gone, "gone");
    assert_eq!(gone.routing_id(), here.routing_id());
}

#[test]
fn a_peer_that_did_not_finish_its_handshake_was_never_there() {
    let context = Context::new();
    let router = context
        .socket(Router)
        .disconnect_message("gone")
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = router.monitor();
    let push = context.socket(Push).connect(address(&router)).unwrap();
    await_refusal(&monitor);
    let _ = push.close();
    let dealer = context.socket(Dealer).connect(address(&router)).unwrap();
    dealer.send("first").unwrap();
    assert_eq!(&router.recv_timeout(SOON).unwrap()[1], "first".as_bytes());
}

#[test]
fn a_dealer_is_told_when_the_peer_that_it_called_is_lost() {
    for endpoint in endpoints("hiccup") {
        let context = Context::new();
        let router = context.socket(Router).bind(endpoint.as_str()).unwrap();
        let dealer = context
            .socket(Dealer)
            .hiccup_message("hiccup")
            .connect(address(&router))
            .unwrap();
        dealer.send("hello").unwrap();
        let hello = router.recv_timeout(SOON).unwrap();
        router.send([&hello[0], b"last words"]).unwrap();
        let _ = router.close();
        for expected in ["last words", "hiccup"] {
            assert_eq!(dealer.recv_timeout(SOON).unwrap(), expected, "{endpoint}");
        }
    }
}

#[test]
fn a_type_that_has_no_use_for_such_a_message_refuses_it() {
    let context = Context::new();
    let options = Options::new().hello_message("hello");
    let error = context.socket(Push).options(options).open().unwrap_err();
    assert_eq!(
        error.to_string(),
        "hello_message is not for a PUSH, but for DEALER, ROUTER, CLIENT, SERVER, PEER"
    );
    let error = context
        .socket(SocketType::Dealer)
        .disconnect_message("gone")
        .open()
        .unwrap_err();
    assert!(error.to_string().contains("not for a DEALER"), "{error}");
    let error = context
        .socket(Client)
        .hello_message(["one", "two"])
        .open()
        .unwrap_err();
    assert!(error.to_string().contains("2 frames"), "{error}");
    let router = context.socket(Router).open().unwrap();
    let refused = router.set_options(|now| now.hiccup_message("hiccup"));
    assert!(matches!(refused, Err(Error::Option(_))));
}

#[test]
fn what_is_said_can_be_changed_for_the_peers_to_come() {
    let context = Context::new();
    let router = context.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
    let silent = context.socket(Dealer).connect(address(&router)).unwrap();
    silent.send("here").unwrap();
    router.recv_timeout(SOON).unwrap();
    router
        .set_options(|now| now.hello_message("welcome").disconnect_message("gone"))
        .unwrap();
    let greeted = context.socket(Dealer).connect(address(&router)).unwrap();
    assert_eq!(greeted.recv_timeout(SOON).unwrap(), "welcome");
    let _ = silent.close();
    assert_eq!(&router.recv_timeout(SOON).unwrap()[1], "gone".as_bytes());
}

#[test]
fn a_refused_connection_is_given_up_if_asked() {
    let context = Context::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = nobody.local_addr().unwrap().port();
    drop(nobody);
    let push = context
        .socket(Push)
        .reconnect_interval(HASTE)
        .reconnect_stop(ReconnectStop::never().on_refused())
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect(format!("tcp://127.0.0.1:{port}")).unwrap();
    let event = await_event(&monitor, |kind| {
        matches!(
            kind,
            EventKind::ConnectGivenUp | EventKind::ConnectRetried { .. }
        )
    });
    assert_eq!(event.kind, EventKind::ConnectGivenUp);
}

#[test]
fn a_connection_whose_handshake_fails_is_given_up_if_asked_and_a_lost_one_is_not() {
    let context = Context::new();
    let stop = ReconnectStop::never().on_handshake_failed();
    let router = context.socket(Router).bind("tcp://127.0.0.1:*").unwrap();
    let push = context.socket(Push).reconnect_stop(stop).open().unwrap();
    let monitor = push.monitor();
    push.connect(address(&router)).unwrap();
    let event = await_event(&monitor, |kind| {
        matches!(
            kind,
            EventKind::ConnectGivenUp | EventKind::ConnectRetried { .. }
        )
    });
    assert_eq!(event.kind, EventKind::ConnectGivenUp);

    let dealer = context.socket(Dealer).reconnect_stop(stop).open().unwrap();
    let monitor = dealer.monitor();
    dealer.connect(address(&router)).unwrap();
    await_peer(&monitor);
    drop(router);
    await_event(&monitor, |kind| {
        matches!(kind, EventKind::ConnectRetried { .. })
    });
}

#[test]
fn after_a_disconnect_a_lost_connection_is_given_up_if_asked() {
    let context = Context::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = context
        .socket(Push)
        .reconnect_stop(ReconnectStop::never().after_disconnect())
        .send_hwm(0)
        .open()
        .unwrap();
    let monitor = push.monitor();
    let endpoint = format!("tcp://{}", listener.local_addr().unwrap());
    push.connect(endpoint.as_str()).unwrap();
    let peer = Raw::accept(&listener).shake("PULL");
    await_peer(&monitor);
    // More than the system takes, of a peer that does not read.
    let mebibyte = Message::from(vec![0u8; 1 << 20]);
    for _ in 0..64 {
        push.send(mebibyte.clone()).unwrap();
    }
    push.disconnect(endpoint.as_str()).unwrap();
    drop(peer);
    let event = await_event(&monitor, |kind| {
        matches!(
            kind,
            EventKind::ConnectGivenUp | EventKind::ConnectRetried { .. }
        )
    });
    assert_eq!(event.kind, EventKind::ConnectGivenUp);
}
