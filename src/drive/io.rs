//! The one place where a link's token is taken out of the engine, a pass made with it without the lock,
//! and the token put back with what the pass found.

use std::io;
use std::sync::Weak;

use super::connections::NewConnection;
use super::core::{token_of, Core};
use super::locked::Locked;
use super::waiting::PASSES;
use crate::clock;
use crate::link::ended::Ended;
use crate::link::writer::{Writer, Wrote};
use crate::monitor::EventKind;
use crate::reactor::{ConnectionId, Handle, Handler, Order};
use crate::transport::Stream;

/// Turns that one flush writes before it leaves the rest to the reactor, so that a thread that
/// happens to hold the token is not kept for ever by what others queue. The kernel is usually full
/// before that.
const FLIGHTS: usize = 16;

impl Core {
    /// Reads links that are ready, at most `passes` of them.
    pub(super) fn serve(&self, locked: &mut Locked<'_>, passes: usize) {
        self.flush_due(locked);
        for _ in 0..passes {
            let Some(mut reading) = locked.engine().take_reader(&clock::now) else {
                break;
            };
            locked.unlocked(|| reading.pass(&self.buffers));
            let (id, read) = (reading.id, reading.pass.read);
            if locked.engine().put_reader(reading, &clock::now) {
                self.flush(locked, id.link);
            }
            let engine = locked.engine();
            engine.advance(id);
            let links = engine.work().to_read();
            self.share(locked, links, read);
        }
    }

    /// Writes all links that have something to write.
    pub(super) fn flush_dirty(&self, locked: &mut Locked<'_>) {
        let engine = locked.engine();
        // Links that become dirty again meanwhile are for the next round.
        if engine.helpers().count() > 0 {
            engine.work().make_all_due();
            self.flush_due(locked);
        } else {
            for _ in 0..engine.work().to_write() {
                let Some(key) = locked.engine().work().next_to_write() else {
                    break;
                };
                self.flush(locked, key);
            }
        }
        locked.engine().work().clear_batches();
    }

    /// Writes the links of a hot socket whose batch is full.
    pub(super) fn flush_batches(&self, locked: &mut Locked<'_>) {
        let engine = locked.engine();
        if engine.helpers().count() > 0 {
            engine.work().make_batches_due();
            return self.flush_due(locked);
        }
        while let Some(key) = locked.engine().work().next_batch() {
            self.flush(locked, key);
        }
    }

    /// Writes links that are due, beside the reactors that help. A thread that makes more of them due
    /// writes as many.
    pub(super) fn flush_due(&self, locked: &mut Locked<'_>) {
        for _ in 0..locked.engine().work().due() {
            let Some((key, links, bytes)) = locked.engine().next_due() else {
                break;
            };
            self.share(locked, links, bytes);
            self.flush(locked, key);
        }
    }

    /// Writes what one link has queued, unless another thread is at it already: then that one takes it
    /// along.
    pub(super) fn flush(&self, locked: &mut Locked<'_>, key: usize) {
        for _ in 0..FLIGHTS {
            let Some((id, mut writer)) = locked.engine().take_writer(key) else {
                return;
            };
            let wrote = locked.unlocked(|| {
                let wrote = writer.pass();
                self.ask_for_room(id, &mut writer, matches!(wrote, Wrote::Blocked));
                wrote
            });
            let engine = locked.engine();
            let more = engine.put_writer(id, writer, wrote);
            engine.advance(id);
            if !more {
                return;
            }
        }
        locked.engine().leave_to_sweep(key);
    }

