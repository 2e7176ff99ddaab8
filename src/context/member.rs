//! [`Member`]: what sockets of one context are to it, and to each other at an inproc name.

use std::sync::{Arc, Weak};

#[cfg(feature = "metrics")]
use super::exporter::Exporter;
use crate::endpoint::Endpoint;
use crate::link::pipe::{Limits, PipeEnd, PipePeer};
use crate::peer::{PeerInfo, PeerRefusal};
use crate::reactor::ConnectionId;
use crate::stats::CloseReport;

/// A socket, as its context and its inproc neighbours see it.
pub(crate) trait Member: Send + Sync {
    /// Closes it, without waiting for linger.
    fn close(&self);
    /// Closes it, and waits until everything is handed over or linger is over.
    fn close_and_wait(&self) -> CloseReport;
    /// A socket connects to an inproc name that this one has bound.
    fn accept_inproc(
        &self,
        endpoint: &Arc<Endpoint>,
        connecter: Connecter,
    ) -> Result<Accepted, NotAccepted>;
    /// What it says of itself.
    fn info(&self) -> PeerInfo;
    /// Whether a connecter that was refused may find a place now.
    fn has_place(&self, connecter: &PeerInfo) -> bool;
    /// The name that a link of this socket waits for is bound now.
    fn connect_inproc(&self, binder: &Arc<dyn Member>, id: ConnectionId);
    /// Everything is set up on both sides: say what the other one must know.
    fn established_inproc(&self, id: ConnectionId);
    /// Has metrics told what it counts.
    #[cfg(feature = "metrics")]
    fn measure_for(&self, exporter: &Exporter);
}

/// The socket that connects to an inproc name.
pub(crate) struct Connecter {
    pub(crate) peer: PeerInfo,
    /// The end of the pipe that becomes the binder's.
    pub(crate) pipe: PipeEnd,
    /// Where the connecter's end is.
    pub(crate) pipe_peer: PipePeer,
}

/// What an accepted connecter is told in return.
pub(crate) struct Accepted {
    pub(crate) peer: PeerInfo,
    pub(crate) pipe_peer: PipePeer,
    /// What the binder's inbox adds to what the connecter may be ahead.
    pub(crate) room: Limits,
}

/// Why a connecter is not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NotAccepted {
    #[error(
        "the socket that has this name is of a type that cannot talk to this one, or is closing"
    )]
    Unfit,
    /// There may be a place for it later.
    #[error("the socket that has this name refused: {0}")]
    Refused(PeerRefusal),
}

/// An inproc name: the socket that has bound it, and those that wait for it to be bound.
#[derive(Default)]
pub(crate) struct Name {
    pub(crate) binder: Option<Weak<dyn Member>>,
    pub(crate) waiting: Vec<(Weak<dyn Member>, ConnectionId)>,
}
