//! The single-frame family: CLIENT and SERVER (RFC 41), SCATTER and GATHER (RFC 49), PEER (RFC 51),
//! CHANNEL (RFC 52).

use std::collections::HashSet;
use std::thread;
use std::time::Duration;

use sinew::{
    Channel, Client, Context, EventKind, Gather, Kind, Message, Peer, PeerRefusal, RecvError,
    Scatter, SendErrorKind, Sends, Server, Socket, SocketType,
};

use crate::support::{address, await_event, await_peer, endpoints, Raw, A_WHILE, MORE, SOON};

#[track_caller]
fn refuses_multipart<K: Sends>(socket: &Socket<K>) {
    let message = Message::from(["two", "frames"]);
    let error = socket.send(message.clone()).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Multipart);
    assert_eq!(error.into_message(), message);
    let error = socket.try_send_many(&mut vec![message]).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Multipart);
}

#[test]
fn a_message_of_several_frames_is_refused_by_all_that_send_single_ones() {
    fn check<K: Kind + Sends>(one: K, other: impl Kind, name: &str) {
        let ctx = Context::new();
        let at = format!("inproc://single-{name}");
        let one = ctx.socket(one).bind(&at).unwrap();
        refuses_multipart(&one);
        // With a peer a stream may go round the rules of the pattern.
        let monitor = one.monitor();
        let _other = ctx.socket(other).connect(&at).unwrap();
        await_peer(&monitor);
        refuses_multipart(&one);
    }
    check(Client, Server, "client");
    check(Server, Client, "server");
    check(Scatter, Gather, "scatter");
    check(Peer, Peer, "peer");
    check(Channel, Channel, "channel");
}

#[test]
fn a_message_of_several_frames_that_comes_is_discarded_whole() {
    for (kind, peer) in [
        (SocketType::Client, "SERVER"),
        (SocketType::Server, "CLIENT"),
        (SocketType::Gather, "SCATTER"),
        (SocketType::Peer, "PEER"),
        (SocketType::Channel, "CHANNEL"),
    ] {
        let ctx = Context::new();
        let socket = ctx.socket(kind).bind("tcp://127.0.0.1:*").unwrap();
        let mut raw = Raw::connect(&address(&socket)).shake(peer);
        raw.send(MORE, b"two");
        raw.send(0, b"frames");
        raw.send(0, b"one");
        assert_eq!(socket.recv_timeout(SOON).unwrap(), "one", "{kind}");
        assert_eq!(socket.try_recv(), Err(RecvError::WouldBlock), "{kind}");
    }
}

#[test]
fn server_answers_each_client_by_the_number_of_its_message() {
    for endpoint in endpoints("server-clients") {
        let ctx = Context::new();
        let server = ctx.socket(Server).bind(&endpoint).unwrap();
        let clients: Vec<_> = (0..3)
            .map(|n| {
                let client = ctx.socket(Client).connect(address(&server)).unwrap();
                client.send(format!("from {n}")).unwrap();
                client
            })
            .collect();
        let mut requests: Vec<_> = (0..3).map(|_| server.recv_timeout(SOON).unwrap()).collect();
        let numbers: HashSet<_> = requests.iter().map(|it| it.routing_id().unwrap()).collect();
        assert_eq!(numbers.len(), 3, "{endpoint}");
        assert!(!numbers.contains(&0));
        while let Some(request) = requests.pop() {
            server.send(request).unwrap();
        }
        for (n, client) in clients.iter().enumerate() {
            let answer = client.recv_timeout(SOON).unwrap();
            assert_eq!(answer, format!("from {n}").as_str(), "{endpoint}");
            assert_eq!(answer.routing_id(), None, "{endpoint}");
        }
    }
}

