//! RADIO, DISH and DGRAM over udp: one datagram a message, in libzmq's form, without connections.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use sinew::{
    Context, Dgram, Dish, Endpoint, Error, EventKind, Interest, Kind, Message, Options, Poller,
    Push, Radio, RecvError, SendErrorKind, Socket, SocketType,
};

use crate::support::{address, await_event, A_WHILE, SOON};

const ANY: &str = "udp://127.0.0.1:*";

fn of(group: &str, body: &str) -> Message {
    Message::from(body).in_group(group)
}

/// The next message: its group and its body.
#[track_caller]
fn next(dish: &Socket<Dish>) -> (String, String) {
    let message = dish.recv_timeout(SOON).unwrap();
    let group = String::from_utf8(message.group().unwrap().to_vec()).unwrap();
    (group, String::try_from(message).unwrap())
}

fn pair(group: &str, body: &str) -> (String, String) {
    (group.into(), body.into())
}

/// A peer without a library.
struct Raw(UdpSocket);

impl Raw {
    fn new() -> Raw {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_read_timeout(Some(SOON)).unwrap();
        Raw(socket)
    }

    fn endpoint(&self) -> Endpoint {
        format!("udp://{}", self.address()).parse().unwrap()
    }

    fn address(&self) -> SocketAddr {
        self.0.local_addr().unwrap()
    }

    fn send(&self, bytes: &[u8], to: &Endpoint) {
        self.0.send_to(bytes, to.socket_addr().unwrap()).unwrap();
    }

    fn recv(&self) -> (Vec<u8>, SocketAddr) {
        let mut bytes = vec![0; 70_000];
        let (count, from) = self.0.recv_from(&mut bytes).unwrap();
        bytes.truncate(count);
        (bytes, from)
    }
}

/// Waits until `count` of the peer at hand is what it should be.
#[track_caller]
fn await_count<K: Kind>(socket: &Socket<K>, wanted: u64, count: impl Fn(&sinew::PeerStats) -> u64) {
    let deadline = std::time::Instant::now() + SOON;
    loop {
        let now = count(&socket.peers()[0]);
        if now == wanted {
            return;
        }
        assert!(
            now < wanted && std::time::Instant::now() < deadline,
            "{now}"
        );
        std::thread::yield_now();
    }
}

// ----- RADIO and DISH -----

#[test]
fn a_dish_receives_the_groups_that_it_is_in() {
    let ctx = Context::new();
    let dish = ctx.socket(Dish).join("a").join("").bind(ANY).unwrap();
    let radio = ctx.socket(Radio).connect(address(&dish)).unwrap();
    for (group, body) in [("a", "1"), ("ab", "2"), ("", "3"), ("b", "4"), ("a", "")] {
        radio.send(of(group, body)).unwrap();
    }
    assert_eq!([next(&dish), next(&dish)], [pair("a", "1"), pair("", "3")]);
    assert_eq!(next(&dish), pair("a", ""));
    dish.join("b").unwrap();
    dish.leave("a").unwrap();
    for (group, body) in [("a", "5"), ("b", "6")] {
        radio.send(of(group, body)).unwrap();
    }
    assert_eq!(next(&dish), pair("b", "6"));
}

#[test]
fn a_radio_can_send_as_soon_as_it_has_connected_although_nobody_is_there() {
    let raw = Raw::new();
    let radio = Context::new()
        .socket(Radio)
        .connect(raw.endpoint())
        .unwrap();
    radio.try_send(of("oslo", "12 degrees")).unwrap();
    assert_eq!(raw.recv().0, b"\x04oslo12 degrees");
    radio.send(of("", "")).unwrap();
    assert_eq!(raw.recv().0, b"\0");
    let longest = "g".repeat(255);
    radio.send(of(&longest, "x")).unwrap();
    let (bytes, _) = raw.recv();
    assert_eq!((bytes[0], bytes.len(), bytes[256]), (255, 257, b'x'));
    radio
        .wait_for_subscribers("any", 1, Duration::ZERO)
        .unwrap();
    assert_eq!(radio.stats().sent, 3);
}

