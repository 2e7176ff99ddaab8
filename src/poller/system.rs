//! The system's poll of a poller: what it sleeps in, and what watches descriptors.

use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Events, Poll, Token, Waker};

use crate::clock;
use crate::interest::Interest;
use crate::reactor::timers::LONGEST_POLL;
use crate::tuning;

/// The waker's token; the others are the places of descriptors.
const WAKER: Token = Token(usize::MAX);

/// It is edge-triggered, as mio's always is: a descriptor that was ready is registered anew to ask whether it
/// still is.
#[derive(Debug)]
pub(super) struct SystemPoll {
    poll: Poll,
    events: Events,
}

/// A descriptor that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    fd: RawFd,
    /// The system watches it: not so while there is no interest.
    registered: bool,
}

impl Watched {
    pub(super) fn new(fd: RawFd) -> Watched {
        Watched {
            fd,
            registered: false,
        }
    }

    pub(super) fn fd(&self) -> RawFd {
        self.fd
    }
}

/// What the system says of one descriptor.
pub(super) struct SystemEvent {
    pub(super) place: usize,
    pub(super) readable: bool,
    pub(super) writable: bool,
    pub(super) error: bool,
}

impl SystemPoll {
    pub(super) fn new() -> io::Result<(SystemPoll, Waker)> {
        let poll = Poll::new()?;
        let waker = Waker::new(poll.registry(), WAKER)?;
        let events = Events::with_capacity(tuning::EVENTS);
        Ok((SystemPoll { poll, events }, waker))
    }

    /// Watches a descriptor, or watches it otherwise. If it is ready, an event says so, also if one did before.
    pub(super) fn register(
        &self,
        watched: &mut Watched,
        place: usize,
        interest: Interest,
    ) -> io::Result<()> {
        let registry = self.poll.registry();
        let fd = watched.fd;
        let mut source = SourceFd(&fd);
        let wanted = match (interest.is_readable(), interest.is_writable()) {
            (true, true) => mio::Interest::READABLE | mio::Interest::WRITABLE,
            (true, false) => mio::Interest::READABLE,
            (false, true) => mio::Interest::WRITABLE,
            (false, false) => {
                if std::mem::take(&mut watched.registered) {
                    registry.deregister(&mut source)?;
                }
                return Ok(());
            }
        };
        if watched.registered {
            return registry.reregister(&mut source, Token(place), wanted);
        }
        registry.register(&mut source, Token(place), wanted)?;
        watched.registered = true;
        Ok(())
    }

    /// Watches it no longer.
    pub(super) fn forget(&self, watched: Watched) {
        if watched.registered {
            // It fails only if the descriptor was closed, which has done the same.
            let _ = self.poll.registry().deregister(&mut SourceFd(&watched.fd));
        }
    }

    /// Asks what is ready; if it `sleeps`, waits for something, at most until then.
    pub(super) fn poll(&mut self, sleeps: bool, until: Option<Instant>) -> io::Result<()> {
        let left = match until {
            _ if !sleeps => Duration::ZERO,
            None => LONGEST_POLL,
            Some(until) => until
                .saturating_duration_since(clock::now())
                .min(LONGEST_POLL),
        };
        match self.poll.poll(&mut self.events, Some(left)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                self.events.clear();
                Ok(())
            }
            outcome => outcome,
        }
    }

    /// What was found of descriptors. One whose other end has gone is ready: a call returns at once.
    pub(super) fn events(&self) -> impl Iterator<Item = SystemEvent> + '_ {
        let of_descriptors = |event: &&mio::event::Event| event.token() != WAKER;
        self.events.iter().filter(of_descriptors).map(|event| {
            let error = event.is_error();
            SystemEvent {
                place: event.token().0,
                readable: event.is_readable() || event.is_read_closed() || error,
                writable: event.is_writable() || event.is_write_closed() || error,
                error,
            }
        })
    }
}
