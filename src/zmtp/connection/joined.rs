//! Both halves of a connection in one value, joined as a socket joins them: for tests, the simulation
//! and the fuzzers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;

use super::event::Event;
use super::heartbeat::Heartbeats;
use super::input::{Arrived, Input, Phase};
use super::session::{Flow, Session};
use crate::message::Message;
use crate::zmtp::body::BufferPool;
use crate::zmtp::decoder::MIN_READ_BUFFER;
use crate::zmtp::error::ProtocolError;
use crate::zmtp::flight::Flight;
use crate::zmtp::mechanism::Local;
use crate::zmtp::outbox::Outbox;

/// A whole connection but for its socket: bytes and the time go in, bytes, messages and events come
/// out. Messages to be sent are its owner's, as with a socket: they outlive connections.
#[derive(Debug)]
pub(crate) struct Connection {
    input: Input,
    session: Session,
    hello: Outbox,
    beats: Heartbeats,
    /// Messages that may wait to be taken; at least one.
    room: usize,
    /// What came and was not used yet.
    rest: Vec<u8>,
    arrived: Arrived,
    events: VecDeque<Event>,
    fault: Option<ProtocolError>,
    /// There was no room, so that nothing was taken since.
    paused: bool,
}

impl Connection {
    /// A connection that has just been made.
    pub(crate) fn open(
        local: Local,
        beats: Heartbeats,
        pool: Option<Arc<dyn BufferPool>>,
    ) -> Connection {
        let (input, hello) = Input::open(local, pool);
        Connection {
            input,
            session: Session::default(),
            hello,
            beats,
            room: usize::MAX,
            rest: Vec::new(),
            arrived: Arrived::default(),
            events: VecDeque::new(),
            fault: None,
            paused: false,
        }
    }

    /// Takes what came, and of that and of what waited before as much as will do until `room`
    /// messages wait to be taken; at least one.
    pub(crate) fn handle_input(&mut self, bytes: &[u8], room: usize, now: Instant) {
        self.room = room;
        self.arrived.heard |= !bytes.is_empty();
        let bytes = self.fill_large_body(bytes);
        self.rest.extend_from_slice(bytes);
        loop {
            self.paused = self.is_full();
            if self.paused {
                return self.session.pause(|| now);
            }
            let used = self.take_rest();
            self.book(now);
            if used == 0 {
                break;
            }
        }
        assert!(self.rest.is_empty() || self.input.body_gap().is_none());
        assert!(self.fault.is_some() || self.rest.len() < MIN_READ_BUFFER);
    }

    fn is_full(&self) -> bool {
        self.arrived.messages.len() >= self.room
    }

    /// What belongs to a large body goes where it belongs; gives what is left.
    fn fill_large_body<'a>(&mut self, mut bytes: &'a [u8]) -> &'a [u8] {
        while self.fault.is_none() && self.rest.is_empty() && !bytes.is_empty() && !self.is_full() {
            let Some(gap) = self.input.body_gap() else {
                break;
            };
            let spare = gap.buffer.capacity() - gap.buffer.len();
            assert!(spare > 0 && gap.missing > 0);
            let (ours, after) = bytes.split_at(spare.min(gap.missing).min(bytes.len()));
            gap.buffer.extend_from_slice(ours);
            bytes = after;
            self.fault = self.input.body_filled(&mut self.arrived).err();
        }
        bytes
    }

    /// Gives how many bytes were used.
    fn take_rest(&mut self) -> usize {
        if self.fault.is_some() {
            return 0;
        }
        // Messages that share their input must be the same as those that do not.
        let used = if self.rest.len() % 2 == 0 && self.is_established() {
            let bytes = Bytes::copy_from_slice(&self.rest);
            self.input
                .handle_shared_input(&bytes, self.room, &mut self.arrived)
        } else {
            self.input
                .handle_input(&self.rest, self.room, &mut self.arrived)
        };
        let used = used.unwrap_or_else(|fault| {
            self.fault = Some(fault);
            0
        });
        assert!(self.arrived.messages.len() <= self.room);
        self.rest.drain(..used);
        used
    }

    /// What the engine does when a reader is put back.
    fn book(&mut self, now: Instant) {
        let established = self
            .session
            .handle_arrived(&mut self.arrived, &self.beats, || now);
        self.events.extend(established);
        for command in self.arrived.commands.drain(..) {
            let event = self.session.handle_command(command, true, || now);
            self.events.extend(event);
        }
    }

    /// Whether the peer is to be read: there is room, and it takes its PONGs.
    pub(crate) fn wants_input(&mut self) -> bool {
        !self.is_full() && self.fault.is_none() && self.session.may_read()
    }

    /// Loads what is to be said next besides messages, if `flight` is done with what was before.
    pub(crate) fn poll_output(&mut self, flight: &mut Flight) {
        flight.load(&mut self.hello);
        if self.hello.is_empty() {
            self.session.write(|output| flight.load(output));
        }
    }

    /// A message is about to be loaded.
    #[cfg(test)]
    pub(crate) fn announce(&mut self) {
        self.session.announce(&self.beats);
    }

    pub(crate) fn has_output(&self) -> bool {
        !self.hello.is_empty() || self.session.has_output()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    /// `writable`: the peer takes what is written.
    pub(crate) fn handle_timeout(&mut self, now: Instant, writable: bool) {
        let flow = Flow {
            unread: self.paused,
            paused: self.paused,
            writable,
        };
        let silent = self.session.handle_timeout(now, &self.beats, flow);
        self.events.extend(silent);
    }

    pub(crate) fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    pub(crate) fn poll_message(&mut self) -> Option<Message> {
        self.arrived.messages.pop_front()
    }

    #[cfg(test)]
    pub(crate) fn push_subscription(&mut self, topic: &[u8], subscribe: bool) {
        self.session.push_subscription(topic, subscribe);
    }

    /// What the peer did wrong.
    pub(crate) fn fault(&self) -> Option<&ProtocolError> {
        self.fault.as_ref()
    }

    /// Bytes that came and were not used yet.
    #[cfg(test)]
    pub(crate) fn unused(&self) -> usize {
        self.rest.len()
    }

    /// Whether messages may be written.
    pub(crate) fn is_established(&self) -> bool {
        self.input.phase() == Phase::Traffic
    }
}
