//! Tasks that wait for a socket: each leaves its waker, and is woken when there may be something for it.
//!
//! A batch of messages wakes one task, not all of them; a task that takes one, and one that was woken
//! and goes away without having looked, pass the wake on to the next. So does one that was woken for room
//! and found none for its message: the room may be another peer's.

use std::collections::VecDeque;
use std::task::Waker;

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A message to be received.
    Message,
    /// Room to send.
    Room,
}

/// Names a task that waits. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TaskId(u64);

#[derive(Debug)]
struct Task {
    id: TaskId,
    want: Want,
    /// `None`: it was woken, and has not looked since.
    waker: Option<Waker>,
}

/// Those that wait for one socket, in the order in which they came.
///
/// No waker is called, cloned or dropped here: all of that is code of the user's, and this is behind the
/// socket's lock.
#[derive(Debug, Default)]
pub(crate) struct Tasks {
    waiting: VecDeque<Task>,
    last_id: u64,
}

impl Tasks {
    /// A task has found nothing and waits, or goes on waiting, in its old place. Gives back a waker that
    /// is not needed, to be dropped without the lock.
    pub(crate) fn wait(
        &mut self,
        id: &mut Option<TaskId>,
        want: Want,
        waker: Waker,
    ) -> Option<Waker> {
        let known = self.waiting.iter_mut().find(|task| Some(task.id) == *id);
        if let Some(task) = known {
            return match &task.waker {
                Some(old) if old.will_wake(&waker) => Some(waker),
                _ => task.waker.replace(waker),
            };
        }
        self.last_id += 1;
        let new = TaskId(self.last_id);
        *id = Some(new);
        self.waiting.push_back(Task {
            id: new,
            want,
            waker: Some(waker),
        });
        None
    }

    /// A task waits no longer. Gives its waker, if it was not woken, to be dropped without the lock.
    pub(crate) fn remove(&mut self, id: TaskId) -> Removed {
        let at = self.waiting.iter().position(|task| task.id == id);
        match at.and_then(|at| self.waiting.remove(at)) {
            None => Removed::NotThere,
            Some(Task {
                waker: None, want, ..
            }) => Removed::Woken(want),
            Some(Task {
                waker: Some(waker), ..
            }) => Removed::Asleep(waker),
        }
    }

    /// The waker of the first that waits for this and was not woken yet; it counts as woken now.
    #[inline]
    pub(crate) fn next(&mut self, want: Want) -> Option<Waker> {
        let mut asleep = self.waiting.iter_mut().filter(|task| task.want == want);
        asleep.find_map(|task| task.waker.take())
    }

    /// If this task was woken and has looked in vain: the waker of the first behind it that waits for the
    /// same and was not woken yet. Those before it were woken first.
    pub(crate) fn next_behind(&mut self, id: TaskId) -> Option<Waker> {
        let at = self.waiting.iter().position(|task| task.id == id)?;
        let woken = self.waiting.get(at).filter(|task| task.waker.is_none())?;
        let want = woken.want;
        let behind = self.waiting.iter_mut().skip(at + 1);
        let mut asleep = behind.filter(|task| task.want == want);
        asleep.find_map(|task| task.waker.take())
    }

    /// The wakers of all that were not woken yet.
    pub(crate) fn all(&mut self) -> impl Iterator<Item = Waker> + '_ {
        self.waiting.iter_mut().filter_map(|task| task.waker.take())
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

/// What a task was that waits no longer.
#[derive(Debug)]
#[must_use = "a task that was woken passes the wake on"]
pub(crate) enum Removed {
    NotThere,
    Asleep(Waker),
    /// It was woken and has not looked since.
    Woken(Want),
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::Arc;
    use std::task::Wake;

    use super::*;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn counter() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (Arc::clone(&count), Waker::from(count))
    }

    fn woken(count: &Count) -> usize {
        count.0.load(Ordering::Relaxed)
    }

    #[test]
    fn one_is_woken_at_a_time_first_come_first_served_for_what_it_wants() {
        let mut tasks = Tasks::default();
        let wants = [Want::Message, Want::Room, Want::Message];
        let counters = wants.map(|want| {
            let (count, waker) = counter();
            assert!(tasks.wait(&mut None, want, waker).is_none());
            count
        });
        let seen = || counters.each_ref().map(|count| woken(count));
        tasks.next(Want::Message).unwrap().wake();
        assert_eq!(seen(), [1, 0, 0]);
        tasks.next(Want::Message).unwrap().wake();
        assert!(tasks.next(Want::Message).is_none());
        assert_eq!(seen(), [1, 0, 1]);
        tasks.all().for_each(Waker::wake);
        assert_eq!(seen(), [1, 1, 1]);
        assert!(tasks.next(Want::Room).is_none());
    }

    #[test]
    fn a_task_that_looks_again_keeps_its_place_and_is_woken_where_it_is_now() {
        let mut tasks = Tasks::default();
        let ((old, first), (new, second)) = (counter(), counter());
        let (mut id, mut other) = (None, None);
        tasks.wait(&mut id, Want::Message, first.clone());
        tasks.wait(&mut other, Want::Message, counter().1);
        assert!(tasks.wait(&mut id, Want::Message, first).is_some());
        assert!(tasks.wait(&mut id, Want::Message, second).is_some());
        tasks.next(Want::Message).unwrap().wake();
        assert_eq!((woken(&old), woken(&new)), (0, 1));
    }

    #[test]
    fn a_task_that_goes_says_whether_it_was_woken() {
        let mut tasks = Tasks::default();
        let (mut first, mut second) = (None, None);
        tasks.wait(&mut first, Want::Room, counter().1);
        tasks.wait(&mut second, Want::Room, counter().1);
        assert!(tasks.next(Want::Room).is_some());
        assert!(matches!(
            tasks.remove(first.unwrap()),
            Removed::Woken(Want::Room)
        ));
        assert!(matches!(tasks.remove(first.unwrap()), Removed::NotThere));
        assert!(matches!(tasks.remove(second.unwrap()), Removed::Asleep(_)));
        assert!(tasks.is_empty());
    }
}
