//! sinew as a contender: one message a call, one frame a message, defaults throughout.

use std::thread;

use bytes::Bytes;
use sinew::{
    Context, Dealer, Dish, Kind, Message, Proxy, Pub, Pull, Push, Radio, Receives, Rep, Req,
    Router, Sends, Socket, Sub, Xpub, Xsub,
};

use crate::library::{AnswerEnd, End, Library, RecvEnd, SendEnd, Settings, GROUP};

pub(crate) struct Ours;

/// A socket, and the message it received last.
pub(crate) struct Ends<K: Kind> {
    socket: Socket<K>,
    last: Message,
}

fn ends<K: Kind>(socket: Result<Socket<K>, sinew::Error>) -> Ends<K> {
    Ends {
        socket: socket.expect("a socket"),
        last: Message::from(""),
    }
}

impl Library for Ours {
    type Context = Context;
    type Push = Ends<Push>;
    type Pull = Ends<Pull>;
    type Pub = Ends<Pub>;
    type Sub = Ends<Sub>;
    type Req = Ends<Req>;
    type Rep = Ends<Rep>;
    type Dealer = Ends<Dealer>;
    type Router = RouterEnd;
    type Radio = RadioEnd;
    type Dish = Ends<Dish>;

    fn context() -> Context {
        Context::new()
    }

    fn context_with_threads(threads: u64) -> Context {
        Context::builder().reactor_threads(threads as usize).build()
    }

    fn push(context: &Context) -> Ends<Push> {
        ends(context.socket(Push).open())
    }

    fn pull(context: &Context) -> Ends<Pull> {
        ends(context.socket(Pull).open())
    }

    fn publisher(context: &Context, settings: Settings) -> Ends<Pub> {
        ends(context.socket(Pub).no_drop(settings.no_drop).open())
    }

    fn subscriber(context: &Context) -> Ends<Sub> {
        ends(context.socket(Sub).subscribe("").open())
    }

    fn req(context: &Context, settings: Settings) -> Ends<Req> {
        let builder = context.socket(Req);
        ends(match settings.busy_poll {
            Some(spin) => builder.busy_poll(spin).open(),
            None => builder.open(),
        })
    }

    fn rep(context: &Context, settings: Settings) -> Ends<Rep> {
        let builder = context.socket(Rep);
        ends(match settings.busy_poll {
            Some(spin) => builder.busy_poll(spin).open(),
            None => builder.open(),
        })
    }

    fn dealer(context: &Context) -> Ends<Dealer> {
        ends(context.socket(Dealer).open())
    }

    fn router(context: &Context) -> RouterEnd {
        RouterEnd(ends(context.socket(Router).open()))
    }

    fn radio(context: &Context) -> RadioEnd {
        RadioEnd(ends(context.socket(Radio).open()))
    }

    fn dish(context: &Context) -> Ends<Dish> {
        ends(context.socket(Dish).join(GROUP).open())
    }

    fn forward(say: impl FnOnce(&str, &str), stop: impl FnOnce() + Send + 'static) {
        const ANYWHERE: &str = "tcp://127.0.0.1:0";
        let context = Context::new();
        let front = context.socket(Xsub).bind(ANYWHERE).expect("an XSUB");
        let back = context.socket(Xpub).no_drop(true).bind(ANYWHERE);
        let back = back.expect("an XPUB");
        let mut proxy = Proxy::new(&front, &back).expect("a proxy");
        let handle = proxy.handle();
        let at = |endpoint: Option<sinew::Endpoint>| endpoint.expect("an endpoint").to_string();
        say(&at(front.last_endpoint()), &at(back.last_endpoint()));
        thread::spawn(move || {
            stop();
            handle.terminate();
        });
        proxy.run().expect("a proxy");
    }
}

/// A RADIO.
pub(crate) struct RadioEnd(Ends<Radio>);

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
        let message = Message::from(body).in_group(GROUP);
        self.0.socket.send(message).expect("a send");
    }

    fn send_static(&self, body: &'static [u8]) {
        let message = Message::from(Bytes::from_static(body)).in_group(GROUP);
        self.0.socket.send(message).expect("a send");
    }
}

/// A ROUTER.
pub(crate) struct RouterEnd(Ends<Router>);

impl End for RouterEnd {
    fn bind(&self, endpoint: &str) -> String {
        self.0.bind(endpoint)
    }

    fn connect(&self, endpoint: &str) {
        self.0.connect(endpoint);
    }
}

impl RecvEnd for RouterEnd {
    #[inline]
    fn recv(&mut self) -> &[u8] {
        self.0.last = self.0.socket.recv().expect("a message");
        &self.0.last[1]
    }
}

impl AnswerEnd for RouterEnd {
    #[inline]
    fn answer(&mut self) {
        let answer = std::mem::replace(&mut self.0.last, Message::from(""));
        self.0.socket.send(answer).expect("a send");
    }
}

impl<K: Kind> End for Ends<K> {
    fn bind(&self, endpoint: &str) -> String {
        self.socket.bind(endpoint).expect("a bind").to_string()
    }

    fn connect(&self, endpoint: &str) {
        self.socket.connect(endpoint).expect("a connect");
    }
}

impl<K: Sends> SendEnd for Ends<K> {
    #[inline]
    fn send(&self, body: &[u8]) {
        self.socket.send(body).expect("a send");
    }

    #[inline]
    fn send_static(&self, body: &'static [u8]) {
        self.socket.send(Bytes::from_static(body)).expect("a send");
    }
}

impl<K: Receives> RecvEnd for Ends<K> {
    #[inline]
    fn recv(&mut self) -> &[u8] {
        self.last = self.socket.recv().expect("a message");
        self.last.as_bytes().unwrap_or_default()
    }
}
