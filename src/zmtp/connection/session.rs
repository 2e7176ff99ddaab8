//! The half of a connection that is in the socket's lock: what is to be said, when, and in which form.

use std::time::{Duration, Instant};

use super::event::Event;
use super::heartbeat::{Heartbeat, Heartbeats};
use super::input::Arrived;
use crate::message::Message;
use crate::peer::{PeerInfo, SocketType};
use crate::tuning;
use crate::zmtp::command::{Command, PingContext, SubscriptionForm};
use crate::zmtp::error::ProtocolError;
use crate::zmtp::outbox::Outbox;
#[cfg(feature = "curve")]
use crate::zmtp::sealing::Sealer;

/// What is known outside of a connection about its two directions, at the moment of a time-out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Flow {
    /// The peer may have said something that was not read yet.
    pub(crate) unread: bool,
    /// There is no room for what the peer sends, so that it is not read at all.
    pub(crate) paused: bool,
    /// The peer takes what is written, as far as is known.
    pub(crate) writable: bool,
}

/// The half of a connection that is in the socket's lock. One for each connection: a new connection
/// has a new one, and nothing of the last.
///
/// | Field | Changed by | What holds |
/// |---|---|---|
/// | `output` | every method that says something; [`write`](Self::write) empties it | whole frames, or handshake bytes before any frame; never a message |
/// | `pongs` | [`handle_command`](Self::handle_command) counts, `write` sets back | at most as many PONGs as are in `output` |
/// | `choked` | [`may_read`](Self::may_read) sets, [`resume`](Self::resume) clears | only while the connection is not read |
/// | `heard` | [`handle_arrived`](Self::handle_arrived) | never cleared |
/// | `up` | `handle_arrived`, once | `Some` from the end of the handshake on |
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// Handshake bytes, commands and subscriptions; they go before the next message.
    output: Outbox,
    /// PONGs in `output`.
    pongs: usize,
    /// The peer does not read its PONGs: the connection is not read until they are taken to be
    /// written, so that what the peer makes this side queue stays bounded.
    choked: bool,
    /// The peer has sent something.
    heard: bool,
    up: Option<Up>,
    /// What seals all that goes to the peer, until the writer has it.
    #[cfg(feature = "curve")]
    sealer: Option<Sealer>,
}

/// What an established connection has besides.
#[derive(Debug)]
struct Up {
    /// How the peer wants to be told of subscriptions.
    form: SubscriptionForm,
    /// The peer knows PING and PONG, which ZMTP 3.0 does not.
    takes_pongs: bool,
    /// The peer has sent something behind its handshake.
    heard_traffic: bool,
    heartbeat: Heartbeat,
    /// This side sends PINGs, and the peer does not know it yet.
    unannounced: bool,
    /// PINGs that were queued; wraps. Each returns its number, which tells its PONG from others.
    pings: u16,
    /// The number of a PING that was not answered yet, and when it was queued.
    asked: Option<(u16, Instant)>,
    /// How long the last answer took.
    round_trip: Option<Duration>,
    /// When the earliest timer is due that was asked for and has not come.
    timer: Option<Instant>,
}

// ----- what comes -----

impl Session {
    /// Takes over what one pass of [`Input`](super::Input) brought, but for the commands and messages
    /// in it. Tells of the end of the handshake, if that came.
    pub(crate) fn handle_arrived(
        &mut self,
        arrived: &mut Arrived,
        beats: &Heartbeats,
        now: impl FnOnce() -> Instant,
    ) -> Option<Event> {
        let heard = std::mem::take(&mut arrived.heard);
        self.heard |= heard;
        if !arrived.reply.is_empty() {
            self.output.push_raw(&arrived.reply);
            arrived.reply.clear();
        }
        if let (Some(up), true) = (&mut self.up, heard) {
            up.heartbeat.hear();
        }
        #[cfg(feature = "curve")]
        if arrived.sealer.is_some() {
            self.sealer = arrived.sealer.take();
        }
        let established = arrived.established.take();
        if let Some(peer) = &established {
            self.up = Some(Up::new(peer, now(), beats));
        }
        if let Some(up) = &mut self.up {
            up.heard_traffic |= !arrived.messages.is_empty() || !arrived.commands.is_empty();
        }
        established.map(Event::Established)
    }

