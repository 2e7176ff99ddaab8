//! Models of how callers, the reactor and peers hand a socket's work to each other, for loom, which
//! runs them under every order that the memory model and the scheduler allow, within its bounds:
//!
//! ```text
//! RUSTFLAGS="--cfg loom" cargo test --release --lib loom_
//! ```
//!
//! A model fails when a thread waits for ever (loom calls that a deadlock) or when an assertion does not
//! hold. What is modelled is the library's own: the waiters and the notifier (`callers`, `tasks`), the flight
//! (`writer`), the fast path, the prefetched batch and the pipe (`inproc`). What stands around them takes the
//! steps of the library under the same locks.

mod callers;
mod fast_path;
mod inproc;
mod machine;
mod miniature;
mod pair;
mod poller;
mod prefetched;
mod reactor;
mod tasks;
mod writer;

use loom::model::Builder;

/// Runs a model under every order with at most this number of switches away from a thread that could have
/// gone on. Faults in code like this one need two or three; each more costs tenfold.
fn explore(preemptions: usize, model: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.max_branches = 20_000;
    builder.check(model);
}
