//! The few functions of `zmq.h` that the wrapper calls, declared by hand.

use std::ffi::{c_char, c_int, c_long, c_short, c_void};

/// libzmq's message value: 64 opaque bytes whose layout is its own affair, but whose size is its ABI.
#[repr(C, align(8))]
pub(crate) struct RawMsg {
    _opaque: [u8; 64],
}

impl RawMsg {
    pub(crate) const fn zeroed() -> Self {
        RawMsg { _opaque: [0; 64] }
    }
}

#[repr(C)]
pub(crate) struct PollItem {
    pub(crate) socket: *mut c_void,
    pub(crate) fd: c_int,
    pub(crate) events: c_short,
    pub(crate) revents: c_short,
}

extern "C" {
    pub(crate) fn zmq_errno() -> c_int;
    pub(crate) fn zmq_strerror(errnum: c_int) -> *const c_char;
    pub(crate) fn zmq_version(major: *mut c_int, minor: *mut c_int, patch: *mut c_int);

    pub(crate) fn zmq_ctx_new() -> *mut c_void;
    pub(crate) fn zmq_ctx_set(context: *mut c_void, option: c_int, value: c_int) -> c_int;
    pub(crate) fn zmq_ctx_shutdown(context: *mut c_void) -> c_int;
    pub(crate) fn zmq_ctx_term(context: *mut c_void) -> c_int;

    pub(crate) fn zmq_socket(context: *mut c_void, kind: c_int) -> *mut c_void;
    pub(crate) fn zmq_close(socket: *mut c_void) -> c_int;
    pub(crate) fn zmq_setsockopt(
        socket: *mut c_void,
        option: c_int,
        value: *const c_void,
        len: usize,
    ) -> c_int;
    pub(crate) fn zmq_getsockopt(
        socket: *mut c_void,
        option: c_int,
        value: *mut c_void,
        len: *mut usize,
    ) -> c_int;
    pub(crate) fn zmq_bind(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    pub(crate) fn zmq_connect(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    pub(crate) fn zmq_unbind(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    pub(crate) fn zmq_disconnect(socket: *mut c_void, endpoint: *const c_char) -> c_int;
    pub(crate) fn zmq_send(
        socket: *mut c_void,
        data: *const c_void,
        len: usize,
        flags: c_int,
    ) -> c_int;
    pub(crate) fn zmq_send_const(
        socket: *mut c_void,
        data: *const c_void,
        len: usize,
        flags: c_int,
    ) -> c_int;
    pub(crate) fn zmq_poll(items: *mut PollItem, count: c_int, timeout_ms: c_long) -> c_int;
    pub(crate) fn zmq_proxy(
        frontend: *mut c_void,
        backend: *mut c_void,
        capture: *mut c_void,
    ) -> c_int;
    pub(crate) fn zmq_socket_monitor(
        socket: *mut c_void,
        endpoint: *const c_char,
        events: c_int,
    ) -> c_int;

    pub(crate) fn zmq_msg_init(msg: *mut RawMsg) -> c_int;
    pub(crate) fn zmq_msg_init_size(msg: *mut RawMsg, len: usize) -> c_int;
    pub(crate) fn zmq_msg_send(msg: *mut RawMsg, socket: *mut c_void, flags: c_int) -> c_int;
    pub(crate) fn zmq_msg_recv(msg: *mut RawMsg, socket: *mut c_void, flags: c_int) -> c_int;
    pub(crate) fn zmq_msg_close(msg: *mut RawMsg) -> c_int;
    pub(crate) fn zmq_msg_data(msg: *mut RawMsg) -> *mut c_void;
    pub(crate) fn zmq_msg_size(msg: *const RawMsg) -> usize;
    pub(crate) fn zmq_msg_more(msg: *const RawMsg) -> c_int;
    pub(crate) fn zmq_msg_gets(msg: *const RawMsg, property: *const c_char) -> *const c_char;

    pub(crate) fn zmq_has(capability: *const c_char) -> c_int;

    // Draft.
    pub(crate) fn zmq_join(socket: *mut c_void, group: *const c_char) -> c_int;
    pub(crate) fn zmq_leave(socket: *mut c_void, group: *const c_char) -> c_int;
    pub(crate) fn zmq_connect_peer(socket: *mut c_void, endpoint: *const c_char) -> u32;
    pub(crate) fn zmq_msg_set_routing_id(msg: *mut RawMsg, routing_id: u32) -> c_int;
    pub(crate) fn zmq_msg_routing_id(msg: *mut RawMsg) -> u32;
    pub(crate) fn zmq_msg_set_group(msg: *mut RawMsg, group: *const c_char) -> c_int;
    pub(crate) fn zmq_msg_group(msg: *mut RawMsg) -> *const c_char;
}