    /// Does what a command of the peer asks for, as far as that is this connection's own affair, and
    /// tells the rest. `writable`: answers may be written.
    pub(crate) fn handle_command(
        &mut self,
        command: Command,
        writable: bool,
        now: impl FnOnce() -> Instant,
    ) -> Option<Event> {
        match command {
            Command::Subscribe(topic) => Some(Event::Subscribed(topic)),
            Command::Cancel(topic) => Some(Event::Cancelled(topic)),
            Command::Join(group) => Some(Event::Joined(group)),
            Command::Leave(group) => Some(Event::Left(group)),
            Command::Error(reason) => Some(Event::Failed(ProtocolError::PeerError { reason })),
            Command::Ping { ttl, context } => {
                // RFC 37, "Heartbeating": every PING is answered, its context returned.
                if writable {
                    self.output.push_command(&Command::Pong { context });
                    self.pongs += 1;
                }
                if let Some(up) = &mut self.up {
                    up.heartbeat.pinged_by_peer(now(), ttl);
                }
                None
            }
            // That the peer lives, having heard it says already. RFC 37 has all other commands ignored.
            Command::Pong { context } => {
                if let Some(up) = &mut self.up {
                    up.answered(context, now);
                }
                None
            }
            Command::Ready(_) | Command::Unknown(_) => None,
        }
    }

    /// How long the last answer to a PING took.
    pub(crate) fn round_trip(&self) -> Option<Duration> {
        self.up.as_ref()?.round_trip
    }

    /// Whether the peer has sent anything at all.
    pub(crate) fn has_heard(&self) -> bool {
        self.heard
    }

    /// Whether the peer has sent something behind its handshake.
    pub(crate) fn has_heard_traffic(&self) -> bool {
        self.up.as_ref().is_some_and(|up| up.heard_traffic)
    }

    /// Whether the peer sends PINGs, and so goes on sending whatever this side does.
    pub(crate) fn is_pinged(&self) -> bool {
        self.up.as_ref().is_some_and(|up| up.heartbeat.is_pinged())
    }

    /// Whether the connection may be read. If not, because the peer does not read the answers to its
    /// PINGs, [`resume`](Self::resume) says when it may again.
    pub(crate) fn may_read(&mut self) -> bool {
        self.choked = self.pongs >= tuning::PONGS;
        !self.choked
    }

    /// Whether the connection is to be read again that was not because of its PONGs. What was taken to
    /// be written counts as answered: while it is stuck, as much again waits.
    pub(crate) fn resume(&mut self) -> bool {
        self.pongs < tuning::PONGS && std::mem::take(&mut self.choked)
    }

    /// There is no room for what the peer sends: the connection is not read until there is, and the
    /// peer's PINGs are not answered. Until then a peer that knows PONGs is shown now and then that
    /// this side lives.
    pub(crate) fn pause(&mut self, now: impl FnOnce() -> Instant) {
        if let Some(up) = self.up.as_mut().filter(|up| up.takes_pongs) {
            up.heartbeat.pause(now);
        }
    }
}

// ----- what goes -----

impl Session {
    /// Whether something waits to be written.
    #[inline]
    pub(crate) fn has_output(&self) -> bool {
        !self.output.is_empty()
    }

    /// Lets `take` take what waits to be written, if it can, and gives its result.
    #[inline]
    pub(crate) fn write<T>(&mut self, take: impl FnOnce(&mut Outbox) -> T) -> T {
        let taken = take(&mut self.output);
        if self.output.is_empty() {
            self.pongs = 0;
        }
        taken
    }

    /// Takes out what seals all that is written from now on, if that begins: before the next thing is taken to
    /// be written.
    #[cfg(feature = "curve")]
    #[inline]
    pub(crate) fn take_sealer(&mut self) -> Option<Sealer> {
        self.sealer.take()
    }

    /// Sends a message that goes before all others, and not again over the next connection.
    pub(crate) fn push_greeting(&mut self, message: &Message) {
        self.output.push_uncounted(message);
    }

