//! Properties: what an application adds to what its sockets say of themselves.

use std::sync::Arc;
use std::time::Duration;

use sinew::{Context, Dealer, Error, Message, Options, PeerInfo, Pull, Push, Router, SocketType};

use crate::support::{
    address, await_disconnect, await_event, await_peer, await_refusal, endpoints, frame, Raw,
    COMMAND, SOON,
};

/// What the only peer of a socket said of itself.
#[track_caller]
fn only_peer<K: sinew::Kind>(socket: &sinew::Socket<K>) -> PeerInfo {
    socket.wait_for_peers(1, SOON).unwrap();
    let [peer] = &socket.peers()[..] else {
        panic!("{:?}", socket.peers());
    };
    peer.info.clone().unwrap()
}

/// A READY command of a PUSH with other properties besides.
fn ready(others: &[u8]) -> Vec<u8> {
    let body = [b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH", others].concat();
    frame(COMMAND, &body)
}

fn property(name: &str, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![name.len() as u8];
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&(value.len() as u32).to_be_bytes());
    bytes.extend_from_slice(value);
    bytes
}

#[test]
fn each_side_reads_the_properties_of_the_other_whatever_the_case_of_their_names() {
    for endpoint in endpoints("properties") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).property("X-Rack", [0, 255]).open();
        let pull = pull.unwrap();
        let monitor = pull.monitor();
        pull.bind(&endpoint).unwrap();
        let push = ctx
            .socket(Push)
            .property("X-Role", "sensor")
            .property("X-Empty", "")
            .connect(address(&pull))
            .unwrap();
        let sensor = only_peer(&pull);
        for name in ["X-Role", "x-role", "X-ROLE"] {
            assert_eq!(sensor.property(name), Some(&b"sensor"[..]), "{name}");
        }
        assert_eq!(sensor.property("X-Empty"), Some(&b""[..]));
        assert_eq!(sensor.property("X-Rack"), None);
        assert_eq!(sensor.properties.len(), 2);
        assert_eq!(only_peer(&push).property("x-rack"), Some(&[0, 255][..]));
        let event = await_event(&monitor, |kind| {
            matches!(kind, sinew::EventKind::HandshakeSucceeded)
        });
        assert_eq!(event.peer.unwrap().property("X-Role"), Some(&b"sensor"[..]));
    }
}

#[test]
fn properties_stand_in_ready_behind_what_the_protocol_has_there() {
    let ctx = Context::new();
    let dealer = ctx
        .socket(Dealer)
        .routing_id("me")
        .property("X-One", "1")
        .property("X-Two", "22")
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut raw = Raw::connect(&address(&dealer));
    raw.read(64);
    let expected = [
        &b"\x05READY\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\x02me"[..],
        b"\x05X-One\0\0\0\x011\x05X-Two\0\0\0\x0222",
    ];
    assert_eq!(raw.read_frame(), (COMMAND, expected.concat()));
}

#[test]
fn the_most_that_a_socket_may_announce_is_accepted_by_its_peers() {
    let name = |n: usize| format!("X-{n:02}{}", "n".repeat(251));
    // Counted as they go: both lengths take five bytes.
    let left = 7 * 1024 - 24 * (5 + 255);
    let mut most = Options::new().routing_id("i".repeat(255));
    for n in 0..24 {
        let value = if n == 0 { left } else { 0 };
        most = most.property(name(n), vec![7; value]);
    }
    for endpoint in endpoints("most-properties") {
        let ctx = Context::new();
        let router = ctx.socket(Router).options(most.clone()).bind(&endpoint);
        let router = router.unwrap();
        let dealer = ctx.socket(Dealer).options(most.clone());
        let dealer = dealer.connect(address(&router)).unwrap();
        for info in [only_peer(&router), only_peer(&dealer)] {
            assert_eq!(info.properties, most.properties);
        }
    }
    let one_more = most.property("X-more", "");
    let error = Context::new().socket(Router).options(one_more).open();
    assert!(matches!(error, Err(Error::Option(text)) if text.contains("25 properties")));
}

#[test]
fn properties_that_are_changed_are_told_to_later_peers() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).property("X-Load", "low").open().unwrap();
    pull.bind("tcp://127.0.0.1:*").unwrap();
    let at = address(&pull);
    let first = ctx.socket(Push).connect(&at).unwrap();
    assert_eq!(only_peer(&first).property("X-Load"), Some(&b"low"[..]));
    pull.set_options(|options| options.property("X-Load", "high"))
        .unwrap();
    let second = ctx.socket(Push).connect(&at).unwrap();
    assert_eq!(only_peer(&second).property("X-Load"), Some(&b"high"[..]));
    assert_eq!(only_peer(&first).property("X-Load"), Some(&b"low"[..]));
    let refused = pull.set_options(|options| options.property("Load", "high"));
    assert!(matches!(refused, Err(Error::Option(text)) if text.contains("X-")));
    assert_eq!(pull.options().properties.len(), 1);
}

