//! Listeners: the reactor accepts, the socket takes it from there.

use std::os::fd::AsRawFd;
use std::sync::Arc;

use mio::unix::SourceFd;
use mio::Interest;

use super::{slot_token, Due, Reactor, Slot, SocketId};
use crate::clock;
use crate::endpoint::Endpoint;
use crate::transport::{accept_is_transient, AcceptError, Listener};
use crate::tuning;

/// Connections accepted from one listener before other work has its turn.
const ACCEPTS: usize = 64;

/// A listener under the reactor's care.
pub(super) struct Accepting {
    socket: SocketId,
    number: u64,
    endpoint: Arc<Endpoint>,
    listener: Arc<Listener>,
}

impl Accepting {
    pub(super) fn socket(&self) -> SocketId {
        self.socket
    }
}

impl Reactor {
    pub(super) fn listen(
        &mut self,
        socket: SocketId,
        endpoint: Arc<Endpoint>,
        listener: Arc<Listener>,
    ) {
        let number = self.next_number();
        let entry = self.slots.vacant_entry();
        let token = slot_token(entry.key());
        let fd = listener.as_raw_fd();
        let registered =
            self.poll
                .registry()
                .register(&mut SourceFd(&fd), token, Interest::READABLE);
        if let Err(error) = registered {
            if let Some(socket) = self.sockets.get(&socket) {
                socket.on_accept_failed(&endpoint, error);
            }
            return;
        }
        entry.insert(Slot::Accepting(Accepting {
            socket,
            number,
            endpoint,
            listener,
        }));
    }

    pub(super) fn unlisten(&mut self, listener: &Arc<Listener>) {
        let registry = self.poll.registry();
        self.slots.retain(|_, slot| match slot {
            Slot::Accepting(accepting) if Arc::ptr_eq(&accepting.listener, listener) => {
                // It fails only when it was not registered.
                let _ = registry.deregister(&mut SourceFd(&listener.as_raw_fd()));
                false
            }
            _ => true,
        });
    }

    /// Accepts until the listener has no more, the turn is over, or the system is out of something.
    pub(super) fn accept(&mut self, key: usize) {
        let Some(Slot::Accepting(accepting)) = self.slots.get(key) else {
            return;
        };
        let Some(socket) = self.sockets.get(&accepting.socket) else {
            return;
        };
        let again = Due::AcceptAgain {
            key,
            number: accepting.number,
        };
        for _ in 0..ACCEPTS {
            if !socket.may_accept(&accepting.endpoint) {
                // The callers stay in the kernel's queue. New ones make an event, and ask in vain;
                // room makes an order.
                return;
            }
            match accepting.listener.accept() {
                Ok(stream) => socket.on_accepted(&accepting.endpoint, stream),
                Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => return,
                Err(error) => match accept_is_transient(&error) {
                    AcceptError::Retry => {}
                    AcceptError::Unwelcome => {
                        socket.on_accept_failed(&accepting.endpoint, error);
                    }
                    AcceptError::OutOfResources | AcceptError::Fatal => {
                        socket.on_accept_failed(&accepting.endpoint, error);
                        self.set_timer_after(tuning::ACCEPT_PAUSE, again);
                        return;
                    }
                },
            }
        }
        self.timers.set(clock::now(), again);
    }

    /// Accepts at all listeners of a socket, for which no event needs to have come.
    pub(super) fn accept_for(&mut self, id: SocketId) {
        let of_socket = |slot: &Slot| matches!(slot, Slot::Accepting(a) if a.socket == id);
        let keys: Vec<_> = self
            .slots
            .iter()
            .filter(|(_, slot)| of_socket(slot))
            .map(|(key, _)| key)
            .collect();
        for key in keys {
            self.accept(key);
        }
    }

    pub(super) fn accept_again(&mut self, key: usize, number: u64) {
        if matches!(self.slots.get(key), Some(Slot::Accepting(a)) if a.number == number) {
            self.accept(key);
        }
    }
}
