//! libzmq, as `benches/compare` uses it.

use std::future::Future;

use libzmq_peer::{option, Context, Kind, Msg, Socket};

use super::{run_blocking, tcp};
use crate::payload::Body;
use crate::peer::{Library, Receiver, Sender};

pub(crate) struct Libzmq;

pub(crate) struct Ends {
    socket: Socket,
    last: Msg,
}

fn ends(kind: Kind) -> Ends {
    Ends {
        socket: Context::new().socket(kind).expect("a socket"),
        last: Msg::new(),
    }
}

fn bound(ends: Ends, port: u16) -> Ends {
    ends.socket.bind(&tcp(port)).expect("a bind");
    ends
}

fn connected(ends: Ends, port: u16) -> Option<Ends> {
    ends.socket.connect(&tcp(port)).ok()?;
    Some(ends)
}

impl Library for Libzmq {
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
        bound(ends(Kind::Pull), port)
    }

    async fn push(port: u16) -> Option<Ends> {
        connected(ends(Kind::Push), port)
    }

    async fn publisher(port: u16, _: u64) -> Ends {
        let ends = ends(Kind::Pub);
        let waits = ends.socket.set_int(option::XPUB_NODROP, 1);
        waits.expect("XPUB_NODROP");
        bound(ends, port)
    }

    async fn subscriber(port: u16) -> Option<Ends> {
        let ends = ends(Kind::Sub);
        ends.socket.subscribe(b"").expect("a subscription");
        connected(ends, port)
    }

    async fn rep(port: u16) -> Ends {
        bound(ends(Kind::Rep), port)
    }

    async fn req(port: u16) -> Option<Ends> {
        connected(ends(Kind::Req), port)
    }
}

impl Sender for Ends {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let sent = match body {
            Body::Borrowed(body) => self.socket.send(body, false),
            Body::Static(body) => self.socket.send_static(body),
        };
        sent.expect("a send");
    }
}

impl Receiver for Ends {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        self.socket.recv(&mut self.last).expect("a message");
        self.last.as_bytes()
    }
}
