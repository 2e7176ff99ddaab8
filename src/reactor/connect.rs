//! Connecting: names are resolved on threads of their own, every address is tried in turn.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use mio::event::Source;
use mio::Interest;

use super::resolver::Asker;
use super::{slot_token, ConnectionId, Due, Reactor, Request, Slot, SocketId};
use crate::transport::{connect_finish, connect_start, needs_dns, resolve, Stream, Target};

/// One try to connect.
pub(super) struct Connecting {
    socket: SocketId,
    number: u64,
    id: ConnectionId,
    request: Request,
    /// Addresses not tried yet.
    targets: VecDeque<Target>,
    stream: Option<Stream>,
    error: Option<io::Error>,
}

impl Connecting {
    pub(super) fn socket(&self) -> SocketId {
        self.socket
    }

    /// Whether it is the try of this number, not a later one under the same key.
    pub(super) fn is(&self, number: u64) -> bool {
        self.number == number
    }
}

impl Reactor {
    pub(super) fn connect(&mut self, socket: SocketId, id: ConnectionId, request: Request) {
        if !self.sockets.contains_key(&socket) {
            return;
        }
        let number = self.next_number();
        let timeout = request.timeout;
        let endpoint = Arc::clone(&request.endpoint);
        let ipv6 = request.options.ipv6;
        let key = self.slots.insert(Slot::Connecting(Connecting {
            socket,
            number,
            id,
            request,
            targets: VecDeque::new(),
            stream: None,
            error: None,
        }));
        if let Some(timeout) = timeout {
            self.set_timer_after(timeout, Due::ConnectTimeout { key, number });
        }
        if !needs_dns(&endpoint) {
            return self.resolved(key, number, resolve(&endpoint, ipv6));
        }
        let asker = Asker {
            reactor: super::Handle(Arc::clone(&self.shared)),
            key,
            number,
        };
        let asked = self.resolver.ask(&endpoint, ipv6, (socket, id.link), asker);
        if let Err(error) = asked {
            self.finish_connect(key, Err(error));
        }
    }

    pub(super) fn resolved(&mut self, key: usize, number: u64, targets: io::Result<Vec<Target>>) {
        let Some(connecting) = self.connecting(key, number) else {
            return;
        };
        match targets {
            Ok(targets) => {
                connecting.targets = targets.into();
                self.try_next(key);
            }
            Err(error) => self.finish_connect(key, Err(error)),
        }
    }

    fn connecting(&mut self, key: usize, number: u64) -> Option<&mut Connecting> {
        match self.slots.get_mut(key) {
            Some(Slot::Connecting(connecting)) if connecting.number == number => Some(connecting),
            _ => None,
        }
    }

    /// Starts with the next address, or gives up with the last one's error.
    fn try_next(&mut self, key: usize) {
        loop {
            let Some(Slot::Connecting(connecting)) = self.slots.get_mut(key) else {
                return;
            };
            let Some(target) = connecting.targets.pop_front() else {
                let error = connecting.error.take().unwrap_or_else(|| {
                    io::Error::new(io::ErrorKind::NotFound, "the name has no address")
                });
                return self.finish_connect(key, Err(error));
            };
            let started =
                connect_start(&target, &connecting.request.options).and_then(|mut stream| {
                    let token = slot_token(key);
                    stream.register(self.poll.registry(), token, Interest::WRITABLE)?;
                    Ok(stream)
                });
            match started {
                Ok(stream) => {
                    connecting.stream = Some(stream);
                    return;
                }
                Err(error) => connecting.error = Some(error),
            }
        }
    }

    /// The stream that is connecting had an event.
    pub(super) fn connect_ready(&mut self, key: usize) {
        let Some(Slot::Connecting(connecting)) = self.slots.get_mut(key) else {
            return;
        };
        let Some(stream) = &connecting.stream else {
            return;
        };
        match connect_finish(stream) {
            Ok(false) => {}
            Ok(true) => {
                let Some(mut stream) = connecting.stream.take() else {
                    return;
                };
                let outcome = stream.deregister(self.poll.registry()).map(|()| stream);
                self.finish_connect(key, outcome);
            }
            Err(error) => {
                // Dropping the stream closes it, which takes it out of the poll.
                connecting.stream = None;
                connecting.error = Some(error);
                self.try_next(key);
            }
        }
    }

    pub(super) fn connect_timeout(&mut self, key: usize, number: u64) {
        if self.connecting(key, number).is_some() {
            self.finish_connect(key, Err(io::ErrorKind::TimedOut.into()));
        }
    }

    fn finish_connect(&mut self, key: usize, outcome: io::Result<Stream>) {
        let Some(Slot::Connecting(connecting)) = self.slots.try_remove(key) else {
            return;
        };
        if let Some(socket) = self.sockets.get(&connecting.socket) {
            socket.on_connected(connecting.id, outcome);
        }
    }
}
