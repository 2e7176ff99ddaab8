//! Properties: what an application adds to what its sockets say of themselves.

use sinew::{Context, Dealer, Error, Options, PeerInfo, Pull, Push, Router};

use crate::support::{
    address, await_event, await_peer, await_refusal, endpoints, frame, Raw, COMMAND, SOON,
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
