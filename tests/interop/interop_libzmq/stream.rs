//! STREAM: bytes without ZMTP, with libzmq's STREAM at the other end, which does the same.

use std::time::Instant;

use libzmq_peer as zmq;
use libzmq_peer::Kind;
use sinew::{Context, Message, Stream};

use crate::support::*;

const COUNT: usize = 1 << 20;

/// libzmq's STREAM has tcp alone.
fn setups() -> [Setup; 2] {
    [true, false].map(|we_bind| Setup {
        transport: Transport::Tcp,
        we_bind,
    })
}

#[test]
fn our_stream_and_a_libzmq_stream_exchange_bytes_and_tell_that_they_met_and_parted() {
    for setup in setups() {
        let ours = Context::new().socket(Stream).open().expect("our STREAM");
        let theirs = theirs(&zmq::Context::new(), Kind::Stream);
        let _address = setup.join(&ours.clone().into_dynamic(), &theirs);
        let met = theirs.recv_multipart().expect("their note");
        assert_eq!((met.len(), met[1].len()), (2, 0), "{setup:?}");
        let their_id = met[0].clone();
        let (our_id, nothing) = ours.recv_timeout(DEADLINE).expect("our note").split_id();
        assert_eq!(nothing, "", "{setup:?}");

        let bytes = body(COUNT);
        ours.send_timeout(
            Message::from(bytes.clone()).routed_to(our_id.clone()),
            DEADLINE,
        )
        .expect("our bytes");
        let mut there = Vec::new();
        while there.len() < COUNT {
            let piece = theirs.recv_multipart().expect("our bytes there");
            assert_eq!((piece.len(), &piece[0]), (2, &their_id), "{setup:?}");
            there.extend_from_slice(&piece[1]);
        }
        assert!(there == bytes, "{setup:?}");

        theirs
            .send_multipart(vec![their_id.clone(), bytes.clone()])
            .expect("their bytes");
        let mut here = Vec::new();
        while here.len() < COUNT {
            let (id, piece) = ours.recv_timeout(DEADLINE).expect("theirs").split_id();
            assert_eq!(id, our_id, "{setup:?}");
            here.extend_from_slice(piece.as_bytes().expect("one frame"));
        }
        assert!(here == bytes, "{setup:?}");

        // An id and nothing ends it, and the other side is told.
        if setup.we_bind {
            theirs
                .send_multipart(vec![their_id, Vec::new()])
                .expect("their end");
            let deadline = Instant::now() + DEADLINE;
            let parted = loop {
                // libzmq ends it within the socket's next calls.
                assert_eq!(their_next(&theirs, RETRY), None);
                match ours.try_recv() {
                    Ok(note) => break note,
                    Err(error) => assert!(Instant::now() < deadline, "{error}"),
                }
            };
            assert_eq!(parted.split_id(), (our_id, Message::from("")), "{setup:?}");
        } else {
            ours.send_timeout(Message::from("").routed_to(our_id), DEADLINE)
                .expect("our end");
            let deadline = Instant::now() + DEADLINE;
            let parted = loop {
                match their_next(&theirs, RETRY) {
                    Some(note) => break note,
                    None => assert!(Instant::now() < deadline, "no note"),
                }
            };
            assert_eq!(parted, [their_id, Vec::new()], "{setup:?}");
        }
    }
}
