//! RADIO and DISH (RFC 48).

use std::net::TcpListener;

use sinew::{
    Context, Dish, Error, EventKind, Message, Pub, Pull, Push, Radio, RecvError, SendErrorKind,
    Socket, SocketType,
};

use crate::support::{
    address, await_disconnect, await_event, await_peer, await_subscription, endpoints, Raw,
    COMMAND, MORE, SOON,
};

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

#[test]
fn a_message_goes_to_every_dish_that_is_in_its_group_and_to_no_other() {
    for endpoint in endpoints("radio-groups") {
        let ctx = Context::new();
        let radio = ctx.socket(Radio).bind(&endpoint).unwrap();
        let [a, b, ab] = [&["a"][..], &["b"], &["a", "b"]].map(|groups| {
            let dish = ctx.socket(Dish).open().unwrap();
            groups.iter().for_each(|group| dish.join(group).unwrap());
            dish.connect(address(&radio)).unwrap();
            dish
        });
        for group in ["a", "b"] {
            radio.wait_for_subscribers(group, 2, SOON).unwrap();
        }
        for (group, body) in [("a", "1"), ("b", "2"), ("c", "3"), ("a", "4")] {
            radio.send(of(group, body)).unwrap();
        }
        assert_eq!([next(&a), next(&a)], [pair("a", "1"), pair("a", "4")]);
        assert_eq!(next(&b), pair("b", "2"));
        let all = [next(&ab), next(&ab), next(&ab)];
        assert_eq!(all, [pair("a", "1"), pair("b", "2"), pair("a", "4")]);
    }
}

#[test]
fn a_group_is_matched_whole_and_not_by_a_prefix() {
    for endpoint in endpoints("radio-exact") {
        let ctx = Context::new();
        let radio = ctx.socket(Radio).bind(&endpoint).unwrap();
        let dish = ctx.socket(Dish).join("news").join("").open().unwrap();
        dish.connect(address(&radio)).unwrap();
        radio.wait_for_subscribers("news", 1, SOON).unwrap();
        radio.wait_for_subscribers("", 1, SOON).unwrap();
        for group in ["new", "news.local", "n", "", "news"] {
            radio.send(of(group, group)).unwrap();
        }
        assert_eq!(
            [next(&dish), next(&dish)],
            [pair("", ""), pair("news", "news")]
        );
    }
}

#[test]
fn a_dish_that_left_a_group_receives_nothing_of_it_not_even_what_has_come() {
    for endpoint in endpoints("radio-leave") {
        let ctx = Context::new();
        let radio = ctx.socket(Radio).bind(&endpoint).unwrap();
        let dish = ctx.socket(Dish).join("a").join("b").open().unwrap();
        dish.connect(address(&radio)).unwrap();
        radio.wait_for_subscribers("b", 1, SOON).unwrap();
        for (group, body) in [("b", "first"), ("a", "unread"), ("b", "second")] {
            radio.send(of(group, body)).unwrap();
        }
        assert_eq!(next(&dish), pair("b", "first"));
        let monitor = radio.monitor();
        dish.leave("a").unwrap();
        assert_eq!(next(&dish), pair("b", "second"));
        let left = await_event(&monitor, |kind| {
            matches!(kind, EventKind::Unsubscribed { .. })
        });
        assert!(matches!(left.kind, EventKind::Unsubscribed { topic } if topic == "a"));
        radio.send(of("a", "nobody's")).unwrap();
        assert_eq!(radio.stats().dropped, 0, "nobody wants it: it is not lost");
        assert_eq!(dish.try_recv(), Err(RecvError::WouldBlock));
    }
}

#[test]
fn joining_twice_and_leaving_what_was_not_joined_are_errors() {
    let dish = Context::new().socket(Dish).join("a").open().unwrap();
    assert!(matches!(dish.join("a"), Err(Error::AlreadyJoined)));
    assert!(matches!(dish.leave("b"), Err(Error::NotJoined)));
    dish.leave("a").unwrap();
    assert!(matches!(dish.leave("a"), Err(Error::NotJoined)));
    dish.join("a").unwrap();
    let twice = Context::new().socket(Dish).join("a").join("a").open();
    assert!(matches!(twice, Err(Error::AlreadyJoined)));
}

#[test]
fn a_group_has_at_most_255_bytes() {
    let ctx = Context::new();
    let radio = ctx.socket(Radio).bind("tcp://127.0.0.1:*").unwrap();
    let dish = ctx.socket(Dish).connect(address(&radio)).unwrap();
    let (most, more) = ("g".repeat(255), "g".repeat(256));
    for refused in [dish.join(&more), dish.leave(&more)] {
        let error = refused.unwrap_err();
        assert!(matches!(
            error,
            Error::GroupTooLong {
                bytes: 256,
                most: 255
            }
        ));
    }
    let error = radio.send(of(&more, "m")).unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::GroupTooLong);
    assert_eq!(error.into_message().group(), Some(more.as_bytes()));
    dish.join(&most).unwrap();
    radio.wait_for_subscribers(&most, 1, SOON).unwrap();
    radio.send(of(&most, "m")).unwrap();
    assert_eq!(next(&dish), pair(&most, "m"));
}

