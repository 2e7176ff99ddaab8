//! sinew.

use std::future::Future;

use bytes::Bytes;
use sinew::{Context, Kind, Message, Pub, Pull, Push, Receives, Rep, Req, Sends, Socket, Sub};

use super::{run_blocking, tcp};
use crate::payload::Body;
use crate::peer::{Library, Receiver, Sender};

pub(crate) struct Ours;

pub(crate) struct Ends<K: Kind> {
    socket: Socket<K>,
    last: Message,
}

fn ends<K: Kind>(socket: Result<Socket<K>, sinew::Error>) -> Ends<K> {
    Ends {
        socket: socket.expect("a socket"),
        last: Message::new(),
    }
}

impl Library for Ours {
    type Push = Ends<Push>;
    type Pull = Ends<Pull>;
    type Pub = Ends<Pub>;
    type Sub = Ends<Sub>;
    type Req = Ends<Req>;
    type Rep = Ends<Rep>;

    fn run(program: impl Future<Output = ()>) {
        run_blocking(program);
    }

    async fn pull(port: u16) -> Ends<Pull> {
        ends(Context::new().socket(Pull).bind(&tcp(port)))
    }

    async fn push(port: u16) -> Option<Ends<Push>> {
        Some(ends(Context::new().socket(Push).connect(&tcp(port))))
    }

    async fn publisher(port: u16, _: u64) -> Ends<Pub> {
        ends(Context::new().socket(Pub).no_drop(true).bind(&tcp(port)))
    }

    async fn subscriber(port: u16) -> Option<Ends<Sub>> {
        let builder = Context::new().socket(Sub).subscribe("");
        Some(ends(builder.connect(&tcp(port))))
    }

    async fn rep(port: u16) -> Ends<Rep> {
        ends(Context::new().socket(Rep).bind(&tcp(port)))
    }

    async fn req(port: u16) -> Option<Ends<Req>> {
        Some(ends(Context::new().socket(Req).connect(&tcp(port))))
    }
}

impl<K: Sends> Sender for Ends<K> {
    #[inline]
    async fn send(&mut self, body: Body<'_>) {
        let sent = match body {
            Body::Borrowed(body) => self.socket.send(body),
            Body::Static(body) => self.socket.send(Bytes::from_static(body)),
        };
        sent.expect("a send");
    }
}

impl<K: Receives> Receiver for Ends<K> {
    #[inline]
    async fn recv(&mut self) -> &[u8] {
        self.last = self.socket.recv().expect("a message");
        self.last.as_bytes().unwrap_or_default()
    }
}