#[test]
fn a_peer_that_announces_more_than_it_may_is_refused_and_others_are_not() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = pull.monitor();
    let long = "n".repeat(255);
    for (others, what) in [
        (property("X-n", b"v").repeat(32), "more than 32 properties"),
        (property("", b"").repeat(1600), "no name"),
        (property("X-n", &[7; 8192]), "8192"),
        (property(&long, &[7; 255]).repeat(20), "8192"),
        (property("X-n", b"v")[..6].to_vec(), "cut off"),
        (b"\x03X-n\x7f\xff\xff\xffv".to_vec(), "cut off"),
        (b"\x03X-n\xff\xff\xff\xffv".to_vec(), "2^31"),
    ] {
        let mut raw = Raw::connect(&address(&pull));
        raw.write(&Raw::greeting(1, "NULL"));
        // What is too large is refused on its header, and closed before all of it was written.
        let _ = std::io::Write::write_all(&mut raw.0, &ready(&others));
        let reason = await_refusal(&monitor);
        assert!(reason.contains(what), "{reason}");
        raw.await_end();
    }
    let mut raw = Raw::connect(&address(&pull));
    raw.write(&Raw::greeting(1, "NULL"));
    raw.write(&ready(&property("X-n", b"v").repeat(31)));
    await_peer(&monitor);
    let info = only_peer(&pull);
    assert_eq!(info.properties.len(), 31);
    assert_eq!(info.property("x-N"), Some(&b"v"[..]));
}

/// The routing id of the peer that a message tells of.
#[track_caller]
fn from(message: &Message) -> &[u8] {
    let peer = message.peer().expect("it tells of no peer");
    peer.routing_id.as_deref().expect("no routing id")
}

#[test]
fn a_message_tells_which_peer_it_came_from_if_that_was_asked_for() {
    for endpoint in endpoints("whom") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).message_metadata(true).bind(&endpoint);
        let pull = pull.unwrap();
        let at = address(&pull);
        let push = ctx.socket(Push).property("X-Role", "sensor");
        let push = push.connect(&at).unwrap();
        for body in [
            vec![],
            vec![1; 16],
            vec![2; 69],
            vec![3; 70],
            vec![4; 20_000],
        ] {
            push.send(body.clone()).unwrap();
            push.send([&body[..], b"", b"b"]).unwrap();
            for _ in 0..2 {
                let message = pull.recv_timeout(SOON).unwrap();
                assert_eq!(message[0], body);
                let peer = message.peer().unwrap();
                assert_eq!(peer.socket_type, SocketType::Push);
                assert_eq!(peer.property("x-role"), Some(&b"sensor"[..]));
                assert_eq!(peer.address, pull.peers()[0].address);
                assert_eq!(peer.address.is_none(), endpoint.starts_with("inproc"));
            }
        }
        // One value for all messages of a connection.
        push.send("a").unwrap();
        push.send("b").unwrap();
        let [a, b] = [(); 2].map(|()| pull.recv_timeout(SOON).unwrap());
        assert!(Arc::ptr_eq(a.peer().unwrap(), b.peer().unwrap()));
        // Those of a socket that was not asked tell nothing, and it can be asked later.
        let other = ctx.socket(Pull).open().unwrap();
        other.bind(&endpoint.replace("whom", "whom else")).unwrap();
        let push = ctx.socket(Push).connect(address(&other)).unwrap();
        push.send("before").unwrap();
        assert_eq!(other.recv_timeout(SOON).unwrap().peer(), None);
        other.set_options(|now| now.message_metadata(true)).unwrap();
        push.send("after").unwrap();
        assert!(other.recv_timeout(SOON).unwrap().peer().is_some());
        other
            .set_options(|now| now.message_metadata(false))
            .unwrap();
        push.send("again").unwrap();
        assert_eq!(other.recv_timeout(SOON).unwrap().peer(), None);
    }
}

