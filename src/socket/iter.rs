//! Iterators over what a socket receives.

use super::kind::Receives;
use super::Socket;
use crate::message::Message;

impl<K: Receives> Socket<K> {
    /// The messages as they come, waiting for each; `for message in &socket` is the same.
    ///
    /// Ends when [`recv`](Socket::recv) fails: for PULL and SUB when the socket or its context is
    /// closed. For REP also when the last request was not answered, and for REQ when its peer has
    /// gone or no request is out; a `recv` after the loop tells which.
    ///
    /// ```
    /// use sinew::{Context, Pull, Push};
    /// use std::thread;
    ///
    /// let context = Context::new();
    /// let pull = context.socket(Pull).bind("inproc://lines")?;
    /// let push = context.socket(Push).connect("inproc://lines")?;
    /// let printer = thread::spawn(move || {
    ///     for line in &pull {
    ///         println!("{line}");
    ///     }
    /// });
    /// push.send("one line")?;
    /// context.shutdown();
    /// printer.join().unwrap();
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn iter(&self) -> Iter<'_, K> {
        Iter(self)
    }

    /// The messages that are there now; ends instead of waiting.
    pub fn try_iter(&self) -> TryIter<'_, K> {
        TryIter(self)
    }
}

/// Waits for each message; see [`Socket::iter`].
#[derive(Debug)]
#[must_use = "iterators do nothing until they are asked for messages"]
pub struct Iter<'a, K: Receives>(&'a Socket<K>);

impl<K: Receives> Iterator for Iter<'_, K> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.0.recv().ok()
    }
}

/// Takes the messages that are there; see [`Socket::try_iter`].
#[derive(Debug)]
#[must_use = "iterators do nothing until they are asked for messages"]
pub struct TryIter<'a, K: Receives>(&'a Socket<K>);

impl<K: Receives> Iterator for TryIter<'_, K> {
    type Item = Message;

    fn next(&mut self) -> Option<Message> {
        self.0.try_recv().ok()
    }
}

impl<'a, K: Receives> IntoIterator for &'a Socket<K> {
    type Item = Message;
    type IntoIter = Iter<'a, K>;

    fn into_iter(self) -> Iter<'a, K> {
        self.iter()
    }
}
