//! The settings of a socket that is there.

use super::kind::Kind;
use super::Socket;
use crate::error::Error;
use crate::options::Options;

impl<K: Kind> Socket<K> {
    /// The socket's settings at this moment.
    pub fn options(&self) -> Options {
        Options::clone(&self.core().options())
    }

    /// Changes settings while the socket lives: `change` is given the present ones and returns what they
    /// shall be. All of it takes effect, or, with an error, nothing. It may be called several times, if
    /// other threads change settings too.
    ///
    /// ```
    /// use sinew::{Context, Error, Push};
    /// use std::time::Duration;
    ///
    /// let push = Context::new().socket(Push).connect("tcp://127.0.0.1:5555")?;
    /// push.set_options(|now| now.linger(Duration::ZERO).send_hwm(10))?;
    /// assert_eq!(push.options().linger, Some(Duration::ZERO));
    ///
    /// let twice = |now: sinew::Options| { let hwm = now.send_hwm; now.send_hwm(2 * hwm) };
    /// push.set_options(twice)?;
    /// assert_eq!(push.options().send_hwm, 20);
    ///
    /// // What cannot be used is refused, and nothing is changed.
    /// let refused = push.set_options(|now| now.send_hwm(1).connect_timeout(Duration::ZERO));
    /// assert!(matches!(refused, Err(Error::Option(_))));
    /// assert_eq!(push.options().send_hwm, 20);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// Every setting but `conflate` and XPUB's `manual` can be changed. From when on it counts:
    ///
    /// | Settings | From when on |
    /// |---|---|
    /// | `linger` | the end of the socket, and each later [`disconnect`](Socket::disconnect) |
    /// | `send_hwm`, `recv_hwm`, `send_hwm_bytes`, `recv_hwm_bytes` | at once, also for peers that are there. What is queued above a lower mark stays. The largest message that `recv_hwm_bytes` allows: for connections that are made later |
    /// | `max_connections`, `max_pending_handshakes` | at once, for connections to come; none that is there is closed |
    /// | `no_drop`, `relaxed`, `mandatory` | the next send |
    /// | `correlate` | the next request |
    /// | `busy_poll` | the next call that waits |
    /// | `reconnect_interval`, `reconnect_interval_max`, `reconnect_attempts`, `reconnect_stop` | the next pause |
    /// | `connect_timeout`, `tcp_keepalive`, `send_buffer`, `recv_buffer`, `tos`, `packet_priority`, `tcp_user_timeout`, `bind_to_device` | the next try to connect; of listeners, those that are bound later |
    /// | `backlog`, `accept_from` | listeners that are bound later |
    /// | `socks_proxy` | the next try to connect |
    /// | `max_datagram_size` | the next send; of what comes, endpoints over udp that are bound or connected later |
    /// | `multicast_hops`, `multicast_loop` | endpoints over udp that are bound or connected later |
    /// | `ipv6` | the next `bind` and the next try to connect |
    /// | `verbose`, `verboser`, `verbose_unsubscribe`, `invert_matching` | at once, for subscriptions and messages that come later |
    /// | `manual_last_value` | the next subscription that the application gives a peer, if `manual` was set from the start |
    /// | `handover`, `probe_router`, `welcome_message`, `hello_message` | peers that come later |
    /// | `disconnect_message`, `hiccup_message` | the next peer that goes |
    /// | `message_metadata` | messages that come later; over inproc, those that are received later |
    /// | `stream_notify` | peers that come or go later |
    /// | `immediate` | the next `connect`, and the next loss of a connection |
    /// | `heartbeat_interval`, `heartbeat_timeout`, `heartbeat_ttl` | connections that are made later; on those that send PINGs, the next PING |
    /// | `handshake_timeout`, `max_message_size`, `max_message_frames`, `routing_id`, `properties` | connections that are made later |
    ///
    /// # Errors
    /// [`Error::Option`], in words, when a setting cannot be used; when the socket is closed.
    pub fn set_options(&self, change: impl Fn(Options) -> Options) -> Result<(), Error> {
        self.core().set_options(change)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    #[test]
    fn the_table_tells_of_every_setting_from_when_on_it_counts() {
        let names = |line: &'static str| {
            let words = line.split('`').skip(1).step_by(2);
            words.filter(|word| word.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
        };
        let rows = include_str!("settings.rs").lines();
        let rows = rows.filter_map(|line| line.trim().strip_prefix("/// | `"));
        let rows: Vec<_> = rows.map(|row| row.split_once(" | ").unwrap().0).collect();
        assert!(rows.len() > 15, "{rows:?}");
        // The first name's quote is gone with the prefix.
        let firsts = rows.iter().map(|row| row.split_once('`').unwrap().0);
        let others = rows
            .iter()
            .flat_map(|row| names(row.split_once('`').unwrap().1));
        let mut told: BTreeSet<_> = firsts.chain(others).collect();
        told.extend(["conflate", "manual"]);
        let fields = include_str!("../options.rs");
        let (_, fields) = fields.split_once("pub struct Options {\n").unwrap();
        let (fields, _) = fields.split_once("\n}\n").unwrap();
        let fields = fields
            .lines()
            .filter_map(|line| line.strip_prefix("    pub "));
        let fields: BTreeSet<_> = fields.map(|line| line.split(':').next().unwrap()).collect();
        assert_eq!(told, fields);
    }
}
