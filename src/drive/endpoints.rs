//! bind, connect, unbind, disconnect.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc;
use std::sync::Arc;
use std::time::Duration;

use super::core::Core;
use crate::endpoint::Endpoint;
use crate::engine::Bound;
use crate::error::Error;
use crate::message::Frame;
use crate::monitor::{EventKind, Reason};
use crate::options::routing_id_fault;
use crate::pattern::Refusal;
use crate::peer::SocketType;
use crate::reactor::Order;
use crate::transport::{self, Listener, TransportOptions};

/// How long `unbind` waits for the reactor to let go of the listener. It answers within
/// milliseconds; this only keeps a caller from hanging should it ever be gone.
const UNLISTEN: Duration = Duration::from_secs(5);

impl Core {
    pub(crate) fn bind(&self, endpoint: Endpoint) -> Result<Endpoint, Error> {
        endpoint.validate_bind()?;
        self.check_transport(&endpoint, true)?;
        self.check_open()?;
        let named = Arc::new(endpoint);
        let outcome = self.listen(Endpoint::clone(&named));
        if let Err(error) = &outcome {
            let reason = Reason::from(error);
            let mut locked = self.lock();
            let engine = locked.engine();
            engine.report_endpoint(&named, EventKind::BindFailed { reason });
        }
        outcome
    }

    fn listen(&self, endpoint: Endpoint) -> Result<Endpoint, Error> {
        let bound = match &endpoint {
            Endpoint::Inproc(name) => {
                self.bind_inproc(name.name())?;
                Bound {
                    endpoint: Arc::new(endpoint),
                    listener: None,
                }
            }
            Endpoint::Udp(udp) => Bound {
                endpoint: self.bind_datagrams(udp)?,
                listener: None,
            },
            _ => {
                self.poll_side()?;
                let settings = TransportOptions::from(&*self.options());
                self.accept_at(transport::bind(&endpoint, &settings).map_err(bind_error)?)?
            }
        };
        self.bound(bound)
    }

    /// The same at a descriptor that listens already.
    pub(crate) fn bind_descriptor(&self, descriptor: OwnedFd) -> Result<Endpoint, Error> {
        self.check_open()?;
        self.poll_side()?;
        let settings = TransportOptions::from(&*self.options());
        let listener = transport::adopt(descriptor, &settings).map_err(Error::Io)?;
        self.check_transport(&listener.local_endpoint(), true)?;
        let bound = self.accept_at(listener)?;
        self.bound(bound)
    }

    /// Has the reactor accept.
    fn accept_at(&self, listener: Listener) -> Result<Bound, Error> {
        let poll = self.poll_side()?;
        let listener = Arc::new(listener);
        let endpoint = Arc::new(listener.local_endpoint());
        poll.reactor.send(Order::Listen {
            socket: self.id,
            endpoint: Arc::clone(&endpoint),
            listener: Arc::clone(&listener),
        });
        Ok(Bound {
            endpoint,
            listener: Some(listener),
        })
    }

    /// The endpoint is this socket's from now on, unless it was closed meanwhile.
    fn bound(&self, bound: Bound) -> Result<Endpoint, Error> {
        let endpoint = Arc::clone(&bound.endpoint);
        let mut locked = self.lock();
        let engine = locked.engine();
        if let Err(error) = engine.check_open() {
            drop(locked);
            self.release(bound);
            return Err(error);
        }
        engine.add_bound(bound);
        drop(locked);
        Ok(Endpoint::clone(&endpoint))
    }

    /// Connects; what the peer announces as its routing id is ignored if it is given one here.
    pub(crate) fn connect(
        &self,
        endpoint: Endpoint,
        routing_id: Option<&[u8]>,
    ) -> Result<Endpoint, Error> {
        match routing_id {
            Some([]) => {
                return Err(Error::Option(
                    "the routing id is empty; use 1 to 255 bytes".into(),
                ))
            }
            Some(id) => routing_id_fault(id).map_or(Ok(()), |fault| Err(Error::Option(fault)))?,
            None => {}
        }
        self.connect_to(endpoint, routing_id)
    }

