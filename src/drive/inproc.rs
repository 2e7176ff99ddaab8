//! inproc: sockets of one context meet by name, in either order, and exchange messages directly.

use std::sync::{Arc, Weak};

use super::core::Core;
#[cfg(feature = "metrics")]
use crate::context::exporter::Exporter;
use crate::context::{Accepted, Connecter, Member, NotAccepted};
use crate::endpoint::Endpoint;
use crate::engine::inproc::{recv_limits, Met};
use crate::link::pipe::{PipeEvents, PipePeer};
use crate::monitor::{Reason, ReasonKind};
use crate::options::Options;
use crate::peer::PeerInfo;
use crate::reactor::ConnectionId;
use crate::stats::CloseReport;

impl Core {
    /// This end of a pipe, as its other end is to know it.
    fn as_peer(&self, id: ConnectionId) -> PipePeer {
        let socket: Weak<Core> = Weak::clone(&self.me);
        let held = self
            .balances
            .then(|| Arc::downgrade(&self.fast_path) as Weak<_>);
        PipePeer {
            socket,
            held,
            link: id.link,
            generation: id.generation,
        }
    }

    pub(super) fn my_info(&self, options: &Options) -> PeerInfo {
        let mut info = PeerInfo::new(self.socket_type);
        if self.socket_type.announces_routing_id() && !options.routing_id.is_empty() {
            info.routing_id = Some(options.routing_id.clone());
        }
        info.properties.clone_from(&options.properties);
        info
    }
}

impl Member for Core {
    fn close(&self) {
        self.begin_close();
    }

    fn close_and_wait(&self) -> CloseReport {
        Core::close_and_wait(self)
    }

    fn accept_inproc(
        &self,
        endpoint: &Arc<Endpoint>,
        connecter: Connecter,
    ) -> Result<Accepted, NotAccepted> {
        if !self.socket_type.talks_to(connecter.peer.socket_type) {
            return Err(NotAccepted::Unfit);
        }
        let mut locked = self.lock();
        let engine = locked.engine();
        if !engine.is_open() {
            return Err(NotAccepted::Unfit);
        }
        let Connecter {
            peer,
            pipe,
            pipe_peer,
        } = connecter;
        let id = engine
            .accept_inproc(endpoint, peer, pipe, pipe_peer)
            .map_err(NotAccepted::Refused)?;
        let options = Arc::clone(engine.options());
        drop(locked);
        let (peer, pipe_peer, room) = (
            self.my_info(&options),
            self.as_peer(id),
            recv_limits(&options),
        );
        Ok(Accepted {
            peer,
            pipe_peer,
            room,
        })
    }

    fn info(&self) -> PeerInfo {
        self.my_info(&self.options())
    }

    fn has_place(&self, connecter: &PeerInfo) -> bool {
        self.lock().engine().has_place(connecter)
    }

    fn connect_inproc(&self, binder: &Arc<dyn Member>, id: ConnectionId) {
        // Before the lock: what it says is behind the lock of the other socket.
        let info = binder.info();
        let mut locked = self.lock();
        let engine = locked.engine();
        let Some((endpoint, far_end)) = engine.meet(id, &info) else {
            return;
        };
        let options = Arc::clone(engine.options());
        drop(locked);
        let Ok(pipe) = far_end else {
            return self.seek_later(&endpoint, id, binder);
        };
        let connecter = Connecter {
            peer: self.my_info(&options),
            pipe,
            pipe_peer: self.as_peer(id),
        };
        let accepted = match binder.accept_inproc(&endpoint, connecter) {
            Ok(accepted) => accepted,
            Err(not_accepted) => {
                let kind = match not_accepted {
                    NotAccepted::Unfit => ReasonKind::SocketType,
                    NotAccepted::Refused(_) => ReasonKind::RefusedByPeer,
                };
                let reason = Reason::new(kind, not_accepted.to_string());
                self.lock().engine().not_met(id, reason);
                return match not_accepted {
                    NotAccepted::Unfit => self.seek_another(&endpoint, id, Some(binder)),
                    NotAccepted::Refused(_) => self.seek_later(&endpoint, id, binder),
                };
            }
        };
        let Accepted {
            peer,
            pipe_peer,
            room,
        } = accepted;
        let mut locked = self.lock();
        let met = locked.engine().met(id, peer, &pipe_peer, room);
        // What the binder sent meanwhile is to be received from now on.
        self.advance_sequence();
        drop(locked);
        match met {
            Met::Established => {
                binder.established_inproc(ConnectionId {
                    link: pipe_peer.link,
                    generation: pipe_peer.generation,
                });
                // Disconnected or closed before a socket had the name: the link stayed only to deliver this.
                self.lock().engine().advance(id);
            }
            Met::Gone => pipe_peer.closed(),
            Met::Refused(far_end) => {
                pipe_peer.closed();
                self.lock().engine().offer_pipe(id, far_end);
                // A socket that connected to itself has a place again by that, for the same peer and the
                // same refusal.
                match std::ptr::addr_eq(&**binder, self) {
                    true => self.seek_another(&endpoint, id, Some(binder)),
                    false => self.seek_later(&endpoint, id, binder),
                }
            }
        }
    }

    fn established_inproc(&self, id: ConnectionId) {
        self.lock().engine().established_inproc(id);
    }

    #[cfg(feature = "metrics")]
    fn measure_for(&self, exporter: &Exporter) {
        exporter.add(self.socket_type, self.measure());
    }
}

impl PipeEvents for Core {
    fn on_pipe_readable(&self, link: usize, generation: u32) {
        let mut locked = self.lock();
        let id = ConnectionId { link, generation };
        if locked.engine().on_pipe_readable(id) {
            self.advance_sequence();
        }
    }

    fn on_pipe_room(&self, link: usize, generation: u32) {
        let mut locked = self.lock();
        let id = ConnectionId { link, generation };
        if locked.engine().on_pipe_room(id) {
            self.advance_sequence();
        }
    }

    fn on_pipe_closed(&self, link: usize, generation: u32) {
        let mut locked = self.lock();
        let id = ConnectionId { link, generation };
        let Some((endpoint, id)) = locked.engine().on_pipe_closed(id) else {
            return;
        };
        self.advance_sequence();
        drop(locked);
        self.seek(&endpoint, id);
    }

    fn on_pipe_changes(&self, link: usize, generation: u32) {
        let id = ConnectionId { link, generation };
        self.lock().engine().on_pipe_changes(id);
    }
}