#[test]
fn each_message_of_many_peers_tells_of_its_own_in_batches_too() {
    for endpoint in endpoints("whom-of-many") {
        let ctx = Context::new();
        let one = ctx.socket(Dealer).message_metadata(true).bind(&endpoint);
        let one = one.unwrap();
        let dealers: Vec<_> = (0..5)
            .map(|n| {
                let dealer = ctx.socket(Dealer).routing_id(n.to_string());
                dealer.connect(address(&one)).unwrap()
            })
            .collect();
        const EACH: usize = 300;
        for _ in 0..EACH {
            for (n, dealer) in dealers.iter().enumerate() {
                dealer.send(n.to_string()).unwrap();
            }
        }
        let mut received = Vec::new();
        while received.len() < 5 * EACH {
            if received.len() % 7 == 0 {
                received.push(one.recv_timeout(SOON).unwrap());
            } else {
                one.recv_many_timeout(&mut received, 40, SOON).unwrap();
            }
        }
        for message in &received {
            assert_eq!(from(message), message.as_bytes().unwrap());
        }
    }
}

#[test]
fn every_type_that_receives_tells_of_the_peer() {
    use sinew::SocketType::*;
    for (receiver, sender) in [
        (Pull, Push),
        (Sub, Pub),
        (Rep, Req),
        (Dealer, Dealer),
        (Router, Dealer),
        (Xpub, Xsub),
        (Xsub, Xpub),
        (Pair, Pair),
        (Server, Client),
        (Client, Server),
        (Gather, Scatter),
        (Peer, Peer),
        (Channel, Channel),
        (Dish, Radio),
    ] {
        for endpoint in endpoints(&format!("whom/{receiver}/{sender}")) {
            let ctx = Context::new();
            let ours = ctx.socket(receiver).message_metadata(true).open().unwrap();
            ours.bind(&endpoint).unwrap();
            match receiver {
                Sub => ours.subscribe("").unwrap(),
                Xsub => ours.send("\u{1}").unwrap(),
                Dish => ours.join("g").unwrap(),
                _ => {}
            }
            let theirs = ctx.socket(sender).property("X-n", "yes").open().unwrap();
            theirs.connect(address(&ours)).unwrap();
            theirs.wait_for_peers(1, SOON).unwrap();
            let mut body = Message::from("m");
            match (receiver, sender) {
                (Sub, _) => _ = theirs.wait_for_subscribers("", 1, SOON).unwrap(),
                (Xsub, _) => drop(theirs.recv_timeout(SOON).unwrap()),
                (Dish, _) => {
                    theirs.wait_for_subscribers("g", 1, SOON).unwrap();
                    body = body.in_group("g");
                }
                // A SERVER answers, and a PEER speaks to the number that its own first message brings.
                (Client, _) => {
                    ours.send("hello").unwrap();
                    let id = theirs.recv_timeout(SOON).unwrap().routing_id();
                    body = body.with_routing_id(id.unwrap());
                }
                (Peer, _) => {
                    let id = theirs.connect_for_id(address(&ours)).unwrap();
                    body = body.with_routing_id(id);
                }
                _ => {}
            }
            theirs.send(body).unwrap();
            let message = ours.recv_timeout(SOON).unwrap();
            let peer = message.peer().unwrap_or_else(|| panic!("{receiver}"));
            assert_eq!(peer.socket_type, sender);
            assert_eq!(peer.property("X-n"), Some(&b"yes"[..]));
            match receiver {
                Router | Rep => {
                    // The answer goes back as ever.
                    ours.send(message).unwrap();
                    assert_eq!(theirs.recv_timeout(SOON).unwrap(), "m");
                }
                Server => {
                    ours.send(message).unwrap();
                    assert_eq!(theirs.recv_timeout(SOON).unwrap(), "m");
                }
                Dish => assert_eq!(message.group(), Some(&b"g"[..])),
                _ => {}
            }
        }
    }
}

#[test]
fn what_a_peer_has_left_tells_of_it_when_it_is_gone_and_its_successor_is_there() {
    for endpoint in endpoints("whom-left") {
        let ctx = Context::new();
        let router = ctx.socket(Router).message_metadata(true);
        let router = router.disconnect_message("gone").open().unwrap();
        let monitor = router.monitor();
        router.bind(&endpoint).unwrap();
        for life in ["1", "2", "3"] {
            let dealer = ctx
                .socket(Dealer)
                .routing_id("same")
                .property("X-Life", life);
            let dealer = dealer.connect(address(&router)).unwrap();
            for _ in 0..3 {
                dealer.send(life).unwrap();
            }
            dealer.wait_for_peers(1, SOON).unwrap();
            assert_eq!(dealer.close().undelivered, 0);
            await_disconnect(&monitor);
        }
        let mut told = Vec::new();
        while told.len() < 12 {
            let message = router.recv_timeout(SOON).unwrap();
            assert_eq!(message[0], *b"same");
            let life = message.peer().unwrap().property("X-Life").unwrap();
            assert!(message[1] == *life || message[1] == *b"gone");
            told.extend_from_slice(life);
        }
        told.sort_unstable();
        assert_eq!(told, b"111122223333");
    }
}

