//! The single-frame family, which libzmq calls drafts: CLIENT and SERVER (RFC 41), SCATTER and GATHER (RFC 49),
//! PEER (RFC 51), CHANNEL (RFC 52).

use std::collections::HashSet;
use std::thread;
use std::time::{Duration, Instant};

use libzmq_peer as zmq;
use libzmq_peer::{option, Kind, Msg};
use sinew::{
    Channel, Client, Context, EventKind, Gather, Peer, PeerRefusal, Scatter, SendErrorKind, Server,
    SocketType,
};

use crate::ends::{frames, End, Library};
use crate::support::*;

const SIZES: [usize; 9] = [0, 1, 69, 255, 256, 8_191, 65_536, 1 << 20, 8 << 20];

fn their_number(socket: &zmq::Socket) -> (u32, Vec<u8>) {
    let mut msg = Msg::new();
    socket.recv(&mut msg).expect("their message");
    assert!(!msg.more(), "one frame");
    (msg.routing_id(), msg.as_bytes().to_vec())
}

fn numbered(number: u32, body: &[u8]) -> Msg {
    let mut msg = Msg::from_bytes(body).expect("a message");
    msg.set_routing_id(number).expect("a number");
    msg
}

#[test]
fn bodies_of_any_size_go_both_ways_between_client_and_server() {
    for setup in Setup::all() {
        let client = Context::new().socket(Client).open().expect("our CLIENT");
        let server = theirs(&zmq::Context::new(), Kind::Server);
        let _address = setup.join(&client.clone().into_dynamic(), &server);
        for size in SIZES {
            client.send_timeout(body(size), DEADLINE).expect("ours");
            let (number, asked) = their_number(&server);
            assert!(asked == body(size), "{setup:?} {size}");
            server.send_msg(numbered(number, &asked)).expect("theirs");
            let answer = client.recv_timeout(DEADLINE).expect("an answer");
            assert!(answer == body(size), "{setup:?} {size}");
            assert_eq!(answer.routing_id(), None, "a client's messages have none");
        }

        let server = Context::new().socket(Server).open().expect("our SERVER");
        let client = theirs(&zmq::Context::new(), Kind::Client);
        let _address = setup.join(&server.clone().into_dynamic(), &client);
        for size in SIZES {
            client.send(&body(size), false).expect("theirs");
            let asked = server.recv_timeout(DEADLINE).expect("a request");
            assert!(asked == body(size), "{setup:?} {size}");
            server.send_timeout(asked, DEADLINE).expect("our answer");
            let (number, answer) = their_number(&client);
            assert!(answer == body(size), "{setup:?} {size}");
            assert_eq!(number, 0, "a client's messages have none");
        }
    }
}

#[test]
fn our_server_answers_each_libzmq_client_by_its_number_and_knows_when_it_is_gone() {
    let server = Context::new().socket(Server).open().expect("our SERVER");
    let monitor = server.monitor();
    let context = zmq::Context::new();
    let clients = ["a", "b", "c"].map(|name| {
        let client = theirs(&context, Kind::Client);
        let address = Setup::TCP.join(&server.clone().into_dynamic(), &client);
        client.send(name.as_bytes(), false).expect("theirs");
        (name, client, address)
    });
    let asked: Vec<_> = clients
        .iter()
        .map(|_| server.recv_timeout(DEADLINE).expect("a request"))
        .collect();
    let numbers: HashSet<_> = asked.iter().map(|it| it.routing_id()).collect();
    assert_eq!(numbers.len(), 3, "each has its own");
    assert!(!numbers.contains(&None), "and every one has one");
    for request in asked.iter().rev() {
        server
            .send_timeout(request.clone(), DEADLINE)
            .expect("our answer");
    }
    for (name, client, _) in &clients {
        assert_eq!(client.recv_multipart().expect("it"), [name.as_bytes()]);
    }
    drop(clients);
    for _ in 0..3 {
        wait_for(&monitor, "the end of one", is_down);
    }
    for request in asked {
        let error = server.send_timeout(request, DEADLINE).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Unroutable);
    }
}

#[test]
fn a_libzmq_server_answers_each_of_our_clients_by_its_number() {
    let server = theirs(&zmq::Context::new(), Kind::Server);
    let context = Context::new();
    let clients = ["a", "b", "c"].map(|name| {
        let client = context.socket(Client).open().expect("our CLIENT");
        let setup = Setup {
            we_bind: false,
            ..Setup::TCP
        };
        let address = setup.join(&client.clone().into_dynamic(), &server);
        client.send_timeout(name, DEADLINE).expect("ours");
        (name, client, address)
    });
    let asked: Vec<_> = clients.iter().map(|_| their_number(&server)).collect();
    let numbers: HashSet<_> = asked.iter().map(|it| it.0).collect();
    assert_eq!(numbers.len(), 3, "each has its own");
    for (number, name) in asked.iter().rev() {
        server.send_msg(numbered(*number, name)).expect("theirs");
    }
    for (name, client, _) in &clients {
        assert_eq!(client.recv_timeout(DEADLINE).expect("it"), *name);
    }
    drop(clients);
    for (number, _) in asked {
        // libzmq takes note when it looks for what the peer has still sent.
        let deadline = Instant::now() + DEADLINE;
        while server.send_msg(numbered(number, b"late")) != Err(zmq::Error::HOSTUNREACH) {
            assert!(Instant::now() < deadline, "it is still there");
            assert_eq!(server.poll_in(1), Ok(false));
        }
    }
}

