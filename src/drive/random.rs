//! Randomness for jitter and first request numbers: nothing secret depends on it.

use std::hash::{BuildHasher, Hasher, RandomState};

/// A number that differs from call to call and from process to process.
pub(super) fn seed() -> u64 {
    #[cfg(all(test, not(loom)))]
    if let Some(seed) = pretended::next() {
        return seed;
    }
    // The standard library seeds each `RandomState` from the system; no crate is needed for that.
    RandomState::new().build_hasher().finish()
}

/// Numbers that a test wants again and again; other threads keep the system's.
#[cfg(all(test, not(loom)))]
pub(crate) mod pretended {
    use std::cell::Cell;

    thread_local! {
        static SEED: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Every seed of this thread follows from this one, until it is `None`.
    pub(crate) fn set(seed: Option<u64>) {
        SEED.set(seed);
    }

    pub(super) fn next() -> Option<u64> {
        let seed = SEED.get()?;
        SEED.set(Some(seed.wrapping_add(0x9e37_79b9_7f4a_7c15)));
        Some(seed)
    }
}