#[test]
fn what_other_libraries_send_is_received() {
    let dish = Context::new().socket(Dish).join("oslo").bind(ANY).unwrap();
    let raw = Raw::new();
    raw.send(b"\x04oslo12 degrees", &address(&dish));
    raw.send(b"\x04oslo", &address(&dish));
    assert_eq!(next(&dish), pair("oslo", "12 degrees"));
    assert_eq!(next(&dish), pair("oslo", ""));
}

#[test]
fn groups_that_nobody_joined_do_not_fill_the_queue() {
    let dish = Context::new()
        .socket(Dish)
        .recv_hwm(2)
        .join("a")
        .bind(ANY)
        .unwrap();
    let raw = Raw::new();
    for _ in 0..100 {
        raw.send(b"\x01bunwanted", &address(&dish));
    }
    raw.send(b"\x01awanted", &address(&dish));
    assert_eq!(next(&dish), pair("a", "wanted"));
}

#[test]
fn datagrams_of_no_form_are_counted_and_ignored() {
    let dish = Context::new()
        .socket(Dish)
        .join("")
        .join("a")
        .bind(ANY)
        .unwrap();
    let raw = Raw::new();
    let (large, largest) = (vec![0; 8193], vec![0; 60_000]);
    let hostile: [&[u8]; 6] = [b"", b"\x01", b"\xffx", b"\x05abcd", &large, &largest];
    for bytes in hostile {
        raw.send(bytes, &address(&dish));
    }
    let mut most = vec![0; 8192];
    most[..2].copy_from_slice(b"\x01a");
    raw.send(&most, &address(&dish));
    assert_eq!(next(&dish).1.len(), 8190);
    await_count(&dish, hostile.len() as u64, |peer| peer.dropped.malformed);
    assert_eq!(dish.stats().dropped, 0, "they are no messages");
    assert_eq!(dish.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn a_flood_of_noise_does_not_keep_messages_from_being_received() {
    let dish = Context::new().socket(Dish).join("a").bind(ANY).unwrap();
    let (raw, to) = (Raw::new(), address(&dish));
    let noise = std::thread::spawn(move || {
        let raw = Raw::new();
        for n in 0..5000u32 {
            let bytes = n.wrapping_mul(2_654_435_761).to_be_bytes();
            raw.send(&bytes[..n as usize % 5], &to);
        }
    });
    // The system drops what it has no room for.
    while dish.recv_timeout(Duration::from_millis(20)).is_err() {
        raw.send(b"\x01amessage", &address(&dish));
    }
    noise.join().unwrap();
}

#[test]
fn a_message_that_fits_in_no_datagram_comes_back_to_its_sender() {
    let ctx = Context::new();
    let raw = Raw::new();
    let radio = ctx.socket(Radio).connect(raw.endpoint()).unwrap();
    let fits = "x".repeat(8190);
    radio.send(of("g", &fits)).unwrap();
    assert_eq!(raw.recv().0.len(), 8192);
    let error = radio.send(of("g", &format!("{fits}y"))).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TooLarge);
    let message = error.into_message();
    assert_eq!(
        (message.group(), message.byte_len()),
        (Some(&b"g"[..]), 8191)
    );
    let mut all = vec![of("g", "1"), message, of("g", "2")];
    let error = radio.send_many(&mut all).unwrap_err();
    assert_eq!(
        (error.kind(), error.sent(), all.len()),
        (SendErrorKind::TooLarge, 1, 2)
    );
    radio
        .set_options(|options| options.max_datagram_size(8193))
        .unwrap();
    radio.disconnect(raw.endpoint()).unwrap();
    radio.connect(raw.endpoint()).unwrap();
    assert_eq!(raw.recv().0, b"\x01g1");
    radio.send_many(&mut all).unwrap();
    assert_eq!((raw.recv().0.len(), raw.recv().0.len()), (8193, 3));
}

#[test]
fn a_radio_serves_udp_and_connections_alike() {
    let ctx = Context::new();
    let raw = Raw::new();
    let radio = ctx.socket(Radio).bind("tcp://127.0.0.1:*").unwrap();
    let dish = ctx.socket(Dish).join("g").connect(address(&radio)).unwrap();
    radio.wait_for_subscribers("g", 1, SOON).unwrap();
    let large = "x".repeat(10_000);
    radio.send(of("g", &large)).unwrap();
    radio.connect(raw.endpoint()).unwrap();
    let error = radio.send(of("g", &large)).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TooLarge);
    for (group, body) in [("h", "1"), ("g", "2")] {
        radio.send(of(group, body)).unwrap();
    }
    assert_eq!((next(&dish).1.len(), next(&dish)), (10_000, pair("g", "2")));
    assert_eq!([raw.recv().0, raw.recv().0], [b"\x01h1", b"\x01g2"]);
    assert_eq!(radio.stats().sent, 4);
}

