//! Every pair of types that fits, ours with libzmq's and libzmq's with ours, each binding and each connecting;
//! and every pair that does not fit.

use libzmq_peer as zmq;
use sinew::SocketType::{self, *};
use sinew::{Context, EventKind};

use crate::ends::{frames, libzmq_kind, End, Library};
use crate::support::*;

/// The types that speak ZMTP.
fn types() -> impl Iterator<Item = SocketType> {
    let speaks = |kind: &SocketType| !matches!(kind, Stream | Dgram);
    SocketType::ALL.into_iter().filter(speaks)
}

/// What the one that speaks first and the other, which has received nothing yet, can say to each other.
/// `number` is that of the other, if the first is a PEER. `false`: this one does not speak first.
fn converse(first: &End, number: &str, other: &End) -> bool {
    let body = "body";
    match (first.kind(), other.kind()) {
        (Push, Pull) | (Scatter, Gather) => {
            first.send(&frames(&[body]));
            assert_eq!(other.recv(), frames(&[body]));
        }
        (Pub | Xpub, Sub | Xsub) => {
            other.want("topic");
            let sent = frames(&["topic", body]);
            assert_eq!(first.send_until_it_arrives(&sent, other), sent);
        }
        (Radio, Dish) => {
            other.want("group");
            let sent = frames(&["group", body]);
            assert_eq!(first.send_until_it_arrives(&sent, other), sent);
        }
        (Req, Rep) | (Pair, Pair) | (Channel, Channel) | (Dealer, Dealer) => {
            first.send(&frames(&[body]));
            assert_eq!(other.recv(), frames(&[body]));
            other.send(&frames(&["back"]));
            assert_eq!(first.recv(), frames(&["back"]));
        }
        (Dealer, Rep) => {
            first.send(&frames(&["", body]));
            assert_eq!(other.recv(), frames(&[body]));
            other.send(&frames(&["back"]));
            assert_eq!(first.recv(), frames(&["", "back"]));
        }
        (Req, Router) => {
            first.send(&frames(&[body]));
            let asked = other.recv();
            assert_eq!(asked[1..], frames(&["", body]));
            other.send(&asked);
            assert_eq!(first.recv(), frames(&[body]));
        }
        (Dealer, Router) | (Client, Server) => {
            first.send(&frames(&[body]));
            let asked = other.recv();
            assert_eq!(asked[1..], frames(&[body]));
            other.send(&asked);
            assert_eq!(first.recv(), frames(&[body]));
        }
        (Router, Router) => {
            // Neither knows the other but by the id that it announced.
            let asked = first.send_until_it_arrives(&frames(&["other", body]), other);
            assert_eq!(asked, frames(&["first", body]));
            other.send(&frames(&["first", "back"]));
            assert_eq!(first.recv(), frames(&["other", "back"]));
        }
        (Peer, Peer) if !number.is_empty() => {
            first.send(&frames(&[number, body]));
            let asked = other.recv();
            assert_eq!(asked[1..], frames(&[body]));
            other.send(&asked);
            assert_eq!(first.recv(), frames(&[number, body]));
        }
        _ => return false,
    }
    true
}

#[test]
fn every_pair_of_types_that_fits_converses_whichever_library_has_which_end() {
    let mut conversations = 0;
    for (one, other) in types().flat_map(|one| types().map(move |other| (one, other))) {
        if !one.talks_to(other) {
            continue;
        }
        for library in Library::BOTH {
            for transport in Transport::ALL {
                for first_binds in [true, false] {
                    let first = End::named(library, one, name(one, "first"));
                    let second = End::named(library.other(), other, name(other, "other"));
                    let address = Address::new(transport);
                    let number = if first_binds {
                        second.connect(&first.bind(address.as_str()));
                        String::new()
                    } else {
                        first.connect(&second.bind(address.as_str()))
                    };
                    conversations += usize::from(converse(&first, &number, &second));
                }
            }
        }
    }
    // 16 pairs of which one speaks first, both libraries, both transports, both roles; and PEER, of which only the
    // one that connects can.
    assert_eq!(conversations, 16 * 8 + 4);
}

/// A ROUTER is known by its id alone.
fn name(kind: SocketType, id: &str) -> &str {
    if kind == Router {
        id
    } else {
        ""
    }
}

#[test]
fn types_that_do_not_fit_refuse_each_other() {
    let (ours, theirs) = (Context::new(), zmq::Context::new());
    for one in types() {
        let socket = ours.socket(one).bind("tcp://127.0.0.1:*").expect("ours");
        let endpoint = socket.endpoint().expect("our endpoint").to_string();
        for other in types().filter(|other| !one.talks_to(*other)) {
            let monitor = socket.monitor();
            let peer = crate::support::theirs(&theirs, libzmq_kind(other));
            peer.connect(&endpoint).expect("their connect");
            // The side that looks at the other's type first ends it; libzmq does so by closing without a word.
            wait_for(&monitor, "a failed handshake", |kind| {
                assert!(!is_up(kind), "our {one} and their {other}");
                matches!(kind, EventKind::HandshakeFailed { .. })
            });
        }
    }
}
