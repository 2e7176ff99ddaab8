//! The verb of a socket of which many requests are under way at once.

use std::time::{Duration, Instant};

use super::kind::Requester;
use super::Socket;
use crate::drive::waiting::Wait;
use crate::error::RequestError;
use crate::message::Message;

impl Socket<Requester> {
    /// Sends a request, and waits for its reply.
    ///
    /// Any number of threads may call it at once, on clones or on one handle: each gets the reply to its
    /// own request. Requests go to the REP and ROUTER peers in turn, as those of a [`Req`](crate::Req),
    /// and wait for a peer that is connected to and not there yet, or at its high-water mark. A REP
    /// replies to one after the other; a ROUTER may reply in any order, and sees a number and an empty
    /// frame before the request, which go before its reply.
    ///
    /// ```
    /// use sinew::{Context, Rep, Requester};
    /// use std::thread;
    ///
    /// let context = Context::new();
    /// let rep = context.socket(Rep).bind("tcp://127.0.0.1:*")?;
    /// let requester = context.socket(Requester).connect(rep.endpoint()?)?;
    ///
    /// let server = thread::spawn(move || -> Result<(), sinew::Error> {
    ///     for _ in 0..4 {
    ///         let question = rep.recv()?;
    ///         rep.send(format!("{}, you say?", question.to_str()?))?;
    ///     }
    ///     Ok(())
    /// });
    /// thread::scope(|scope| {
    ///     for question in ["one", "two", "three", "four"] {
    ///         let requester = requester.clone();
    ///         scope.spawn(move || {
    ///             let reply = requester.request(question).unwrap();
    ///             assert_eq!(reply, format!("{question}, you say?").as_str());
    ///         });
    ///     }
    /// });
    /// server.join().unwrap()?;
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Cost
    /// One of the threads that wait receives for all; a reply to another thread costs waking that one.
    ///
    /// # Errors
    /// [`RequestError::PeerGone`] when the peer that was asked is gone: it may or may not have acted on
    /// the request. [`RequestError::NotSent`], with the request, when it was sent to nobody.
    /// [`RequestError::Closed`] when the socket is closed meanwhile.
    pub fn request(&self, message: impl Into<Message>) -> Result<Message, RequestError> {
        self.call(message.into(), Wait::Forever)
    }

    /// Sends a request, and waits for its reply, both together no longer than `timeout`.
    ///
    /// A request whose time is over does no harm to others. It is not called back: a peer may still get it,
    /// and what it replies is thrown away.
    ///
    /// ```
    /// use sinew::{Context, RequestError, Requester};
    /// use std::time::Duration;
    ///
    /// let requester = Context::new().socket(Requester).connect("tcp://127.0.0.1:9")?;
    /// let nobody = requester.request_timeout("anybody?", Duration::from_millis(5));
    /// assert_eq!(nobody, Err(RequestError::TimedOut));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`RequestError::TimedOut`] when no reply came in time, and those of
    /// [`request`](Socket::request). No peer with room in time is a `NotSent` that
    /// [is a time-out](RequestError::is_timeout) too.
    pub fn request_timeout(
        &self,
        message: impl Into<Message>,
        timeout: Duration,
    ) -> Result<Message, RequestError> {
        self.call(message.into(), Wait::at_most(timeout))
    }

    /// Sends a request, and waits for its reply until `deadline` at the latest.
    ///
    /// # Errors
    /// Those of [`request_timeout`](Socket::request_timeout).
    pub fn request_deadline(
        &self,
        message: impl Into<Message>,
        deadline: Instant,
    ) -> Result<Message, RequestError> {
        self.call(message.into(), Wait::Until(deadline))
    }

    fn call(&self, message: Message, wait: Wait) -> Result<Message, RequestError> {
        match &self.handle.0.requests {
            Some(requests) => requests.request(self.core(), message, wait),
            // Every socket of this kind is made with them.
            None => Err(RequestError::Closed),
        }
    }
}
