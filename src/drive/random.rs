//! Randomness for jitter and first request numbers: nothing secret depends on it.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A number that differs from call to call and from process to process.
pub(super) fn seed() -> u64 {
    // The standard library seeds each `RandomState` from the system; no crate is needed for that.
    RandomState::new().build_hasher().finish()
}
