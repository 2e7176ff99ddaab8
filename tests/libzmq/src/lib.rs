//! The real libzmq, compiled from source, behind a thin safe wrapper.
//!
//! It exists to be the other end: of interoperability tests, and of the benches that compare with it. So it
//! is deliberately small: names, defaults and behaviour are libzmq's own, and what a test does not need is
//! not here.

#![warn(missing_debug_implementations)]

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
