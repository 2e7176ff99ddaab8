//! [`SocketBuilder`]: the settings of a socket to be. What makes a socket of them: `open`.

use std::time::Duration;

use super::kind::{Joins, Kind, Subscribes};
use crate::context::Context;
use crate::message::Frame;
use crate::network::Network;
use crate::options::{KeepAlive, Options, ReconnectStop};
use crate::socks::SocksProxy;

impl Context {
    /// Begins a socket of a kind: one of the types such as [`Push`](crate::Push), or a
    /// [`SocketType`](crate::SocketType) for a dynamic handle.
    ///
    /// ```
    /// use std::time::Duration;
    /// use sinew::{Context, Push, SocketType};
    ///
    /// let context = Context::new();
    /// let push = context
    ///     .socket(Push)
    ///     .send_hwm(10_000)
    ///     .linger(Duration::from_secs(1))
    ///     .connect("tcp://127.0.0.1:5555")?;
    /// # drop(push);
    /// let chosen_at_run_time = context.socket(SocketType::Pull).open()?;
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn socket<K: Kind>(&self, kind: K) -> SocketBuilder<K> {
        SocketBuilder {
            context: self.clone(),
            kind,
            options: Options::default(),
            topics: Vec::new(),
            groups: Vec::new(),
        }
    }
}

/// Settings of a socket to be; see [`Context::socket`].
///
/// Each setter's meaning, unit, default and cost is described at the field of [`Options`] of the
/// same name.
#[derive(Debug)]
#[must_use = "a builder does nothing until `open`, `bind` or `connect`"]
pub struct SocketBuilder<K: Kind> {
    pub(super) context: Context,
    pub(super) kind: K,
    pub(super) options: Options,
    pub(super) topics: Vec<Vec<u8>>,
    pub(super) groups: Vec<Vec<u8>>,
}

