//! bind, connect, unbind, disconnect.

use std::io;
use std::sync::mpsc;
use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use super::state::{Bound, State};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::link::{Link, Origin, Stage};
use crate::monitor::EventKind;
use crate::reactor::{Command, Place, Timer};
use crate::transport;

/// How long `unbind` waits for the reactor to let go of the listener. It answers within
/// milliseconds; this only keeps a caller from hanging should it ever be gone.
const UNLISTEN: Duration = Duration::from_secs(5);

impl Core {
    pub(crate) fn bind(&self, endpoint: Endpoint) -> Result<Endpoint, Error> {
        endpoint.validate_bind()?;
        self.check_open()?;
        let bound = match &endpoint {
            Endpoint::Inproc(name) => {
                self.bind_inproc(name.name())?;
                Bound {
                    endpoint: Arc::new(endpoint),
                    listener: None,
                }
            }
            _ => {
                let poll = self.poll_side()?;
                let listener =
                    Arc::new(transport::bind(&endpoint, &self.transport).map_err(bind_error)?);
                let endpoint = Arc::new(listener.local_endpoint());
                poll.reactor.send(Command::Listen {
                    socket: self.id,
                    endpoint: Arc::clone(&endpoint),
                    listener: Arc::clone(&listener),
                });
                Bound {
                    endpoint,
                    listener: Some(listener),
                }
            }
        };
        let endpoint = Arc::clone(&bound.endpoint);
        let mut locked = self.lock();
        let state = locked.engine();
        if let Err(error) = state.check_open() {
            drop(locked);
            self.release(bound);
            return Err(error);
        }
        state.bound.push(bound);
        state.last_endpoint = Some(Arc::clone(&endpoint));
        state.report_endpoint(&endpoint, EventKind::Listening);
        drop(locked);
        Ok(Endpoint::clone(&endpoint))
    }

    pub(crate) fn connect(&self, endpoint: Endpoint) -> Result<Endpoint, Error> {
        endpoint.validate_connect()?;
        let endpoint = Arc::new(endpoint);
        let inproc = matches!(*endpoint, Endpoint::Inproc(_));
        if !inproc {
            self.check_open()?;
            self.poll_side()?;
        }
        let mut locked = self.lock();
        let state = locked.engine();
        state.check_open()?;
        state.last_endpoint = Some(Arc::clone(&endpoint));
        // libzmq ignores it for the patterns that would otherwise get or ask for everything twice.
        if state.pattern.can().connects_once && is_connected(&state.links, &endpoint) {
            return Ok(Endpoint::clone(&endpoint));
        }
        let serial = state.next_serial();
        let (origin, stage) = (Origin::Connected, Stage::Waiting);
        let link = Link::new(serial, origin, stage, Arc::clone(&endpoint), &self.options);
        let key = state.links.insert(link);
        if inproc {
            self.connect_inproc(state, key);
        } else {
            self.connect_link(state, key, Duration::ZERO);
        }
        // With `immediate` nobody queues for it before it is there.
        if !self.options.immediate {
            state.attach(key);
            state.wake_waiters();
        }
        drop(locked);
        if inproc {
            self.seek(&endpoint, Place { link: key, serial });
        }
        Ok(Endpoint::clone(&endpoint))
    }

    pub(crate) fn unbind(&self, wanted: &Endpoint) -> Result<(), Error> {
        let mut locked = self.lock_for_call();
        let state = locked.engine();
        let Some(at) = state
            .bound
            .iter()
            .position(|bound| *bound.endpoint == *wanted)
        else {
            return Err(Error::NotFound(wanted.to_string()));
        };
        let bound = state.bound.swap_remove(at);
        state.report_endpoint(&bound.endpoint, EventKind::Closed);
        drop(locked);
        self.release(bound);
        Ok(())
    }

    /// Lets go of what `bind` took; when it returns, the name or port is free.
    pub(super) fn release(&self, bound: Bound) {
        let Bound { endpoint, listener } = bound;
        if let Endpoint::Inproc(name) = &*endpoint {
            self.unbind_inproc(name.name());
        }
        if let (Some(listener), Some(poll)) = (listener, self.poll_if_any()) {
            let (done, wait) = mpsc::channel();
            poll.reactor.send(Command::Unlisten { listener, done });
            // Either it is done, or the reactor is gone and the listener with it.
            let _ = wait.recv_timeout(UNLISTEN);
        }
    }

    pub(crate) fn disconnect(&self, wanted: &Endpoint) -> Result<(), Error> {
        if matches!(wanted, Endpoint::Inproc(_)) && self.has_unanswered() {
            // Only the reactor can end its linger.
            self.poll_side()?;
        }
        let mut locked = self.lock_for_call();
        let state = locked.engine();
        let found = state.links.iter().find(|(_, link)| {
            link.origin == Origin::Connected && !link.leaving && *link.endpoint == *wanted
        });
        let Some((key, _)) = found else {
            return Err(Error::NotFound(wanted.to_string()));
        };
        state.pattern.set_room(key, false);
        self.see_off(state, key);
        Ok(())
    }

    /// Whether anything is queued for an inproc name that nobody has.
    fn has_unanswered(&self) -> bool {
        let mut locked = self.lock();
        let state = locked.engine();
        let mut links = state.links.iter();
        links.any(|(_, link)| link.pipe.is_some() && !link.is_flushed())
    }

    /// A link gets no more messages, and goes once what it has queued is delivered or the linger
    /// time is over.
    pub(super) fn see_off(&self, state: &mut State, key: usize) {
        let Some(link) = state.links.get_mut(key) else {
            return;
        };
        link.leaving = true;
        let place = Place {
            link: key,
            serial: link.serial,
        };
        let leave = Timer::Leave {
            link: key,
            epoch: link.epoch,
        };
        let flushed = link.is_flushed();
        match link.stage {
            Stage::Farewell | Stage::Draining => return,
            _ if link.pipe.is_some() && flushed => return state.remove_link(key),
            Stage::Waiting if flushed => {
                state.report(key, EventKind::Closed);
                return state.remove_link(key);
            }
            // It may have been asked for nothing: a stranger, or a socket that only receives.
            Stage::Handshake if flushed => {
                state.set_timer_after(Duration::ZERO, Timer::Farewell(place));
            }
            Stage::Up if flushed && link.pipe.is_none() => state.bid_farewell(key),
            Stage::Up if link.pipe.is_none() => state.watch_acknowledged(key),
            _ => {}
        }
        if let Some(linger) = self.options.linger {
            state.set_timer_after(linger, leave);
        }
    }

    pub(crate) fn last_endpoint(&self) -> Option<Endpoint> {
        let mut locked = self.lock_for_call();
        locked.engine().last_endpoint.as_deref().cloned()
    }
}

/// Whether a link was made for this endpoint by `connect`, and is still wanted.
fn is_connected(links: &slab::Slab<Link>, endpoint: &Endpoint) -> bool {
    links.iter().any(|(_, link)| {
        link.origin == Origin::Connected && !link.leaving && *link.endpoint == *endpoint
    })
}

/// An endpoint that is in use is told apart from all else that the system may say; both texts name
/// the endpoint.
fn bind_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => Error::InUse(error.to_string()),
        _ => Error::Io(error),
    }
}
