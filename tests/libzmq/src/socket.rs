use std::ffi::{c_int, c_long, c_void, CString};
use std::ptr;
use std::sync::Arc;

use crate::error::check;
use crate::ffi::{self, PollItem};
use crate::monitor::Monitor;
use crate::msg::Msg;
use crate::{Error, Result};

/// Socket option numbers of `zmq.h`.
pub mod option {
    #![allow(missing_docs)] // Each is described where libzmq describes it, under the same name.
    use std::ffi::c_int;

    pub const ROUTING_ID: c_int = 5;
    pub const SUBSCRIBE: c_int = 6;
    pub const UNSUBSCRIBE: c_int = 7;
    pub const SNDBUF: c_int = 11;
    pub const RCVBUF: c_int = 12;
    pub const RCVMORE: c_int = 13;
    pub const LINGER: c_int = 17;
    pub const RECONNECT_IVL: c_int = 18;
    pub const BACKLOG: c_int = 19;
    pub const RECONNECT_IVL_MAX: c_int = 21;
    pub const MAXMSGSIZE: c_int = 22;
    pub const SNDHWM: c_int = 23;
    pub const RCVHWM: c_int = 24;
    pub const RCVTIMEO: c_int = 27;
    pub const SNDTIMEO: c_int = 28;
    pub const LAST_ENDPOINT: c_int = 32;
    pub const ROUTER_MANDATORY: c_int = 33;
    pub const IMMEDIATE: c_int = 39;
    pub const XPUB_VERBOSE: c_int = 40;
    pub const IPV6: c_int = 42;
    pub const PLAIN_USERNAME: c_int = 45;
    pub const PLAIN_PASSWORD: c_int = 46;
    pub const PLAIN_SERVER: c_int = 44;
    pub const CURVE_SERVER: c_int = 47;
    pub const CURVE_PUBLICKEY: c_int = 48;
    pub const CURVE_SECRETKEY: c_int = 49;
    pub const CURVE_SERVERKEY: c_int = 50;
    pub const PROBE_ROUTER: c_int = 51;
    pub const REQ_CORRELATE: c_int = 52;
    pub const REQ_RELAXED: c_int = 53;
    pub const CONFLATE: c_int = 54;
    pub const ZAP_DOMAIN: c_int = 55;
    pub const HANDSHAKE_IVL: c_int = 66;
    pub const XPUB_NODROP: c_int = 69;
    pub const XPUB_WELCOME_MSG: c_int = 72;
    pub const INVERT_MATCHING: c_int = 74;
    pub const HEARTBEAT_IVL: c_int = 75;
    pub const HEARTBEAT_TTL: c_int = 76;
    pub const HEARTBEAT_TIMEOUT: c_int = 77;
    pub const XPUB_VERBOSER: c_int = 78;
    pub const HELLO_MSG: c_int = 110;
    pub const DISCONNECT_MSG: c_int = 111;
    pub const HICCUP_MSG: c_int = 114;
}

const CTX_IO_THREADS: c_int = 1;
const CTX_MAX_SOCKETS: c_int = 2;
const DONTWAIT: c_int = 1;
const SNDMORE: c_int = 2;
const POLLIN: i16 = 1;
const POLLOUT: i16 = 2;

/// The socket types, with libzmq's numbers; it calls those from SERVER on drafts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // They are named after the types of the protocol.
pub enum Kind {
    Pair = 0,
    Pub = 1,
    Sub = 2,
    Req = 3,
    Rep = 4,
    Dealer = 5,
    Router = 6,
    Pull = 7,
    Push = 8,
    XPub = 9,
    XSub = 10,
    Stream = 11,
    Server = 12,
    Client = 13,
    Radio = 14,
    Dish = 15,
    Gather = 16,
    Scatter = 17,
    Dgram = 18,
    Peer = 19,
    Channel = 20,
}

/// A libzmq context. Clones are the same context; it ends when the last clone and the last socket are gone.
///
/// Ending waits for the linger period of its sockets, as in libzmq, except while the thread is panicking: a
/// failed test must fail, not hang.
#[derive(Debug, Clone)]
pub struct Context(Arc<Inner>);

#[derive(Debug)]
struct Inner(*mut c_void);

