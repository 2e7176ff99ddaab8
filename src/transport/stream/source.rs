//! How a poll watches a stream.

use std::io;
use std::os::fd::{AsRawFd, RawFd};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use super::Stream;

impl Stream {
    /// Has a poll watch the stream; unlike [`Source::register`], for one that is shared.
    pub(crate) fn watch(&self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            let mut source = SourceFd(&self.socket.as_raw_fd());
            registry.register(&mut source, token, Interest::READABLE)?;
            end.watch(on);
            return Ok(());
        }
        registry.register(&mut SourceFd(&self.socket.as_raw_fd()), token, on)
    }

    /// Changes what the poll watches for.
    pub(crate) fn rewatch(
        &self,
        registry: &Registry,
        token: Token,
        on: Interest,
    ) -> io::Result<()> {
        #[cfg(all(test, not(loom)))]
        if let Some(end) = self.pretended() {
            end.watch(on);
            return Ok(());
        }
        registry.reregister(&mut SourceFd(&self.socket.as_raw_fd()), token, on)
    }
}

impl AsRawFd for Stream {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

impl Source for Stream {
    fn register(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        #[cfg(all(test, not(loom)))]
        if self.pretended().is_some() {
            return self.watch(registry, token, on);
        }
        SourceFd(&self.socket.as_raw_fd()).register(registry, token, on)
    }

    fn reregister(&mut self, registry: &Registry, token: Token, on: Interest) -> io::Result<()> {
        SourceFd(&self.socket.as_raw_fd()).reregister(registry, token, on)
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        SourceFd(&self.socket.as_raw_fd()).deregister(registry)
    }
}
