//! The contenders, each used as its own documentation advises.
//!
//! - `sinew`: blocking calls, defaults.
//! - `omq-tokio`: its blocking sockets, which its documentation offers to programs without a runtime; a context
//!   with the default one I/O thread; default options, which choose a latency profile for REQ and REP and a
//!   throughput profile for the rest; `xpub_nodrop` for PUB.
//! - `zeromq`: tokio's multi-threaded runtime, as in its examples. It has no option to make PUB wait.
//! - `rzmq`: the same runtime, as in its guide; default features (its io_uring back-end and `TCP_CORK` are
//!   options that a program has to ask for); `XPUB_NODROP` for PUB.
//! - `monocoque-rs`: its own single-threaded runtime on the default back-end, io_uring; write coalescing for
//!   streams, with a flush at their end, and eager writes for round trips, as its README says. Its sockets
//!   take one peer each, and PUB accepts its subscribers by hand; PUB drops when a subscriber is slow.
//! - `libzmq` (with the feature of that name): blocking calls, defaults; `XPUB_NODROP` for PUB.
//! - `zenoh` (with the feature of that name): peer mode over tcp, endpoints told, no scouting, tokio's
//!   multi-threaded runtime. `CongestionControl::Block` for everything published, because its default drops
//!   when the network is slower; subscribers read from its channel. PUSH and PULL are a publisher and a
//!   subscriber. REQ and REP are a querier and a queryable, told not to batch and not to consolidate answers.
//! - `nng` (with the feature of that name): blocking calls; queues of 1,000 messages, because its defaults of a
//!   few or none are slower. PUB drops when a subscriber is slow.

#[cfg(feature = "libzmq")]
mod libzmq_rs;
mod monocoque_rs;
#[cfg(feature = "nng")]
mod nng_rs;
mod omq;
mod rzmq_rs;
mod sinew_rs;
#[cfg(feature = "zenoh")]
mod zenoh_rs;
mod zmq_rs;

use std::future::Future;

use crate::child::Params;
use crate::roles;

pub(crate) const OURS: &str = "sinew";
pub(crate) const ALL: &[&str] = &[
    OURS,
    #[cfg(feature = "libzmq")]
    "libzmq",
    "omq-tokio",
    "zeromq",
    "rzmq",
    "monocoque-rs",
    #[cfg(feature = "zenoh")]
    "zenoh",
    #[cfg(feature = "nng")]
    "nng",
];

pub(crate) fn play(role: &str, params: &Params) {
    match params.text("library") {
        OURS => roles::play::<sinew_rs::Ours>(role, params),
        #[cfg(feature = "libzmq")]
        "libzmq" => roles::play::<libzmq_rs::Libzmq>(role, params),
        "omq-tokio" => roles::play::<omq::Omq>(role, params),
        "zeromq" => roles::play::<zmq_rs::Zeromq>(role, params),
        "rzmq" => roles::play::<rzmq_rs::Rzmq>(role, params),
        "monocoque-rs" => roles::play::<monocoque_rs::Monocoque>(role, params),
        #[cfg(feature = "zenoh")]
        "zenoh" => roles::play::<zenoh_rs::Zenoh>(role, params),
        #[cfg(feature = "nng")]
        "nng" => roles::play::<nng_rs::Nng>(role, params),
        other => panic!("no library {other}"),
    }
}

fn tcp(port: u16) -> String {
    format!("tcp://127.0.0.1:{port}")
}

/// For libraries whose calls block: nothing is ever left to wait for.
fn run_blocking(program: impl Future<Output = ()>) {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    let done = std::pin::pin!(program).poll(&mut context);
    assert!(done.is_ready(), "a blocking call that does not block");
}

/// What `#[tokio::main]` does.
fn run_tokio(program: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    runtime.expect("a runtime").block_on(program);
}
