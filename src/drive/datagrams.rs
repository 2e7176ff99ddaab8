//! Endpoints of datagrams: bind and connect without listening, connecting or a handshake.
//!
//! Both are done by the caller, so that what is wrong with an endpoint is an error of the call and not of
//! a try in the background; there are no tries.

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;

use super::core::Core;
use crate::datagram::Form;
use crate::endpoint::{Endpoint, UdpEndpoint};
use crate::error::Error;
use crate::link::connection::Connection;
use crate::link::datagrams::{Receiver, Sender};
use crate::link::reader::Reader;
use crate::link::writer::Writer;
use crate::link::Origin;
use crate::peer::SocketType;
use crate::transport::{udp, Stream, TransportOptions};

impl Core {
    /// Has datagrams come to an endpoint. Gives what was bound really.
    pub(super) fn bind_datagrams(&self, wanted: &UdpEndpoint) -> Result<Arc<Endpoint>, Error> {
        self.check_datagrams()?;
        let settings = TransportOptions::from(&*self.options());
        let (stream, bound) = udp::bind(wanted, &settings).map_err(super::endpoints::bind_error)?;
        let endpoint = Arc::new(Endpoint::Udp(bound));
        self.begin_datagrams(Origin::Bound, &endpoint, stream, None)?;
        Ok(endpoint)
    }

    /// Has datagrams go to an endpoint.
    pub(super) fn connect_datagrams(&self, wanted: &UdpEndpoint) -> Result<Arc<Endpoint>, Error> {
        self.check_datagrams()?;
        let settings = TransportOptions::from(&*self.options());
        let (stream, to) = udp::connect(wanted, &settings).map_err(Error::Io)?;
        let endpoint = Arc::new(Endpoint::Udp(wanted.clone()));
        self.begin_datagrams(Origin::Connected, &endpoint, stream, Some(to))?;
        Ok(endpoint)
    }

    fn check_datagrams(&self) -> Result<(), Error> {
        self.check_open()?;
        let options = self.options();
        let name = match &options.authenticator {
            Some(_) => "authenticator",
            None => options.security.setting(),
        };
        if options.authenticator.is_some() || !options.security.is_null() {
            // Every sender of a datagram would be let in all the same.
            return Err(Error::Option(format!(
                "{name} is not for udp, which has no handshake; use tcp or ipc"
            )));
        }
        self.poll_side()?;
        match self.lock().engine().may_begin_datagrams() {
            true => Ok(()),
            false => Err(has_one()),
        }
    }

    fn begin_datagrams(
        &self,
        origin: Origin,
        endpoint: &Arc<Endpoint>,
        stream: Stream,
        to: Option<SocketAddr>,
    ) -> Result<(), Error> {
        let options = self.options();
        let most = options.max_datagram_size;
        let stream = Arc::new(stream);
        let mut locked = self.lock();
        let engine = locked.engine();
        engine.check_open()?;
        if !engine.may_begin_datagrams() {
            return Err(has_one());
        }
        let can = engine.can();
        let form = if can.groups { Form::Group } else { Form::Bare };
        let receiver = Receiver::new(can.receives.then_some(form), most);
        let sender = Sender::new(form, most);
        let connection = Connection::at_home(
            Arc::clone(&stream),
            Box::new(Reader::of_datagrams(Arc::clone(&stream), receiver)),
            Box::new(Writer::of_datagrams(Arc::clone(&stream), sender)),
        );
        let peer = match self.socket_type {
            SocketType::Radio => SocketType::Dish,
            SocketType::Dish => SocketType::Radio,
            other => other,
        };
        let id = engine.begin_datagrams(origin, endpoint, connection, peer, to);
        let watched = locked.unlocked(|| self.watch(id, &stream));
        watched.map_err(|error| {
            locked.engine().give_up_datagrams(id);
            Error::System(error)
        })
    }

    /// Ends what `bind` made for datagrams. When this returns its port is free, unless the system does not
    /// take what is still to be sent.
    pub(super) fn unbind_datagrams(&self, endpoint: &Endpoint) {
        let mut locked = self.lock();
        let Some(id) = locked.engine().unbind_datagrams(endpoint) else {
            return;
        };
        while locked.engine().is_closing_datagrams(id) {
            locked.release();
            thread::yield_now();
        }
    }
}

fn has_one() -> Error {
    Error::InUse(
        "a DGRAM has one endpoint at a time, and this one has it; unbind or disconnect it, or \
         use another socket"
            .into(),
    )
}
