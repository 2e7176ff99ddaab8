//! How much of what was written the peer's system has, for links that are on their way out.
//!
//! The system is asked now and then, without the lock, because nothing tells when all is acknowledged. What
//! it says once the connection is over, and what is done with that, [`teardown`](super::teardown) says.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::actions::Action;
use super::Engine;
use crate::link::connection::Connection;
use crate::link::ended::Ended;
use crate::link::writer::Writer;
use crate::reactor::{ConnectionId, Timer};
use crate::transport::Stream;
use crate::tuning;

/// What the system is to be asked.
pub(crate) struct Question {
    pub(crate) stream: Arc<Stream>,
    /// All that was written when it was asked, if the writer was home.
    written: Option<u64>,
}

/// What it said.
pub(crate) struct Answer {
    /// Bytes that the peer's system has not acknowledged, if ours can tell.
    pub(crate) unacknowledged: Option<usize>,
    /// The connection has ended. That it has may not have been seen yet: the event says so, which comes
    /// later.
    pub(crate) over: bool,
}

impl<D> Engine<D> {
    /// Asks the system from now on and from time to time.
    pub(super) fn watch_acknowledged(&mut self, key: usize) {
        if let Some(link) = self.links.get(key) {
            self.actions.push(Action::WatchAcknowledged(link.id()));
        }
    }

    /// What the system is to be asked now about a connection, if it is still there.
    pub(crate) fn acknowledged(&mut self, id: ConnectionId) -> Option<Question> {
        let connection = self.link(id)?.connection()?;
        Some(Question {
            stream: Arc::clone(connection.stream()),
            written: connection.writer().map(Writer::written),
        })
    }

    /// Notes the answer, and asks again after twice `pause`.
    ///
    /// A peer that was told that no more comes has some time to end its side. After that, closing loses
    /// nothing once its system has everything; until then the end of linger is the only bound.
    pub(crate) fn note_acknowledged(
        &mut self,
        id: ConnectionId,
        asked: &Question,
        answer: &Answer,
        (since, pause): (Instant, Duration),
        now: Instant,
    ) {
        let Some(link) = self.link(id) else {
            return;
        };
        let (bytes, over) = (answer.unacknowledged, answer.over);
        let finished = link.is_half_closed();
        let pings = link.session().is_pinged();
        let writer = link.connection_mut().and_then(Connection::writer_mut);
        if let (Some(bytes), Some(written), Some(writer)) = (bytes, asked.written, writer) {
            writer.note_unacknowledged(written, bytes);
        }
        // A peer that goes on sending would have its connection reset, and may then not read what its
        // system has for it: such a peer has until it ends its side, or linger is over.
        let done = finished && !over && bytes == Some(0) && !pings;
        if done && now.saturating_duration_since(since) >= tuning::HALF_CLOSED {
            self.end_connection(id.link, Ended::ByUs);
            self.advance(id);
        } else if bytes.is_some() {
            let pause = (pause * 2).min(tuning::HALF_CLOSED_LOOK_MAX);
            let timer = Timer::Acknowledged { id, since, pause };
            self.set_timer_after(pause, timer);
        }
    }
}