// SAFETY: libzmq contexts are thread-safe by contract.
unsafe impl Send for Inner {}
// SAFETY: as above.
unsafe impl Sync for Inner {}

impl Drop for Inner {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        // SAFETY: the pointer came from `zmq_ctx_new`, and every socket of this context is closed, because
        // each of them holds this `Inner` alive.
        while unsafe { ffi::zmq_ctx_term(self.0) } == -1 && Error::last() == Error::INTR {}
    }
}

impl Context {
    /// A context with libzmq's defaults: one I/O thread.
    pub fn new() -> Context {
        // SAFETY: no arguments; fails only when memory is exhausted.
        let raw = unsafe { ffi::zmq_ctx_new() };
        assert!(!raw.is_null(), "libzmq cannot make a context");
        Context(Arc::new(Inner(raw)))
    }

    /// How many I/O threads to start. Works only before the first socket.
    pub fn set_io_threads(&self, count: i32) -> Result<()> {
        self.set(CTX_IO_THREADS, count)
    }

    /// How many sockets may be open at once (1023 by default).
    pub fn set_max_sockets(&self, count: i32) -> Result<()> {
        self.set(CTX_MAX_SOCKETS, count)
    }

    fn set(&self, option: c_int, value: i32) -> Result<()> {
        // SAFETY: a live context.
        check(unsafe { ffi::zmq_ctx_set(self.0 .0, option, value) }).map(drop)
    }

    /// Makes every blocked call on this context's sockets return [`Error::TERM`].
    pub fn shutdown(&self) {
        // SAFETY: a live context; may be called from any thread and more than once.
        unsafe { ffi::zmq_ctx_shutdown(self.0 .0) };
    }

    /// A new socket of this context.
    pub fn socket(&self, kind: Kind) -> Result<Socket> {
        // SAFETY: a live context.
        let raw = unsafe { ffi::zmq_socket(self.0 .0, kind as c_int) };
        if raw.is_null() {
            return Err(Error::last());
        }
        Ok(Socket {
            raw,
            context: self.clone(),
        })
    }
}

impl Default for Context {
    fn default() -> Self {
        Context::new()
    }
}

/// A libzmq socket: may move between threads, but is used by one at a time.
#[derive(Debug)]
pub struct Socket {
    raw: *mut c_void,
    context: Context,
}

// SAFETY: libzmq allows a socket to migrate between threads with a full fence, which any way of moving a
// value between threads in safe Rust includes. It is not `Sync`.
unsafe impl Send for Socket {}

impl Drop for Socket {
    fn drop(&mut self) {
        // SAFETY: made by `zmq_socket`, closed once.
        unsafe { ffi::zmq_close(self.raw) };
    }
}

impl Socket {
    /// The context this socket belongs to.
    pub fn context(&self) -> &Context {
        &self.context
    }

    // ── options ──────────────────────────────────────────────────────────────────────────────────────────

    /// Sets an option whose value is an `int`; [`option::MAXMSGSIZE`], which is 64 bits wide, too.
    pub fn set_int(&self, option: c_int, value: i32) -> Result<()> {
        if option == option::MAXMSGSIZE {
            return self.set_bytes(option, &i64::from(value).to_ne_bytes());
        }
        self.set_bytes(option, &value.to_ne_bytes())
    }

    /// Sets an option whose value is a string of bytes.
    pub fn set_bytes(&self, option: c_int, value: &[u8]) -> Result<()> {
        // SAFETY: a live socket, and a pointer to `value.len()` readable bytes.
        check(unsafe { ffi::zmq_setsockopt(self.raw, option, value.as_ptr().cast(), value.len()) })
            .map(drop)
    }

    /// Reads an option whose value is an `int`.
    pub fn get_int(&self, option: c_int) -> Result<i32> {
        let mut value = [0; 4];
        self.get_bytes(option, &mut value)?;
        Ok(i32::from_ne_bytes(value))
    }

    /// Reads an option whose value is text.
    pub fn get_string(&self, option: c_int) -> Result<String> {
        let mut value = [0; 512];
        let len = self.get_bytes(option, &mut value)?;
        let text = &value[..len];
        let text = text.strip_suffix(&[0]).unwrap_or(text);
        Ok(String::from_utf8_lossy(text).into_owned())
    }