#[test]
fn each_message_of_a_stream_has_its_clients_number_though_that_has_gone() {
    const EACH: usize = 400;
    for endpoint in endpoints("server-streams") {
        let ctx = Context::new();
        let server = ctx.socket(Server).bind(&endpoint).unwrap();
        let clients: Vec<_> = (0..3)
            .map(|_| ctx.socket(Client).connect(address(&server)).unwrap())
            .collect();
        for n in 0..EACH {
            for (name, client) in clients.iter().enumerate() {
                client.send(format!("{name} {n}")).unwrap();
            }
        }
        for client in clients {
            assert_eq!(client.close().undelivered, 0, "{endpoint}");
        }
        let mut names = std::collections::BTreeMap::new();
        let mut next = [0; 3];
        for _ in 0..3 * EACH {
            let message = server.recv_timeout(SOON).unwrap();
            let (name, n) = message.to_str().unwrap().split_once(' ').unwrap();
            let name: usize = name.parse().unwrap();
            let number = message.routing_id().unwrap();
            assert_eq!(*names.entry(number).or_insert(name), name, "{endpoint}");
            assert_eq!(n, next[name].to_string(), "{endpoint}");
            next[name] += 1;
        }
        assert_eq!((names.len(), next), (3, [EACH; 3]), "{endpoint}");
    }
}

#[test]
fn server_gives_back_what_is_for_nobody() {
    let ctx = Context::new();
    let server = ctx.socket(Server).bind("inproc://server-nobody").unwrap();
    for message in [
        Message::from("without a number"),
        Message::from("with one").with_routing_id(7),
        Message::new().with_routing_id(0),
    ] {
        let error = server.send(message.clone()).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Unroutable);
        assert_eq!(error.message().routing_id(), message.routing_id());
    }
    let client = ctx.socket(Client).connect(address(&server)).unwrap();
    client.send("hello").unwrap();
    let request = server.recv_timeout(SOON).unwrap();
    let monitor = server.monitor();
    drop(client);
    await_event(&monitor, |kind| {
        matches!(kind, EventKind::Disconnected { .. })
    });
    let error = server.send(request).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
}

#[test]
fn a_large_message_keeps_its_number_both_ways() {
    let ctx = Context::new();
    let server = ctx.socket(Server).bind("tcp://127.0.0.1:*").unwrap();
    let client = ctx.socket(Client).connect(address(&server)).unwrap();
    for size in [0, 1, 69, 70, 4097, 1 << 20] {
        let body = vec![7; size];
        client.send(body.clone()).unwrap();
        let request = server.recv_timeout(SOON).unwrap();
        let number = request.routing_id().unwrap();
        assert_eq!(request.as_bytes().unwrap(), body, "{size}");
        server
            .send(Message::from(body.clone()).with_routing_id(number))
            .unwrap();
        assert_eq!(client.recv_timeout(SOON).unwrap().as_bytes().unwrap(), body);
    }
}

#[test]
fn server_waits_for_a_full_client() {
    let ctx = Context::new();
    let server = ctx
        .socket(Server)
        .send_hwm(2)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut raw = Raw::connect(&address(&server)).shake("CLIENT");
    raw.send(0, b"hello");
    let number = server.recv_timeout(SOON).unwrap().routing_id().unwrap();
    let message = || Message::from(vec![7; 1 << 20]).with_routing_id(number);
    while server.send_timeout(message(), A_WHILE).is_ok() {}
    let error = server.try_send(message()).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::WouldBlock);
    let waiting = thread::spawn({
        let (server, message) = (server.clone(), message());
        move || server.send(message)
    });
    drop(raw);
    let error = waiting.join().unwrap().unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::Unroutable);
}

#[test]
fn client_waits_without_a_server_and_takes_turns_among_several() {
    let ctx = Context::new();
    let client = ctx.socket(Client).open().unwrap();
    let error = client.try_send("early").unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::WouldBlock);
    let monitor = client.monitor();
    let servers: Vec<_> = (0..2)
        .map(|n| {
            let at = format!("inproc://client-turns-{n}");
            let server = ctx.socket(Server).bind(&at).unwrap();
            client.connect(&at).unwrap();
            await_peer(&monitor);
            server
        })
        .collect();
    for n in 0..4 {
        client.send(n.to_string()).unwrap();
    }
    for server in &servers {
        server.recv_timeout(SOON).unwrap();
        server.recv_timeout(SOON).unwrap();
        assert!(server.try_recv().is_err());
    }
}

