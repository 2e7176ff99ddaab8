//! Where a socket has its peers: what it is bound and connected to.

use super::kind::{Addresses, Kind, Numbers, Streams};
use super::Socket;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::message::Frame;
use crate::pattern::number_of;

impl<K: Kind> Socket<K> {
    /// Listens at an endpoint, and returns it resolved: with the real port instead of `*` or 0, the
    /// real path instead of `*`. A socket may bind and connect as often as it likes, in any order.
    ///
    /// Peers are accepted in the background from now on. Blocks only while a name server is asked
    /// for a host name.
    ///
    /// # Errors
    /// [`Error::InUse`] when the endpoint is taken, whatever its transport; and when it cannot be read
    /// or used, or the socket is closed.
    pub fn bind(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Endpoint, Error> {
        self.core().bind(endpoint.try_into().map_err(Into::into)?)
    }

    /// Connects to an endpoint, in the background, and again whenever the connection is lost.
    ///
    /// Never blocks, and does not fail because the peer is not there yet: messages queue until it
    /// is, unless [`immediate`](crate::Options::immediate) is set. What happens is told by
    /// [`Socket::monitor`]. For SUB, PUB, REQ and DEALER a second `connect` to the same endpoint does
    /// nothing.
    ///
    /// # Errors
    /// When the endpoint cannot be read or used, or the socket is closed.
    pub fn connect(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Endpoint, Error> {
        self.core()
            .connect(endpoint.try_into().map_err(Into::into)?, None)
    }

    /// Stops listening at an endpoint, which must be given as `bind` returned it. Peers that are
    /// connected stay. When it returns, the endpoint is free; it waits for that, commonly less than a
    /// millisecond and at most 5 s.
    ///
    /// ```
    /// use sinew::{Context, Pull};
    ///
    /// let pull = Context::new().socket(Pull).open()?;
    /// let endpoint = pull.bind("tcp://127.0.0.1:*")?;
    /// pull.unbind(endpoint)?;
    /// assert!(pull.unbind("tcp://127.0.0.1:*").is_err());
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// When this socket is not bound there.
    pub fn unbind(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<(), Error> {
        self.core()
            .unbind(&endpoint.try_into().map_err(Into::into)?)
    }

    /// Ends a connection made by `connect`, once what is queued for it is sent, or linger is over. It
    /// ends as with [`Socket::close`]; what is lost counts in [`Stats::dropped`](crate::Stats::dropped).
    ///
    /// # Errors
    /// When this socket is not connected there.
    pub fn disconnect(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<(), Error> {
        self.core()
            .disconnect(&endpoint.try_into().map_err(Into::into)?)
    }

    /// The endpoint of the last `bind` or `connect`, resolved: what another socket connects to.
    ///
    /// ```
    /// use sinew::{Context, Pull, Push};
    ///
    /// let context = Context::new();
    /// let pull = context.socket(Pull).bind("tcp://127.0.0.1:*")?;
    /// assert_ne!(pull.endpoint()?.port(), Some(0));
    /// let push = context.socket(Push).connect(pull.endpoint()?)?;
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NoEndpoint`] when the socket was neither bound nor connected.
    pub fn endpoint(&self) -> Result<Endpoint, Error> {
        self.last_endpoint().ok_or(Error::NoEndpoint)
    }

    /// The endpoint of the last `bind` or `connect`, resolved, if there was one; see
    /// [`Socket::endpoint`].
    pub fn last_endpoint(&self) -> Option<Endpoint> {
        self.core().last_endpoint()
    }
}

impl<K: Addresses> Socket<K> {
    /// Connects as [`Socket::connect`] does, to a peer that is known here by the routing id given,
    /// whatever it announces. Messages can be sent to it at once, and wait until it is there.
    ///
    /// ```
    /// use sinew::{Context, Dealer, Router};
    ///
    /// let context = Context::new();
    /// let router = context.socket(Router).open()?;
    /// router.connect_with_id("inproc://worker", "worker")?;
    /// router.send(["worker", "do this"])?;
    ///
    /// let worker = context.socket(Dealer).bind("inproc://worker")?;
    /// assert_eq!(worker.recv()?, "do this");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RoutingIdTaken`] when the id leads to another peer; when it is empty, longer than 255
    /// bytes or begins with a zero byte; and those of [`Socket::connect`].
    pub fn connect_with_id(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
        routing_id: impl AsRef<[u8]>,
    ) -> Result<Endpoint, Error> {
        let endpoint = endpoint.try_into().map_err(Into::into)?;
        self.core().connect(endpoint, Some(routing_id.as_ref()))
    }
}

impl<K: Numbers> Socket<K> {
    /// Connects as [`Socket::connect`] does, and gives the number that the peer is known by here. What is
    /// sent to it waits until it is there.
    ///
    /// ```
    /// use sinew::{Context, Message, Peer};
    ///
    /// let context = Context::new();
    /// let there = context.socket(Peer).bind("inproc://there")?;
    /// let here = context.socket(Peer).open()?;
    /// let number = here.connect_for_id("inproc://there")?;
    /// here.send(Message::from("hello").with_routing_id(number))?;
    /// assert_eq!(there.recv()?, "hello");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Socket::connect`].
    pub fn connect_for_id(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<u32, Error> {
        let id = self
            .core()
            .connect_peer(endpoint.try_into().map_err(Into::into)?)?;
        Ok(number_of(&id))
    }
}

impl<K: Streams> Socket<K> {
    /// Connects as [`Socket::connect`] does, and gives the routing id that the peer is known by here.
    /// What is sent to it waits until the connection is there.
    ///
    /// ```
    /// use sinew::{Context, Message, Stream};
    ///
    /// let context = Context::new();
    /// let server = context.socket(Stream).bind("tcp://127.0.0.1:*")?;
    /// let client = context.socket(Stream).stream_notify(false).open()?;
    /// let id = client.connect_peer(server.endpoint()?)?;
    /// client.send(Message::from("GET /").routed_to(id))?;
    ///
    /// let (peer, nothing) = server.recv()?.split_id();
    /// assert_eq!(nothing, "", "it has connected");
    /// assert_eq!(server.recv()?.split_id(), (peer, Message::from("GET /")));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Socket::connect`].
    pub fn connect_peer(
        &self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Frame, Error> {
        self.core()
            .connect_peer(endpoint.try_into().map_err(Into::into)?)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::{Context, Error, Pull, Push};

    #[test]
    fn the_last_endpoint_is_that_of_the_last_bind_or_connect_that_went_well() {
        let context = Context::new();
        let pull = context.socket(Pull).open().unwrap();
        assert!(matches!(pull.endpoint(), Err(Error::NoEndpoint)));
        pull.bind("inproc://a").unwrap();
        let pushed = context.socket(Push).bind("inproc://b").unwrap();
        assert!(matches!(pull.bind("inproc://b"), Err(Error::InUse(_))));
        assert_eq!(pull.endpoint().unwrap().to_string(), "inproc://a");
        let connected = pull.connect(pushed.endpoint().unwrap()).unwrap();
        assert_eq!(pull.last_endpoint(), Some(connected));
    }

    #[test]
    fn what_a_socket_is_not_bound_or_connected_to_it_cannot_leave() {
        let context = Context::new();
        let pull = context.socket(Pull).bind("inproc://here").unwrap();
        let push = context.socket(Push).connect("inproc://here").unwrap();
        for wrong in [
            push.unbind("inproc://here"),
            pull.disconnect("inproc://here"),
        ] {
            assert!(matches!(wrong, Err(Error::NotFound(_))));
        }
        push.disconnect("inproc://here").unwrap();
        pull.unbind("inproc://here").unwrap();
        assert!(matches!(
            pull.unbind("inproc://here"),
            Err(Error::NotFound(_))
        ));
    }
}
