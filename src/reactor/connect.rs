//! Connecting and reconnecting, the try: names are resolved on threads of their own, every address is tried in turn.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use mio::event::Source;
use mio::Interest;

use super::resolver::Asker;
use super::{slot_token, ConnectionId, Due, Reactor, Request, Slot, SocketId};
use crate::endpoint::Endpoint;
use crate::socks::SocksProxy;
use crate::transport::socks::Socks;
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
    /// Of a connection that a proxy makes: what is negotiated with it, once it is there.
    negotiation: Option<Box<Negotiation>>,
    error: Option<io::Error>,
}

/// A talk with a proxy over a stream that is connected to it.
struct Negotiation {
    socks: Socks,
    /// What is to be said.
    out: Vec<u8>,
}

impl Negotiation {
    fn begin(proxy: &SocksProxy, endpoint: &Endpoint) -> Option<Negotiation> {
        let Endpoint::Tcp(tcp) = endpoint else {
            return None;
        };
        let mut out = Vec::new();
        let socks = Socks::start(tcp.target.clone(), proxy.known_as().cloned(), &mut out);
        Some(Negotiation { socks, out })
    }

    /// Goes on as far as the stream allows. True: the connection stands.
    fn advance(&mut self, stream: &Stream) -> io::Result<bool> {
        // The longest reply is of a name: four bytes, its length, the name, and a port.
        let mut buffer = [0; 4 + 1 + 255 + 2];
        loop {
            while !self.out.is_empty() {
                match stream.write(&self.out) {
                    Ok(written) => drop(self.out.drain(..written)),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            let wanted = self.socks.wants();
            if wanted == 0 {
                return Ok(true);
            }
            let Some(buffer) = buffer.get_mut(..wanted) else {
                return Err(io::ErrorKind::InvalidData.into());
            };
            let read = match stream.read(buffer) {
                Ok(0) => {
                    let text = "the SOCKS proxy closed the connection";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, text));
                }
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            };
            let came = buffer.get(..read).unwrap_or_default();
            self.socks
                .handle_input(came, &mut self.out)
                .map_err(|error| {
                    let kind = match error.is_connection_refused() {
                        true => io::ErrorKind::ConnectionRefused,
                        false => io::ErrorKind::Other,
                    };
                    io::Error::new(kind, error)
                })?;
        }
    }
}

impl Connecting {
    /// The proxy that makes the connection, if one does.
    fn proxy(&self) -> Option<&SocksProxy> {
        let proxy = self.request.options.socks_proxy.as_ref()?;
        matches!(*self.request.endpoint, Endpoint::Tcp(_)).then_some(proxy)
    }

    /// The stream is connected. True: to the peer, and not only to a proxy that is to be talked to first.
    fn advance(&mut self) -> io::Result<bool> {
        let Some(stream) = &self.stream else {
            return Ok(false);
        };
        if self.negotiation.is_none() {
            if !connect_finish(stream)? {
                return Ok(false);
            }
            let Some(proxy) = self.proxy() else {
                return Ok(true);
            };
            self.negotiation = Negotiation::begin(proxy, &self.request.endpoint).map(Box::new);
        }
        let negotiation = self.negotiation.as_mut();
        negotiation.map_or(Ok(true), |it| it.advance(stream))
    }

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
        let mut endpoint = Arc::clone(&request.endpoint);
        let proxy = request.options.socks_proxy.as_ref();
        let fault = proxy.and_then(|proxy| proxy.fault_for(&endpoint));
        if let Some(proxy) = proxy.and_then(|proxy| proxy.instead_of(&endpoint)) {
            endpoint = Arc::new(proxy);
        }
        let ipv6 = request.options.ipv6;
        let key = self.slots.insert(Slot::Connecting(Connecting {
            socket,
            number,
            id,
            request,
            targets: VecDeque::new(),
            stream: None,
            negotiation: None,
            error: None,
        }));
        if let Some(fault) = fault {
            let error = io::Error::new(io::ErrorKind::InvalidInput, fault);
            return self.finish_connect(key, Err(error));
        }
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
            connecting.negotiation = None;
            let interest = match connecting.proxy() {
                Some(_) => Interest::WRITABLE | Interest::READABLE,
                None => Interest::WRITABLE,
            };
            let started =
                connect_start(&target, &connecting.request.options).and_then(|mut stream| {
                    let token = slot_token(key);
                    stream.register(self.poll.registry(), token, interest)?;
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
        match connecting.advance() {
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
