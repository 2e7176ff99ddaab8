//! A connection that a listener or `connect` brought becomes a link's.

use std::io;
use std::sync::Arc;

use super::core::Core;
use crate::clock;
use crate::endpoint::Endpoint;
use crate::engine::Life;
use crate::link::reader::{Ended, Reader};
use crate::link::writer::Writer;
use crate::link::{Link, Origin, Stage};
use crate::monitor::EventKind;
use crate::reactor::ConnectionId;
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
        let new = self.open_connection(stream);
        let mut locked = self.lock();
        let engine = locked.engine();
        if engine.life != Life::Open {
            return;
        }
        let generation = engine.next_generation();
        let (origin, stage) = (Origin::Accepted, Stage::Handshake);
        let link = Link::new(
            generation,
            origin,
            stage,
            Arc::clone(endpoint),
            engine.options(),
        );
        let key = engine.links.insert(link);
        if let Some(gone) = engine.admission.enter(clock::now()) {
            engine.end_connection(gone.link, Ended::Crowded);
            engine.advance(gone);
        }
        let id = ConnectionId {
            link: key,
            generation,
        };
        self.attach_connection(&mut locked, id, new, EventKind::Accepted);
    }

    /// `connect` brought a connection, or could not.
    pub(super) fn connected(&self, id: ConnectionId, outcome: io::Result<Stream>) {
        let outcome = outcome.map(|stream| self.open_connection(stream));
        let mut locked = self.lock();
        let engine = locked.engine();
        if engine.life == Life::Closed || engine.link(id).is_none() {
            return;
        }
        match outcome {
            Ok(new) => {
                let generation = engine.next_generation();
                if let Some(link) = engine.link(id) {
                    link.generation = generation;
                    link.stage = Stage::Handshake;
                }
                let id = ConnectionId { generation, ..id };
                self.attach_connection(&mut locked, id, new, EventKind::Connected);
            }
            Err(error) => {
                let refused = error.kind() == io::ErrorKind::ConnectionRefused;
                engine.connect_failed(id.link, error.to_string(), refused);
                engine.check_closed();
            }
        }
    }

    /// Makes for a connection what its link will need.
    fn open_connection(&self, stream: Stream) -> NewConnection {
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
        let local = Local {
            socket_type: self.socket_type,
            routing_id: options.routing_id.clone(),
            max_message_size: options.max_message_size,
            recv_hwm_bytes: options.recv_hwm_bytes,
            max_message_frames: options.max_message_frames,
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
