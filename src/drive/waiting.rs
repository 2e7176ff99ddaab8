//! Waiting: a caller that has nothing to do drives the socket's connections, or waits for the thread that does.

use std::time::{Duration, Instant};

use mio::Events;

use super::core::{link_of, token_of, Core, WAKER};
use super::core::{Driver, Engine};
use super::locked::Locked;
use crate::clock;
use crate::engine::backoff::spin;
use crate::engine::waiting::Look;
use crate::link::pipe::Watch;
use crate::reactor::timers::{deadline, LONGEST_POLL};
use crate::reactor::Order;
use crate::sync::atomic::Ordering;
use crate::tuning;
use crate::waiters::lease::Entry;
use crate::waiters::tasks::Want;

/// How long a call may wait.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wait {
    Never,
    Until(Instant),
    Forever,
}

impl Wait {
    /// For at most this long; a time too far away to name is for ever.
    pub(crate) fn at_most(timeout: Duration) -> Wait {
        deadline(clock::now(), timeout).map_or(Wait::Forever, Wait::Until)
    }
}

/// The time to wait is over, or there was none.
pub(super) struct OutOfTime;

/// Passes that one turn of driving makes before it lets its caller look at what they brought.
pub(super) const PASSES: usize = 16;

impl Core {
    /// Waits for a change, driving the socket's connections meanwhile if no other thread does.
    ///
    /// Comes back after any change; the caller, which has just found nothing of what it wants, looks whether
    /// it is the one. `tried` says that a caller without time has had its one look at the connections.
    pub(super) fn wait(
        &self,
        locked: &mut Locked<'_>,
        want: Want,
        wait: Wait,
        tried: &mut bool,
    ) -> Result<(), OutOfTime> {
        let timeout = match wait {
            Wait::Forever => None,
            Wait::Never => Some(Duration::ZERO),
            Wait::Until(deadline) => Some(deadline.saturating_duration_since(clock::now())),
        };
        if *tried && timeout == Some(Duration::ZERO) {
            self.would_block(locked.engine(), want);
            return Err(OutOfTime);
        }
        *tried |= self.await_change(locked, timeout);
        Ok(())
    }

    /// Drives, or waits for the thread that does, until something changes or the time is over. False: there
    /// was something else to be done first, and the connections were not looked at.
    pub(super) fn await_change(&self, locked: &mut Locked<'_>, timeout: Option<Duration>) -> bool {
        if locked.engine().has_tail() {
            // A DEALER or a PAIR: what it has just sent may be what it waits to have answered.
            self.flush_dirty(locked);
            return false;
        }
        if locked.engine().has_actions() {
            // What is done by that may be what is waited for. And it may be code of the user's, which must
            // not run while this thread keeps the driver from everybody, itself included.
            locked.release();
            return false;
        }
        // While another caller waits awake, announcements are suppressed; this one may have to sleep.
        if !locked.engine().resume_wakeups() {
            self.drive(locked, timeout);
        }
        true
    }

    /// Takes the lease and drives, or waits for the thread that has it.
    fn drive(&self, locked: &mut Locked<'_>, timeout: Option<Duration>) {
        let engine = locked.engine();
        let Some((mut driver, entry)) = engine.waiters().enter() else {
            return self.follow(locked, timeout);
        };
        match engine.how_to_look(entry) {
            Look::Sleep => self.poll(locked, &mut driver, entry, timeout),
            Look::Once => self.poll(locked, &mut driver, entry, Some(Duration::ZERO)),
            Look::Not => {}
        }
        self.serve(locked, PASSES);
        match locked.engine().leave(driver) {
            Ok(wake_follower) => self.pass_turn(wake_follower),
            Err(driver) => self.hand_over(locked, driver),
        }
    }

    /// Gives the lease, which was a caller's, to the reactor.
    pub(super) fn hand_over(&self, locked: &mut Locked<'_>, driver: Driver) {
        // The driver is in this thread's hands until it is home: see `Locked::unlocked`.
        locked.unlocked(|| self.hand_to_reactor());
        // There may be something to read that no event tells.
        let wake_follower = locked.engine().leave_reactor(driver, true);
        self.pass_turn(wake_follower);
    }

    /// A follower takes the turn to drive.
    #[inline]
    fn pass_turn(&self, wake_follower: bool) {
        if wake_follower {
            self.notifier.notify_one();
        }
    }

    /// The lease was the reactor's: it shall no longer be woken for this socket, but look after the
    /// lease.
    fn take_over(&self, locked: &mut Locked<'_>) {
        locked.release();
        if let Some(poll) = self.poll.get() {
            poll.reactor.deregister(poll.fd);
            poll.reactor.send(Order::Watch(self.id));
        }
    }

    /// Sleeps in the socket's poll, or spins first if asked to, and notes what happened.
    fn poll(
        &self,
        locked: &mut Locked<'_>,
        driver: &mut Driver,
        entry: Entry,
        timeout: Option<Duration>,
    ) {
        locked.engine().waiters().set_sleeping(true);
        if entry == Entry::TakenOver {
            self.take_over(locked);
        }
        let busy_poll = locked.engine().options().busy_poll;
        locked.release();
        poll_driver(driver, busy_poll, timeout);
        let engine = locked.engine();
        engine.waiters().set_sleeping(false);
        note_events(engine, &driver.events);
    }

    /// Another thread drives, or there is nothing to drive: waits to be notified.
    fn follow(&self, locked: &mut Locked<'_>, timeout: Option<Duration>) {
        let engine = locked.engine();
        if timeout == Some(Duration::ZERO) {
            return;
        }
        if engine.waits_awake() {
            return self.wait_awake(locked, timeout);
        }
        engine.waiters().follow(true);
        locked.wait(timeout);
        locked.engine().waiters().follow(false);
    }