#[test]
fn several_dishes_and_radios_meet_at_any_number_of_endpoints() {
    let ctx = Context::new();
    let dishes = [(); 3].map(|()| ctx.socket(Dish).join("g").bind(ANY).unwrap());
    dishes[0].bind(ANY).unwrap();
    let radio = ctx.socket(Radio).open().unwrap();
    let other = ctx.socket(Radio).connect(address(&dishes[0])).unwrap();
    for dish in &dishes {
        radio.connect(address(dish)).unwrap();
    }
    radio.send(of("g", "to all")).unwrap();
    for dish in &dishes {
        assert_eq!(next(dish), pair("g", "to all"));
    }
    other.send(of("g", "to one")).unwrap();
    assert_eq!(next(&dishes[0]), pair("g", "to one"));
    assert_eq!((radio.peers().len(), dishes[0].peers().len()), (3, 2));
}

// ----- multicast -----

/// A group of the loopback interface that no other test has, or none: a machine may have no way for it.
fn group(last: u8) -> Option<Endpoint> {
    let endpoint: Endpoint = format!("udp://127.0.0.1;239.255.70.{last}:*")
        .parse()
        .unwrap();
    let ctx = Context::new();
    let dish = ctx.socket(Dish).join("g").bind(endpoint).ok()?;
    let bound = address(&dish);
    let radio = ctx.socket(Radio).connect(&bound).ok()?;
    radio.send(of("g", "is there a way?")).unwrap();
    let way = dish.recv_timeout(Duration::from_secs(2)).is_ok();
    if !way {
        eprintln!("skipped: no multicast over the loopback interface here");
    }
    way.then_some(bound)
}

#[test]
fn a_multicast_reaches_every_dish_in_the_group() {
    let Some(group) = group(1) else { return };
    let ctx = Context::new();
    let dishes = [(); 3].map(|()| ctx.socket(Dish).join("g").bind(&group).unwrap());
    assert_eq!(address(&dishes[0]), group);
    let radio = ctx.socket(Radio).connect(&group).unwrap();
    radio.send(of("g", "to all")).unwrap();
    for dish in &dishes {
        assert_eq!(next(dish), pair("g", "to all"));
    }
}

#[test]
fn a_socket_in_a_group_gets_nothing_that_was_sent_to_another_address_of_its_port() {
    let Some(group) = group(2) else { return };
    let ctx = Context::new();
    let dish = ctx.socket(Dish).join("g").bind(&group).unwrap();
    let port = group.port().unwrap();
    let raw = Raw::new();
    let direct = format!("udp://127.0.0.1:{port}").parse().unwrap();
    raw.send(b"\x01gdirect", &direct);
    let radio = ctx.socket(Radio).connect(&group).unwrap();
    radio.send(of("g", "to the group")).unwrap();
    assert_eq!(next(&dish), pair("g", "to the group"));
}