#[test]
fn scatter_deals_out_in_turn_and_gather_hears_all() {
    for endpoint in endpoints("scatter-gather") {
        let ctx = Context::new();
        let gather = ctx.socket(Gather).bind(&endpoint).unwrap();
        let scatters: Vec<_> = (0..3)
            .map(|n| {
                let scatter = ctx.socket(Scatter).connect(address(&gather)).unwrap();
                scatter.send(n.to_string()).unwrap();
                scatter
            })
            .collect();
        let heard: HashSet<_> = (0..3)
            .map(|_| gather.recv_timeout(SOON).unwrap().to_string())
            .collect();
        assert_eq!(heard.len(), 3, "{endpoint}");
        for scatter in scatters {
            assert_eq!(scatter.close().undelivered, 0, "{endpoint}");
        }
    }
    let ctx = Context::new();
    let scatter = ctx.socket(Scatter).open().unwrap();
    let monitor = scatter.monitor();
    let gathers: Vec<_> = (0..3)
        .map(|n| {
            let at = format!("inproc://scatter-turns-{n}");
            let gather = ctx.socket(Gather).bind(&at).unwrap();
            scatter.connect(&at).unwrap();
            await_peer(&monitor);
            gather
        })
        .collect();
    for n in 0..30 {
        scatter.send(n.to_string()).unwrap();
    }
    for gather in &gathers {
        for _ in 0..10 {
            gather.recv_timeout(SOON).unwrap();
        }
        assert!(gather.try_recv().is_err());
    }
}

#[test]
fn peer_knows_by_its_number_whom_it_connects_to() {
    for endpoint in endpoints("peer-peer") {
        let ctx = Context::new();
        let one = ctx.socket(Peer).bind(&endpoint).unwrap();
        let other = ctx.socket(Peer).open().unwrap();
        let number = other.connect_for_id(address(&one)).unwrap();
        assert_ne!(number, 0);
        other
            .send(Message::from("hello").with_routing_id(number))
            .unwrap();
        let hello = one.recv_timeout(SOON).unwrap();
        assert_eq!(hello, "hello", "{endpoint}");
        let back = hello.routing_id().unwrap();
        one.send(Message::from("and back").with_routing_id(back))
            .unwrap();
        let answer = other.recv_timeout(SOON).unwrap();
        assert_eq!(answer, "and back", "{endpoint}");
        assert_eq!(answer.routing_id(), Some(number), "{endpoint}");
    }
}

#[test]
fn channel_has_one_peer_and_refuses_a_second() {
    for endpoint in endpoints("channel") {
        let ctx = Context::new();
        let one = ctx.socket(Channel).bind(&endpoint).unwrap();
        let monitor = one.monitor();
        let other = ctx.socket(Channel).connect(address(&one)).unwrap();
        await_peer(&monitor);
        let _third = ctx
            .socket(Channel)
            .linger(Duration::ZERO)
            .connect(address(&one))
            .unwrap();
        let reason = PeerRefusal::Paired;
        await_event(&monitor, |kind| *kind == EventKind::PeerRefused { reason });
        one.send("there").unwrap();
        other.send("back").unwrap();
        assert_eq!(other.recv_timeout(SOON).unwrap(), "there", "{endpoint}");
        assert_eq!(one.recv_timeout(SOON).unwrap(), "back", "{endpoint}");
    }
}

#[test]
fn a_client_that_comes_back_has_another_number() {
    for endpoint in endpoints("client-comes-back") {
        let ctx = Context::new();
        let server = ctx.socket(Server).bind(&endpoint).unwrap();
        let mut numbers = HashSet::new();
        for _ in 0..3 {
            let client = ctx.socket(Client).connect(address(&server)).unwrap();
            client.send("hello").unwrap();
            let request = server.recv_timeout(SOON).unwrap();
            assert!(numbers.insert(request.routing_id().unwrap()), "{endpoint}");
        }
    }
}
