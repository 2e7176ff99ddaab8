//! The verbs of a socket that joins groups.

use super::kind::Joins;
use super::Socket;
use crate::error::Error;

impl<K: Joins> Socket<K> {
    /// Joins a group: its messages are received from now on, from every RADIO that is connected or will be.
    /// A group is matched whole, not by a prefix.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sinew::{Context, Dish, Message, Radio};
    ///
    /// let context = Context::new();
    /// let radio = context.socket(Radio).bind("inproc://radio")?;
    /// let dish = context.socket(Dish).join("weather").connect("inproc://radio")?;
    /// radio.wait_for_subscribers("weather", 1, Duration::from_secs(60))?;
    ///
    /// radio.send(Message::from("lost: of a group that nobody is in").in_group("sport"))?;
    /// radio.send(Message::from("12 degrees").in_group("weather"))?;
    /// let message = dish.recv()?;
    /// assert_eq!(message, "12 degrees");
    /// assert_eq!(message.group(), Some(&b"weather"[..]));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::AlreadyJoined`], [`Error::GroupTooLong`] for one of more than 255 bytes, and when the
    /// socket is closed.
    pub fn join(&self, group: impl AsRef<[u8]>) -> Result<(), Error> {
        self.core().change_group(group.as_ref(), true)
    }

    /// Leaves a group. Nothing of it is received any more, not even what has come already.
    ///
    /// # Errors
    /// [`Error::NotJoined`], [`Error::GroupTooLong`], and when the socket is closed.
    pub fn leave(&self, group: impl AsRef<[u8]>) -> Result<(), Error> {
        self.core().change_group(group.as_ref(), false)
    }
}
