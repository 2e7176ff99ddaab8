use std::ffi::{CStr, CString};
use std::fmt;
use std::slice;

use crate::error::check;
use crate::ffi::{self, RawMsg};
use crate::{Error, Result};

/// A message part in libzmq's own memory: receiving into the same `Msg` again copies nothing.
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

    /// A part with these bytes, to send with a routing id or a group.
    pub fn from_bytes(bytes: &[u8]) -> Result<Msg> {
        let mut raw = RawMsg::zeroed();
        // SAFETY: `raw` is memory of the right size and alignment; this call makes it a valid message.
        check(unsafe { ffi::zmq_msg_init_size(&mut raw, bytes.len()) })?;
        if !bytes.is_empty() {
            // SAFETY: an initialised message, whose data is writable for as many bytes as it was made for,
            // and which is shared with no other.
            unsafe {
                slice::from_raw_parts_mut(ffi::zmq_msg_data(&mut raw).cast(), bytes.len())
                    .copy_from_slice(bytes);
            }
        }
        Ok(Msg(raw))
    }

    /// SERVER, PEER: the peer that this came from; zero of any other.
    pub fn routing_id(&self) -> u32 {
        let raw = (&self.0 as *const RawMsg).cast_mut();
        // SAFETY: an initialised message, which the call only reads in spite of its signature.
        unsafe { ffi::zmq_msg_routing_id(raw) }
    }

    /// SERVER, PEER: the peer that this shall go to.
    pub fn set_routing_id(&mut self, routing_id: u32) -> Result<()> {
        // SAFETY: an initialised message.
        check(unsafe { ffi::zmq_msg_set_routing_id(&mut self.0, routing_id) }).map(drop)
    }

    /// DISH: the group that this was sent to.
    pub fn group(&self) -> Vec<u8> {
        let raw = (&self.0 as *const RawMsg).cast_mut();
        // SAFETY: an initialised message, which the call only reads in spite of its signature; what it
        // returns is NUL-terminated, and copied while the message is borrowed.
        unsafe { CStr::from_ptr(ffi::zmq_msg_group(raw)) }
            .to_bytes()
            .to_vec()
    }

    /// RADIO: the group that this shall go to.
    pub fn set_group(&mut self, group: &str) -> Result<()> {
        let group = CString::new(group).map_err(|_| Error::INVAL)?;
        // SAFETY: an initialised message and a NUL-terminated string, which libzmq copies.
        check(unsafe { ffi::zmq_msg_set_group(&mut self.0, group.as_ptr()) }).map(drop)
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

    /// A property of the peer that this was received from; libzmq gives those that are text up to a zero
    /// byte.
    pub fn property(&self, name: &CStr) -> Option<String> {
        // SAFETY: an initialised message, only read, and a name that ends.
        let value = unsafe { ffi::zmq_msg_gets(&self.0, name.as_ptr()) };
        if value.is_null() {
            return None;
        }
        // SAFETY: libzmq's text ends with a zero byte, and lives as long as the message.
        let value = unsafe { CStr::from_ptr(value) };
        Some(value.to_string_lossy().into_owned())
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