#[test]
fn a_message_of_several_frames_is_refused_at_both_ends() {
    use SocketType as Type;
    for kind in [
        Type::Client,
        Type::Server,
        Type::Scatter,
        Type::Peer,
        Type::Channel,
        Type::Radio,
    ] {
        let ours = Context::new().socket(kind).open().expect("ours");
        let error = ours.try_send(["a", "b"]).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Multipart, "{kind}");
        let End::Libzmq(_, theirs) = End::open(Library::Libzmq, kind) else {
            unreachable!()
        };
        assert_eq!(theirs.send(b"a", true), Err(zmq::Error::INVAL), "{kind}");
    }
}

#[test]
fn a_long_stream_from_scatter_to_gather_keeps_its_order() {
    const COUNT: u32 = 20_000;
    for setup in Setup::all() {
        let scatter = Context::new().socket(Scatter).open().expect("our SCATTER");
        let gather = theirs(&zmq::Context::new(), Kind::Gather);
        let _address = setup.join(&scatter.clone().into_dynamic(), &gather);
        let sender = thread::spawn(move || {
            for n in 0..COUNT {
                scatter
                    .send_timeout(n.to_le_bytes(), DEADLINE)
                    .expect("ours");
            }
            scatter
        });
        for n in 0..COUNT {
            let received = gather.recv_multipart().expect("a message");
            assert_eq!(received, [n.to_le_bytes()], "{setup:?}");
        }
        sender.join().expect("the sender");

        let gather = Context::new().socket(Gather).open().expect("our GATHER");
        let scatter = theirs(&zmq::Context::new(), Kind::Scatter);
        let _address = setup.join(&gather.clone().into_dynamic(), &scatter);
        let sender = thread::spawn(move || {
            for n in 0..COUNT {
                scatter.send(&n.to_le_bytes(), false).expect("theirs");
            }
            scatter
        });
        for n in 0..COUNT {
            let received = gather.recv_timeout(DEADLINE).expect("a message");
            assert_eq!(received, n.to_le_bytes(), "{setup:?}");
        }
        sender.join().expect("the sender");
    }
}

#[test]
fn our_scatter_deals_out_to_libzmq_gathers_in_turn_and_our_gather_hears_every_libzmq_scatter() {
    let scatter = Context::new().socket(Scatter).open().expect("our SCATTER");
    let monitor = scatter.monitor();
    let context = zmq::Context::new();
    let gathers = [(); 3].map(|()| {
        let gather = theirs(&context, Kind::Gather);
        let address = Setup::TCP.join(&scatter.clone().into_dynamic(), &gather);
        wait_for(&monitor, "a peer", is_up);
        (gather, address)
    });
    for n in 0..30u8 {
        scatter.send_timeout([n], DEADLINE).expect("ours");
    }
    let mut seen = HashSet::new();
    for (gather, _) in &gathers {
        for _ in 0..10 {
            seen.insert(gather.recv_multipart().expect("a share"));
        }
    }
    assert_eq!(seen.len(), 30, "nothing twice");

    let gather = Context::new().socket(Gather).open().expect("our GATHER");
    let scatters = [b"a", b"b", b"c"].map(|name| {
        let scatter = theirs(&context, Kind::Scatter);
        let address = Setup::TCP.join(&gather.clone().into_dynamic(), &scatter);
        scatter.send(name, false).expect("theirs");
        (scatter, address)
    });
    let heard: HashSet<_> = scatters
        .iter()
        .map(|_| gather.recv_timeout(DEADLINE).expect("one").to_string())
        .collect();
    assert_eq!(heard.len(), 3);
}

#[test]
fn peers_of_both_libraries_know_by_its_number_what_they_connect_to() {
    for library in Library::BOTH {
        for transport in Transport::ALL {
            let bound = End::open(library, SocketType::Peer);
            let address = Address::new(transport);
            let endpoint = bound.bind(address.as_str());
            let callers = ["a", "b"].map(|name| {
                let caller = End::open(library.other(), SocketType::Peer);
                let number = caller.connect(&endpoint);
                caller.send(&frames(&[&number, name]));
                (name, caller, number)
            });
            let asked = [bound.recv(), bound.recv()];
            assert_ne!(asked[0][0], asked[1][0], "each has its own");
            for request in asked.iter().rev() {
                bound.send(request);
            }
            for (name, caller, number) in &callers {
                assert_eq!(caller.recv(), frames(&[number, name]), "{transport:?}");
            }
        }
    }
}

