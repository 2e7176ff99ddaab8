//! Reactors without threads: a test makes their turns, on the thread whose contexts they serve.

use std::cell::RefCell;
use std::io;
use std::thread::JoinHandle;
use std::time::Duration;

use mio::Events;

use super::{Handle, Reactor, Resolver};

thread_local! {
    /// `None`: reactors have threads.
    static STEPPED: RefCell<Option<Vec<Stepped>>> = const { RefCell::new(None) };
}

struct Stepped {
    reactor: Reactor,
    events: Events,
}

/// Reactors that are started from this thread have no thread of their own until [`end`].
pub(crate) fn begin() {
    STEPPED.set(Some(Vec::new()));
}

/// Drops the stepped reactors.
pub(crate) fn end() {
    drop(STEPPED.take());
}

/// Starts one, if this thread steps its reactors.
pub(super) fn start(resolver: &Resolver) -> Option<io::Result<(Handle, JoinHandle<()>)>> {
    STEPPED.with_borrow_mut(|stepped| {
        let list = stepped.as_mut()?;
        let made = Reactor::new(resolver.clone());
        Some(made.map(|(handle, reactor)| {
            // As in life, between two turns: what is sent to it is seen in the next, and wakes no thread.
            let events = Events::with_capacity(crate::tuning::EVENTS);
            list.push(Stepped { reactor, events });
            (handle, std::thread::spawn(|| ()))
        }))
    })
}

/// How many there are.
pub(crate) fn count() -> usize {
    STEPPED.with_borrow(|stepped| stepped.as_ref().map_or(0, Vec::len))
}

/// One turn of a reactor, which does not sleep. Gives how many events, orders and timers it had.
pub(crate) fn turn(number: usize) -> usize {
    with(number, |stepped| {
        stepped
            .reactor
            .turn(&mut stepped.events, Some(Duration::ZERO))
    })
    .unwrap_or(0)
}

/// How long until a reactor has something to do that it knows of; `None`: nothing.
pub(crate) fn timeout(number: usize) -> Option<Duration> {
    with(number, |stepped| stepped.reactor.timeout()).flatten()
}

/// Has all reactors do what they were told, because a call waits for that.
pub(crate) fn run_orders() {
    for number in 0..count() {
        with(number, |stepped| stepped.reactor.run_orders());
    }
}

/// The reactor is out of the list meanwhile: what it does may start another one.
fn with<R>(number: usize, work: impl FnOnce(&mut Stepped) -> R) -> Option<R> {
    let mut taken = STEPPED.with_borrow_mut(|stepped| {
        let list = stepped.as_mut()?;
        (number < list.len()).then(|| list.swap_remove(number))
    })?;
    let result = work(&mut taken);
    STEPPED.with_borrow_mut(|stepped| {
        if let Some(list) = stepped.as_mut() {
            list.push(taken);
            let last = list.len() - 1;
            list.swap(number, last);
        }
    });
    Some(result)
}
