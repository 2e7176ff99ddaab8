//! Everything that locks an engine, does its I/O and waits: for callers, and for the reactor.

mod attendance;
mod authenticating;
mod closing;
mod connections;
pub(crate) mod core;
mod datagrams;
mod died;
mod endpoints;
pub(crate) mod fast_path;
mod handler;
mod inproc;
mod io;
mod locked;
#[cfg(any(feature = "log", feature = "tracing"))]
mod logging;
mod names;
pub(crate) mod polled;
pub(crate) mod prefetched;
mod questions;
pub(crate) mod random;
mod receiving;
pub(crate) mod requests;
mod sending;
mod settings;
mod subscribing;
mod tail;
mod tasks;
mod timers;
pub(crate) mod waiting;