#[test]
fn a_dgram_sends_to_a_group_and_is_answered_by_its_members() {
    let Some(group) = group(4) else { return };
    let ctx = Context::new();
    let members = [(); 2].map(|()| ctx.socket(Dgram).bind(&group).unwrap());
    let asking = ctx.socket(Dgram).connect(&group).unwrap();
    asking.send(["", "who is there?"]).unwrap();
    for member in &members {
        let (from, message) = member.recv_timeout(SOON).unwrap().split_id();
        assert_eq!(message, "who is there?");
        member.send(Message::from("I am").routed_to(from)).unwrap();
        assert_eq!(asking.recv_timeout(SOON).unwrap()[1], *b"I am");
    }
}

// ----- DGRAM -----

#[test]
fn a_dgram_answers_to_the_address_that_a_datagram_came_from() {
    let dgram = Context::new().socket(Dgram).bind(ANY).unwrap();
    let raws = [Raw::new(), Raw::new()];
    for (raw, bytes) in raws.iter().zip([b"one", b"two"]) {
        raw.send(bytes, &address(&dgram));
        let message = dgram.recv_timeout(SOON).unwrap();
        assert_eq!(
            message,
            [&raw.address().to_string().into_bytes()[..], bytes]
        );
        dgram.send(message).unwrap();
        let (back, from) = raw.recv();
        assert_eq!(back, bytes);
        assert_eq!(Some(from), address(&dgram).socket_addr());
    }
    raws[0].send(b"", &address(&dgram));
    assert_eq!(dgram.recv_timeout(SOON).unwrap()[1], *b"");
}

#[test]
fn a_dgram_that_connected_sends_there_without_an_address_and_elsewhere_with_one() {
    let ctx = Context::new();
    let raws = [Raw::new(), Raw::new()];
    let dgram = ctx.socket(Dgram).connect(raws[0].endpoint()).unwrap();
    dgram.send(["", "there"]).unwrap();
    dgram
        .send([raws[1].address().to_string().as_str(), "elsewhere"])
        .unwrap();
    let (bytes, from) = raws[0].recv();
    assert_eq!(bytes, b"there");
    assert_eq!(raws[1].recv().0, b"elsewhere");
    raws[1].0.send_to(b"back", from).unwrap();
    let sender = raws[1].address().to_string();
    assert_eq!(dgram.recv_timeout(SOON).unwrap(), [&sender[..], "back"]);
}

#[test]
fn what_is_no_address_and_a_body_comes_back_to_its_sender() {
    let dgram = Context::new().socket(Dgram).bind(ANY).unwrap();
    for frames in [
        &["body"][..],
        &["", "body"],
        &["localhost:5", "body"],
        &["127.0.0.1", "body"],
        &["127.0.0.1:5", "two", "bodies"],
    ] {
        let error = dgram.send(frames).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Unroutable, "{frames:?}");
        assert_eq!(error.into_message(), Message::from(frames));
    }
    let large = "x".repeat(8193);
    let error = dgram.send(["127.0.0.1:5", &large]).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::TooLarge);
}

#[test]
fn what_the_system_refuses_is_dropped_and_counted() {
    let raw = Raw::new();
    let dgram = Context::new().socket(Dgram).bind(ANY).unwrap();
    dgram.send(["127.0.0.1:0", "nowhere"]).unwrap();
    dgram
        .send([raw.address().to_string().as_str(), "somewhere"])
        .unwrap();
    assert_eq!(raw.recv().0, b"somewhere");
    await_count(&dgram, 1, |peer| peer.dropped.unsent);
    assert_eq!((dgram.stats().sent, dgram.stats().dropped), (2, 1));
    assert_eq!(dgram.close().undelivered, 0, "it was no loss of closing");
}

#[test]
fn a_full_inbox_leaves_datagrams_to_the_system_and_they_are_received_later() {
    let dgram = Context::new().socket(Dgram).recv_hwm(2).bind(ANY).unwrap();
    let raw = Raw::new();
    for n in 0..20u8 {
        raw.send(&[n], &address(&dgram));
    }
    for n in 0..20u8 {
        assert_eq!(dgram.recv_timeout(SOON).unwrap()[1], [n]);
    }
}

// ----- the life of an endpoint -----

