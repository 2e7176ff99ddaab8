//! zeromq (zmq.rs), on tokio.

use std::future::Future;

use bytes::Bytes;
use zeromq::{PubSocket, PullSocket, PushSocket, RepSocket, ReqSocket, SubSocket};
use zeromq::{Socket, SocketRecv, SocketSend, ZmqMessage};

use super::{run_tokio, tcp};
use crate::payload::Body;
use crate::peer::{Library, Receiver, Sender};

pub(crate) struct Zeromq;

pub(crate) struct Ends<S> {
    socket: S,
    last: ZmqMessage,
}

async fn bound<S: Socket>(port: u16) -> Ends<S> {
    let mut socket = S::new();
    socket.bind(&tcp(port)).await.expect("a bind");
    ends(socket)
}

async fn connected<S: Socket>(port: u16) -> Option<Ends<S>> {
    let mut socket = S::new();
    socket.connect(&tcp(port)).await.ok()?;
    Some(ends(socket))
}

fn ends<S>(socket: S) -> Ends<S> {
    Ends {
        socket,
        last: ZmqMessage::from(Bytes::new()),
    }
}

impl Library for Zeromq {
    type Push = Ends<PushSocket>;
    type Pull = Ends<PullSocket>;
    type Pub = Ends<PubSocket>;
    type Sub = Ends<SubSocket>;
    type Req = Ends<ReqSocket>;
    type Rep = Ends<RepSocket>;

    fn run(program: impl Future<Output = ()>) {
        run_tokio(program);
    }

    async fn pull(port: u16) -> Self::Pull {
        bound(port).await
    }

    async fn push(port: u16) -> Option<Self::Push> {
        connected(port).await
    }

    async fn publisher(port: u16, _: u64) -> Self::Pub {
        bound(port).await
    }

    async fn subscriber(port: u16) -> Option<Self::Sub> {
        let mut ends: Ends<SubSocket> = connected(port).await?;
        ends.socket.subscribe("").await.expect("a subscription");
        Some(ends)
    }

    async fn rep(port: u16) -> Self::Rep {
        bound(port).await
    }

    async fn req(port: u16) -> Option<Self::Req> {
        connected(port).await
    }
}

impl<S: SocketSend> Sender for Ends<S> {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let body = match body {
            Body::Borrowed(body) => Bytes::copy_from_slice(body),
            Body::Static(body) => Bytes::from_static(body),
        };
        self.socket.send(body.into()).await.expect("a send");
    }
}

impl<S: SocketRecv> Receiver for Ends<S> {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        self.last = self.socket.recv().await.expect("a message");
        self.last.get(0).map_or(&[], |body| body)
    }
}
