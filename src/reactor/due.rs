//! What the reactor's timers mean, and what is done when their time has come.

use std::time::Duration;

use super::timers::deadline;
use super::{ConnectionId, Reactor, Request, Slot, SocketId, Timer};
use crate::clock;

/// What a timer of the reactor means.
pub(super) enum Due {
    Socket(SocketId, Timer),
    Connect(SocketId, ConnectionId, Request),
    ConnectTimeout { key: usize, number: u64 },
    AcceptAgain { key: usize, number: u64 },
}

impl Reactor {
    /// A timer that never comes is not set.
    pub(super) fn set_timer_after(&mut self, after: Duration, due: Due) {
        if let Some(at) = deadline(clock::now(), after) {
            self.timers.set(at, due);
        }
    }

    /// Does what is due. Gives how many things that were.
    pub(super) fn expire(&mut self) -> usize {
        let now = clock::now();
        let mut count = 0;
        while let Some(due) = self.timers.expire(now) {
            count += 1;
            match due {
                Due::Socket(id, timer) => {
                    if let Some(socket) = self.sockets.get(&id) {
                        socket.on_timer(timer);
                    }
                }
                Due::Connect(socket, id, request) => self.connect(socket, id, request),
                Due::ConnectTimeout { key, number } => self.connect_timeout(key, number),
                Due::AcceptAgain { key, number } => self.accept_again(key, number),
            }
        }
        count
    }

    /// Takes out the timers of connections that are gone, which may have been set for hours ahead.
    pub(super) fn forget_past_timers(&mut self) {
        let (sockets, slots) = (&self.sockets, &self.slots);
        self.timers.retain(|due| match due {
            Due::Socket(id, timer) => sockets.get(id).is_some_and(|s| s.is_current(*timer)),
            Due::Connect(socket, id, _) => sockets.get(socket).is_some_and(|s| s.has_link(*id)),
            Due::ConnectTimeout { key, number } => match slots.get(*key) {
                Some(Slot::Connecting(connecting)) => connecting.is(*number),
                _ => false,
            },
            Due::AcceptAgain { key, .. } => slots.contains(*key),
        });
    }
}
