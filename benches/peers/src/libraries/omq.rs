//! omq-tokio, blocking.

use std::future::Future;

use bytes::Bytes;
use omq_tokio::{blocking, Context, Message, Options, SocketType};

use super::{run_blocking, tcp};
use crate::payload::Body;
use crate::peer::{Library, Receiver, Sender};

pub(crate) struct Omq;

pub(crate) struct Ends {
    socket: blocking::Socket,
    last: Message,
}

fn ends(socket_type: SocketType, options: Options) -> Ends {
    Ends {
        socket: Context::new().blocking_socket(socket_type, options),
        last: Message::new(),
    }
}

fn bound(socket_type: SocketType, port: u16) -> Ends {
    let ends = ends(socket_type, Options::default());
    ends.socket.bind(tcp(port).as_str()).expect("a bind");
    ends
}

fn connected(socket_type: SocketType, port: u16) -> Option<Ends> {
    let ends = ends(socket_type, Options::default());
    ends.socket.connect(tcp(port).as_str()).ok()?;
    Some(ends)
}

impl Library for Omq {
    type Push = Ends;
    type Pull = Ends;
    type Pub = Ends;
    type Sub = Ends;
    type Req = Ends;
    type Rep = Ends;

    fn run(program: impl Future<Output = ()>) {
        run_blocking(program);
    }

    async fn pull(port: u16) -> Ends {
        bound(SocketType::Pull, port)
    }

    async fn push(port: u16) -> Option<Ends> {
        connected(SocketType::Push, port)
    }

    async fn publisher(port: u16, _: u64) -> Ends {
        let mut options = Options::default();
        options.xpub_nodrop = true;
        let ends = ends(SocketType::Pub, options);
        ends.socket.bind(tcp(port).as_str()).expect("a bind");
        ends
    }

    async fn subscriber(port: u16) -> Option<Ends> {
        let ends = ends(SocketType::Sub, Options::default());
        ends.socket.subscribe(Bytes::new()).expect("a subscription");
        ends.socket.connect(tcp(port).as_str()).ok()?;
        Some(ends)
    }

    async fn rep(port: u16) -> Ends {
        bound(SocketType::Rep, port)
    }

    async fn req(port: u16) -> Option<Ends> {
        connected(SocketType::Req, port)
    }
}

impl Sender for Ends {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let message = match body {
            Body::Borrowed(body) => Message::from_slice(body),
            Body::Static(body) => Message::single(Bytes::from_static(body)),
        };
        self.socket.send(message).expect("a send");
    }
}

impl Receiver for Ends {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        self.last = self.socket.recv().expect("a message");
        self.last.get(0).unwrap_or_default()
    }
}
