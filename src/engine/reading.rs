//! Reading: what came over a link's connection is taken in without the socket's lock, and booked.
//!
//! The token to read a link is taken out of the engine, used without the lock by `drive/io`, and put back
//! here with what the pass found.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::actions::{Action, Clock};
use super::{Engine, Life};
use crate::link::buffer::Pool;
use crate::link::ended::Ended;
use crate::link::reader::{Pass, Reader};
use crate::link::{Back, Link, Readable};
use crate::message::Message;
use crate::monitor::EventKind;
use crate::pattern::subscription_of;
use crate::reactor::ConnectionId;
use crate::security::pending::Verdict;
use crate::transport::Stream;
use crate::waiters::Change;
use crate::zmtp::command::Command;
use crate::zmtp::connection::{Event, Silence};

/// A reader out of its link, and what it needs for a pass.
pub(crate) struct Reading {
    pub(crate) id: ConnectionId,
    pub(crate) reader: Box<Reader>,
    pub(crate) room: usize,
    pub(crate) pass: Pass,
}

impl Reading {
    pub(crate) fn pass(&mut self, buffers: &Arc<Pool>) {
        self.reader.pass(self.room, buffers, &mut self.pass);
    }

    /// The same, with the authenticator's answer before it.
    pub(crate) fn answer(&mut self, verdict: Verdict, buffers: &Arc<Pool>) {
        self.reader
            .answer(verdict, self.room, buffers, &mut self.pass);
    }
}

impl<D> Engine<D> {
    /// Gives a link its connection, whose tokens are in the caller's hands, and makes ready for the first
    /// pass. `None`: the link is gone.
    pub(crate) fn begin_connection(
        &mut self,
        id: ConnectionId,
        stream: &Arc<Stream>,
        reader: Box<Reader>,
        event: EventKind,
    ) -> Option<Reading> {
        let link = self.link(id)?;
        let room = link.begin_connection(stream);
        self.report(id.link, event);
        Some(Reading {
            id,
            reader,
            room,
            pass: self.take_pass(),
        })
    }

    /// Takes out the reader of the next link that can be read.
    pub(crate) fn take_reader(&mut self, clock: Clock<'_>) -> Option<Reading> {
        while let Some(key) = self.work.next_to_read() {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            match link.take_reader() {
                Readable::No => {}
                Readable::Full => {
                    // The peer's PINGs are not answered either.
                    link.pause(clock);
                    let id = link.id();
                    self.watch_session(id);
                }
                Readable::Yes(reader, room) => {
                    let id = link.id();
                    self.work.set_reading(true);
                    let pass = self.take_pass();
                    return Some(Reading {
                        id,
                        reader,
                        room,
                        pass,
                    });
                }
            }
        }
        None
    }

    /// Takes out the reader of a connection about which the authenticator was asked. `None`: that connection is
    /// gone, or the answer came before.
    pub(crate) fn take_asking_reader(&mut self, id: ConnectionId) -> Option<Reading> {
        let (reader, room) = self.link(id)?.take_asking_reader()?;
        self.work.set_reading(true);
        let pass = self.take_pass();
        Some(Reading {
            id,
            reader,
            room,
            pass,
        })
    }

    /// Puts a reader back, with what it found. True: something is to be written at once, an answer or what
    /// waited for the peer to be there.
    pub(crate) fn put_reader(&mut self, reading: Reading, clock: Clock<'_>) -> bool {
        let Reading {
            id,
            reader,
            mut pass,
            ..
        } = reading;
        let key = id.link;
        let beats = self.heartbeats;
        self.work.set_reading(false);
        let Some(link) = self.link(id) else {
            return false;
        };
        let Some(Back { again, established }) = link.put_reader(reader, &mut pass, &beats, clock)
        else {
            return false;
        };
        if again {
            self.work.read_later(key);
        }
        let arrived = &mut pass.arrived;
        if let Some(question) = arrived.question.take() {
            self.actions.push(Action::Ask(id, question));
        }
        let is_new = established.is_some();
        if let Some(event) = established {
            if !self.handle_event(id, event) {
                arrived.commands.clear();
                arrived.messages.clear();
            }
            self.watch_session(id);
        }
        if !arrived.commands.is_empty() {
            for command in arrived.commands.drain(..) {
                self.handle_command(id, command, clock);
            }
            self.watch_session(id);
        }
        if !arrived.messages.is_empty() {
            self.accept_messages(key, &mut arrived.messages);
        }
        if pass.malformed > 0 {
            self.count_malformed(id, std::mem::take(&mut pass.malformed));
        }
        if std::mem::take(&mut pass.shared) {
            self.trim_later();
        }
        (pass.more, pass.read) = (false, 0);
        self.return_pass(pass);
        let link = self.link(id);
        is_new || link.is_some_and(|link| link.session().has_output())
    }

