//! Writing: what links have queued goes into the kernel, without the socket's lock.

use std::time::Instant;

use super::actions::{Action, Discarded};
use super::{Engine, Life};
use crate::link::connection::Connection;
use crate::link::writer::{Writer, Wrote};
use crate::reactor::{ConnectionId, Timer};
use crate::tuning;
use crate::waiters::Change;

/// What a thread that has queued messages writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WriteOut {
    /// Nothing, or nothing yet: more is coming.
    Nothing,
    /// All that there is.
    All,
    /// The links of a hot socket whose batch is full.
    Batches,
}

impl<D> Engine<D> {
    /// Whether a stream has left something for its next batch.
    #[inline]
    pub(crate) fn has_tail(&self) -> bool {
        self.heat.is_hot() && self.work.to_write() > 0
    }

    /// What is to be written after messages were queued.
    #[inline]
    pub(crate) fn to_write_out(&self) -> WriteOut {
        if self.work.to_write() == 0 {
            WriteOut::Nothing
        } else if !self.heat.is_hot() {
            WriteOut::All
        } else if self.work.has_batches() {
            WriteOut::Batches
        } else {
            WriteOut::Nothing
        }
    }

    /// A sender of a cold socket is about to write. False: this made it hot, and the sweep writes.
    pub(crate) fn begin_write(&mut self, now: Instant) -> bool {
        let hot = self.heat.before_write(now);
        if hot {
            self.actions.push(Action::Sweep);
        }
        !hot
    }

    /// That sender has written.
    pub(crate) fn end_write(&mut self, now: Instant) {
        self.heat.after_write(now);
    }

    /// The reactor has looked whether a hot socket has left something, and found it or not. True: it is to
    /// look again.
    pub(crate) fn swept(&mut self, found: bool) -> bool {
        self.heat.sweep(found)
    }

    /// One flush has written its share of a link that has more: the rest is for the sweep.
    pub(crate) fn leave_to_sweep(&mut self, key: usize) {
        self.work.write_later(key);
        self.actions.push(Action::Sweep);
    }

    /// The next link to be written now, how many there are with it, and the bytes that it has queued.
    pub(crate) fn next_due(&mut self) -> Option<(usize, usize, usize)> {
        let key = self.work.next_due()?;
        let link = self.links.get_mut(key);
        let bytes = link.map_or(0, |link| link.send_queue().bytes());
        Some((key, 1 + self.work.due(), bytes))
    }

    /// Takes out the writer of a link that has something to write and can.
    pub(crate) fn take_writer(&mut self, key: usize) -> Option<(ConnectionId, Box<Writer>)> {
        let link = self.links.get_mut(key)?;
        let (writer, encoded) = link.take_writer(&self.heartbeats)?;
        if !encoded.is_empty() {
            self.actions.discard(encoded);
        }
        Some((link.id(), writer))
    }

    /// Puts a writer back. True: there is more that should go at once.
    pub(crate) fn put_writer(
        &mut self,
        id: ConnectionId,
        mut writer: Box<Writer>,
        wrote: Wrote,
    ) -> bool {
        let key = id.link;
        let hot = self.heat.is_hot();
        let open = self.life == Life::Open;
        // A body that waits for this socket in its `Drop` waits for this very writer.
        if let Some(spent) = writer.take_spent() {
            self.actions.discard(Discarded::Spent(spent));
        }
        let unsent = writer.take_unsent();
        if unsent > 0 {
            self.count_unsent(id, unsent);
        }
        let put = match self.link(id) {
            Some(link) => link.put_writer(writer, wrote, open),
            None => Err(writer),
        };
        let outlook = match put {
            Ok(outlook) => outlook,
            Err(writer) => {
                self.actions.discard(Discarded::Writer(writer));
                return false;
            }
        };
        if outlook.read {
            self.resume_reading(key);
        }
        if outlook.write_closed {
            self.vacate(|pattern| pattern.write_closed(key));
            self.notify(Change::Any);
        } else if outlook.regained && self.update_room(key) {
            self.notify(Change::Room);
        }
        if outlook.trim {
            self.trim_later();
        }
        let link = self.links.get(key);
        let Some(left) = link.and_then(|link| link.unwritten(&outlook)) else {
            return false;
        };
        if left.queued {
            self.work.write_later(key);
        }
        left.urgent || left.queued && (!hot || left.batch)
    }

    /// Buffers have grown: gives them back after a while.
    pub(super) fn trim_later(&mut self) {
        if !self.trimming {
            self.trimming = true;
            self.set_timer_after(tuning::TRIM, Timer::Trim);
        }
    }

    /// Some time after buffers had grown: gives back what no stream needs any more.
    /// False: the stream goes on.
    pub(super) fn trim(&mut self) -> bool {
        if self.heat.is_hot() {
            self.set_timer_after(tuning::TRIM, Timer::Trim);
            return false;
        }
        self.trimming = false;
        for (_, link) in &mut self.links {
            link.release_memory();
        }
        true
    }

    /// The kernel takes bytes for this link again.
    pub(super) fn unblock(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let connection = link.connection_mut();
        if connection.is_some_and(Connection::handle_writable) {
            self.work.write_now(key);
        }
    }
}
