//! Authenticators with libzmq at the other end: as a client that is let in or not, and with a ZAP handler of its own.

use std::thread;

use libzmq_peer as zmq;
use libzmq_peer::{event, option, Kind};
use sinew::{Authenticator, Context, Pending, Pull, Push, Socket};

use crate::support::*;

fn pull(authenticator: Authenticator, plain: bool) -> Socket<Pull> {
    let builder = Context::new().socket(Pull).authenticator(authenticator);
    let nobody: [(&str, &str); 0] = [];
    let builder = match plain {
        true => builder.plain_server(nobody),
        false => builder,
    };
    builder.open().expect("our PULL")
}

fn push(context: &zmq::Context, plain: bool) -> zmq::Socket {
    let push = theirs(context, Kind::Push);
    if plain {
        for (name, value) in [
            (option::PLAIN_USERNAME, "anna"),
            (option::PLAIN_PASSWORD, "secret"),
        ] {
            push.set_bytes(name, value.as_bytes())
                .expect("their option");
        }
    }
    push
}

#[test]
fn a_libzmq_client_is_let_in_under_its_name_later() {
    for (setup, plain) in Setup::all().flat_map(|setup| [(setup, false), (setup, true)]) {
        // The answer comes from a thread of its own.
        let authenticator = Authenticator::new(move |pending: Pending| {
            thread::spawn(move || {
                assert_eq!(
                    pending.candidate().password(),
                    plain.then_some(&b"secret"[..])
                );
                pending.accept_as("Anna");
            });
        });
        let ours = pull(authenticator.checks_passwords(), plain);
        let context = zmq::Context::new();
        let theirs = push(&context, plain);
        let _address = setup.join(&ours.clone().into_dynamic(), &theirs);
        theirs.send(b"hello", false).expect("their message");
        let received = ours.recv_timeout(DEADLINE).expect("their message here");
        assert_eq!(received, "hello", "{setup:?} {plain}");
        let user = ours.peers()[0].info.as_ref().and_then(|it| it.user.clone());
        assert_eq!(user.as_deref(), Some("Anna"));
    }
}

#[test]
fn a_libzmq_client_that_is_refused_is_told_so() {
    type Answer = fn(Pending);
    let ways: [(Answer, u32); 2] = [(Pending::refuse, 400), (drop, 500)];
    for (answer, status) in ways {
        for plain in [false, true] {
            let ours = pull(Authenticator::new(answer).checks_passwords(), plain);
            let context = zmq::Context::new();
            let theirs = push(&context, plain);
            let monitor = theirs.monitor(event::ALL).expect("their monitor");
            let _address = Setup::TCP.join(&ours.clone().into_dynamic(), &theirs);
            let told = loop {
                let event = monitor.recv_timeout(DEADLINE_MS).expect("their event");
                assert_ne!(event.id, event::HANDSHAKE_SUCCEEDED);
                match event.id {
                    event::HANDSHAKE_FAILED_AUTH => break Some(event.value),
                    event::HANDSHAKE_FAILED_PROTOCOL => break None,
                    _ => {}
                }
            };
            // Its PLAIN client knows ERROR in the place of WELCOME alone, before it says what it is.
            assert_eq!(told, (!plain).then_some(status));
            assert!(ours.try_recv().is_err());
        }
    }
}

#[test]
fn a_libzmq_server_with_a_zap_handler_lets_us_in_or_tells_us_the_status() {
    for (status, welcome) in [(&b"200"[..], true), (b"400", false)] {
        let context = zmq::Context::new();
        let handler = theirs(&context, Kind::Rep);
        handler.bind("inproc://zeromq.zap.01").expect("a handler");
        let server = theirs(&context, Kind::Pull);
        server
            .set_bytes(option::ZAP_DOMAIN, b"global")
            .expect("their option");
        server.bind("tcp://127.0.0.1:*").expect("their bind");
        let endpoint = server.last_endpoint().expect("their endpoint");
        // Ours asks as well.
        let ours = Context::new()
            .socket(Push)
            .authenticator(Authenticator::new(Pending::accept))
            .linger(std::time::Duration::ZERO)
            .open()
            .expect("our PUSH");
        let monitor = ours.monitor();
        ours.connect(endpoint.as_str()).expect("our connect");
        let request = handler.recv_multipart().expect("a request");
        assert_eq!(request[2], b"global");
        let reply = [b"1.0", &request[1][..], status, b"", b"", b""];
        handler.send_multipart(reply).expect("a reply");
        match welcome {
            true => {
                ours.send("hello").expect("our message");
                assert_eq!(
                    server.recv_multipart().expect("our message there"),
                    [b"hello"]
                );
            }
            false => {
                wait_for(&monitor, "a refusal", |kind| {
                    matches!(kind, sinew::EventKind::HandshakeFailed { reason }
                        if reason.kind() == sinew::ReasonKind::Authentication)
                });
            }
        }
    }
}
