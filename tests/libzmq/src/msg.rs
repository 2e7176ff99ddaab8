use std::fmt;
use std::slice;

use crate::ffi::{self, RawMsg};

/// A received message part in libzmq's own memory: receiving into the same `Msg` again copies nothing.
pub struct Msg(pub(crate) RawMsg);

// SAFETY: a message part is a plain value; libzmq's content counts are atomic.
unsafe impl Send for Msg {}

impl Msg {
    /// An empty part, to receive into.
    pub fn new() -> Msg {
        let mut raw = RawMsg::zeroed();
        // SAFETY: `raw` is memory of the right size and alignment; this call makes it a valid message.
        unsafe { ffi::zmq_msg_init(&mut raw) };
        Msg(raw)
    }

    /// The bytes of this part.
    pub fn as_bytes(&self) -> &[u8] {
        let raw = (&self.0 as *const RawMsg).cast_mut();
        // SAFETY: `raw` is an initialised message; `zmq_msg_data` does not modify it in spite of its
        // signature, and what it returns stays valid for `zmq_msg_size` bytes until the message is used
        // mutably, which the borrow of `self` forbids.
        unsafe {
            match ffi::zmq_msg_size(raw) {
                0 => &[],
                len => slice::from_raw_parts(ffi::zmq_msg_data(raw).cast(), len),
            }
        }
    }

    /// Whether another part of the same message follows.
    pub fn more(&self) -> bool {
        // SAFETY: an initialised message, only read.
        unsafe { ffi::zmq_msg_more(&self.0) != 0 }
    }
}

impl Default for Msg {
    fn default() -> Self {
        Msg::new()
    }
}

impl Drop for Msg {
    fn drop(&mut self) {
        // SAFETY: an initialised message, closed once.
        unsafe { ffi::zmq_msg_close(&mut self.0) };
    }
}

impl fmt::Debug for Msg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Msg")
            .field("len", &self.as_bytes().len())
            .field("more", &self.more())
            .finish()
    }
}
