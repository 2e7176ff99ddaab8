//! The real libzmq, compiled from source, behind a thin safe wrapper.
//!
//! It exists to be the other end: of interoperability tests, and of the benches that compare with it. So it
//! is deliberately small: names, defaults and behaviour are libzmq's own, and what a test does not need is
//! not here.

#![warn(missing_debug_implementations)]

// For its library, which libzmq is linked with.
#[cfg(feature = "curve")]
use libsodium_sys as _;

mod error;
mod ffi;
mod monitor;
mod msg;
mod socket;

pub use error::Error;
pub use monitor::{event, Event, Monitor};
pub use msg::Msg;
pub use socket::{option, Context, Kind, Socket};

/// A call into libzmq: its value, or the error number it left.
pub type Result<T> = std::result::Result<T, Error>;

/// Whether this libzmq was built with its draft socket types and options.
pub fn has_drafts() -> bool {
    // SAFETY: a NUL-terminated string.
    unsafe { ffi::zmq_has(c"draft".as_ptr()) == 1 }
}

/// The version of the libzmq that is linked in, as (major, minor, patch).
pub fn version() -> (i32, i32, i32) {
    let (mut major, mut minor, mut patch) = (0, 0, 0);
    // SAFETY: three valid, distinct pointers to ints, which the call only writes to.
    unsafe { ffi::zmq_version(&mut major, &mut minor, &mut patch) };
    (major, minor, patch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_the_pinned_release() {
        assert_eq!(version(), (4, 3, 5));
        assert!(has_drafts());
    }

    #[test]
    fn a_group_and_a_routing_id_go_with_a_message() {
        let context = Context::new();
        let dish = context.socket(Kind::Dish).unwrap();
        dish.bind("inproc://dish").unwrap();
        dish.join("group").unwrap();
        let radio = context.socket(Kind::Radio).unwrap();
        radio.connect("inproc://dish").unwrap();
        // The joining takes effect within the next calls of either.
        let mut tries = 0..1000;
        while !dish.poll_in(10).unwrap() {
            let mut msg = Msg::from_bytes(b"body").unwrap();
            msg.set_group("group").unwrap();
            radio.send_msg(msg).unwrap();
            assert!(tries.next().is_some(), "nothing came");
        }
        let mut msg = Msg::new();
        dish.recv(&mut msg).unwrap();
        assert_eq!(
            (&msg.group()[..], msg.as_bytes()),
            (&b"group"[..], &b"body"[..])
        );

        let server = context.socket(Kind::Server).unwrap();
        server.bind("inproc://server").unwrap();
        let client = context.socket(Kind::Client).unwrap();
        client.set_int(option::RCVTIMEO, 10_000).unwrap();
        client.connect("inproc://server").unwrap();
        client.send(b"request", false).unwrap();
        server.recv(&mut msg).unwrap();
        let mut reply = Msg::from_bytes(b"reply").unwrap();
        reply.set_routing_id(msg.routing_id()).unwrap();
        server.send_msg(reply).unwrap();
        assert_eq!(client.recv_multipart().unwrap(), [b"reply"]);
        reply = Msg::from_bytes(b"reply").unwrap();
        reply
            .set_routing_id(msg.routing_id().wrapping_add(1))
            .unwrap();
        assert_eq!(server.send_msg(reply), Err(Error::HOSTUNREACH));
    }

    #[test]
    fn multipart_crosses_a_socket_pair_over_tcp() {
        let context = Context::new();
        let pull = context.socket(Kind::Pull).unwrap();
        pull.bind("tcp://127.0.0.1:*").unwrap();
        let push = context.socket(Kind::Push).unwrap();
        push.connect(&pull.last_endpoint().unwrap()).unwrap();
        push.send_multipart([&b"a"[..], b"", b"c"]).unwrap();
        pull.set_int(option::RCVTIMEO, 10_000).unwrap();
        assert_eq!(
            pull.recv_multipart().unwrap(),
            [b"a".to_vec(), vec![], b"c".to_vec()]
        );
    }

    #[test]
    fn a_monitor_reports_the_handshake() {
        let context = Context::new();
        let pull = context.socket(Kind::Pull).unwrap();
        let monitor = pull.monitor(event::HANDSHAKE_SUCCEEDED).unwrap();
        pull.bind("tcp://127.0.0.1:*").unwrap();
        let push = context.socket(Kind::Push).unwrap();
        push.connect(&pull.last_endpoint().unwrap()).unwrap();
        let seen = monitor.recv_timeout(10_000).unwrap();
        assert_eq!(seen.id, event::HANDSHAKE_SUCCEEDED);
    }

    #[test]
    fn an_empty_receive_times_out_as_would_block() {
        let context = Context::new();
        let pull = context.socket(Kind::Pull).unwrap();
        pull.set_int(option::RCVTIMEO, 0).unwrap();
        assert!(pull.recv_multipart().unwrap_err().is_again());
    }
}
