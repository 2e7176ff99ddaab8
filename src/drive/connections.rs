//! A connection that a listener or `connect` brought becomes a link's.

use std::io;
use std::sync::Arc;

use super::core::Core;
use crate::clock;
use crate::endpoint::Endpoint;
use crate::link::reader::Reader;
use crate::link::writer::Writer;
use crate::monitor::{EventKind, Reason};
use crate::reactor::ConnectionId;
use crate::security::authenticator::Access;
use crate::transport::Stream;
use crate::zmtp::body::BufferPool;
use crate::zmtp::connection::{Input, Local};
use crate::zmtp::outbox::Outbox;

/// A connection that is not a link's yet.
pub(super) struct NewConnection {
    pub(super) stream: Arc<Stream>,
    pub(super) reader: Box<Reader>,
    pub(super) writer: Box<Writer>,
    /// What is said first.
    pub(super) hello: Outbox,
}

impl Core {
    /// A listener brought a connection.
    pub(super) fn accept(&self, endpoint: &Arc<Endpoint>, stream: Stream) {
        let new = self.open_connection(stream, true);
        let mut locked = self.lock();
        let Some(id) = locked.engine().accept(endpoint, clock::now()) else {
            return;
        };
        self.attach_connection(&mut locked, id, new, EventKind::Accepted);
    }

    /// `connect` brought a connection, or could not.
    pub(super) fn connected(&self, id: ConnectionId, outcome: io::Result<Stream>) {
        let outcome = outcome.map(|stream| self.open_connection(stream, false));
        let mut locked = self.lock();
        let engine = locked.engine();
        match outcome {
            Ok(new) => {
                if let Some(id) = engine.connected(id) {
                    self.attach_connection(&mut locked, id, new, EventKind::Connected);
                }
            }
            Err(error) => {
                let refused = error.kind() == io::ErrorKind::ConnectionRefused;
                engine.connect_failed(id, Reason::from(&error), refused);
            }
        }
    }

    /// Makes for a connection what its link will need.
    fn open_connection(&self, stream: Stream, accepted: bool) -> NewConnection {
        let stream = Arc::new(stream);
        if self.raw {
            return NewConnection {
                reader: Box::new(Reader::new(Arc::clone(&stream), Input::open_raw())),
                writer: Box::new(Writer::new(Arc::clone(&stream))),
                hello: Outbox::default(),
                stream,
            };
        }
        let options = self.options();
        let access = options.authenticator.as_ref().map(|authenticator| Access {
            authenticator: Arc::clone(authenticator),
            address: stream.peer_address(),
            ip: stream.peer_ip(),
            accepted,
        });
        let local = Local {
            socket_type: self.socket_type,
            routing_id: options.routing_id.clone(),
            properties: options.properties.clone(),
            max_message_size: options.max_message_size,
            recv_hwm_bytes: options.recv_hwm_bytes,
            max_message_frames: options.max_message_frames,
            security: options.security.clone(),
            access,
            #[cfg(feature = "curve")]
            fresh: options
                .security
                .needs_fresh()
                .then(crate::entropy::fresh)
                .flatten(),
        };
        let pool = Arc::clone(&self.buffers) as Arc<dyn BufferPool>;
        let (input, hello) = Input::open(local, Some(pool));
        NewConnection {
            reader: Box::new(Reader::new(Arc::clone(&stream), input)),
            writer: Box::new(Writer::new(Arc::clone(&stream))),
            hello,
            stream,
        }
    }
}