    fn get_bytes(&self, option: c_int, value: &mut [u8]) -> Result<usize> {
        let mut len = value.len();
        // SAFETY: a live socket; the buffer is writable for `len` bytes, and libzmq writes no more.
        check(unsafe {
            ffi::zmq_getsockopt(self.raw, option, value.as_mut_ptr().cast(), &mut len)
        })?;
        Ok(len)
    }

    /// The endpoint of the last bind or connect, with wildcards resolved.
    pub fn last_endpoint(&self) -> Result<String> {
        self.get_string(option::LAST_ENDPOINT)
    }

    /// SUB: wants messages that start with `topic`.
    pub fn subscribe(&self, topic: &[u8]) -> Result<()> {
        self.set_bytes(option::SUBSCRIBE, topic)
    }

    /// SUB: takes one subscription back.
    pub fn unsubscribe(&self, topic: &[u8]) -> Result<()> {
        self.set_bytes(option::UNSUBSCRIBE, topic)
    }

    /// DISH: wants the messages of `group`.
    pub fn join(&self, group: &str) -> Result<()> {
        self.with_text(group, ffi::zmq_join)
    }

    /// DISH: wants them no longer.
    pub fn leave(&self, group: &str) -> Result<()> {
        self.with_text(group, ffi::zmq_leave)
    }

    // ── endpoints ────────────────────────────────────────────────────────────────────────────────────────

    /// Listens on an endpoint.
    pub fn bind(&self, endpoint: &str) -> Result<()> {
        self.with_text(endpoint, ffi::zmq_bind)
    }

    /// Connects to an endpoint, now or when it appears.
    pub fn connect(&self, endpoint: &str) -> Result<()> {
        self.with_text(endpoint, ffi::zmq_connect)
    }

    /// Stops listening on an endpoint.
    pub fn unbind(&self, endpoint: &str) -> Result<()> {
        self.with_text(endpoint, ffi::zmq_unbind)
    }

    /// Ends a connection made by `connect`.
    pub fn disconnect(&self, endpoint: &str) -> Result<()> {
        self.with_text(endpoint, ffi::zmq_disconnect)
    }

    /// PEER: connects, and returns the routing id of what it connects to.
    pub fn connect_peer(&self, endpoint: &str) -> Result<u32> {
        let endpoint = CString::new(endpoint).map_err(|_| Error::INVAL)?;
        // SAFETY: a live socket and a NUL-terminated string that outlives the call.
        match unsafe { ffi::zmq_connect_peer(self.raw, endpoint.as_ptr()) } {
            0 => Err(Error::last()),
            routing_id => Ok(routing_id),
        }
    }

    fn with_text(
        &self,
        text: &str,
        call: unsafe extern "C" fn(*mut c_void, *const std::ffi::c_char) -> c_int,
    ) -> Result<()> {
        let text = CString::new(text).map_err(|_| Error::INVAL)?;
        // SAFETY: a live socket and a NUL-terminated string that outlives the call.
        check(unsafe { call(self.raw, text.as_ptr()) }).map(drop)
    }

    // ── messages ─────────────────────────────────────────────────────────────────────────────────────────

    /// Sends one part, waiting as `SNDTIMEO` says. `more`: another part of the message follows.
    pub fn send(&self, part: &[u8], more: bool) -> Result<()> {
        self.send_flags(part, if more { SNDMORE } else { 0 })
    }

    /// Sends a message of one part, or returns [`Error::AGAIN`] at once.
    pub fn try_send(&self, part: &[u8]) -> Result<()> {
        self.send_flags(part, DONTWAIT)
    }

    fn send_flags(&self, part: &[u8], flags: c_int) -> Result<()> {
        loop {
            // SAFETY: a live socket, and `part` is readable for its length; libzmq copies it.
            let sent =
                check(unsafe { ffi::zmq_send(self.raw, part.as_ptr().cast(), part.len(), flags) });
            match sent {
                Err(Error::INTR) => continue,
                sent => return sent.map(drop),
            }
        }
    }

