//! Which links wait for what: to be read, to be written, to be written now.
//!
//! Whether a link waits is asked here, and kept nowhere else. A key may outlive its link on a list: the thread that
//! takes it off finds nothing to do.

use std::collections::VecDeque;

/// Keys of links, each at most once, first come first served.
#[derive(Debug, Default)]
struct Queue {
    keys: VecDeque<usize>,
    /// By key: whether it is in `keys`.
    has: Vec<bool>,
}

impl Queue {
    #[inline]
    fn contains(&self, key: usize) -> bool {
        self.has.get(key).copied().unwrap_or(false)
    }

    fn push(&mut self, key: usize) {
        if key >= self.has.len() {
            self.has.resize(key + 1, false);
        }
        if let Some(has) = self.has.get_mut(key) {
            if !std::mem::replace(has, true) {
                self.keys.push_back(key);
            }
        }
    }

    fn pop(&mut self) -> Option<usize> {
        let key = self.keys.pop_front()?;
        if let Some(has) = self.has.get_mut(key) {
            *has = false;
        }
        Some(key)
    }

    fn append(&mut self, other: &mut Queue) {
        while let Some(key) = other.pop() {
            self.push(key);
        }
    }

    fn clear(&mut self) {
        while self.pop().is_some() {}
    }
}

/// The lists of links that wait for a pass.
#[derive(Debug, Default)]
pub(crate) struct Worklist {
    /// Links that may have something to read.
    to_read: Queue,
    /// Links whose readers are out.
    reading: usize,
    /// Links that have something to write.
    to_write: Queue,
    /// Links to be written now by the next that comes: their connection takes bytes again, or they are
    /// many and helpers exist.
    due: Queue,
    /// Links whose outbox is worth a write although the socket is hot.
    batches: Queue,
}

impl Worklist {
    /// A link may have something to read.
    pub(crate) fn read_later(&mut self, key: usize) {
        self.to_read.push(key);
    }

    pub(super) fn next_to_read(&mut self) -> Option<usize> {
        self.to_read.pop()
    }

    /// Links that wait to be read.
    #[inline]
    pub(crate) fn to_read(&self) -> usize {
        self.to_read.keys.len()
    }

    pub(super) fn is_to_be_read(&self, key: usize) -> bool {
        self.to_read.contains(key)
    }

    /// A reader is taken out, or comes back.
    pub(super) fn set_reading(&mut self, out: bool) {
        if out {
            self.reading += 1;
        } else {
            self.reading = self.reading.saturating_sub(1);
        }
    }

    /// Whether there is more than one thread can do: a lone link, or what others are about to
    /// finish, is not.
    pub(crate) fn is_shared(&self) -> bool {
        self.due() > 0 || self.to_read() > 0 && self.to_read() + self.reading > 1
    }

    /// A link has something to write.
    pub(crate) fn write_later(&mut self, key: usize) {
        self.to_write.push(key);
    }

    pub(crate) fn next_to_write(&mut self) -> Option<usize> {
        self.to_write.pop()
    }

    /// Links that have something to write.
    #[inline]
    pub(crate) fn to_write(&self) -> usize {
        self.to_write.keys.len()
    }

    #[inline]
    pub(super) fn is_to_be_written(&self, key: usize) -> bool {
        self.to_write.contains(key)
    }

    /// A link is to be written by the next that comes.
    pub(super) fn write_now(&mut self, key: usize) {
        self.due.push(key);
    }

    pub(crate) fn next_due(&mut self) -> Option<usize> {
        self.due.pop()
    }

    /// Links to be written now.
    #[inline]
    pub(crate) fn due(&self) -> usize {
        self.due.keys.len()
    }

    /// Whatever has something to write is due.
    pub(crate) fn make_all_due(&mut self) {
        self.due.append(&mut self.to_write);
    }

    /// A link of a hot socket has a batch.
    pub(super) fn write_batch(&mut self, key: usize) {
        self.batches.push(key);
    }

    pub(crate) fn next_batch(&mut self) -> Option<usize> {
        self.batches.pop()
    }

    #[inline]
    pub(crate) fn has_batches(&self) -> bool {
        !self.batches.keys.is_empty()
    }

    /// Every batch is due.
    pub(crate) fn make_batches_due(&mut self) {
        self.due.append(&mut self.batches);
    }

    /// Every batch was written with what else there was.
    pub(crate) fn clear_batches(&mut self) {
        self.batches.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_link_waits_once_for_each_thing_and_each_in_its_turn() {
        let mut work = Worklist::default();
        for key in [3, 1, 3, 2, 1] {
            work.read_later(key);
            work.write_later(key);
        }
        assert_eq!((work.to_read(), work.to_write()), (3, 3));
        assert!(work.is_to_be_read(1) && !work.is_to_be_read(0) && !work.is_to_be_read(9));
        let read: Vec<_> = std::iter::from_fn(|| work.next_to_read()).collect();
        assert_eq!(read, [3, 1, 2]);
        assert!(!work.is_to_be_read(1) && work.is_to_be_written(1));
    }

    #[test]
    fn what_is_made_due_has_nothing_left_to_wait_for() {
        let mut work = Worklist::default();
        work.write_now(2);
        [1, 2, 3].into_iter().for_each(|key| work.write_later(key));
        work.make_all_due();
        assert_eq!((work.to_write(), work.due()), (0, 3));
        work.write_batch(4);
        assert!(work.has_batches());
        work.make_batches_due();
        assert!(!work.has_batches());
        let due: Vec<_> = std::iter::from_fn(|| work.next_due()).collect();
        assert_eq!(due, [2, 1, 3, 4]);
    }

    #[test]
    fn a_lone_link_is_no_work_to_share_unless_another_is_being_read() {
        let mut work = Worklist::default();
        assert!(!work.is_shared());
        work.read_later(0);
        assert!(!work.is_shared());
        work.set_reading(true);
        assert!(work.is_shared());
        work.set_reading(false);
        work.read_later(1);
        assert!(work.is_shared());
        work.next_to_read();
        work.next_to_read();
        work.write_now(0);
        assert!(work.is_shared());
    }

    proptest! {
        /// Whatever is done: a queue is a list without repetitions.
        #[test]
        fn a_queue_is_a_list_without_repetitions(
            steps in prop::collection::vec((0..4u8, 0..9usize), 0..200)
        ) {
            let (mut queue, mut other) = (Queue::default(), Queue::default());
            let (mut model, mut others) = (Vec::new(), Vec::new());
            for (what, key) in steps {
                match what {
                    0 => {
                        queue.push(key);
                        if !model.contains(&key) {
                            model.push(key);
                        }
                    }
                    1 => {
                        let first = (!model.is_empty()).then(|| model.remove(0));
                        prop_assert_eq!(queue.pop(), first);
                    }
                    2 => {
                        other.push(key);
                        if !others.contains(&key) {
                            others.push(key);
                        }
                    }
                    _ => {
                        queue.append(&mut other);
                        for key in others.drain(..) {
                            if !model.contains(&key) {
                                model.push(key);
                            }
                        }
                    }
                }
                prop_assert_eq!(Vec::from(queue.keys.clone()), model.clone());
                for key in 0..9 {
                    prop_assert_eq!(queue.contains(key), model.contains(&key));
                }
            }
            queue.clear();
            prop_assert!(queue.keys.is_empty() && !queue.has.contains(&true));
        }
    }
}
