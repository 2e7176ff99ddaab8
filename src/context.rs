//! [`Context`]: what sockets of one program share: reactor threads and inproc names.

#[cfg(feature = "metrics")]
pub(crate) mod exporter;
mod member;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;

#[cfg(feature = "metrics")]
use self::exporter::Exporter;
use crate::reactor::{self, Order, Resolver, SocketId};
use crate::stats::CloseReport;
use crate::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use crate::sync::{Condvar, Mutex};
use crate::tuning;

pub(crate) use member::{Accepted, Connecter, Member, Name, NotAccepted};

/// Makes sockets, and owns the threads that keep their connections going.
///
/// Cheap to make and to clone; clones are one context. Threads start when the first socket binds or
/// connects to something other than inproc. Most programs have one context; inproc endpoints are
/// names within a context.
///
/// # Dropping
/// When the last handle of a context and of all its sockets is dropped, that drop waits until what
/// the sockets accepted is delivered or their [`linger`](crate::Options::linger) is over, then ends
/// the threads. To know what was not delivered, [`close`](Context::close) it. A context in a `static`
/// is never dropped: close it before `main` returns.
///
/// ```
/// use sinew::{Context, Pull, Push};
///
/// let context = Context::new();
/// let pull = context.socket(Pull).bind("inproc://work")?;
/// let push = context.socket(Push).connect("inproc://work")?;
/// push.send("hello")?;
/// assert_eq!(pull.recv()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Context {
    pub(crate) inner: Arc<Inner>,
    pub(crate) user: Arc<User>,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context")
            .field("open_sockets", &*self.inner.open.lock())
            .finish()
    }
}

impl Default for Context {
    fn default() -> Context {
        Context::new()
    }
}

impl Context {
    /// A context with one reactor thread, which is enough unless hundreds of peers are busy at once.
    pub fn new() -> Context {
        Context::builder().build()
    }

    /// A context with settings of its own.
    pub fn builder() -> ContextBuilder {
        ContextBuilder { threads: 1 }
    }

    /// Has the recorder of the `metrics` facade told how the context's sockets stand (feature `metrics`).
    ///
    /// To be called when the values are wanted: before they are scraped, or every few seconds. Nothing is
    /// told in between, and messages cost nothing for it; a call locks each socket in turn for a moment,
    /// longer the more peers it has. What is told, and an example, is in
    /// [the guide](crate::guide::observing).
    #[cfg(feature = "metrics")]
    pub fn export_metrics(&self) {
        if self.inner.is_forked() {
            // The sockets are the parent's.
            return;
        }
        for socket in self.inner.sockets() {
            socket.measure_for(&self.inner.exporter);
        }
        self.inner.exporter.export();
    }

    /// Closes all sockets of the context, and the context itself: calls on them, also those that
    /// block in other threads, return `Closed` from now on, and no socket can be made. Does not wait
    /// for linger: what was accepted is delivered in the background as far as each socket's
    /// [`linger`](crate::Options::linger) allows.
    ///
    /// This is how threads that serve are told to stop. It may wait some moments for listeners to be
    /// let go, as [`Socket::unbind`](crate::Socket::unbind) does.
    pub fn shutdown(&self) {
        self.begin_close();
    }

    /// Begins to close, and gives the sockets that were not closed to the end before.
    fn begin_close(&self) -> Vec<Arc<dyn Member>> {
        // Before the list is taken: a socket is on the list, or sees this after it was put there.
        self.inner.closed.store(true, Ordering::SeqCst);
        if self.inner.is_forked() {
            // The sockets are the parent's, and a thread that is not here may have held the list.
            return Vec::new();
        }
        let sockets = self.inner.sockets();
        for socket in &sockets {
            socket.close();
        }
        sockets
    }

