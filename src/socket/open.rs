//! A socket of the settings that a builder holds.

use super::builder::SocketBuilder;
use super::kind::Kind;
use super::Socket;
use crate::drive::core::Core;
use crate::endpoint::Endpoint;
use crate::error::Error;

impl<K: Kind> SocketBuilder<K> {
    /// Makes the socket, neither bound nor connected yet.
    ///
    /// # Errors
    /// When a setting cannot be used, this version does not make sockets of the type, or the
    /// context is closed.
    pub fn open(self) -> Result<Socket<K>, Error> {
        if self.context.is_closed() {
            return Err(Error::Closed);
        }
        let socket_type = self.kind.socket_type();
        let core = Core::new(
            &self.context.inner,
            socket_type,
            K::MANY_REQUESTS,
            self.options,
        )?;
        let closed = self.context.is_closed();
        let socket = Socket::new(core, self.context.user, self.kind);
        // Closed meanwhile, perhaps before the context knew the socket: it goes with the rest.
        if closed {
            return Err(Error::Closed);
        }
        for topic in self.topics {
            socket.subscribe_to(&topic)?;
        }
        for group in self.groups {
            socket.core().change_group(&group, true)?;
        }
        Ok(socket)
    }

    /// Makes the socket and binds it; see [`Socket::bind`]. [`Socket::endpoint`] then tells where
    /// peers find it:
    ///
    /// ```
    /// use sinew::{Context, Pull, Push};
    ///
    /// let context = Context::new();
    /// let pull = context.socket(Pull).bind("tcp://127.0.0.1:*")?;
    /// let push = context.socket(Push).connect(pull.endpoint()?)?;
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`SocketBuilder::open`] and [`Socket::bind`].
    pub fn bind(
        self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Socket<K>, Error> {
        let endpoint = endpoint.try_into().map_err(Into::into)?;
        let socket = self.open()?;
        socket.bind(endpoint)?;
        Ok(socket)
    }

    /// Makes the socket and connects it; see [`Socket::connect`].
    ///
    /// # Errors
    /// Those of [`SocketBuilder::open`] and [`Socket::connect`].
    pub fn connect(
        self,
        endpoint: impl TryInto<Endpoint, Error: Into<Error>>,
    ) -> Result<Socket<K>, Error> {
        let endpoint = endpoint.try_into().map_err(Into::into)?;
        let socket = self.open()?;
        socket.connect(endpoint)?;
        Ok(socket)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use crate::{Context, Dish, Error, Pull, Push, Radio, SocketType, Sub, Xpub};

    #[test]
    fn what_cannot_be_had_leaves_no_socket_behind() {
        let context = Context::new();
        let pull = context.socket(Pull);
        assert!(matches!(pull.bind("tcp//x"), Err(Error::Endpoint(_))));
        let none = context.socket(Push).max_message_frames(1).send_buffer(0);
        assert!(matches!(none.open(), Err(Error::Option(_))));
        let bound = context.socket(Pull).bind("inproc://taken").unwrap();
        let second = context.socket(Pull).bind("inproc://taken");
        assert!(matches!(second, Err(Error::InUse(_))));
        drop(bound);
        assert_eq!(context.inner.open_sockets(), 0);
        context.shutdown();
        assert!(matches!(context.socket(Pull).open(), Err(Error::Closed)));
    }

    #[test]
    fn topics_and_groups_are_there_before_the_first_peer() {
        let context = Context::new();
        let xpub = context.socket(Xpub).bind("inproc://topics").unwrap();
        let sub = context.socket(Sub).subscribe("a").subscribe("b");
        let _sub = sub.connect(xpub.endpoint().unwrap()).unwrap();
        let told = [xpub.recv().unwrap(), xpub.recv().unwrap()];
        assert!(told.contains(&"\u{1}a".into()) && told.contains(&"\u{1}b".into()));
        let radio = context.socket(Radio).bind("inproc://groups").unwrap();
        let dish = context.socket(Dish).join("news");
        let dish = dish.connect(radio.endpoint().unwrap()).unwrap();
        assert!(matches!(dish.join("news"), Err(Error::AlreadyJoined)));
        assert_eq!(dish.socket_type(), SocketType::Dish);
    }
}