#[test]
fn a_link_that_connects_again_tells_of_the_peer_that_each_message_came_from() {
    for endpoint in ["tcp://127.0.0.1:*", "inproc://whom-again"] {
        let ctx = Context::new();
        let life = |n: &str| ctx.socket(Push).property("X-Life", n.to_owned());
        let push = life("0").bind(endpoint).unwrap();
        let at = address(&push);
        let pull = ctx.socket(Pull).message_metadata(true);
        let pull = pull
            .reconnect_interval(Duration::from_millis(1))
            .open()
            .unwrap();
        let monitor = pull.monitor();
        pull.connect(&at).unwrap();
        let mut push = Some(push);
        for n in 1..4 {
            await_peer(&monitor);
            let last = push.take().unwrap();
            last.send((n - 1).to_string()).unwrap();
            let _ = last.close();
            await_disconnect(&monitor);
            push = Some(life(&n.to_string()).bind(&at).unwrap());
        }
        await_peer(&monitor);
        push.unwrap().send("3").unwrap();
        for n in ["0", "1", "2", "3"] {
            let message = pull.recv_timeout(SOON).unwrap();
            assert_eq!(message, n);
            assert_eq!(
                message.peer().unwrap().property("X-Life"),
                Some(n.as_bytes())
            );
        }
    }
}

#[test]
fn a_message_that_is_passed_on_tells_nothing_of_whom_it_came_from() {
    for endpoint in endpoints("passed-on") {
        let ctx = Context::new();
        let front = ctx.socket(Pull).message_metadata(true).bind(&endpoint);
        let front = front.unwrap();
        let secret = ctx.socket(Push).property("X-Secret", "yes");
        let secret = secret.connect(address(&front)).unwrap();
        secret.send("m").unwrap();
        secret.send("n").unwrap();
        let [message, other] = [(); 2].map(|()| front.recv_timeout(SOON).unwrap());
        assert!(message.peer().is_some());
        // Into a greeting too, whose peers are not asked.
        let hello = message.clone();
        let back = ctx.socket(Router).hello_message(hello).open().unwrap();
        back.bind("inproc://passed-on/back").unwrap();
        let end = ctx.socket(Dealer).connect("inproc://passed-on/back");
        let end = end.unwrap();
        assert_eq!(end.recv_timeout(SOON).unwrap().peer(), None);
        for many in [false, true] {
            let push = ctx.socket(Push).open().unwrap();
            let name = format!("inproc://passed-on/{many}");
            let pull = ctx.socket(Pull).bind(&*name).unwrap();
            push.connect(&*name).unwrap();
            if many {
                let mut all = vec![message.clone(), other.clone()];
                push.send_many(&mut all).unwrap();
            } else {
                push.send(message.clone()).unwrap();
                push.send(&other).unwrap();
            }
            for expected in ["m", "n"] {
                let passed = pull.recv_timeout(SOON).unwrap();
                assert_eq!((passed.peer(), &passed), (None, &Message::from(expected)));
            }
            pull.set_options(|now| now.message_metadata(true)).unwrap();
            push.send(message.clone()).unwrap();
            let passed = pull.recv_timeout(SOON).unwrap();
            assert_eq!(passed.peer().unwrap().property("X-Secret"), None);
        }
    }
}

#[test]
fn what_tells_of_its_peer_counts_towards_the_marks_and_they_are_given_back() {
    let ctx = Context::new();
    for endpoint in endpoints("marked") {
        let pull = ctx.socket(Pull).message_metadata(true).recv_hwm(2);
        let pull = pull.recv_hwm_bytes(400).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(address(&pull)).unwrap();
        // A hundred times more than the marks hold: what is counted is given back to the last byte.
        for n in 0..1000 {
            push.send_timeout(n.to_string(), SOON).unwrap();
            assert_eq!(pull.recv_timeout(SOON).unwrap(), n.to_string().as_str());
        }
        let queue = pull.peers()[0].recv_queue;
        assert_eq!((queue.messages, queue.bytes), (0, 0));
    }
}