    /// As [`Context::shutdown`], then waits until what all sockets accepted is with their peers, those
    /// included that were dropped and linger; for each no longer than its
    /// [`linger`](crate::Options::linger). Tells how many messages are
    /// [not known to have arrived](CloseReport::undelivered).
    ///
    /// Closing again waits for what is left, if anything is, and reports on that.
    ///
    /// ```
    /// use sinew::{Context, Push};
    /// use std::time::Duration;
    ///
    /// let context = Context::new();
    /// let brief = Duration::from_millis(10);
    /// let push = context.socket(Push).linger(brief).connect("inproc://nobody")?;
    /// push.send("lost")?;
    /// assert_eq!(context.close().undelivered, 1);
    /// assert!(push.send("late").unwrap_err().is_closed());
    /// assert_eq!(context.close().undelivered, 0);
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn close(&self) -> CloseReport {
        // The list of the sockets is older than their end: one without linger ends at once.
        let sockets = self.begin_close();
        let reports = sockets.iter().map(|socket| socket.close_and_wait());
        let undelivered = reports.map(|report| report.undelivered).sum();
        // A socket is off the list a moment after its end; a second call shall not count it again.
        self.inner.await_all_closed();
        CloseReport { undelivered }
    }

    /// Whether the context was closed, by [`Context::close`] or [`Context::shutdown`].
    pub fn is_closed(&self) -> bool {
        self.inner.closed.load(Ordering::SeqCst)
    }
}

/// Settings of a [`Context`]; see [`Context::builder`].
///
/// ```
/// let context = sinew::Context::builder().reactor_threads(2).build();
/// ```
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `build`"]
pub struct ContextBuilder {
    threads: usize,
}

impl ContextBuilder {
    /// How many reactor threads the context may start. Default one, which is enough unless peers send
    /// or take more than one thread can move. Zero is taken as one, and more than 64 as 64: each
    /// holds three descriptors, and more threads than processors gain nothing.
    ///
    /// Sockets are dealt out to the threads in turn. When many peers of one socket are busy at once,
    /// the other threads help with it: each reads from or writes to some of its peers, also while
    /// a call of the application does the same. What one peer sends stays in order.
    ///
    /// They cost a thread each, all of which start with the first connection or listener; a lock
    /// that several want at once; and up to one read buffer of 64 KiB each for a socket that they
    /// have helped. A thread that helps is late by up to a millisecond for its own sockets. With
    /// one thread there is nothing of this.
    pub fn reactor_threads(mut self, threads: usize) -> ContextBuilder {
        self.threads = threads.clamp(1, tuning::MOST_REACTORS);
        self
    }

    /// Makes the context. No thread starts yet.
    pub fn build(self) -> Context {
        let inner = Arc::new(Inner {
            threads: self.threads,
            process: std::process::id(),
            // Zero is never handed out.
            next_socket: AtomicUsize::new(1),
            closed: AtomicBool::new(false),
            reactors: Mutex::new(Vec::new()),
            resolver: Resolver::default(),
            names: Mutex::new(HashMap::new()),
            members: Mutex::new(HashMap::new()),
            open: Mutex::new(0),
            all_closed: Condvar::new(),
            #[cfg(feature = "metrics")]
            exporter: Exporter::default(),
        });
        Context {
            user: Arc::new(User(Arc::clone(&inner))),
            inner,
        }
    }
}

/// The engine's side of a context; it lives on while sockets linger.
pub(crate) struct Inner {
    threads: usize,
    /// The process that made it. A forked child has a copy whose threads do not run.
    process: u32,
    next_socket: AtomicUsize,
    /// No socket can be made any more.
    closed: AtomicBool,
    reactors: Mutex<Vec<(reactor::Handle, JoinHandle<()>)>>,
    resolver: Resolver,
    pub(crate) names: Mutex<HashMap<String, Name>>,
    members: Mutex<HashMap<SocketId, Weak<dyn Member>>>,
    /// Sockets that are not closed to the end yet.
    open: Mutex<usize>,
    all_closed: Condvar,
    #[cfg(feature = "metrics")]
    pub(crate) exporter: Exporter,
}

