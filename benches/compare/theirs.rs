//! libzmq as a contender: one message a call, received without a copy, defaults throughout.

use libzmq_peer::{option, Context, Kind, Msg, Socket};

use crate::library::{End, Library, RecvEnd, SendEnd, Settings};

pub(crate) struct Theirs;

/// A socket, and the message it received last.
pub(crate) struct Ends {
    socket: Socket,
    last: Msg,
}

fn ends(context: &Context, kind: Kind) -> Ends {
    Ends {
        socket: context.socket(kind).expect("a socket"),
        last: Msg::new(),
    }
}

impl Library for Theirs {
    type Context = Context;
    type Push = Ends;
    type Pull = Ends;
    type Pub = Ends;
    type Sub = Ends;
    type Req = Ends;
    type Rep = Ends;

    fn context() -> Context {
        Context::new()
    }

    fn context_with_threads(threads: u64) -> Context {
        let context = Context::new();
        context.set_io_threads(threads as i32).expect("I/O threads");
        context
    }

    fn push(context: &Context) -> Ends {
        ends(context, Kind::Push)
    }

    fn pull(context: &Context) -> Ends {
        ends(context, Kind::Pull)
    }

    fn publisher(context: &Context, settings: Settings) -> Ends {
        let ends = ends(context, Kind::Pub);
        ends.socket
            .set_int(option::XPUB_NODROP, i32::from(settings.no_drop))
            .expect("XPUB_NODROP");
        ends
    }

    fn subscriber(context: &Context) -> Ends {
        let ends = ends(context, Kind::Sub);
        ends.socket.subscribe(b"").expect("a subscription");
        ends
    }

    fn req(context: &Context, _: Settings) -> Ends {
        ends(context, Kind::Req)
    }

    fn rep(context: &Context, _: Settings) -> Ends {
        ends(context, Kind::Rep)
    }
}

impl End for Ends {
    fn bind(&self, endpoint: &str) -> String {
        self.socket.bind(endpoint).expect("a bind");
        self.socket.last_endpoint().expect("an endpoint")
    }

    fn connect(&self, endpoint: &str) {
        self.socket.connect(endpoint).expect("a connect");
    }
}

impl SendEnd for Ends {
    #[inline]
    fn send(&self, body: &[u8]) {
        self.socket.send(body, false).expect("a send");
    }

    #[inline]
    fn send_static(&self, body: &'static [u8]) {
        self.socket.send_static(body).expect("a send");
    }
}

impl RecvEnd for Ends {
    #[inline]
    fn recv(&mut self) -> &[u8] {
        self.socket.recv(&mut self.last).expect("a message");
        self.last.as_bytes()
    }
}