    /// Hands what came over to the pattern's side.
    fn accept_messages(&mut self, key: usize, messages: &mut VecDeque<Message>) {
        if self.life != Life::Open {
            // No call receives them, and they must not fill the inbox: see `end_link`.
            return messages.clear();
        }
        if !self.pattern.can().receives {
            for message in messages.drain(..) {
                self.take_upstream(key, &message);
            }
            return;
        }
        if self.pattern.can().publishes {
            self.take_subscriptions(key, messages);
            if messages.is_empty() {
                return;
            }
        }
        if self.pattern.can().single {
            // RFC 37 has such types discard a message of several frames. These are no bodies of a
            // user's: they came over a wire.
            messages.retain(|message| message.len() == 1);
            if messages.is_empty() {
                return;
            }
        }
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if link.recv_queue().conflates() || link.is_of_datagrams() {
            // What is not for the user is not to replace what is; and what sends datagrams was told of no
            // subscription, so that all else could fill the queue.
            let unwanted = self.pattern.filter(messages);
            self.actions.discard(unwanted);
            if messages.is_empty() {
                return;
            }
        }
        self.append(key, messages);
        self.notify(Change::Messages);
    }

    /// Takes out, and applies, the messages by which peers that speak ZMTP 3.0 subscribe: also while
    /// the application does not receive.
    fn take_subscriptions(&mut self, key: usize, messages: &mut VecDeque<Message>) {
        if !messages.iter().any(|it| subscription_of(it).is_some()) {
            return;
        }
        for message in std::mem::take(messages) {
            if subscription_of(&message).is_some() {
                self.take_upstream(key, &message);
            } else {
                messages.push_back(message);
            }
        }
    }

    /// A message to a socket that does not receive: ZMTP 3.0 subscribes with such.
    pub(super) fn take_upstream(&mut self, key: usize, message: &Message) {
        if self.links.get(key).is_some_and(Link::is_write_closed) {
            // What it says it wants cannot be sent to it any more: see `Rules::write_closed`.
            return;
        }
        if subscription_of(message)
            .is_some_and(|(topic, subscribe)| self.refuse_subscription(key, topic, subscribe))
        {
            return;
        }
        if let Err(excess) = self.pattern.handle_upstream(key, message) {
            return self.end_connection(key, Ended::Excess(excess));
        }
        let can = self.pattern.can();
        if !can.publishes || can.groups {
            return;
        }
        if let Some((topic, subscribe)) = subscription_of(message) {
            let topic = Bytes::copy_from_slice(topic);
            self.report(key, subscription_event(topic, subscribe));
            self.wake_for_notes();
        }
    }

    /// Has the connection do what a command of its peer asks for.
    fn handle_command(&mut self, id: ConnectionId, command: Command, clock: Clock<'_>) {
        let Some(link) = self.link(id) else { return };
        if let Some(event) = link.handle_command(command, clock) {
            self.handle_event(id, event);
        }
    }

    /// Does what follows from an event of a connection. False: its peer is not welcome, and nothing that
    /// it sent is wanted.
    pub(super) fn handle_event(&mut self, id: ConnectionId, event: Event) -> bool {
        let key = id.link;
        let groups = self.pattern.can().groups;
        match event {
            Event::Established(peer) => match self.admit(key, peer) {
                Ok(()) => self.established(key),
                Err(refusal) => {
                    self.end_connection(key, Ended::Refused(refusal));
                    return false;
                }
            },
            // Topics are PUB's and groups RADIO's: to the other they are commands that it does not know.
            Event::Subscribed(topic) if !groups => self.subscription(key, &topic, true),
            Event::Cancelled(topic) if !groups => self.subscription(key, &topic, false),
            Event::Joined(group) if groups => self.subscription(key, &group, true),
            Event::Left(group) if groups => self.subscription(key, &group, false),
            Event::Subscribed(_) | Event::Cancelled(_) | Event::Joined(_) | Event::Left(_) => {}
            Event::Failed(fault) => self.end_connection(key, Ended::Protocol(fault)),
            Event::Silent(Silence::NoAnswer) => self.end_connection(key, Ended::Silent),
            Event::Silent(Silence::PeerTtl) => self.end_connection(key, Ended::PeerTtl),
        }
        true
    }

    /// Whether a peer may not subscribe to a topic, of which monitors are told. That it takes back what it never
    /// had needs no word.
    fn refuse_subscription(&mut self, key: usize, topic: &[u8], subscribe: bool) -> bool {
        let peer = self.links.get(key).and_then(Link::peer);
        let refused = peer.is_some_and(|peer| !peer.may_subscribe(topic));
        if refused && subscribe {
            let topic = Bytes::copy_from_slice(topic);
            self.report(key, EventKind::SubscriptionRefused { topic });
        }
        refused
    }

    /// A peer subscribes, or takes a subscription back.
    pub(super) fn subscription(&mut self, key: usize, topic: &[u8], subscribe: bool) {
        if self.links.get(key).is_some_and(Link::is_write_closed) {
            // Nothing of it can be sent to that peer any more: see `Rules::write_closed`.
            return;
        }
        if self.refuse_subscription(key, topic, subscribe) {
            return;
        }
        let stuck = !self.pattern.has_room();
        let handled = self.pattern.handle_subscription(key, topic, subscribe);
        self.wake_unstuck(stuck);
        match handled {
            Ok(()) if self.pattern.can().publishes => {
                let topic = Bytes::copy_from_slice(topic);
                self.report(key, subscription_event(topic, subscribe));
                self.wake_for_notes();
            }
            Ok(()) => {}
            Err(excess) => self.end_connection(key, Ended::Excess(excess)),
        }
    }
}

fn subscription_event(topic: Bytes, subscribe: bool) -> EventKind {
    if subscribe {
        EventKind::Subscribed { topic }
    } else {
        EventKind::Unsubscribed { topic }
    }
}
