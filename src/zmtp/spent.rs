//! Bodies that were written, on their way to be dropped.

use bytes::Bytes;

use crate::discard::discard_each;

/// Bodies that were written and that the writer does not want any more. They may be the last of their
/// kind, and their drop the user's code: this is dropped where no lock and no token is held.
#[derive(Debug, Default)]
pub(crate) struct Spent {
    /// A lone body, which is the rule, costs no allocation.
    first: Option<Bytes>,
    more: Vec<Bytes>,
}

impl Spent {
    pub(super) fn append(&mut self, mut bodies: impl Iterator<Item = Bytes>) {
        if self.first.is_none() {
            self.first = bodies.next();
        }
        self.more.extend(bodies);
    }

    /// Takes all of them out. `None`: there are none.
    #[inline]
    pub(super) fn take(&mut self) -> Option<Spent> {
        self.first.is_some().then(|| std::mem::take(self))
    }
}

impl Drop for Spent {
    fn drop(&mut self) {
        // Writers' bodies are dropped on the reactor's thread too, which a panic of the user's must not
        // end.
        discard_each(self.first.take());
        discard_each(self.more.drain(..));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_stay_until_what_was_taken_is_dropped() {
        let mut spent = Spent::default();
        assert!(spent.take().is_none());
        let bodies: Vec<_> = (0..3).map(|n| Bytes::from(vec![n; 100])).collect();
        spent.append(bodies.iter().cloned());
        let taken = spent.take();
        assert!(spent.take().is_none());
        assert!(bodies.iter().all(|body| !body.is_unique()));
        drop(taken);
        assert!(bodies.iter().all(Bytes::is_unique));
    }
}
