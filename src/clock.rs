//! The clock that drivers and reactors read: the system's, or in a test the one that it pretends.

use std::time::Instant;

/// The time.
#[inline]
pub(crate) fn now() -> Instant {
    #[cfg(test)]
    if let Some(now) = pretended::now() {
        return now;
    }
    Instant::now()
}

/// The clock of a test that runs sockets on its own thread; other threads keep the system's.
#[cfg(test)]
pub(crate) mod pretended {
    use std::cell::Cell;
    use std::time::Instant;

    thread_local! {
        static NOW: Cell<Option<Instant>> = const { Cell::new(None) };
    }

    pub(crate) fn now() -> Option<Instant> {
        NOW.get()
    }

    /// Stands still at `now` until it is set again; `None`: it is the system's.
    pub(crate) fn set(now: Option<Instant>) {
        NOW.set(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_pretended_clock_is_its_threads_alone() {
        let then = Instant::now() + Duration::from_secs(1000);
        pretended::set(Some(then));
        assert_eq!(now(), then);
        let elsewhere = std::thread::spawn(now).join().unwrap();
        assert!(elsewhere < then);
        pretended::set(None);
        assert!(now() < then);
    }
}