#[test]
fn each_type_has_the_verbs_that_make_sense() {
    let ctx = Context::new();
    let unsupported = |outcome: Result<Endpoint, Error>, what: &str| match outcome {
        Err(Error::Unsupported { verb, .. }) => assert!(verb.contains(what), "{verb}"),
        other => panic!("{other:?}"),
    };
    let radio = ctx.socket(Radio).open().unwrap();
    unsupported(radio.bind(ANY), "bind udp");
    let dish = ctx.socket(Dish).open().unwrap();
    unsupported(dish.connect("udp://127.0.0.1:5555"), "connect to udp");
    let push = ctx.socket(Push).open().unwrap();
    unsupported(push.connect("udp://127.0.0.1:5555"), "use udp");
    unsupported(push.bind(ANY), "use udp");
    let dgram = ctx.socket(Dgram).open().unwrap();
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*", "inproc://dgram"] {
        unsupported(dgram.bind(endpoint), "any transport but udp");
    }
    unsupported(
        dgram.connect("tcp://127.0.0.1:5555"),
        "any transport but udp",
    );
    let named: SocketType = "dgram".parse().unwrap();
    assert_eq!(dgram.socket_type(), named);
}

#[test]
fn a_dgram_has_one_endpoint_at_a_time() {
    let ctx = Context::new();
    let dgram = ctx.socket(Dgram).bind(ANY).unwrap();
    assert!(matches!(dgram.bind(ANY), Err(Error::InUse(_))));
    assert!(matches!(
        dgram.connect("udp://127.0.0.1:5"),
        Err(Error::InUse(_))
    ));
    dgram.unbind(address(&dgram)).unwrap();
    let raw = Raw::new();
    dgram.connect(raw.endpoint()).unwrap();
    dgram.send(["", "there"]).unwrap();
    assert_eq!(raw.recv().0, b"there");
}

#[test]
fn the_port_is_free_once_unbind_has_returned() {
    let ctx = Context::new();
    let dish = ctx.socket(Dish).bind(ANY).unwrap();
    let endpoint = address(&dish);
    for _ in 0..20 {
        let error = ctx.socket(Dish).bind(&endpoint).unwrap_err();
        assert!(matches!(error, Error::InUse(_)), "{error}");
        dish.unbind(&endpoint).unwrap();
        assert_eq!(dish.bind(&endpoint).unwrap(), endpoint);
    }
    assert!(matches!(
        dish.unbind("udp://127.0.0.1:5"),
        Err(Error::NotFound(_))
    ));
    assert!(matches!(
        dish.disconnect(&endpoint),
        Err(Error::NotFound(_))
    ));
}

#[test]
fn what_came_before_unbind_is_still_received() {
    let dgram = Context::new().socket(Dgram).bind(ANY).unwrap();
    let raw = Raw::new();
    raw.send(b"early", &address(&dgram));
    let mut poller = Poller::new().unwrap();
    poller.add(&dgram, 1, Interest::READABLE).unwrap();
    assert_eq!(poller.wait(SOON).unwrap().len(), 1);
    dgram.unbind(address(&dgram)).unwrap();
    assert_eq!(dgram.recv_timeout(SOON).unwrap()[1], *b"early");
    assert_eq!(dgram.peers().len(), 0);
}

#[test]
fn a_datagram_that_comes_before_the_background_has_begun_is_told_of() {
    for _ in 0..20 {
        // Each context starts a thread of its own.
        let dgram = Context::new().socket(Dgram).bind(ANY).unwrap();
        Raw::new().send(b"early", &address(&dgram));
        let mut poller = Poller::new().unwrap();
        poller.add(&dgram, 1, Interest::READABLE).unwrap();
        assert_eq!(poller.wait(SOON).unwrap().len(), 1);
    }
}

#[test]
fn closing_waits_for_nobody() {
    let ctx = Context::new();
    let radio = ctx
        .socket(Radio)
        .linger(None)
        .connect("udp://127.0.0.1:9")
        .unwrap();
    for _ in 0..100 {
        radio.send(of("g", "to nobody")).unwrap();
    }
    assert_eq!(radio.close().undelivered, 0);
    let dish = ctx.socket(Dish).linger(None).bind(ANY).unwrap();
    let endpoint = address(&dish);
    assert_eq!(dish.close().undelivered, 0);
    ctx.socket(Dish).bind(endpoint).unwrap();
    assert_eq!(ctx.close().undelivered, 0);
}