    /// Waits a moment, awake, for an inproc peer to do something; no longer than `timeout`.
    fn wait_awake(&self, locked: &mut Locked<'_>, timeout: Option<Duration>) {
        let watch = locked.engine().suppress_wakeups();
        let seen = self.sequence.load(Ordering::Acquire);
        locked.release();
        let most = timeout.map_or(tuning::AWAKE, |most| most.min(tuning::AWAKE));
        let paid = spin_until(most, || {
            self.sequence.load(Ordering::Acquire) != seen
                || watch.as_ref().is_some_and(Watch::has_news)
        });
        locked.engine().waited_awake(paid, watch.is_some());
        // A caller that is not asleep is not rung for: it looks at the engine again before it sleeps.
    }

    /// An inproc peer has done something; callers that wait awake see it here. To be called with the
    /// engine locked, so that a caller that finds nothing there and then looks here misses nothing.
    pub(super) fn advance_sequence(&self) {
        self.sequence.fetch_add(1, Ordering::Release);
    }

    /// The reactor drives: all that is ready, in turns of `PASSES`.
    pub(super) fn drive_for_reactor(&self, locked: &mut Locked<'_>, mut driver: Driver) {
        // Not `release`: what is to be done outside the lock waits until the driver is home again.
        let looked = locked.unlocked(|| {
            let most = Some(Duration::ZERO);
            driver.poll.poll(&mut driver.events, most)
        });
        if looked.is_err() {
            driver.events.clear();
        }
        note_events(locked.engine(), &driver.events);
        self.serve(locked, PASSES);
        // More to do, or more to see: other sockets first.
        let more = !driver.events.is_empty();
        let wake_follower = locked.engine().leave_reactor(driver, more);
        self.pass_turn(wake_follower);
    }
}

/// Sleeps in the socket's poll, awake for the first `busy_poll` of it.
fn poll_driver(driver: &mut Driver, busy_poll: Duration, timeout: Option<Duration>) {
    let (spin, sleep) = awake_and_asleep(busy_poll, timeout);
    if !spin.is_zero() {
        let start = Instant::now();
        let mut looks = 0u32;
        while start.elapsed() < spin {
            // An interrupted or failed look is like one that found nothing.
            let _ = driver.poll.poll(&mut driver.events, Some(Duration::ZERO));
            if !driver.events.is_empty() {
                return;
            }
            looks = looks.wrapping_add(1);
            if looks % tuning::LOOKS_A_TURN == 0 {
                // On a machine with more to do than processors, the peer that would answer may be
                // waiting for this processor.
                std::thread::yield_now();
            }
        }
    }
    let sleep = sleep.map(|sleep| sleep.min(LONGEST_POLL));
    if driver.poll.poll(&mut driver.events, sleep).is_err() {
        // Interrupted by a signal: the caller looks at the clock and comes back.
        driver.events.clear();
    }
}

/// What of a wait is spent looking, and what is left of it to be slept. Together they are the wait.
fn awake_and_asleep(spin: Duration, wait: Option<Duration>) -> (Duration, Option<Duration>) {
    match wait {
        None => (spin, None),
        Some(wait) => {
            let spin = spin.min(wait);
            (spin, Some(wait.saturating_sub(spin)))
        }
    }
}

/// Stays awake until there is something to see, or `most` is over.
fn spin_until(most: Duration, seen: impl Fn() -> bool) -> bool {
    let start = Instant::now();
    loop {
        if spin(&seen) {
            return true;
        }
        if start.elapsed() > most {
            return false;
        }
        // The peer may be waiting for this processor.
        std::thread::yield_now();
    }
}

/// Books what the poll said: which links can be read or written.
fn note_events(engine: &mut Engine, events: &Events) {
    for event in events {
        if event.token() == WAKER {
            continue;
        }
        engine.handle_ready(link_of(event.token()), |id, stream| {
            let is_current = token_of(id) == event.token();
            is_current.then(|| stream.readiness(event))
        });
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::engine::backoff::PAUSES;
    use crate::{Context, Pull, Push};
    use proptest::prelude::*;

    #[test]
    fn a_try_never_looks_twice() {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind("inproc://try").unwrap();
        let push = ctx.socket(Push).connect("inproc://try").unwrap();
        // A stream: a receiver that may wait would gather.
        for _ in 0..10 {
            for _ in 0..300 {
                push.send("message").unwrap();
            }
            for _ in 0..300 {
                pull.recv().unwrap();
            }
        }
        let before = PAUSES.get();
        for _ in 0..100 {
            push.try_send("message").unwrap();
            push.try_send("message").unwrap();
            while pull.try_recv().is_ok() {}
        }
        while push.try_send("fill").is_ok() {}
        assert!(push.try_send("full").is_err());
        let mut many = Vec::new();
        while pull.try_recv_many(&mut many, 100).is_ok() {}
        assert_eq!(PAUSES.get(), before);
    }

    proptest! {
        #[test]
        fn looking_is_part_of_the_time_to_wait(spin in any::<Duration>(), wait in any::<Duration>()) {
            let (awake, asleep) = awake_and_asleep(spin, Some(wait));
            prop_assert_eq!(asleep.and_then(|asleep| awake.checked_add(asleep)), Some(wait));
            prop_assert!(awake <= spin);
            prop_assert_eq!(awake_and_asleep(spin, None), (spin, None));
        }
    }
}