impl Inner {
    /// A name for a new socket.
    pub(crate) fn new_id(&self) -> SocketId {
        self.next_socket.fetch_add(1, Ordering::Relaxed)
    }

    /// All sockets that are not closed to the end yet.
    fn sockets(&self) -> Vec<Arc<dyn Member>> {
        let members = self.members.lock();
        members.values().filter_map(Weak::upgrade).collect()
    }

    /// How many sockets are not closed to the end yet.
    #[cfg(all(test, not(loom)))]
    pub(crate) fn open_sockets(&self) -> usize {
        *self.open.lock()
    }

    /// Counts a socket in.
    pub(crate) fn enter(&self, id: SocketId, socket: Weak<dyn Member>) {
        self.members.lock().insert(id, socket);
        *self.open.lock() += 1;
    }

    /// Counts a socket out, once it is closed to the end.
    pub(crate) fn leave(&self, id: SocketId) {
        self.members.lock().remove(&id);
        let mut open = self.open.lock();
        *open = open.saturating_sub(1);
        self.all_closed.notify_all();
    }

    /// Waits until every socket is closed to the end. In a forked child nothing ends, and locks may be
    /// held for ever.
    fn await_all_closed(&self) {
        if self.is_forked() {
            return;
        }
        let mut open = self.open.lock();
        while *open > 0 {
            open = self.all_closed.wait(open, None);
        }
    }

    /// The reactor that serves a socket, started now if need be.
    pub(crate) fn reactor(&self, id: SocketId) -> io::Result<reactor::Handle> {
        self.reactor_number(id % self.threads)
    }

    /// The other reactors, which may help a socket; the next one after its own is the last of the
    /// list, so that sockets that need help ask different ones first.
    pub(crate) fn helpers(&self, id: SocketId) -> Vec<reactor::Handle> {
        (1..self.threads)
            .rev()
            // A helper that cannot be started is one less.
            .filter_map(|step| self.reactor_number((id + step) % self.threads).ok())
            .collect()
    }

    fn reactor_number(&self, number: usize) -> io::Result<reactor::Handle> {
        let mut reactors = self.reactors.lock();
        while reactors.len() <= number {
            let started = reactor::start(reactors.len(), self.resolver.clone())?;
            reactors.push(started);
        }
        match reactors.get(number) {
            Some((handle, _)) => Ok(handle.clone()),
            None => Err(io::ErrorKind::NotFound.into()),
        }
    }

    /// Whether this is a forked copy of the process that made the context: its threads do not run
    /// here, and its connections belong to the parent.
    pub(crate) fn is_forked(&self) -> bool {
        std::process::id() != self.process
    }
}

/// Held by every handle that users have, and by nothing else: when the last one goes, the context
/// is at its end.
pub(crate) struct User(Arc<Inner>);

impl Drop for User {
    fn drop(&mut self) {
        if self.0.is_forked() {
            return;
        }
        self.0.await_all_closed();
        self.0.resolver.clear();
        let reactors = std::mem::take(&mut *self.0.reactors.lock());
        for (handle, _) in &reactors {
            handle.send(Order::Stop);
        }
        for (_, thread) in reactors {
            // One that has panicked has told its sockets, and has ended like the others.
            let _ = thread.join();
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::{Pull, Push};

    #[test]
    fn a_million_reactor_threads_are_no_more_than_the_bound() {
        for (asked, threads) in [(0, 1), (1, 1), (2, 2), (1_000_000, tuning::MOST_REACTORS)] {
            let context = Context::builder().reactor_threads(asked).build();
            assert_eq!(context.inner.threads, threads);
        }
        let context = Context::builder().reactor_threads(usize::MAX).build();
        let pull = context.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
        let there = pull.last_endpoint().unwrap().to_string();
        let push = context.socket(Push).connect(&there).unwrap();
        push.send("x").unwrap();
        assert_eq!(pull.recv().unwrap(), "x");
        assert_eq!(context.inner.reactors.lock().len(), tuning::MOST_REACTORS);
    }
}
