//! What one end of a pipe tells the other.

use std::sync::Weak;

/// What the socket at the other end of a pipe is told.
pub(crate) trait PipeEvents: Send + Sync {
    /// The lane towards it is no longer empty.
    fn on_pipe_readable(&self, link: usize, generation: u32);
    /// The lane from it has room again.
    fn on_pipe_room(&self, link: usize, generation: u32);
    /// The other end is gone.
    fn on_pipe_closed(&self, link: usize, generation: u32);
    /// The other end has changed what it subscribes to: see `PipeEnd::take_changes`.
    fn on_pipe_changes(&self, link: usize, generation: u32);
}

/// What holds messages of a stream back for a while, so that they change hands together.
pub(crate) trait HoldsBack: Send + Sync {
    /// Puts what is held back for this link into its lane now. True: there was something. To be called
    /// by the receiver, also under its socket's lock: takes no lock of a socket.
    fn hand_over(&self, link: usize) -> bool;
}

/// Where to find the link at the other end.
#[derive(Clone)]
pub(crate) struct PipePeer {
    pub(crate) socket: Weak<dyn PipeEvents>,
    /// `None`: it holds nothing back.
    pub(crate) held: Option<Weak<dyn HoldsBack>>,
    pub(crate) link: usize,
    pub(crate) generation: u32,
}

impl PipePeer {
    /// A socket that is gone.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn nobody() -> PipePeer {
        struct Nobody;
        impl PipeEvents for Nobody {
            fn on_pipe_readable(&self, _: usize, _: u32) {}
            fn on_pipe_room(&self, _: usize, _: u32) {}
            fn on_pipe_closed(&self, _: usize, _: u32) {}
            fn on_pipe_changes(&self, _: usize, _: u32) {}
        }
        PipePeer {
            socket: Weak::<Nobody>::new(),
            held: None,
            link: 0,
            generation: 0,
        }
    }

    pub(crate) fn readable(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.on_pipe_readable(self.link, self.generation);
        }
    }

    pub(crate) fn room(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.on_pipe_room(self.link, self.generation);
        }
    }

    pub(crate) fn changes(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.on_pipe_changes(self.link, self.generation);
        }
    }

    pub(crate) fn closed(&self) {
        if let Some(socket) = self.socket.upgrade() {
            socket.on_pipe_closed(self.link, self.generation);
        }
    }

    /// Has the peer put into the lane what it holds back. True: it did.
    pub(crate) fn hand_over(&self) -> bool {
        let held = self.held.as_ref().and_then(Weak::upgrade);
        held.is_some_and(|held| held.hand_over(self.link))
    }
}

impl std::fmt::Debug for PipePeer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PipePeer")
            .field("link", &self.link)
            .finish_non_exhaustive()
    }
}