    /// Sends a part with its routing id or its group, waiting as `SNDTIMEO` says.
    pub fn send_msg(&self, mut msg: Msg) -> Result<()> {
        loop {
            // SAFETY: a live socket and an initialised message, which the call leaves empty, or as it was.
            match check(unsafe { ffi::zmq_msg_send(&mut msg.0, self.raw, 0) }) {
                Err(Error::INTR) => continue,
                sent => return sent.map(drop),
            }
        }
    }

    /// Sends one part that lives for ever, without copying it.
    pub fn send_static(&self, part: &'static [u8]) -> Result<()> {
        // SAFETY: a live socket; `part` is never freed nor written to, so libzmq may keep the pointer.
        check(unsafe { ffi::zmq_send_const(self.raw, part.as_ptr().cast(), part.len(), 0) })
            .map(drop)
    }

    /// Sends the parts as one message.
    pub fn send_multipart<P: AsRef<[u8]>>(&self, parts: impl IntoIterator<Item = P>) -> Result<()> {
        let mut parts = parts.into_iter().peekable();
        while let Some(part) = parts.next() {
            self.send(part.as_ref(), parts.peek().is_some())?;
        }
        Ok(())
    }

    /// Receives one part into `msg`, waiting as `RCVTIMEO` says.
    pub fn recv(&self, msg: &mut Msg) -> Result<()> {
        self.recv_flags(msg, 0)
    }

    /// Receives one part into `msg`, or returns [`Error::AGAIN`] at once.
    pub fn try_recv(&self, msg: &mut Msg) -> Result<()> {
        self.recv_flags(msg, DONTWAIT)
    }

    fn recv_flags(&self, msg: &mut Msg, flags: c_int) -> Result<()> {
        loop {
            // SAFETY: a live socket and an initialised message, whose former content libzmq releases.
            let received = check(unsafe { ffi::zmq_msg_recv(&mut msg.0, self.raw, flags) });
            match received {
                Err(Error::INTR) => continue,
                received => return received.map(drop),
            }
        }
    }

    /// Receives a whole message, waiting as `RCVTIMEO` says.
    pub fn recv_multipart(&self) -> Result<Vec<Vec<u8>>> {
        let mut msg = Msg::new();
        let mut parts = Vec::new();
        loop {
            self.recv(&mut msg)?;
            parts.push(msg.as_bytes().to_vec());
            if !msg.more() {
                return Ok(parts);
            }
        }
    }

    /// Waits until a message can be received; false if none came in so many milliseconds (-1: for ever).
    pub fn poll_in(&self, milliseconds: i32) -> Result<bool> {
        self.poll(POLLIN, milliseconds)
    }

    /// Waits until a message can be sent; false if there was no room for so many milliseconds (-1: for ever).
    pub fn poll_out(&self, milliseconds: i32) -> Result<bool> {
        self.poll(POLLOUT, milliseconds)
    }

    fn poll(&self, events: i16, milliseconds: i32) -> Result<bool> {
        let mut item = PollItem {
            socket: self.raw,
            fd: 0,
            events,
            revents: 0,
        };
        // SAFETY: one item, holding a live socket.
        check(unsafe { ffi::zmq_poll(&mut item, 1, c_long::from(milliseconds)) })?;
        Ok(item.revents & events != 0)
    }

    /// Carries messages both ways between two sockets until the context is shut down.
    pub fn proxy(frontend: &Socket, backend: &Socket) -> Error {
        // SAFETY: two live sockets, used by this thread alone for the whole call; no capture socket.
        unsafe { ffi::zmq_proxy(frontend.raw, backend.raw, ptr::null_mut()) };
        Error::last()
    }

    /// Starts reporting the given events of this socket.
    pub fn monitor(&self, events: u16) -> Result<Monitor> {
        Monitor::attach(self, events)
    }

    pub(crate) fn start_monitor(&self, endpoint: &str, events: u16) -> Result<()> {
        let endpoint = CString::new(endpoint).map_err(|_| Error::INVAL)?;
        // SAFETY: a live socket and a NUL-terminated string that outlives the call.
        check(unsafe { ffi::zmq_socket_monitor(self.raw, endpoint.as_ptr(), c_int::from(events)) })
            .map(drop)
    }
}