#[test]
fn monitors_are_told_of_what_is_bound_and_connected_and_of_no_handshake() {
    let ctx = Context::new();
    let dish = ctx.socket(Dish).open().unwrap();
    let monitor = dish.monitor();
    let endpoint = dish.bind(ANY).unwrap();
    dish.unbind(&endpoint).unwrap();
    dish.bind("udp://192.0.2.1:5").unwrap_err();
    let radio = ctx.socket(Radio).open().unwrap();
    let sent = radio.monitor();
    radio.connect(&endpoint).unwrap();
    let (snapshot, _) = radio.monitor_with_snapshot();
    radio.disconnect(&endpoint).unwrap();
    let closed = await_event(&sent, |kind| matches!(kind, EventKind::Closed));
    assert_eq!(*closed.endpoint, endpoint);
    let kinds: Vec<_> = monitor.try_iter().map(|event| event.kind.clone()).collect();
    assert!(
        matches!(
            &kinds[..],
            [
                EventKind::Listening,
                EventKind::Closed,
                EventKind::BindFailed { .. }
            ]
        ),
        "{kinds:?}"
    );
    assert_eq!(snapshot.len(), 1);
    assert!(matches!(snapshot[0].kind, EventKind::Connected));
    assert_eq!(
        snapshot[0].peer_address.as_deref(),
        Some(&endpoint.to_string()[6..])
    );
}

#[test]
fn peers_are_the_endpoints() {
    let ctx = Context::new();
    let dish = ctx.socket(Dish).join("g").bind(ANY).unwrap();
    let radio = ctx.socket(Radio).connect(address(&dish)).unwrap();
    radio.send(of("g", "12345")).unwrap();
    next(&dish);
    let (to, from) = (&radio.peers()[0], &dish.peers()[0]);
    assert_eq!(
        (to.endpoint.clone(), from.endpoint.clone()),
        (address(&dish), address(&dish))
    );
    let port = address(&dish).port().unwrap();
    assert_eq!(to.address, Some(format!("127.0.0.1:{port}")));
    assert_eq!(from.address.as_deref(), Some("*"));
    assert!(to.connected && from.connected);
    assert_eq!((to.sent.messages, from.received.messages), (1, 1));
    assert_eq!(to.socket_type(), Some(SocketType::Dish));
    assert_eq!(from.info.as_ref().unwrap().version, (0, 0));
    assert_eq!((radio.stats().peers, dish.stats().peers), (1, 1));
    radio.wait_for_peers(1, SOON).unwrap();
}

#[test]
fn a_poller_tells_of_datagrams_and_of_room() {
    let dgram = Context::new().socket(Dgram).bind(ANY).unwrap();
    let raw = Raw::new();
    let mut poller = Poller::new().unwrap();
    poller.add(&dgram, 7, Interest::READABLE).unwrap();
    assert_eq!(poller.wait(A_WHILE).unwrap().len(), 0);
    raw.send(b"one", &address(&dgram));
    assert_eq!(poller.wait(SOON).unwrap().len(), 1);
    dgram.try_recv().unwrap();
    poller.modify(&dgram, 7, Interest::WRITABLE).unwrap();
    assert_eq!(poller.wait(SOON).unwrap().len(), 1);
}

#[test]
fn a_thread_that_waits_gets_what_comes_and_hears_of_the_end() {
    let dgram = Context::new().socket(Dgram).bind(ANY).unwrap();
    let waiting = {
        let dgram = dgram.clone();
        std::thread::spawn(move || (dgram.recv(), dgram.recv()))
    };
    Raw::new().send(b"one", &address(&dgram));
    // The event of the poll, the reactor's or the waiting thread's own, has been seen.
    await_count(&dgram, 1, |peer| peer.received.messages);
    let _ = dgram.close();
    let (first, second) = waiting.join().unwrap();
    match first {
        Ok(message) => assert_eq!(message[1], *b"one"),
        // The close may be first at the lock.
        Err(error) => assert_eq!(error, RecvError::Closed),
    }
    assert_eq!(second, Err(RecvError::Closed));
}