#[test]
fn channels_stream_both_ways_and_ours_refuses_a_second_libzmq_channel() {
    for setup in Setup::all() {
        let ours = Context::new().socket(Channel).open().expect("our CHANNEL");
        let theirs = theirs(&zmq::Context::new(), Kind::Channel);
        let _address = setup.join(&ours.clone().into_dynamic(), &theirs);
        let sender = thread::spawn({
            let ours = ours.clone();
            move || {
                for size in SIZES {
                    ours.send_timeout(body(size), DEADLINE).expect("ours");
                }
            }
        });
        for size in SIZES {
            theirs.send(&body(size), false).expect("theirs");
            let there = theirs.recv_multipart().expect("ours there");
            assert_same(&there, &[body(size)], &format!("to libzmq, {setup:?}"));
            let here = ours.recv_timeout(DEADLINE).expect("theirs here");
            assert!(here == body(size), "from libzmq, {setup:?}");
        }
        sender.join().expect("the sender");
    }

    let ours = Context::new().socket(Channel).open().expect("our CHANNEL");
    let monitor = ours.monitor();
    let context = zmq::Context::new();
    let first = theirs(&context, Kind::Channel);
    let _address = Setup::TCP.join(&ours.clone().into_dynamic(), &first);
    wait_for(&monitor, "the first peer", is_up);
    let second = theirs(&context, Kind::Channel);
    let bound = ours.last_endpoint().expect("our endpoint");
    second.connect(&bound.to_string()).expect("their connect");
    let event = wait_for(&monitor, "a refusal", |kind| {
        matches!(kind, EventKind::PeerRefused { .. })
    });
    let reason = PeerRefusal::Paired;
    assert_eq!(event.kind, EventKind::PeerRefused { reason });
    ours.send_timeout("to the first", DEADLINE).expect("ours");
    assert_eq!(first.recv_multipart().expect("ours"), [b"to the first"]);
}

#[test]
fn messages_of_hello_disconnect_and_hiccup_are_the_same_at_both_libraries() {
    for setup in Setup::all() {
        // Our SERVER, called or calling, hears a libzmq CLIENT's hello, and tells that a caller has gone.
        let server = Context::new()
            .socket(Server)
            .hello_message("ours")
            .disconnect_message("gone")
            .open()
            .expect("our SERVER");
        let client = theirs(&zmq::Context::new(), Kind::Client);
        client
            .set_bytes(option::HELLO_MSG, b"theirs")
            .expect("their hello");
        let _address = setup.join(&server.clone().into_dynamic(), &client);
        let hello = server.recv_timeout(DEADLINE).expect("their hello");
        assert_eq!(hello, "theirs", "{setup:?}");
        assert_eq!(client.recv_multipart().expect("our hello"), [b"ours"]);
        drop(client);
        if setup.we_bind {
            let gone = server.recv_timeout(DEADLINE).expect("a note");
            assert_eq!(gone, "gone");
            assert_eq!(gone.routing_id(), hello.routing_id(), "it says of whom");
        }

        let client = Context::new()
            .socket(Client)
            .hello_message("ours")
            .hiccup_message("lost")
            .reconnect_interval(Duration::from_millis(10))
            .open()
            .expect("our CLIENT");
        let server = theirs(&zmq::Context::new(), Kind::Server);
        server
            .set_bytes(option::HELLO_MSG, b"theirs")
            .expect("their hello");
        let _address = setup.join(&client.clone().into_dynamic(), &server);
        assert_eq!(their_number(&server).1, b"ours", "{setup:?}");
        assert_eq!(client.recv_timeout(DEADLINE).expect("hello"), "theirs");
        drop(server);
        if !setup.we_bind {
            assert_eq!(client.recv_timeout(DEADLINE).expect("a note"), "lost");
        }
    }
}

#[test]
fn a_libzmq_server_tells_that_our_client_has_gone() {
    let server = theirs(&zmq::Context::new(), Kind::Server);
    server
        .set_bytes(option::DISCONNECT_MSG, b"gone")
        .expect("their note");
    let client = Context::new().socket(Client).open().expect("our CLIENT");
    let setup = Setup {
        we_bind: false,
        ..Setup::TCP
    };
    let _address = setup.join(&client.clone().into_dynamic(), &server);
    client.send_timeout("hello", DEADLINE).expect("ours");
    let (number, hello) = their_number(&server);
    assert_eq!(hello, b"hello");
    drop(client);
    assert_eq!(their_number(&server), (number, b"gone".to_vec()));
}

#[test]
fn our_peer_is_told_by_number_what_a_libzmq_peer_is_and_cannot_reach_it_when_it_has_gone() {
    let ours = Context::new().socket(Peer).open().expect("our PEER");
    let monitor = ours.monitor();
    let bound = ours.bind("tcp://127.0.0.1:*").expect("our bind");
    let theirs = theirs(&zmq::Context::new(), Kind::Peer);
    let number = theirs.connect_peer(&bound.to_string()).expect("theirs");
    theirs.send_msg(numbered(number, b"hello")).expect("theirs");
    let hello = ours.recv_timeout(DEADLINE).expect("theirs here");
    assert_eq!(hello, "hello");
    drop(theirs);
    wait_for(&monitor, "its end", is_down);
    let error = ours.send_timeout(hello, DEADLINE).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
}
