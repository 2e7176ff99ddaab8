//! The tokens of a link's connection: its reader and its writer are taken out for a pass, and put back with
//! what the pass found.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use super::connection::{Connection, Found};
use super::ended::Ended;
use super::reader::{Pass, Reader};
use super::writer::{Writer, Wrote};
use super::{Link, Origin, Via};
use crate::message::Message;
use crate::transport::Stream;
use crate::zmtp::command::Command;
use crate::zmtp::connection::{Event, Heartbeats};

/// What is found when a link's reader is wanted.
pub(crate) enum Readable {
    /// The reader, and how many messages it may bring.
    Yes(Box<Reader>, usize),
    /// Its inbox is full: it is not read until there is room.
    Full,
    /// It is read now by another thread, which says if there is more; or is not to be read.
    No,
}

/// What is found when a reader is put back.
pub(crate) struct Back {
    /// Another pass is due, which no event asks for.
    pub(crate) again: bool,
    /// What its peer has said that the handshake was waiting for.
    pub(crate) established: Option<Event>,
}

/// How things stand once a writer is back.
pub(crate) struct Outlook {
    /// A full queue has room again.
    pub(crate) regained: bool,
    /// Buffers have grown that nothing needs now.
    pub(crate) trim: bool,
    /// Nothing can be sent to its peer any more, and the pattern knows the link.
    pub(crate) write_closed: bool,
    /// It is to be read, which no event may tell: writing failed, and what the peer said before is to be
    /// heard, or it was not read while the answers waited to be written.
    pub(crate) read: bool,
    /// All that was taken out is written.
    idle: bool,
}

/// What is still to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unwritten {
    /// An answer, or what the last pass has not written.
    pub(crate) urgent: bool,
    /// Messages.
    pub(crate) queued: bool,
    /// So many of them that they are worth a write of their own.
    pub(crate) batch: bool,
}

impl Link {
    /// Gives it its connection, whose tokens are in the caller's hands. Gives how many messages the first
    /// pass may bring.
    pub(crate) fn begin_connection(&mut self, stream: &Arc<Stream>) -> usize {
        self.via = Via::Connection(Connection::held(Arc::clone(stream)));
        self.recv_queue.room()
    }

    // ----- the reader -----

    /// Takes out its reader, if it is to be read now.
    pub(crate) fn take_reader(&mut self) -> Readable {
        let room = self.recv_queue.room();
        let established = self.is_established();
        let Via::Connection(connection) = &mut self.via else {
            return Readable::No;
        };
        if connection.is_over() {
            // It is taken apart as soon as its writer is back; what comes now is not wanted.
            return Readable::No;
        }
        if established {
            if room == 0 {
                return Readable::Full;
            }
            // Of a connection that is broken, what the peer said before is read to its end.
            if !connection.is_broken() && !self.session.may_read() {
                return Readable::No;
            }
        }
        match connection.take_reader() {
            Some(reader) => Readable::Yes(reader, room),
            None => Readable::No,
        }
    }

    /// Takes out its reader to tell it the authenticator's answer, if one is waited for.
    pub(crate) fn take_asking_reader(&mut self) -> Option<(Box<Reader>, usize)> {
        let room = self.recv_queue.room();
        let reader = self.connection_mut()?.take_asking_reader()?;
        Some((reader, room))
    }

    /// Whether its connection waits for the authenticator's answer.
    pub(crate) fn asks(&self) -> bool {
        self.connection().is_some_and(Connection::asks)
    }

    /// Its inbox is full: it is not read until there is room. Until then the peer is shown now and then that
    /// this side lives.
    pub(crate) fn pause(&mut self, clock: impl FnOnce() -> Instant) {
        self.recv_queue.pause();
        self.session.pause(clock);
    }

    /// Puts its reader back. `None`: it has no connection any more.
    pub(crate) fn put_reader(
        &mut self,
        reader: Box<Reader>,
        pass: &mut Pass,
        beats: &Heartbeats,
        clock: &dyn Fn() -> Instant,
    ) -> Option<Back> {
        let Via::Connection(connection) = &mut self.via else {
            return None;
        };
        let found = Found {
            heard: pass.arrived.heard,
            more: pass.more,
            asks: pass.arrived.question.is_some(),
            ended: pass.ended.take(),
        };
        let again = connection.put_reader(reader, found);
        let established = self.session.handle_arrived(&mut pass.arrived, beats, clock);
        Some(Back { again, established })
    }

