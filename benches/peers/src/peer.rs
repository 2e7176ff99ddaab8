//! What all libraries can do, in the words of this bench. Blocking ones never come to wait in an `await`.

use std::future::Future;

use crate::payload::Body;

#[allow(async_fn_in_trait, reason = "nobody outside uses it")]
pub(crate) trait Library {
    type Push: Sender;
    type Pull: Receiver;
    type Pub: Sender;
    type Sub: Receiver;
    type Req: Sender + Receiver;
    type Rep: Sender + Receiver;

    /// Runs a program in the way that the library's documentation shows.
    fn run(program: impl Future<Output = ()>);

    // Those who bind may come back only when their peers are there, and those who connect may fail as long
    // as nobody is.
    async fn pull(port: u16) -> Self::Pull;
    async fn push(port: u16) -> Option<Self::Push>;
    async fn publisher(port: u16, subscribers: u64) -> Self::Pub;
    async fn subscriber(port: u16) -> Option<Self::Sub>;
    async fn rep(port: u16) -> Self::Rep;
    async fn req(port: u16) -> Option<Self::Req>;
}

#[allow(async_fn_in_trait, reason = "nobody outside uses it")]
pub(crate) trait Sender {
    async fn send(&mut self, body: Body<'_>);
    /// Has everything leave, where a library does not see to that itself.
    async fn flush(&mut self) {}
}

#[allow(async_fn_in_trait, reason = "nobody outside uses it")]
pub(crate) trait Receiver {
    /// Waits for the next message, which stays readable until the next call.
    async fn recv(&mut self) -> &[u8];
}
