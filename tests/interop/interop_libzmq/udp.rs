//! RADIO, DISH and DGRAM over udp, which libzmq calls drafts: one datagram a message, in either direction.

use std::net::UdpSocket;
use std::time::Duration;

use sinew::SocketType;

use crate::ends::{frames, End, Library};

/// A port of the loopback interface that was free just now: libzmq does not tell which one it has bound.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port");
    socket.local_addr().expect("its address").port()
}

/// A RADIO of one library and a DISH of the other, which meet at `endpoint` and are known to.
fn pair(radio_of: Library, endpoint: &str) -> (End, End) {
    let dish = End::open(radio_of.other(), SocketType::Dish);
    dish.want("fence");
    dish.bind(endpoint);
    let radio = End::open(radio_of, SocketType::Radio);
    radio.connect(endpoint);
    // libzmq binds and connects in a thread of its own, by and by.
    let fence = frames(&["fence", "up"]);
    radio.send_until_it_arrives(&fence, &dish);
    (radio, dish)
}

/// The next message that is none of those that made sure of the way.
fn next(dish: &End) -> Vec<Vec<u8>> {
    loop {
        let received = dish.recv();
        if received[0] != b"fence" {
            return received;
        }
    }
}

#[test]
fn groups_and_bodies_of_any_length_that_fits_go_from_a_radio_to_a_dish() {
    for radio_of in Library::BOTH {
        let endpoint = format!("udp://127.0.0.1:{}", free_port());
        let (radio, dish) = pair(radio_of, &endpoint);
        // libzmq 4.3.5 takes the length of the group for a signed number, and ends the program on 128.
        for group in [1, 2, 14, 15, 100, 127].map(|length| "g".repeat(length)) {
            dish.want(&group);
            // libzmq joins at the next look of the thread that reads.
            for body in [0, 1, 33, 500, 8192 - 1 - 127].map(|length| "b".repeat(length)) {
                let sent = frames(&[&group, &body]);
                radio.send(&frames(&["unwanted", &body]));
                radio.send(&sent);
                assert_eq!(next(&dish), sent, "a RADIO of {radio_of:?}");
            }
        }
        // The largest that there is.
        let sent = frames(&["g", &"x".repeat(8190)]);
        radio.send(&sent);
        assert_eq!(next(&dish), sent, "a RADIO of {radio_of:?}");
    }
}

#[test]
fn many_messages_come_whole_and_in_their_order() {
    for radio_of in Library::BOTH {
        let endpoint = format!("udp://127.0.0.1:{}", free_port());
        let (radio, dish) = pair(radio_of, &endpoint);
        dish.want("g");
        // One at a time: the system drops what it has no room for.
        for n in 0..500 {
            let sent = frames(&["g", &n.to_string()]);
            radio.send(&sent);
            assert_eq!(next(&dish), sent, "a RADIO of {radio_of:?}");
        }
    }
}

#[test]
fn a_dgram_and_a_dgram_answer_each_other() {
    let (ours, theirs) = (free_port(), free_port());
    let (here, there) = (
        End::open(Library::Ours, SocketType::Dgram),
        End::open(Library::Libzmq, SocketType::Dgram),
    );
    here.bind(&format!("udp://127.0.0.1:{ours}"));
    there.bind(&format!("udp://127.0.0.1:{theirs}"));
    let to = |port: u16| format!("127.0.0.1:{port}");
    here.send_until_it_arrives(&frames(&[&to(theirs), "up"]), &there);
    // What of it came in double.
    while there.recv_within(Duration::from_millis(100)).is_some() {}
    for body in [0, 1, 33, 500, 8192].map(|length| "b".repeat(length)) {
        here.send(&frames(&[&to(theirs), &body]));
        let received = there.recv();
        // libzmq ends the text as C does.
        let expected = frames(&[&format!("{}\0", to(ours)), &body]);
        assert_eq!(received, expected);
        // The address that it came from is the one to answer to.
        there.send(&received);
        assert_eq!(here.recv(), frames(&[&to(theirs), &body]));
    }
}

#[test]
fn a_multicast_of_either_library_reaches_the_dishes_of_both() {
    let port = free_port();
    let endpoint = format!("udp://127.0.0.1;239.255.72.1:{port}");
    // A machine may have no way for it.
    let probe = sinew::Context::new();
    let dish = probe.socket(sinew::Dish).join("g").bind(endpoint.as_str());
    let radio = probe.socket(sinew::Radio).connect(endpoint.as_str());
    let (Ok(dish), Ok(radio)) = (dish, radio) else {
        return eprintln!("skipped: no multicast over the loopback interface here");
    };
    let message = sinew::Message::from("is there a way?").in_group("g");
    radio.send(message).expect("our send");
    if dish.recv_timeout(Duration::from_secs(2)).is_err() {
        return eprintln!("skipped: no multicast over the loopback interface here");
    }
    drop((dish, radio));
    for radio_of in Library::BOTH {
        let radio = End::open(radio_of, SocketType::Radio);
        radio.connect(&endpoint);
        let dishes = Library::BOTH.map(|library| {
            let dish = End::open(library, SocketType::Dish);
            dish.want("fence");
            dish.want("g");
            dish.bind(&endpoint);
            radio.send_until_it_arrives(&frames(&["fence", "up"]), &dish);
            dish
        });
        let sent = frames(&["g", "to all"]);
        radio.send(&sent);
        for dish in &dishes {
            assert_eq!(next(dish), sent, "a RADIO of {radio_of:?}");
        }
    }
}