#[test]
fn a_peer_that_joins_a_group_of_256_bytes_loses_its_connection() {
    let ctx = Context::new();
    let radio = ctx.socket(Radio).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = radio.monitor();
    let mut raw = Raw::connect(&address(&radio)).shake("DISH");
    raw.send(COMMAND, format!("\x04JOIN{}", "g".repeat(256)).as_bytes());
    assert!(await_disconnect(&monitor).contains("255"));
    raw.await_end();
}

#[test]
fn a_message_without_a_group_and_one_of_several_frames_are_given_back() {
    let radio = Context::new()
        .socket(Radio)
        .bind("inproc://radio-none")
        .unwrap();
    let error = radio.send("no group").unwrap_err();
    assert_eq!(error.kind(), SendErrorKind::NoGroup);
    assert_eq!(error.into_message(), "no group");
    let two = Message::from(["a", "b"]);
    for message in [two.clone(), two.clone().in_group("g")] {
        let error = radio.send(message).unwrap_err();
        assert_eq!(error.kind(), SendErrorKind::Multipart);
        assert_eq!(error.into_message(), two);
    }
}

#[test]
fn a_full_dish_loses_messages_and_the_others_do_not() {
    let ctx = Context::new();
    let radio = ctx
        .socket(Radio)
        .send_hwm(2)
        .bind("inproc://radio-full")
        .unwrap();
    let slow = ctx.socket(Dish).recv_hwm(2).join("g").open().unwrap();
    slow.connect("inproc://radio-full").unwrap();
    let quick = ctx
        .socket(Dish)
        .join("g")
        .connect("inproc://radio-full")
        .unwrap();
    radio.wait_for_subscribers("g", 2, SOON).unwrap();
    for n in 0..100 {
        radio.send(of("g", &n.to_string())).unwrap();
        assert_eq!(next(&quick), pair("g", &n.to_string()));
    }
    let lost = radio.stats().dropped;
    assert!(lost > 0);
    for n in 0..100 - lost {
        assert_eq!(next(&slow), pair("g", &n.to_string()));
    }
    assert_eq!(slow.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn with_no_drop_a_full_dish_is_waited_for_by_its_group_alone() {
    let ctx = Context::new();
    let radio = ctx.socket(Radio).no_drop(true).send_hwm(2).open().unwrap();
    radio.bind("inproc://radio-wait").unwrap();
    let slow = ctx.socket(Dish).recv_hwm(2).join("g").open().unwrap();
    slow.connect("inproc://radio-wait").unwrap();
    radio.wait_for_subscribers("g", 1, SOON).unwrap();
    let mut sent = 0;
    let refused = loop {
        match radio.try_send(of("g", &sent.to_string())) {
            Ok(()) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refused.kind(), SendErrorKind::WouldBlock);
    assert_eq!(refused.message().group(), Some(&b"g"[..]));
    radio.send(of("another", "m")).unwrap();
    for n in 0..sent {
        assert_eq!(next(&slow), pair("g", &n.to_string()));
    }
    radio.send_timeout(refused.into_message(), SOON).unwrap();
    assert_eq!(next(&slow), pair("g", &sent.to_string()));
    assert_eq!(radio.stats().dropped, 0);
}

#[test]
fn a_dish_joins_its_groups_again_over_each_new_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let ctx = Context::new();
    let dish = ctx.socket(Dish).join("b").join("a").open().unwrap();
    dish.connect(format!("tcp://{}", listener.local_addr().unwrap()))
        .unwrap();
    let mut raw = Raw::accept(&listener).shake("RADIO");
    assert_eq!(raw.read_frame(), (COMMAND, b"\x04JOINa".to_vec()));
    assert_eq!(raw.read_frame(), (COMMAND, b"\x04JOINb".to_vec()));
    dish.leave("b").unwrap();
    assert_eq!(raw.read_frame(), (COMMAND, b"\x05LEAVEb".to_vec()));
    drop(raw);
    let mut raw = Raw::accept(&listener).shake("RADIO");
    assert_eq!(raw.read_frame(), (COMMAND, b"\x04JOINa".to_vec()));
    dish.join("c").unwrap();
    assert_eq!(raw.read_frame(), (COMMAND, b"\x04JOINc".to_vec()));
}

#[test]
fn a_radio_writes_the_group_and_the_body_as_two_frames() {
    for minor in [0, 1] {
        let ctx = Context::new();
        let radio = ctx.socket(Radio).bind("tcp://127.0.0.1:*").unwrap();
        let mut raw = Raw::connect(&address(&radio)).shake_as(minor, "DISH");
        raw.send(COMMAND, b"\x04JOINnews");
        radio.wait_for_subscribers("news", 1, SOON).unwrap();
        let large = vec![b'x'; 300];
        radio.send(of("news", "hello")).unwrap();
        radio
            .send(Message::from(large.clone()).in_group("news"))
            .unwrap();
        let mut bytes = b"\x01\x04news\x00\x05hello\x01\x04news\x02\0\0\0\0\0\0\x01\x2c".to_vec();
        bytes.extend_from_slice(&large);
        assert_eq!(raw.read(bytes.len()), bytes);
    }
}

#[test]
fn a_dish_filters_again_and_discards_what_is_no_group_and_body() {
    let ctx = Context::new();
    let dish = ctx
        .socket(Dish)
        .join("a")
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let mut raw = Raw::connect(&address(&dish)).shake("RADIO");
    assert_eq!(raw.read_frame(), (COMMAND, b"\x04JOINa".to_vec()));
    raw.write(b"\x00\x01a"); // no body
    raw.write(b"\x01\x01a\x01\x01b\x00\x01c"); // two of them
    raw.write(b"\x01\x01b\x00\x01c"); // of another group
    raw.write(b"\x01\x01a\x00\x02ok");
    assert_eq!(next(&dish), pair("a", "ok"));
    assert_eq!(dish.try_recv(), Err(RecvError::WouldBlock));
}

#[test]
fn a_radio_knows_no_topics_and_a_pub_no_groups() {
    let ctx = Context::new();
    let radio = ctx.socket(Radio).bind("tcp://127.0.0.1:*").unwrap();
    let mut raw = Raw::connect(&address(&radio)).shake("DISH");
    raw.send(COMMAND, b"\x09SUBSCRIBEt");
    raw.send(0, b"\x01t"); // the same, as ZMTP 3.0 has it
    raw.send(COMMAND, b"\x04JOINg");
    radio.wait_for_subscribers("g", 1, SOON).unwrap();
    radio.send(of("t", "no")).unwrap();
    radio.send(of("g", "yes")).unwrap();
    assert_eq!(raw.read_frame(), (MORE, b"g".to_vec()));
    assert_eq!(raw.read_frame(), (0, b"yes".to_vec()));

    let publisher = ctx.socket(Pub).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = publisher.monitor();
    let mut raw = Raw::connect(&address(&publisher)).shake("SUB");
    raw.send(COMMAND, b"\x04JOINg");
    raw.send(COMMAND, b"\x09SUBSCRIBEt");
    await_subscription(&monitor);
    publisher.send("g").unwrap();
    publisher.send("t").unwrap();
    assert_eq!(raw.read_frame(), (0, b"t".to_vec()));
}

#[test]
fn another_type_of_socket_is_refused() {
    let ctx = Context::new();
    let radio = ctx.socket(Radio).bind("tcp://127.0.0.1:*").unwrap();
    let monitor = radio.monitor();
    let mut raw = Raw::connect(&address(&radio));
    raw.write(&Raw::greeting(1, "NULL"));
    raw.write(&Raw::ready("SUB"));
    await_event(&monitor, |kind| {
        matches!(kind, EventKind::HandshakeFailed { .. })
    });
    let dish = ctx.socket(Dish).connect(address(&radio)).unwrap();
    await_peer(&monitor);
    drop(dish);
}

#[test]
fn a_dynamic_handle_joins_only_if_it_is_a_dish_and_subscribes_only_if_it_is_not() {
    let ctx = Context::new();
    for kind in SocketType::ALL {
        let socket = ctx.socket(kind).open().unwrap();
        assert_eq!(socket.join("g").is_ok(), kind == SocketType::Dish, "{kind}");
        let unsupported = matches!(socket.leave("g"), Err(Error::Unsupported { .. }));
        assert_eq!(unsupported, kind != SocketType::Dish, "{kind}");
        let subscribes = matches!(kind, SocketType::Sub | SocketType::Xsub);
        assert_eq!(socket.subscribe("t").is_ok(), subscribes, "{kind}");
    }
}

#[test]
fn other_sockets_send_a_message_without_its_group() {
    let ctx = Context::new();
    for endpoint in endpoints("group-elsewhere") {
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(address(&pull)).unwrap();
        push.send(of("g", "m")).unwrap();
        push.send("after").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "m", "{endpoint}");
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "after", "{endpoint}");
    }
}

#[test]
fn bodies_of_every_size_arrive_with_their_group() {
    for endpoint in endpoints("radio-sizes") {
        let ctx = Context::new();
        let radio = ctx.socket(Radio).no_drop(true).bind(&endpoint).unwrap();
        let dish = ctx
            .socket(Dish)
            .join("group")
            .connect(address(&radio))
            .unwrap();
        radio.wait_for_subscribers("group", 1, SOON).unwrap();
        for size in [0, 1, 60, 64, 69, 70, 4096, 4097, 70_000, 2_000_000] {
            let body = vec![7; size];
            radio
                .send(Message::from(body.clone()).in_group("group"))
                .unwrap();
            let message = dish.recv_timeout(SOON).unwrap();
            assert_eq!(message.group(), Some(&b"group"[..]), "{endpoint} {size}");
            assert!(message == body, "{endpoint} {size}");
        }
    }
}