/// Writes each setter twice: for sockets of the kinds that have the setting, and for a set of
/// settings that is kept. What is converted twice says `as` what in between.
macro_rules! setters {
    ($bound:ident: $($(#[$doc:meta])* $name:ident: $kind:ty $(as $between:ty)?;)*) => {
        impl<K: $bound> SocketBuilder<K> {$(
            $(#[$doc])*
            #[doc = concat!("\n\nSee [`Options::", stringify!($name), "`](Options#structfield.", stringify!($name), ").")]
            pub fn $name(mut self, $name: $kind) -> Self {
                $(let $name: $between = $name.into();)?
                self.options.$name = $name.into();
                self
            }
        )*}

        impl Options {$(
            $(#[$doc])*
            #[doc = concat!("\n\nSets [`", stringify!($name), "`](Options#structfield.", stringify!($name), ").")]
            #[must_use = "the setting is in what is returned"]
            pub fn $name(mut self, $name: $kind) -> Self {
                $(let $name: $between = $name.into();)?
                self.$name = $name.into();
                self
            }
        )*}
    };
}

setters! {
    Kind:
        /// Messages that may wait to be sent to one peer. Default 1000; zero means no limit.
        send_hwm: usize;
        /// Messages of one peer that may wait to be received. Default 1000; zero means no limit.
        recv_hwm: usize;
        /// Bytes that may wait to be sent to one peer. Default 256 MiB; zero means no limit.
        send_hwm_bytes: usize;
        /// Bytes of one peer that may wait to be received. Default 256 MiB; zero means no limit.
        recv_hwm_bytes: usize;
        /// How long closing waits for peers to take what was accepted. Default 30 s; `None` is for
        /// ever.
        linger: impl Into<Option<Duration>>;
        /// Largest frame, and largest message, accepted from a peer, in bytes. Default `None`: any.
        max_message_size: impl Into<Option<u64>>;
        /// Most frames of a message accepted from a peer. Default 65,536; zero means no limit.
        max_message_frames: usize;
        /// Accepted connections at once. Default 65,536; zero means no limit.
        max_connections: usize;
        /// Accepted connections that may be in their handshake at once. Default 1024; zero means no
        /// limit.
        max_pending_handshakes: usize;
        /// Pause before a lost or refused connection is tried again. Default 100 ms.
        reconnect_interval: Duration;
        /// The pause doubles up to this. Default 2 s.
        reconnect_interval_max: Duration;
        /// Tries to reconnect in a row before a connection is given up. Default `None`: for ever.
        reconnect_attempts: impl Into<Option<u32>>;
        /// How long one try to connect may take. Default `None`: as the system has it.
        connect_timeout: impl Into<Option<Duration>>;
        /// How long greeting and handshake may take. Default 30 s; `None` is for ever.
        handshake_timeout: impl Into<Option<Duration>>;
        /// Pause between two PINGs to a peer. Default `None`: none are sent.
        heartbeat_interval: impl Into<Option<Duration>>;
        /// How long a PING may go unanswered. Default `None`: as long as `heartbeat_interval`, and 3 s at least.
        heartbeat_timeout: impl Into<Option<Duration>>;
        /// What a PING asks of the peer: to give this side up after such a silence. Default `None`.
        heartbeat_ttl: impl Into<Option<Duration>>;
        /// Queue only for peers that are connected. Default false.
        immediate: bool;
        /// When a lost or refused connection is given up. Default: never.
        reconnect_stop: ReconnectStop;
        /// The routing id announced to ROUTER peers, 1 to 255 bytes. Default none.
        routing_id: impl Into<Frame> as Frame;
        /// Whether messages tell which peer they were received from. Default false.
        message_metadata: bool;
        /// Connections that the kernel queues for a listener. Default 4096.
        backlog: u32;
        /// Whether `*` and host names may mean IPv6. Default false.
        ipv6: bool;
        /// TCP keep-alive. Default: what the system does.
        tcp_keepalive: KeepAlive;
        /// Size of the kernel's send buffer in bytes. Default: the system's.
        send_buffer: impl Into<Option<usize>>;
        /// Size of the kernel's receive buffer in bytes. Default: the system's.
        recv_buffer: impl Into<Option<usize>>;
        /// Type-of-service byte of outgoing packets. Default: the system's.
        tos: impl Into<Option<u8>>;
        /// Priority of outgoing packets. Default: the system's. Linux only.
        packet_priority: impl Into<Option<u32>>;
        /// How long what was sent may go unacknowledged. Default: the system's. Linux only.
        tcp_user_timeout: impl Into<Option<Duration>>;
        /// The networks from which callers are accepted. Default none: from everywhere.
        accept_from: impl Into<Vec<Network>>;
        /// The SOCKS proxy that is asked for connections. Default `None`.
        socks_proxy: impl Into<Option<SocksProxy>>;
        /// How long a blocked caller spins before it sleeps. Default zero.
        busy_poll: Duration;
}

impl<K: Kind> SocketBuilder<K> {
    /// The network device over which tcp connections and datagrams go, such as `eth0`. Default: the system's choice.
    /// Linux only.
    ///
    /// See [`Options::bind_to_device`](Options#structfield.bind_to_device).
    pub fn bind_to_device(mut self, device: impl Into<String>) -> Self {
        self.options.bind_to_device = Some(device.into());
        self
    }

    /// A property to be announced to peers, which read it in their [`PeerInfo`](crate::PeerInfo). The name
    /// begins with `X-`; one of the same name is replaced.
    ///
    /// See [`Options::properties`](Options#structfield.properties).
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Frame>) -> Self {
        self.options = self.options.property(name, value);
        self
    }

    /// Replaces all settings at once.
    ///
    /// ```
    /// use sinew::{Context, Options, Pull, Push};
    /// use std::time::Duration;
    ///
    /// let ours = Options::new().send_hwm(10_000).linger(Duration::from_secs(1));
    /// let context = Context::new();
    /// let push = context.socket(Push).options(ours.clone()).open()?;
    /// assert_eq!(push.options(), ours);
    /// # Ok::<(), sinew::Error>(())
    /// ```
    pub fn options(mut self, options: Options) -> Self {
        self.options = options;
        self
    }
}

impl Options {
    /// The network device over which tcp connections go, such as `eth0`. Default: the system's choice.
    /// Linux only.
    ///
    /// Sets [`bind_to_device`](Options#structfield.bind_to_device).
    #[must_use = "the setting is in what is returned"]
    pub fn bind_to_device(mut self, device: impl Into<String>) -> Self {
        self.bind_to_device = Some(device.into());
        self
    }
}

mod kinds;

impl<K: Subscribes> SocketBuilder<K> {
    /// Subscribes to all messages whose first frame starts with `topic`; empty means everything.
    /// May be called several times.
    pub fn subscribe(mut self, topic: impl AsRef<[u8]>) -> Self {
        self.topics.push(topic.as_ref().to_vec());
        self
    }
}

impl<K: Joins> SocketBuilder<K> {
    /// Joins a group; see [`Socket::join`](crate::Socket::join). May be called several times, once for each group.
    pub fn join(mut self, group: impl AsRef<[u8]>) -> Self {
        self.groups.push(group.as_ref().to_vec());
        self
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    /// The names that stand at the beginning of a line of `text`, `before` them, and a colon.
    fn names<'a>(text: &'a str, before: &str) -> BTreeSet<&'a str> {
        let lines = text.lines().filter_map(|line| line.strip_prefix(before));
        lines
            .filter_map(|line| line.split_once(": "))
            .map(|(name, _)| name)
            .filter(|name| name.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
            .collect()
    }

    /// What is between two marks.
    fn between<'a>(text: &'a str, from: &str, to: &str) -> &'a str {
        let (_, rest) = text.split_once(from).unwrap();
        rest.split_once(to).unwrap().0
    }

    #[test]
    fn the_page_of_libzmqs_options_names_what_there_is_and_nothing_else() {
        let options = include_str!("../options.rs");
        let options = between(options, "pub struct Options {\n", "\n}\n");
        let settings = names(options, "    pub ");
        let page = include_str!("../guide/options_of_libzmq.rs");
        let named: BTreeSet<_> = page
            .split('`')
            .skip(1)
            .step_by(2)
            .filter(|name| name.chars().all(|c| c == '_' || c.is_ascii_lowercase()))
            .collect();
        // Of this library alone.
        let ours = ["max_connections", "max_pending_handshakes"];
        let unnamed: Vec<_> = settings
            .difference(&named)
            .filter(|name| !ours.contains(name))
            .collect();
        assert!(unnamed.is_empty(), "the page does not know {unnamed:?}");
        let verbs = [
            "connect",
            "bind_descriptor",
            "connect_with_id",
            "curve",
            "curve_client",
            "curve_server",
            "last_endpoint",
            "plain_client",
            "plain_server",
            "reactor_threads",
            "readiness",
            "recv_deadline",
            "recv_timeout",
            "send_timeout",
            "send_to_peer",
            "socket_type",
            "subscribe",
            "subscribe_peer",
            "topics",
            "unsubscribe",
            "unsubscribe_peer",
        ];
        let unknown: Vec<_> = named
            .difference(&settings)
            .filter(|name| !verbs.contains(name))
            .collect();
        assert!(unknown.is_empty(), "there is no {unknown:?}");
    }

    #[test]
    fn every_option_has_a_setter_and_a_text_that_tells_its_default() {
        let options = between(
            include_str!("../options.rs"),
            "pub struct Options {\n",
            "\n}\n",
        );
        let fields = names(options, "    pub ");
        assert!(fields.len() > 25, "{fields:?}");
        let mut setters = names(include_str!("builder.rs"), "        ");
        setters.append(&mut names(include_str!("builder/kinds.rs"), "        "));
        // Written by hand, because they are not named and typed as their field is.
        let by_hand = BTreeSet::from(["bind_to_device", "properties"]);
        let missing: Vec<_> = fields
            .difference(&setters)
            .filter(|name| !by_hand.contains(*name))
            .collect();
        assert!(missing.is_empty(), "no setter for {missing:?}");
        for field in options
            .split("    pub ")
            .zip(options.split("    pub ").skip(1))
        {
            let (text, next) = field;
            let name = next.split(':').next().unwrap();
            // The text above a field begins behind the line of the field before it.
            assert!(
                text.contains("Default") || text.contains("default"),
                "{name} tells no default"
            );
        }
    }
}