    /// A message is about to go. The first one goes behind a PING, if this side sends any: a peer that
    /// has no room for what follows would not read the first PING that is due by time, and so not
    /// know that its silence is noticed.
    ///
    /// Not before there is a message: a peer that only came to say something, and has closed its side,
    /// loses what its system still holds when it is sent a word.
    #[inline]
    pub(crate) fn announce(&mut self, beats: &Heartbeats) {
        if let Some(up) = &mut self.up {
            if std::mem::take(&mut up.unannounced) {
                let context = PingContext::default();
                self.output.push_command(&beats.ping(context));
            }
        }
    }

    /// Tells the peer of a subscription, or takes one back, in the form that it understands.
    pub(crate) fn push_subscription(&mut self, topic: &[u8], subscribe: bool) {
        if let Some(up) = &self.up {
            self.output.push_subscription(topic, subscribe, up.form);
        }
    }
}

// ----- time -----

impl Session {
    /// When this connection wants [`handle_timeout`](Self::handle_timeout) to be called.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.up.as_ref()?.heartbeat.poll_timeout()
    }

    /// The time for which a timer has to be set, if that is earlier than those that were asked for
    /// before. A timer is never taken back: one that comes too early finds nothing.
    pub(crate) fn next_timer(&mut self) -> Option<Instant> {
        let at = self.poll_timeout()?;
        let up = self.up.as_mut()?;
        if up.timer.is_some_and(|timer| timer <= at) {
            return None;
        }
        up.timer = Some(at);
        Some(at)
    }

    /// Whether a timer that was set for `at` is the one that is waited for.
    pub(crate) fn awaits_timer(&self, at: Instant) -> bool {
        self.up.as_ref().is_some_and(|up| up.timer == Some(at))
    }

    /// Does what is due: sends a PING, or a PONG that was not asked for, or finds that the peer was
    /// silent for too long.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        beats: &Heartbeats,
        flow: Flow,
    ) -> Option<Event> {
        let up = self.up.as_mut()?;
        up.timer = up.timer.filter(|timer| *timer > now);
        let due = up
            .heartbeat
            .handle_timeout(now, beats, flow.unread || self.choked, flow.paused);
        // A PING that the peer does not take is enough to say so.
        if due.ping && (flow.writable || self.output.is_empty()) {
            up.unannounced = false;
            let context = up.ask(now);
            self.output.push_command(&beats.ping(context));
        }
        // To libzmq as to this library, whatever comes is a sign of life.
        if due.show && flow.writable && self.output.is_empty() {
            let context = PingContext::default();
            self.output.push_command(&Command::Pong { context });
        }
        due.silent.map(Event::Silent)
    }
}

/// What PING number `number` carries.
fn context_of(number: u16) -> PingContext {
    // Two bytes fit.
    PingContext::new(&number.to_be_bytes()).unwrap_or_default()
}

impl Up {
    fn new(peer: &PeerInfo, now: Instant, beats: &Heartbeats) -> Up {
        Up {
            form: match peer.version {
                // RFC 48: commands, whatever the version.
                _ if peer.socket_type == SocketType::Radio => SubscriptionForm::Group,
                (3, 0) => SubscriptionForm::Message,
                _ => SubscriptionForm::Command,
            },
            takes_pongs: peer.version >= (3, 1),
            heard_traffic: false,
            heartbeat: Heartbeat::new(now, beats),
            unannounced: beats.are_on(),
            pings: 0,
            asked: None,
            round_trip: None,
            timer: None,
        }
    }

    /// A PING is queued now: what it carries. One that waits for its answer is not asked again.
    fn ask(&mut self, now: Instant) -> PingContext {
        self.pings = self.pings.wrapping_add(1);
        self.asked.get_or_insert((self.pings, now));
        context_of(self.pings)
    }

    /// A PONG came. One that returns another context, or none, answers nothing that is waited for: a
    /// peer that cannot read sends such to show that it lives.
    fn answered(&mut self, context: PingContext, now: impl FnOnce() -> Instant) {
        if let Some((_, asked)) = self
            .asked
            .take_if(|(number, _)| context == context_of(*number))
        {
            self.round_trip = Some(now().saturating_duration_since(asked));
        }
    }
}
