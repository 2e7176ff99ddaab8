//! Random numbers that nobody can guess, from the system.

#![cfg(feature = "curve")]

use std::io;

use zeroize::Zeroizing;

use crate::security::curve::{Fresh, FRESH};

/// Fills `bytes`.
pub(crate) fn fill(bytes: &mut [u8]) -> io::Result<()> {
    getrandom::fill(bytes).map_err(|error| match error.raw_os_error() {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other("the system has no random numbers"),
    })
}

/// Those of one connection. `None`: the system has none, and there is no such connection.
pub(crate) fn fresh() -> Option<Fresh> {
    let mut bytes = Box::new(Zeroizing::new([0; FRESH]));
    fill(&mut bytes[..]).ok()?;
    Some(Fresh::new(bytes))
}