    /// When the kernel is full, has an event say when it is not.
    ///
    /// No event is asked for before: a new connection, which always has room, would begin with a wake-up
    /// that says so. A TCP stream that has asked goes on asking, at no cost. The kernel wakes the poll of
    /// a Unix-domain socket for every message that its peer reads, so that one takes the question
    /// back later. Only the holder of the writer does either, so that the two cannot cross.
    pub(super) fn ask_for_room(&self, id: ConnectionId, writer: &mut Writer, blocked: bool) {
        let asked = writer.asked_for_room;
        let settled = if writer.stream().is_tcp() {
            asked || !blocked
        } else {
            !asked && !blocked
        };
        if settled {
            return;
        }
        writer.asked_for_room = blocked;
        let interest = if blocked {
            mio::Interest::READABLE | mio::Interest::WRITABLE
        } else {
            mio::Interest::READABLE
        };
        if let Some(poll) = self.poll_if_any() {
            // It fails only for a stream that is not registered any more.
            let _ = writer
                .stream()
                .rewatch(&poll.registry, token_of(id), interest);
        }
    }

    /// Gives a link its connection, and says hello.
    ///
    /// A peer that connects has often said all of its own by the time it is accepted. Then the handshake
    /// is one read and one write, here, and no other thread is woken for it.
    pub(super) fn attach_connection(
        &self,
        locked: &mut Locked<'_>,
        id: ConnectionId,
        new: NewConnection,
        event: EventKind,
    ) {
        let accepted = event == EventKind::Accepted;
        let engine = locked.engine();
        let Some(mut reading) = engine.begin_connection(id, &new.stream, new.reader, event) else {
            return;
        };
        let (mut writer, mut hello) = (new.writer, new.hello);
        let (wrote, watched) = locked.unlocked(|| {
            // A peer that speaks no ZMTP is there without a word.
            if accepted || self.raw {
                reading.pass(&self.buffers);
            }
            hello.push_raw(&reading.pass.arrived.reply);
            reading.pass.arrived.reply.clear();
            writer.load(&mut hello);
            let wrote = writer.pass();
            let watched = self.watch(id, &new.stream);
            self.ask_for_room(id, &mut writer, matches!(wrote, Wrote::Blocked));
            (wrote, watched)
        });
        let engine = locked.engine();
        engine.put_reader(reading, &clock::now);
        let more = engine.put_writer(id, writer, wrote);
        if let Err(error) = watched {
            engine.end_connection(id.link, Ended::Io(error));
        }
        engine.bound_handshake(id, accepted, clock::now());
        if more {
            self.flush(locked, id.link);
        }
        let engine = locked.engine();
        engine.advance(id);
        engine.tell_unread();
    }

    /// Has the socket's poll tell what comes, and what came already. The link is in its place by
    /// now: the first event may come before this returns, and must find it.
    pub(super) fn watch(&self, id: ConnectionId, stream: &Stream) -> io::Result<()> {
        let Some(poll) = self.poll_if_any() else {
            return Ok(());
        };
        stream.watch(&poll.registry, token_of(id), mio::Interest::READABLE)
    }

    /// Links wait for a pass, of which the last one moved `bytes`: asks another reactor for help if
    /// there is one and it pays.
    #[inline]
    pub(super) fn share(&self, locked: &mut Locked<'_>, links: usize, bytes: usize) {
        if let Some(helper) = locked.engine().helpers().offload(links, bytes) {
            locked.unlocked(|| self.ask(&helper));
        }
    }

    #[cold]
    fn ask(&self, helper: &Handle) {
        // An order that is never run, because the context is at its end, must keep no socket alive.
        let me: Weak<dyn Handler> = self.me.clone();
        helper.send(Order::Help(me));
    }

    /// A reactor has come to help: one turn.
    pub(super) fn help(&self, helper: Handle) {
        let mut locked = self.lock();
        let mut found = false;
        for _ in 0..PASSES {
            let engine = locked.engine();
            if let Some(key) = engine.work().next_due() {
                self.flush(&mut locked, key);
            } else if engine.work().to_read() > 0 {
                self.serve(&mut locked, 1);
            } else {
                break;
            }
            found = true;
            // The driver may be asleep, and shall see at once what was brought.
            locked.release();
        }
        let engine = locked.engine();
        engine.helpers().learn(found);
        if engine.work().is_shared() {
            // The helper's other sockets first.
            locked.release();
            return self.ask(&helper);
        }
        engine.helpers().put_back(helper);
        if engine.work().to_read() > 0 {
            // The last link is the driver's again.
            engine.tell_driver();
        }
    }
}
