//! The end of a link, and of its connections: [`Ending`](super::ending::Ending) asked with what the link knows.

use std::collections::VecDeque;

use super::conflater::Displaced;
use super::connection::Connection;
use super::ended::Ended;
use super::ending::{Carrier, Cause, Situation, Step};
use super::retry::Outcome;
use super::writer::Writer;
use super::{Link, Origin, Stage, Via};
use crate::message::Message;
use crate::zmtp::connection::Session;
use crate::zmtp::outbox::Outbox;

/// What is left of a connection that was taken apart.
pub(crate) struct Remains {
    pub(crate) connection: Connection,
    pub(crate) ended: Ended,
    /// How far the link had come with it.
    pub(crate) was: Stage,
    /// What it had not taken whole.
    pub(crate) rewound: Outbox,
    /// Of a link that is on its way out: messages that its system had and the peer's may not have.
    pub(crate) unacknowledged: u64,
    /// With the bodies that it had written: to be dropped without the lock.
    pub(crate) writer: Option<Box<Writer>>,
}

impl Link {
    /// Begins its end, or hastens it. Gives what was known then, and whether that changed anything. `open`: the
    /// socket is.
    pub(crate) fn begin_end(
        &mut self,
        cause: Cause,
        open: bool,
        receives_only: bool,
    ) -> (bool, Situation) {
        let situation = self.situation(open, receives_only);
        (self.ending.begin(cause, &situation), situation)
    }

    /// What is to be done with it now.
    pub(crate) fn next_step(&mut self, open: bool, receives_only: bool) -> Step {
        let situation = self.situation(open, receives_only);
        self.ending.next(&situation)
    }

    /// What is to be done now that its connection is gone, or its pipe, which is not `renewed`.
    pub(crate) fn after_loss(&mut self, open: bool, receives_only: bool, renewed: bool) -> Step {
        let situation = self.situation(open, receives_only);
        let renewed = renewed && situation.renewed;
        self.ending.connection_lost(&Situation {
            renewed,
            ..situation
        })
    }

    /// Whether its peer was told that no more comes.
    pub(crate) fn is_half_closed(&self) -> bool {
        self.ending.is_half_closed()
    }

    /// Whether all that is left of it is what it brought.
    #[inline]
    pub(crate) fn is_draining(&self) -> bool {
        self.ending.is_draining()
    }

    /// Whether its connection is gone, and what it brought waits to be received.
    #[inline]
    pub(crate) fn has_departed(&self) -> bool {
        self.is_draining() && self.pipe().is_none()
    }

    /// What its [`Ending`] is to know. `open`: the socket is.
    fn situation(&self, open: bool, receives_only: bool) -> Situation {
        let connection = self.connection();
        let flushed = self.is_flushed();
        let carrier = match (&self.via, self.stage) {
            (Via::Pipe(_), _) => Carrier::Pipe,
            (Via::Nothing, _) => Carrier::Nothing,
            (Via::Connection(_), Stage::Up) if self.is_of_datagrams() => Carrier::Datagrams,
            (Via::Connection(_), Stage::Up) => Carrier::Up,
            (Via::Connection(_), _) => Carrier::Handshake,
        };
        // There is nothing that its peer could have still to read, or no peer.
        let took_all = self.is_of_datagrams() || connection.is_some_and(Connection::was_silent);
        Situation {
            carrier,
            flushed,
            owes: !(receives_only || flushed && took_all),
            over: connection.is_some_and(Connection::is_over),
            home: connection.is_none_or(Connection::is_home),
            unread: open && self.has_unread(),
            renewed: self.origin == Origin::Connected && !self.is_of_datagrams(),
        }
    }

    /// Whether everything accepted for this peer is in the kernel or in the peer's hands.
    pub(crate) fn is_flushed(&self) -> bool {
        match self.pipe() {
            // What waits in a pipe whose other end exists is that end's already.
            Some(pipe) => pipe.peer().is_some() || pipe.end().waiting() == 0,
            None => {
                self.send_queue.undelivered() == 0
                    && self.send_queue.is_empty()
                    && self.connection().is_none_or(Connection::is_idle)
            }
        }
    }

    /// Messages accepted for this peer that have not reached it.
    pub(crate) fn undelivered(&self) -> usize {
        match self.pipe() {
            Some(pipe) if pipe.peer().is_some() => 0,
            Some(pipe) => pipe.end().waiting(),
            None => self.send_queue.undelivered(),
        }
    }

    // ----- a connection that is over -----

    /// Takes out its connection, which is over, or goes with the link.
    pub(crate) fn take_connection(&mut self) -> Option<Connection> {
        match std::mem::replace(&mut self.via, Via::Nothing) {
            Via::Connection(connection) => Some(connection),
            other => {
                self.via = other;
                None
            }
        }
    }

    /// Takes its connection apart, which is over and whose tokens are both home.
    ///
    /// A link that is on its way out loses with its connection what its system still holds. To ask for that
    /// never waits; asked before the lock was taken, it would be answered too early.
    pub(crate) fn take_apart(&mut self) -> Option<Remains> {
        let mut connection = self.take_connection()?;
        let (ended, mut writer) = connection.dismantle();
        let mut remains = Remains {
            rewound: Outbox::default(),
            unacknowledged: 0,
            was: self.stage,
            connection,
            ended,
            writer: None,
        };
        let mut outcome = Outcome {
            wrote: false,
            heard: self.session.has_heard_traffic(),
            fault: remains.ended.is_fault(),
            refused: false,
        };
        if let Some(writer) = &mut writer {
            if self.is_leaving() {
                let broken = matches!(remains.ended, Ended::Io(_));
                writer.ask_acknowledged(broken);
                remains.unacknowledged = writer.unacknowledged_messages();
            }
            outcome.refused = remains.ended.is_by_peer() && writer.is_within_message();
            outcome.wrote = writer.written_messages() > 0;
            remains.rewound = writer.rewind();
        }
        self.retry.connection_over(outcome);
        remains.writer = writer;
        Some(remains)
    }

    /// The connection that was taken apart is gone, and so is its peer. What it had not taken goes first on
    /// the next one. Gives what of it has been replaced meanwhile, if the socket conflates.
    pub(crate) fn connection_lost(&mut self, rewound: Outbox) -> Displaced {
        self.stage = Stage::Waiting;
        self.session = Session::default();
        self.recv_queue.unpause();
        self.send_queue.requeue(rewound)
    }

    /// No connection is wanted any more, not even one that is being made. Gives what was queued for it, and
    /// the memory back that it will never need again: departed links may be many.
    pub(crate) fn give_up_connecting(&mut self, generation: u32) -> (Outbox, VecDeque<Message>) {
        self.stage = Stage::Waiting;
        self.renew(generation);
        self.recv_queue.shrink();
        self.send_queue.take()
    }

    /// Its peer has ended several connections within the first message of `rewound`: drops that. Gives its
    /// size, and how often it was tried.
    pub(crate) fn drop_refused(&mut self, rewound: &mut Outbox) -> Option<(usize, u8)> {
        let attempts = self.retry.take_refused()?;
        let bytes = rewound.drop_first()?;
        self.refused += 1;
        Some((bytes, attempts))
    }
}
