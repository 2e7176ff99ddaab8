//! Writing: what links have queued goes into the kernel, without the socket's lock.

use std::time::Instant;

use super::actions::{Action, Discarded};
use super::{Engine, Life};
use crate::link::connection::Connection;
use crate::link::reader::Ended;
use crate::link::writer::{Writer, Wrote};
use crate::link::Origin;
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
        let link = self.links.get(key);
        let bytes = link.map_or(0, |link| link.send_queue.bytes());
        Some((key, 1 + self.work.due(), bytes))
    }

    /// Takes out the writer of a link that has something to write and can.
    pub(crate) fn take_writer(&mut self, key: usize) -> Option<(ConnectionId, Box<Writer>)> {
        let link = self.links.get_mut(key)?;
        let up = link.is_up();
        let id = ConnectionId {
            link: key,
            generation: link.generation,
        };
        let connection = link.connection.as_mut()?;
        let mut writer = connection.take_writer()?;
        if up && !link.send_queue.is_empty() {
            link.session.announce(&self.heartbeats);
        }
        let loaded = link.session.write(|output| writer.load(output));
        if loaded || up && link.send_queue.load(&mut writer) {
            return Some((id, writer));
        }
        if up {
            let encoded = link.send_queue.load_conflated(&mut writer);
            if !encoded.is_empty() {
                self.actions.discard(encoded);
                return Some((id, writer));
            }
        }
        connection.return_writer(writer);
        None
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
        if self.link(id).is_none_or(|link| link.connection.is_none()) {
            self.actions.discard(Discarded::Writer(writer));
            return false;
        }
        let Some(link) = self.link(id) else {
            return false;
        };
        let (messages, bytes) = writer.unwritten();
        let regained = link.send_queue.settle(messages, bytes);
        let Some(connection) = &mut link.connection else {
            return false;
        };
        let idle = writer.is_idle();
        let trim = idle && writer.wants_trim();
        let mut write_closed = false;
        if let Some(error) = connection.put_writer(writer, wrote) {
            // A link of `connect` has the next connection to write to.
            write_closed = link.attached && link.origin == Origin::Accepted;
            // What the peer sent before it went is still to be read, also when the inbox is full now, and may
            // say why it went; the end of that, or the error, ends the connection. When nothing will be read
            // any more, it ends now.
            let paused = link.recv_queue.is_paused();
            if !open || paused && !link.ending.is_open() {
                connection.end(Ended::Io(error));
            } else if !paused {
                self.work.read_later(key);
                // The event that would tell may have been and gone.
                self.tell_driver();
            }
        }
        if self
            .links
            .get_mut(key)
            .is_some_and(|link| link.session.resume())
        {
            self.resume_reading(key);
        }
        if write_closed {
            self.vacate(|pattern| pattern.write_closed(key));
            self.notify(Change::Any);
        } else if regained && self.update_room(key) {
            self.notify(Change::Room);
        }
        if trim {
            self.trim_later();
        }
        let Some(link) = self.links.get(key) else {
            return false;
        };
        let connection = link.connection.as_ref();
        if !connection.is_some_and(Connection::is_writable) {
            return false;
        }
        let urgent = !idle || link.session.has_output();
        let queued = link.is_up() && !link.send_queue.is_empty();
        if queued {
            self.work.write_later(key);
        }
        let queue = &link.send_queue;
        urgent || queued && (!hot || queue.has_batch() || queue.has_conflated_batch())
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
            link.send_queue.release_memory();
            if let Some(writer) = link.connection.as_mut().and_then(Connection::writer_mut) {
                writer.release_memory();
            }
        }
        true
    }

    /// The kernel takes bytes for this link again.
    pub(super) fn unblock(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let connection = link.connection.as_mut();
        if connection.is_some_and(Connection::handle_writable) {
            self.work.write_now(key);
        }
    }
}
