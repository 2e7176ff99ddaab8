//! What both libraries can do, in the words of this bench, so that every role is written once.

use std::time::Duration;

/// The settings a row may change. Everything else is each library's default.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Settings {
    /// How long a waiting call may spin. libzmq has no such thing.
    pub(crate) busy_poll: Option<Duration>,
    /// PUB: wait for a slow subscriber rather than drop.
    pub(crate) no_drop: bool,
}

/// Of all that a RADIO sends.
pub(crate) const GROUP: &str = "group";

/// One of the two libraries. Each call makes a socket in the given context that is neither bound nor connected.
pub(crate) trait Library {
    type Context: Clone + Send + 'static;
    type Push: SendEnd + Send + 'static;
    type Pull: RecvEnd;
    type Pub: SendEnd;
    type Sub: RecvEnd;
    type Req: SendEnd + RecvEnd;
    type Rep: SendEnd + RecvEnd;
    type Dealer: SendEnd + RecvEnd;
    type Router: AnswerEnd;
    type Radio: SendEnd;
    type Dish: RecvEnd;

    fn context() -> Self::Context;
    /// With so many background threads, where one is the default.
    fn context_with_threads(threads: u64) -> Self::Context;
    fn push(context: &Self::Context) -> Self::Push;
    fn pull(context: &Self::Context) -> Self::Pull;
    fn publisher(context: &Self::Context, settings: Settings) -> Self::Pub;
    /// Subscribed to everything.
    fn subscriber(context: &Self::Context) -> Self::Sub;
    fn req(context: &Self::Context, settings: Settings) -> Self::Req;
    fn rep(context: &Self::Context, settings: Settings) -> Self::Rep;
    fn dealer(context: &Self::Context) -> Self::Dealer;
    fn router(context: &Self::Context) -> Self::Router;
    /// Sends to [`GROUP`].
    fn radio(context: &Self::Context) -> Self::Radio;
    /// In [`GROUP`].
    fn dish(context: &Self::Context) -> Self::Dish;
    /// Binds an XSUB, and an XPUB that waits rather than drop, to free ports; says where; and forwards between
    /// them with the library's own proxy until `stop` returns.
    fn forward(say: impl FnOnce(&str, &str), stop: impl FnOnce() + Send + 'static);
}

pub(crate) trait End {
    /// Returns the resolved endpoint.
    fn bind(&self, endpoint: &str) -> String;
    fn connect(&self, endpoint: &str);
}

pub(crate) trait SendEnd: End {
    /// Sends bytes that the caller goes on using: the library copies what it must.
    fn send(&self, body: &[u8]);
    /// Sends bytes that live for ever, by the way that avoids copying them.
    fn send_static(&self, body: &'static [u8]);
}

pub(crate) trait RecvEnd: End {
    /// Waits for the next message, which stays readable until the next call.
    fn recv(&mut self) -> &[u8];
}

/// Receives bodies without the routing id before them, and can send the last one back to where it came from.
pub(crate) trait AnswerEnd: RecvEnd {
    fn answer(&mut self);
}
