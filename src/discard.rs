//! Dropping bodies that may belong to the user.
//!
//! A body made with `Bytes::from_owner` runs its owner's `Drop`, and that is code of the user's: it may
//! call the socket that drops it, and it may panic. So such a body is dropped here, where no lock is
//! held, and each by itself, so that a panic ends neither the reactor nor the dropping of the others.

use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::message::Message;

/// Drops a value, and survives a panic of its `Drop`, of which the panic hook has told.
pub(crate) fn discard<T>(value: T) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| drop(value))) {
        // The payload is the user's as well: its own `Drop` could be the next to panic.
        std::mem::forget(payload);
    }
}

/// Drops values, each by itself, and survives a panic of any.
pub(crate) fn discard_each<T>(values: impl IntoIterator<Item = T>) {
    let mut values = values.into_iter();
    // One guard for all of them, as long as none panics.
    let mut drop_all = || {
        for value in values.by_ref() {
            drop(value);
        }
    };
    while let Err(payload) = catch_unwind(AssertUnwindSafe(&mut drop_all)) {
        std::mem::forget(payload);
    }
}

/// Drops messages, each by itself.
pub(crate) fn discard_messages(messages: impl IntoIterator<Item = Message>) {
    for message in messages {
        if message.len() == 1 {
            discard(message);
        } else {
            // Two frames that panic in one drop would end the program.
            message.into_frames().for_each(discard);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;

    use bytes::Bytes;

    use super::*;
    use crate::message::Frame;

    struct Angry(Arc<AtomicUsize>);

    impl AsRef<[u8]> for Angry {
        fn as_ref(&self) -> &[u8] {
            &[7; 100]
        }
    }

    impl Drop for Angry {
        fn drop(&mut self) {
            self.0.fetch_add(1, Ordering::Relaxed);
            panic!("a body of the user's");
        }
    }

    #[test]
    fn every_body_is_dropped_though_each_panics() {
        let dropped = Arc::new(AtomicUsize::new(0));
        let angry = || Frame::from(Bytes::from_owner(Angry(Arc::clone(&dropped))));
        let one = || Message::from(angry());
        let many = || [angry(), angry(), angry()].into_iter().collect::<Message>();
        discard_messages([one(), many(), "calm".into(), one()]);
        assert_eq!(dropped.load(Ordering::Relaxed), 5);
        discard_each(vec![angry(), "calm".into(), angry(), angry()]);
        assert_eq!(dropped.load(Ordering::Relaxed), 8);
    }
}