    fn connect_to(&self, endpoint: Endpoint, routing_id: Option<&[u8]>) -> Result<Endpoint, Error> {
        endpoint.validate_connect()?;
        self.check_transport(&endpoint, false)?;
        if let Endpoint::Udp(udp) = &endpoint {
            let endpoint = self.connect_datagrams(udp)?;
            return Ok(Endpoint::clone(&endpoint));
        }
        let endpoint = Arc::new(endpoint);
        let inproc = matches!(*endpoint, Endpoint::Inproc(_));
        if !inproc {
            self.check_open()?;
            self.poll_side()?;
        }
        let mut locked = self.lock();
        let engine = locked.engine();
        engine.check_open()?;
        let connected = engine.connect(&endpoint, routing_id);
        drop(locked);
        let id = connected
            .map_err(|refusal| no_id(refusal, routing_id.unwrap_or_default(), self.socket_type))?;
        if let (true, Some(id)) = (inproc, id) {
            self.seek(&endpoint, id);
        }
        Ok(Endpoint::clone(&endpoint))
    }

    /// Connects to a peer whose routing id is made up here, and tells that.
    pub(crate) fn connect_peer(&self, endpoint: Endpoint) -> Result<Frame, Error> {
        let id = self.lock().engine().make_up_id();
        let id = id.ok_or(Error::Unsupported {
            verb: "make up routing ids for those that it connects to",
            socket_type: self.socket_type,
        })?;
        self.connect_to(endpoint, Some(&id))?;
        Ok(Frame::from(id))
    }

    /// Bytes without frames have no inproc; udp is for some types, and all that one of them has.
    fn check_transport(&self, endpoint: &Endpoint, binds: bool) -> Result<(), Error> {
        let can = self.lock().engine().can();
        match endpoint {
            Endpoint::Inproc(_) if can.raw => Err(self.unsupported("use inproc; use tcp or ipc")),
            Endpoint::Udp(_) if !can.udp => {
                Err(self.unsupported("use udp; RADIO, DISH and DGRAM do"))
            }
            Endpoint::Udp(_) if binds && !can.receives => {
                Err(self.unsupported("bind udp; connect it"))
            }
            Endpoint::Udp(_) if !binds && !can.sends => {
                Err(self.unsupported("connect to udp; bind it"))
            }
            Endpoint::Udp(_) => Ok(()),
            _ if can.datagrams => Err(self.unsupported("use any transport but udp")),
            _ => Ok(()),
        }
    }

    fn unsupported(&self, verb: &'static str) -> Error {
        Error::Unsupported {
            verb,
            socket_type: self.socket_type,
        }
    }

    pub(crate) fn unbind(&self, wanted: &Endpoint) -> Result<(), Error> {
        let mut locked = self.lock_for_call();
        let Some(bound) = locked.engine().take_bound(wanted) else {
            return Err(Error::NotFound(wanted.to_string()));
        };
        drop(locked);
        if let Endpoint::Udp(_) = &*bound.endpoint {
            self.unbind_datagrams(&bound.endpoint);
        }
        self.release(bound);
        Ok(())
    }

    /// Lets go of what `bind` took; when it returns, the name or port is free.
    pub(super) fn release(&self, bound: Bound) {
        let Bound { endpoint, listener } = bound;
        if let Endpoint::Inproc(name) = &*endpoint {
            self.unbind_inproc(name.name());
        }
        if let (Some(listener), Some(poll)) = (listener, self.poll_if_any()) {
            let (done, wait) = mpsc::channel();
            poll.reactor.send(Order::Unlisten { listener, done });
            #[cfg(all(test, not(loom)))]
            crate::reactor::stepped::run_orders();
            // Either it is done, or the reactor is gone and the listener with it.
            let _ = wait.recv_timeout(UNLISTEN);
        }
    }

    pub(crate) fn disconnect(&self, wanted: &Endpoint) -> Result<(), Error> {
        let inproc = matches!(wanted, Endpoint::Inproc(_));
        if inproc && self.lock().engine().has_unanswered() {
            // Only the reactor can end its linger.
            self.poll_side()?;
        }
        match self.lock_for_call().engine().disconnect(wanted) {
            true => Ok(()),
            false => Err(Error::NotFound(wanted.to_string())),
        }
    }

    pub(crate) fn last_endpoint(&self) -> Option<Endpoint> {
        let mut locked = self.lock_for_call();
        locked.engine().last_endpoint().cloned()
    }
}

fn no_id(refusal: Refusal, id: &[u8], socket_type: SocketType) -> Error {
    match refusal {
        Refusal::RoutingIdTaken => Error::RoutingIdTaken(Frame::from(id)),
        _ => Error::Unsupported {
            verb: "give its peers routing ids",
            socket_type,
        },
    }
}

/// An endpoint that is in use is told apart from all else that the system may say; both texts name
/// the endpoint.
pub(super) fn bind_error(error: io::Error) -> Error {
    match error.kind() {
        io::ErrorKind::AddrInUse => Error::InUse(error.to_string()),
        _ => Error::Io(error),
    }
}
