//! rzmq, on tokio.

use std::future::Future;

use bytes::Bytes;
use rzmq::socket::{SUBSCRIBE, XPUB_NODROP};
use rzmq::{Context, Msg, Socket, SocketType};

use super::{run_tokio, tcp};
use crate::payload::Body;
use crate::peer::{Library, Receiver, Sender};

pub(crate) struct Rzmq;

pub(crate) struct Ends {
    socket: Socket,
    last: Msg,
    /// Sockets end with it.
    _context: Context,
}

fn ends(socket_type: SocketType) -> Ends {
    let context = Context::new().expect("a context");
    Ends {
        socket: context.socket(socket_type).expect("a socket"),
        last: Msg::new(),
        _context: context,
    }
}

async fn bound(socket_type: SocketType, port: u16) -> Ends {
    let ends = ends(socket_type);
    ends.socket.bind(&tcp(port)).await.expect("a bind");
    ends
}

async fn connected(socket_type: SocketType, port: u16) -> Option<Ends> {
    let ends = ends(socket_type);
    ends.socket.connect(&tcp(port)).await.ok()?;
    Some(ends)
}

impl Library for Rzmq {
    type Push = Ends;
    type Pull = Ends;
    type Pub = Ends;
    type Sub = Ends;
    type Req = Ends;
    type Rep = Ends;

    fn run(program: impl Future<Output = ()>) {
        run_tokio(program);
    }

    async fn pull(port: u16) -> Ends {
        bound(SocketType::Pull, port).await
    }

    async fn push(port: u16) -> Option<Ends> {
        connected(SocketType::Push, port).await
    }

    async fn publisher(port: u16, _: u64) -> Ends {
        let ends = ends(SocketType::Pub);
        let set = ends.socket.set_option(XPUB_NODROP, 1i32).await;
        set.expect("XPUB_NODROP");
        ends.socket.bind(&tcp(port)).await.expect("a bind");
        ends
    }

    async fn subscriber(port: u16) -> Option<Ends> {
        let ends = ends(SocketType::Sub);
        let set = ends.socket.set_option_raw(SUBSCRIBE, b"").await;
        set.expect("a subscription");
        ends.socket.connect(&tcp(port)).await.ok()?;
        Some(ends)
    }

    async fn rep(port: u16) -> Ends {
        bound(SocketType::Rep, port).await
    }

    async fn req(port: u16) -> Option<Ends> {
        connected(SocketType::Req, port).await
    }
}

impl Sender for Ends {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let message = match body {
            Body::Borrowed(body) => Msg::from_bytes(Bytes::copy_from_slice(body)),
            Body::Static(body) => Msg::from_static(body),
        };
        self.socket.send(message).await.expect("a send");
    }
}

impl Receiver for Ends {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        self.last = self.socket.recv().await.expect("a message");
        self.last.data().unwrap_or_default()
    }
}