    /// A command has come from its peer. Gives what follows from it.
    pub(crate) fn handle_command(
        &mut self,
        command: Command,
        clock: &dyn Fn() -> Instant,
    ) -> Option<Event> {
        let writable = self.connection().is_some_and(|it| !it.is_broken());
        self.session.handle_command(command, writable, clock)
    }

    /// The timer that its connection asked for is due. Gives what follows from it. `waits`: it is one of those
    /// to be read.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        beats: &Heartbeats,
        waits: bool,
    ) -> Option<Event> {
        let flow = self.flow(waits);
        self.session.handle_timeout(now, beats, flow)
    }

    /// An event says that there is something to read; `ended`: and that it is the last. True: it is to be
    /// read.
    pub(crate) fn handle_readable(&mut self, ended: bool) -> bool {
        if let Via::Connection(connection) = &mut self.via {
            connection.handle_readable(ended);
        }
        !self.recv_queue.is_paused()
    }

    // ----- the writer -----

    /// Takes out its writer, if it has something to write and can. With it, messages of a queue that conflates
    /// that were encoded for it: to be discarded.
    #[inline]
    pub(crate) fn take_writer(
        &mut self,
        beats: &Heartbeats,
    ) -> Option<(Box<Writer>, VecDeque<Message>)> {
        let up = self.is_up();
        let Via::Connection(connection) = &mut self.via else {
            return None;
        };
        let mut writer = connection.take_writer()?;
        #[cfg(feature = "curve")]
        if let Some(sealer) = self.session.take_sealer() {
            writer.seal_with(sealer);
        }
        if up && !self.send_queue.is_empty() {
            self.session.announce(beats);
        }
        let loaded = self.session.write(|output| writer.load(output));
        if loaded || up && self.send_queue.load(&mut writer) {
            return Some((writer, VecDeque::new()));
        }
        if up {
            let encoded = self.send_queue.load_conflated(&mut writer);
            if !encoded.is_empty() {
                return Some((writer, encoded));
            }
        }
        connection.return_writer(writer);
        None
    }

    /// Puts its writer back. It comes back again if there is no connection any more. `open`: the socket is.
    pub(crate) fn put_writer(
        &mut self,
        mut writer: Box<Writer>,
        wrote: Wrote,
        open: bool,
    ) -> Result<Outlook, Box<Writer>> {
        let Via::Connection(connection) = &mut self.via else {
            return Err(writer);
        };
        let (messages, bytes) = writer.unwritten();
        let regained = self.send_queue.settle(messages, bytes);
        let idle = writer.is_idle();
        let trim = idle && writer.wants_trim();
        let (mut write_closed, mut read) = (false, false);
        if let Some(error) = connection.put_writer(writer, wrote) {
            // A link of `connect` has the next connection to write to.
            write_closed = self.attached && self.origin == Origin::Accepted;
            // What the peer sent before it went is still to be read, also when the inbox is full now, and may
            // say why it went; the end of that, or the error, ends the connection. When nothing will be read
            // any more, it ends now.
            let paused = self.recv_queue.is_paused();
            if !open || paused && !self.ending.is_open() {
                connection.end(Ended::Io(error));
            } else {
                read = !paused;
            }
        }
        Ok(Outlook {
            regained,
            trim,
            write_closed,
            read: self.session.resume() || read,
            idle,
        })
    }

    /// What is still to be written, if the system takes more.
    pub(crate) fn unwritten(&self, outlook: &Outlook) -> Option<Unwritten> {
        if !self.connection().is_some_and(Connection::is_writable) {
            return None;
        }
        let queue = &self.send_queue;
        let queued = self.is_up() && !queue.is_empty();
        Some(Unwritten {
            urgent: !outlook.idle || self.session.has_output(),
            queued,
            batch: queued && (queue.has_batch() || queue.has_conflated_batch()),
        })
    }

    /// Gives back memory that no stream needs any more.
    pub(crate) fn release_memory(&mut self) {
        self.send_queue.release_memory();
        if let Some(writer) = self.connection_mut().and_then(Connection::writer_mut) {
            writer.release_memory();
        }
    }
}
