//! Temporary face, for compiling the endpoint and the transports alone.
#![deny(unsafe_code)]
#![allow(dead_code, unused_imports)]
pub use endpoint::{Endpoint, EndpointError};
#[cfg(unix)]
pub use transport::KeepAlive;
mod endpoint;
#[cfg(unix)]
mod transport;
