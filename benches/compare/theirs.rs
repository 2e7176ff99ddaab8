//! libzmq as a contender: one message a call, received without a copy, defaults throughout.

use std::thread;

use libzmq_peer::{option, Context, Kind, Msg, Socket};

use crate::library::{AnswerEnd, End, Library, RecvEnd, SendEnd, Settings, GROUP};

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
    type Dealer = Ends;
    type Router = RouterEnd;
    type Radio = RadioEnd;
    type Dish = Ends;

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

    fn dealer(context: &Context) -> Ends {
        ends(context, Kind::Dealer)
    }

    fn router(context: &Context) -> RouterEnd {
        RouterEnd {
            ends: ends(context, Kind::Router),
            id: Msg::new(),
        }
    }

    fn radio(context: &Context) -> RadioEnd {
        RadioEnd(ends(context, Kind::Radio))
    }

    fn dish(context: &Context) -> Ends {
        let ends = ends(context, Kind::Dish);
        ends.socket.join(GROUP).expect("a group");
        ends
    }

    fn forward(say: impl FnOnce(&str, &str), stop: impl FnOnce() + Send + 'static) {
        const ANYWHERE: &str = "tcp://127.0.0.1:*";
        let context = Context::new();
        let [front, back] = [Kind::XSub, Kind::XPub].map(|kind| ends(&context, kind));
        let no_drop = back.socket.set_int(option::XPUB_NODROP, 1);
        no_drop.expect("XPUB_NODROP");
        let at = [&front, &back].map(|end| end.bind(ANYWHERE));
        say(&at[0], &at[1]);
        thread::spawn(move || {
            stop();
            context.shutdown();
        });
        Socket::proxy(&front.socket, &back.socket);
    }
}

/// A RADIO.
pub(crate) struct RadioEnd(Ends);

impl End for RadioEnd {
    fn bind(&self, endpoint: &str) -> String {
        self.0.bind(endpoint)
    }

    fn connect(&self, endpoint: &str) {
        self.0.connect(endpoint);
    }
}

impl SendEnd for RadioEnd {
    #[inline]
    fn send(&self, body: &[u8]) {
        let mut msg = Msg::from_bytes(body).expect("a message");
        msg.set_group(GROUP).expect("a group");
        self.0.socket.send_msg(msg).expect("a send");
    }

    fn send_static(&self, body: &'static [u8]) {
        self.send(body);
    }
}

/// A ROUTER, and the routing id of the message that it received last.
pub(crate) struct RouterEnd {
    ends: Ends,
    id: Msg,
}

impl End for RouterEnd {
    fn bind(&self, endpoint: &str) -> String {
        self.ends.bind(endpoint)
    }

    fn connect(&self, endpoint: &str) {
        self.ends.connect(endpoint);
    }
}

impl RecvEnd for RouterEnd {
    #[inline]
    fn recv(&mut self) -> &[u8] {
        let received = self.ends.socket.recv(&mut self.id);
        received.expect("a routing id");
        self.ends.recv()
    }
}

impl AnswerEnd for RouterEnd {
    #[inline]
    fn answer(&mut self) {
        let Ends { socket, last } = &self.ends;
        socket.send(self.id.as_bytes(), true).expect("a send");
        socket.send(last.as_bytes(), false).expect("a send");
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