#[test]
fn settings_of_datagrams_are_checked() {
    for bytes in [0, 65_508] {
        let error = Context::new().socket(Dgram).max_datagram_size(bytes).open();
        let error = error.unwrap_err().to_string();
        assert!(error.contains("max_datagram_size"), "{error}");
    }
    let options = Options::new()
        .multicast_hops(3)
        .multicast_loop(false)
        .max_datagram_size(65_507);
    let ctx = Context::new();
    let dgram = ctx.socket(Dgram).options(options).bind(ANY).unwrap();
    let raw = Raw::new();
    let large = "x".repeat(65_507);
    dgram
        .send([raw.address().to_string().as_str(), &large])
        .unwrap();
    assert_eq!(raw.recv().0.len(), large.len());
    raw.send(large.as_bytes(), &address(&dgram));
    assert_eq!(dgram.recv_timeout(SOON).unwrap()[1].len(), large.len());
}

#[cfg(feature = "plain")]
#[test]
fn a_socket_with_a_mechanism_does_not_use_udp() {
    let ctx = Context::new();
    let dish = ctx.socket(Dish).plain_server([("name", "password")]);
    let error = dish.bind(ANY).unwrap_err().to_string();
    assert!(error.contains("plain_server"), "{error}");
    let radio = ctx.socket(Radio).plain_client("name", "password");
    let error = radio.connect("udp://127.0.0.1:5").unwrap_err().to_string();
    assert!(error.contains("plain_client"), "{error}");
    let dgram = ctx.socket(Dgram).plain_client("name", "password").open();
    let error = dgram.unwrap_err().to_string();
    assert!(error.contains("plain_client is not for a DGRAM"), "{error}");
}

#[test]
fn over_ipv6_addresses_stand_in_brackets() {
    let ctx = Context::new();
    // A machine without IPv6 has nothing to show here.
    let Ok(dgram) = ctx.socket(Dgram).bind("udp://[::1]:*") else {
        return;
    };
    let other = ctx.socket(Dgram).connect(address(&dgram)).unwrap();
    other.send(["", "there"]).unwrap();
    let message = dgram.recv_timeout(SOON).unwrap();
    assert!(message[0].starts_with(b"[::1]:"), "{message:?}");
    dgram.send(message).unwrap();
    assert_eq!(other.recv_timeout(SOON).unwrap()[1], *b"there");
}

#[test]
fn a_socket_of_both_ip_versions_knows_the_others_by_their_own_addresses() {
    let ctx = Context::new();
    let Ok(dgram) = ctx.socket(Dgram).ipv6(true).bind("udp://*:*") else {
        return;
    };
    let raw = Raw::new();
    let to = format!("127.0.0.1:{}", address(&dgram).port().unwrap());
    raw.0.send_to(b"time?", to).unwrap();
    let message = dgram.recv_timeout(SOON).unwrap();
    assert_eq!(message, [&raw.address().to_string()[..], "time?"]);
    dgram.send(message).unwrap();
    assert_eq!(raw.recv().0, b"time?");
}

#[test]
fn an_interface_that_is_not_there_is_an_error_of_the_call() {
    let ctx = Context::new();
    let error = ctx
        .socket(Radio)
        .connect("udp://nothing0;239.0.0.1:5")
        .unwrap_err();
    assert!(error.to_string().contains("nothing0"), "{error}");
    let error = ctx
        .socket(Dish)
        .bind("udp://nothing0;239.0.0.1:5")
        .unwrap_err();
    assert!(error.to_string().contains("nothing0"), "{error}");
    let error = ctx
        .socket(Dish)
        .bind("udp://127.0.0.1;10.0.0.1:5")
        .unwrap_err();
    assert!(matches!(error, Error::Endpoint(_)), "{error}");
}
