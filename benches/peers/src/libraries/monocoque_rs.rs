//! monocoque-rs, on its own runtime.

use std::future::Future;

use bytes::Bytes;
use monocoque::rt::LocalRuntime;
use monocoque::zmq::{PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket, SubSocket};
use monocoque::SocketOptions;

use super::tcp;
use crate::payload::Body;
use crate::peer::{Library, Receiver, Sender};

pub(crate) struct Monocoque;

pub(crate) struct Ends<S> {
    socket: S,
    last: Vec<Bytes>,
}

fn ends<S>(socket: S) -> Ends<S> {
    Ends {
        socket,
        last: Vec::new(),
    }
}

fn address(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

fn for_streams() -> SocketOptions {
    SocketOptions::default().with_write_coalescing(true)
}

impl Library for Monocoque {
    type Push = Ends<PushSocket>;
    type Pull = Ends<PullSocket>;
    type Pub = Ends<PubSocket>;
    type Sub = Ends<SubSocket>;
    type Req = Ends<ReqSocket>;
    type Rep = Ends<RepSocket>;

    fn run(program: impl Future<Output = ()>) {
        LocalRuntime::new().expect("a runtime").block_on(program);
    }

    async fn pull(port: u16) -> Self::Pull {
        let bound = PullSocket::bind(address(port)).await;
        ends(bound.expect("a peer").1)
    }

    async fn push(port: u16) -> Option<Self::Push> {
        let socket = PushSocket::connect_with_options(address(port), for_streams()).await;
        Some(ends(socket.ok()?))
    }

    async fn publisher(port: u16, subscribers: u64) -> Self::Pub {
        let bound = PubSocket::bind_with_options(address(port), for_streams()).await;
        let mut socket = bound.expect("a bind");
        for _ in 0..subscribers {
            socket.accept_subscriber().await.expect("a subscriber");
        }
        ends(socket)
    }

    async fn subscriber(port: u16) -> Option<Self::Sub> {
        let mut socket = SubSocket::connect(&tcp(port)).await.ok()?;
        socket.subscribe(b"").await.expect("a subscription");
        Some(ends(socket))
    }

    async fn rep(port: u16) -> Self::Rep {
        let bound = RepSocket::bind(address(port)).await;
        ends(bound.expect("a peer").1)
    }

    async fn req(port: u16) -> Option<Self::Req> {
        Some(ends(ReqSocket::connect(&tcp(port)).await.ok()?))
    }
}

fn bytes(body: Body<'_>) -> Bytes {
    match body {
        Body::Borrowed(body) => Bytes::copy_from_slice(body),
        Body::Static(body) => Bytes::from_static(body),
    }
}

impl Sender for Ends<PushSocket> {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        self.socket.send_one(bytes(body)).await.expect("a send");
    }

    async fn flush(&mut self) {
        self.socket.flush().await.expect("a flush");
    }
}

impl Sender for Ends<PubSocket> {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let frames = [bytes(body)];
        self.socket.send_frames(&frames).await.expect("a send");
    }
}

impl Sender for Ends<ReqSocket> {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        self.socket.send_one(bytes(body)).await.expect("a send");
    }
}

impl Sender for Ends<RepSocket> {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        self.socket.send(vec![bytes(body)]).await.expect("a send");
    }
}

macro_rules! receives {
    ($($socket:ident),*) => {$(
        impl Receiver for Ends<$socket> {
            #[inline]
            async fn recv(&mut self) -> &[u8] {
                self.last.clear();
                let open = self.socket.recv_into(&mut self.last).await.expect("a message");
                assert!(open, "the peer has gone");
                self.last.first().map_or(&[], |body| body)
            }
        }
    )*};
}

receives!(PullSocket, SubSocket, ReqSocket, RepSocket);
