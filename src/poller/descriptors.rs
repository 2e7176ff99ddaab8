//! Descriptors of the program's own in a poller.

use std::os::fd::AsRawFd;

use super::event::PollEvent;
use super::slots::Source;
use super::system::Watched;
use super::Poller;
use crate::error::Error;
use crate::interest::Interest;

impl<Key: Copy> Poller<Key> {
    /// Watches a descriptor of the program's own: a connection, a pipe, a timer, another poll. It must be
    /// open as long as it is in the poller; [remove](Poller::remove_fd) it before it is closed.
    ///
    /// It costs a system call when it is added, and one for each wait after it was ready.
    ///
    /// ```
    /// use sinew::{Interest, Poller};
    /// use std::io::{Read, Write};
    /// use std::os::unix::net::UnixStream;
    ///
    /// let (mut here, mut there) = UnixStream::pair().unwrap();
    /// let mut poller = Poller::new()?;
    /// poller.add_fd(&here, "stream", Interest::READABLE)?;
    ///
    /// there.write_all(b"x").unwrap();
    /// let event = poller.wait(None)?.next().unwrap();
    /// assert!(event.key == "stream" && event.readable);
    /// here.read_exact(&mut [0]).unwrap();
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::AlreadyPolled`] when it is in this poller; [`Error::Io`] when the system cannot watch it (a
    /// file on a disk is always ready, and cannot be watched).
    pub fn add_fd(
        &mut self,
        descriptor: &impl AsRawFd,
        key: Key,
        interest: Interest,
    ) -> Result<(), Error> {
        let fd = descriptor.as_raw_fd();
        if self.slots.descriptor(fd).is_some() {
            return Err(Error::AlreadyPolled);
        }
        let place = self.slots.next_place();
        let mut watched = Watched::new(fd);
        let registered = self.system.register(&mut watched, place, interest);
        registered.map_err(Error::Io)?;
        self.slots
            .insert(key, interest, Source::Descriptor(watched));
        Ok(())
    }

    /// Changes what is told of a descriptor, and with which key.
    ///
    /// # Errors
    /// [`Error::NotPolled`] when it is not in this poller; [`Error::Io`].
    pub fn modify_fd(
        &mut self,
        descriptor: &impl AsRawFd,
        key: Key,
        interest: Interest,
    ) -> Result<(), Error> {
        let place = self.slots.descriptor(descriptor.as_raw_fd());
        let place = place.ok_or(Error::NotPolled)?;
        let slot = self.slots.get_mut(place).ok_or(Error::NotPolled)?;
        slot.key = key;
        slot.interest = interest;
        if let Source::Descriptor(watched) = &mut slot.source {
            let registered = self.system.register(watched, place, interest);
            registered.map_err(Error::Io)?;
        }
        Ok(())
    }

    /// Watches a descriptor no longer.
    ///
    /// # Errors
    /// [`Error::NotPolled`] when it is not in this poller.
    pub fn remove_fd(&mut self, descriptor: &impl AsRawFd) -> Result<(), Error> {
        let place = self.slots.descriptor(descriptor.as_raw_fd());
        let place = place.ok_or(Error::NotPolled)?;
        self.remove_slot(place);
        Ok(())
    }

    /// Tells what the system has found of descriptors.
    pub(super) fn note_descriptors(&mut self, events: &mut Vec<PollEvent<Key>>) {
        let mut ready = Vec::new();
        for event in self.system.events() {
            let Some(slot) = self.slots.get(event.place) else {
                continue;
            };
            let told = PollEvent {
                key: slot.key,
                readable: slot.interest.is_readable() && event.readable,
                writable: slot.interest.is_writable() && event.writable,
                closed: false,
                error: event.error,
            };
            if told.readable || told.writable || told.error {
                events.push(told);
            }
            ready.push(event.place);
        }
        for place in ready {
            self.slots.list(place);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    #[test]
    fn what_is_told_of_a_descriptor_is_what_was_asked_for_last() {
        let (here, mut there) = UnixStream::pair().unwrap();
        let mut poller = Poller::new().unwrap();
        let told = |poller: &mut Poller<u8>| {
            let events = poller.wait(Duration::ZERO).unwrap();
            events
                .map(|event| (event.key, event.readable, event.writable))
                .collect::<Vec<_>>()
        };
        poller.add_fd(&here, 1, Interest::READABLE).unwrap();
        assert_eq!(told(&mut poller), []);
        poller.modify_fd(&here, 2, Interest::WRITABLE).unwrap();
        assert_eq!(told(&mut poller), [(2, false, true)]);
        there.write_all(b"x").unwrap();
        let both = Interest::READABLE | Interest::WRITABLE;
        poller.modify_fd(&here, 3, both).unwrap();
        for _ in 0..2 {
            assert_eq!(told(&mut poller), [(3, true, true)]);
        }
        poller.modify_fd(&here, 4, Interest::NONE).unwrap();
        assert_eq!(told(&mut poller), []);
        let again = poller.add_fd(&here, 5, both);
        assert!(matches!(again, Err(Error::AlreadyPolled)));
        poller.modify_fd(&here, 6, both).unwrap();
        poller.remove_fd(&here).unwrap();
        assert_eq!(told(&mut poller), []);
        assert!(matches!(poller.remove_fd(&here), Err(Error::NotPolled)));
    }
}
