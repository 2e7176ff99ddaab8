//! What is there at one moment.

use super::kind::Kind;
use super::Socket;
use crate::monitor::{Event, Monitor};
use crate::stats::PeerStats;

impl<K: Kind> Socket<K> {
    /// The peers that are there, and those that `connect` named: who each is, what went to it and came
    /// from it, and what waits. Counted exactly, all at one moment.
    ///
    /// Takes the socket's lock for as long as it lists them, a microsecond or less for each; sends and
    /// receives pay nothing for it but two additions a message.
    ///
    /// ```
    /// use sinew::{Context, Pub, Sub};
    ///
    /// let context = Context::new();
    /// let publisher = context.socket(Pub).send_hwm(1).bind("inproc://peers")?;
    /// let _slow = context.socket(Sub).recv_hwm(1).subscribe("").connect("inproc://peers")?;
    /// for n in 0..10 {
    ///     publisher.send(n.to_string())?;
    /// }
    /// let peer = &publisher.peers()[0];
    /// assert_eq!((peer.sent.messages, peer.dropped.full), (2, 8));
    /// assert_eq!((peer.send_queue.messages, peer.send_queue.most_messages), (2, Some(2)));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn peers(&self) -> Vec<PeerStats> {
        self.core().peers()
    }

    /// The events from now on, and how things stand at that very moment, in one step: nothing
    /// happens between the two, and nothing is told twice.
    ///
    /// How things stand is told as events too: [`Listening`](crate::EventKind::Listening) for each
    /// endpoint that is bound, [`HandshakeSucceeded`](crate::EventKind::HandshakeSucceeded) for each
    /// peer that is there, and [`Connecting`](crate::EventKind::Connecting) for each that `connect`
    /// named and that is not. They do not count towards what a [`Monitor`] holds.
    ///
    /// ```
    /// use sinew::{Context, EventKind, Pull, Push};
    ///
    /// let context = Context::new();
    /// let pull = context.socket(Pull).bind("inproc://watched")?;
    /// let push = context.socket(Push).connect("inproc://watched")?;
    ///
    /// let (now, monitor) = pull.monitor_with_snapshot();
    /// let kinds: Vec<_> = now.iter().map(|event| &event.kind).collect();
    /// assert_eq!(kinds, [&EventKind::Listening, &EventKind::HandshakeSucceeded]);
    ///
    /// drop(push);
    /// assert!(matches!(monitor.recv()?.kind, EventKind::Disconnected { .. }));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn monitor_with_snapshot(&self) -> (Vec<Event>, Monitor) {
        self.core().monitor_with_snapshot()
    }
}
