//! nng: the C library, through its binding `nng`.

use std::future::Future;

use nng::options::protocol::pubsub::Subscribe;
use nng::options::{Options, RecvBufferSize, SendBufferSize};
use nng::{Message, Protocol, Socket};

use super::{run_blocking, tcp};
use crate::payload::Body;
use crate::peer::{Library, Receiver, Sender};

pub(crate) struct Nng;

pub(crate) struct Ends {
    socket: Socket,
    last: Message,
}

/// As many messages as the others queue. The defaults, a few or none, are slower.
const QUEUE: i32 = 1_000;

fn ends(protocol: Protocol) -> Ends {
    let socket = Socket::new(protocol).expect("a socket");
    let queues = [
        socket.set_opt::<SendBufferSize>(QUEUE),
        socket.set_opt::<RecvBufferSize>(QUEUE),
    ];
    // Not every kind of socket has both.
    for result in queues {
        assert!(matches!(result, Ok(()) | Err(nng::Error::NotSupported)));
    }
    Ends {
        socket,
        last: Message::new(),
    }
}

fn bound(protocol: Protocol, port: u16) -> Ends {
    let ends = ends(protocol);
    ends.socket.listen(&tcp(port)).expect("a listener");
    ends
}

fn connected(protocol: Protocol, port: u16) -> Option<Ends> {
    let ends = ends(protocol);
    ends.socket.dial(&tcp(port)).ok()?;
    Some(ends)
}

impl Library for Nng {
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
        bound(Protocol::Pull0, port)
    }

    async fn push(port: u16) -> Option<Ends> {
        connected(Protocol::Push0, port)
    }

    async fn publisher(port: u16, _: u64) -> Ends {
        bound(Protocol::Pub0, port)
    }

    async fn subscriber(port: u16) -> Option<Ends> {
        let ends = ends(Protocol::Sub0);
        let all = ends.socket.set_opt::<Subscribe>(Vec::new());
        all.expect("a subscription");
        ends.socket.dial(&tcp(port)).ok()?;
        Some(ends)
    }

    async fn rep(port: u16) -> Ends {
        bound(Protocol::Rep0, port)
    }

    async fn req(port: u16) -> Option<Ends> {
        connected(Protocol::Req0, port)
    }
}

impl Sender for Ends {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let (Body::Borrowed(body) | Body::Static(body)) = body;
        self.socket.send(Message::from(body)).expect("a send");
    }
}

impl Receiver for Ends {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        self.last = self.socket.recv().expect("a message");
        self.last.as_slice()
    }
}
