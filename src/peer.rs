//! The types of sockets, which of them talk to each other, and what is known of a peer.

use std::fmt;
use std::str::FromStr;

use bytes::Bytes;

/// The socket patterns of the ZeroMQ family (RFC 28 to 31, 41, 48, 49, 51 and 52).
///
/// Passed to [`Context::socket`](crate::Context::socket) it makes a dynamic handle, whose verbs are
/// checked when they are called; the unit types ([`Push`](crate::Push) and so on) make handles that
/// have only the verbs of their pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SocketType {
    /// Sends each message to one of its PULL peers, in turn.
    Push,
    /// Receives from all of its PUSH peers, fairly.
    Pull,
    /// Sends each message to every SUB peer that subscribed to a prefix of it.
    Pub,
    /// Receives what it subscribed to from its PUB peers.
    Sub,
    /// Asks, then waits for the answer.
    Req,
    /// Waits for a request, then answers it.
    Rep,
    /// Sends each message to one of its REP, DEALER or ROUTER peers, in turn, and receives from all
    /// of them, fairly: REQ without the turns.
    Dealer,
    /// Sends each message to the REQ, DEALER or ROUTER peer that its first frame names, and receives from
    /// all of them, fairly, each message behind the name of its sender.
    Router,
    /// PUB whose application receives what its peers subscribe to, and what XSUB peers send.
    Xpub,
    /// SUB whose application subscribes by messages, and sends others to its XPUB peers.
    Xsub,
    /// One PAIR peer, both ways.
    Pair,
    /// Bytes to and from peers that speak no ZMTP but bare TCP, each by a routing id. Such sockets have no
    /// peers on the wire.
    Stream,
    /// Sends each message to one of its SERVER peers, in turn, and receives from all of them, fairly.
    Client,
    /// Sends each message to the CLIENT peer whose number it has, and receives from all of them, fairly.
    Server,
    /// Sends each message to one of its GATHER peers, in turn.
    Scatter,
    /// Receives from all of its SCATTER peers, fairly.
    Gather,
    /// Sends each message to the PEER whose number it has, and receives from all of them, fairly.
    Peer,
    /// One CHANNEL peer, both ways.
    Channel,
    /// Sends each message to every DISH peer that is in its group.
    Radio,
    /// Receives what its RADIO peers send to the groups that it is in.
    Dish,
    /// Datagrams to and from whatever has an address, over udp. Such sockets have no peers on the wire.
    Dgram,
}

impl SocketType {
    /// Every type, in the order of the enum.
    pub const ALL: [SocketType; 21] = [
        SocketType::Push,
        SocketType::Pull,
        SocketType::Pub,
        SocketType::Sub,
        SocketType::Req,
        SocketType::Rep,
        SocketType::Dealer,
        SocketType::Router,
        SocketType::Xpub,
        SocketType::Xsub,
        SocketType::Pair,
        SocketType::Stream,
        SocketType::Client,
        SocketType::Server,
        SocketType::Scatter,
        SocketType::Gather,
        SocketType::Peer,
        SocketType::Channel,
        SocketType::Radio,
        SocketType::Dish,
        SocketType::Dgram,
    ];

    /// The name that goes over the wire in the Socket-Type property (RFC 37, "The NULL mechanism").
    pub const fn name(self) -> &'static str {
        match self {
            SocketType::Push => "PUSH",
            SocketType::Pull => "PULL",
            SocketType::Pub => "PUB",
            SocketType::Sub => "SUB",
            SocketType::Req => "REQ",
            SocketType::Rep => "REP",
            SocketType::Dealer => "DEALER",
            SocketType::Router => "ROUTER",
            SocketType::Xpub => "XPUB",
            SocketType::Xsub => "XSUB",
            SocketType::Pair => "PAIR",
            SocketType::Stream => "STREAM",
            SocketType::Client => "CLIENT",
            SocketType::Server => "SERVER",
            SocketType::Scatter => "SCATTER",
            SocketType::Gather => "GATHER",
            SocketType::Peer => "PEER",
            SocketType::Channel => "CHANNEL",
            SocketType::Radio => "RADIO",
            SocketType::Dish => "DISH",
            SocketType::Dgram => "DGRAM",
        }
    }

    /// Whether RFC 37's table of valid combinations lets a socket of this type talk to `peer`.
    ///
    /// ```
    /// use sinew::SocketType;
    /// assert!(SocketType::Push.talks_to(SocketType::Pull));
    /// assert!(!SocketType::Push.talks_to(SocketType::Sub));
    /// ```
    pub const fn talks_to(self, peer: SocketType) -> bool {
        use SocketType::*;
        matches!(
            (self, peer),
            (Push, Pull)
                | (Pull, Push)
                | (Pub | Xpub, Sub | Xsub)
                | (Sub | Xsub, Pub | Xpub)
                | (Req, Rep | Router)
                | (Rep, Req | Dealer)
                | (Dealer, Rep | Dealer | Router)
                | (Router, Req | Dealer | Router)
                | (Pair, Pair)
                | (Client, Server)
                | (Server, Client)
                | (Scatter, Gather)
                | (Gather, Scatter)
                | (Peer, Peer)
                | (Channel, Channel)
                | (Radio, Dish)
                | (Dish, Radio)
        )
    }

    /// Whether RFC 37 lets this type announce a routing id (its Identity property).
    pub(crate) const fn announces_routing_id(self) -> bool {
        matches!(
            self,
            SocketType::Req | SocketType::Dealer | SocketType::Router
        )
    }
}

impl fmt::Display for SocketType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The text names no socket type; see [`SocketType`]'s `FromStr`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such socket type: {0:?} (PUSH, PULL, PUB, SUB, REQ, REP, ...)")]
pub struct UnknownSocketType(String);

impl FromStr for SocketType {
    type Err = UnknownSocketType;

    /// Reads a type's name in any case.
    fn from_str(name: &str) -> Result<Self, UnknownSocketType> {
        SocketType::ALL
            .into_iter()
            .find(|kind| kind.name().eq_ignore_ascii_case(name))
            .ok_or_else(|| UnknownSocketType(name.to_owned()))
    }
}

/// Why a peer was refused although its type fits; see
/// [`EventKind::PeerRefused`](crate::EventKind::PeerRefused).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum PeerRefusal {
    /// A PAIR, or a CHANNEL, has one peer at a time, and has one.
    #[error("this socket has its only peer already")]
    Paired,
    /// A ROUTER knows each peer by a routing id of its own, and has one with the id that this one announced.
    #[error("another peer has the routing id that this one announced")]
    RoutingIdTaken,
}

/// What a peer said of itself in the handshake, and where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerInfo {
    /// The peer's pattern.
    pub socket_type: SocketType,
    /// The routing id it chose, if it did.
    pub routing_id: Option<Bytes>,
    /// All other properties of its READY command, names as it wrote them, in its order. A name may
    /// come twice; of a second socket type or routing id only the first one counts. A command of more
    /// than 32 properties or 8 KiB is refused. Those that begin with `X-` are applications' own
    /// ([`Options::properties`](crate::Options::properties)); nothing vouches for any of them.
    pub properties: Vec<(String, Bytes)>,
    /// Who the peer has proved to be, to a server of a security mechanism: with PLAIN the name of the user,
    /// with CURVE its public key in Z85; or
    /// as whom this side's [`Authenticator`](crate::Authenticator) has let it in. `None` without either, over inproc,
    /// and of the server that this side has called.
    pub user: Option<String>,
    /// What it may subscribe to, or which groups it may join: what begins with one of these. `None`: anything. An
    /// [`Authenticator`](crate::Authenticator) may have said so ([`Admission::topics`](crate::Admission::topics)).
    pub topics: Option<Vec<Bytes>>,
    /// Where the peer is: `ip:port`, or what the system knows of a Unix-domain peer. `None` over inproc, and
    /// over udp, where one endpoint has any number of them.
    pub address: Option<String>,
    /// The ZMTP version that the connection speaks, major and minor; zero and zero for the peer of a STREAM,
    /// and for what is behind an endpoint of udp, which speak none.
    pub version: (u8, u8),
}

impl PeerInfo {
    /// What is known of a peer that announces nothing but its type.
    pub(crate) fn new(socket_type: SocketType) -> PeerInfo {
        PeerInfo {
            socket_type,
            routing_id: None,
            properties: Vec::new(),
            address: None,
            user: None,
            topics: None,
            version: (3, 1),
        }
    }

    /// The value of the first property of that name, whatever its case; see
    /// [`properties`](PeerInfo::properties).
    pub fn property(&self, name: &str) -> Option<&[u8]> {
        let mut properties = self.properties.iter();
        let found = properties.find(|(it, _)| it.eq_ignore_ascii_case(name));
        found.map(|(_, value)| &value[..])
    }

    /// Whether it may subscribe to a topic, or join a group.
    pub(crate) fn may_subscribe(&self, topic: &[u8]) -> bool {
        let within = |topics: &Vec<Bytes>| topics.iter().any(|it| topic.starts_with(it));
        self.topics.as_ref().is_none_or(within)
    }

    /// About the memory that a copy takes beside the value itself. Values are shared.
    pub(crate) fn cost(&self) -> usize {
        let properties = self.properties.iter();
        properties
            .map(|(name, value)| size_of::<(String, Bytes)>() + name.len() + value.len())
            .sum::<usize>()
            + self.routing_id.as_ref().map_or(0, Bytes::len)
            + self.user.as_ref().map_or(0, String::len)
            + self.topics.as_deref().map_or(0, |topics| {
                topics.iter().map(|it| size_of::<Bytes>() + it.len()).sum()
            })
            + self.address.as_ref().map_or(0, String::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn talking_is_mutual() {
        for a in SocketType::ALL {
            for b in SocketType::ALL {
                assert_eq!(a.talks_to(b), b.talks_to(a), "{a} {b}");
            }
            let any = SocketType::ALL.into_iter().any(|b| a.talks_to(b));
            let none = matches!(a, SocketType::Stream | SocketType::Dgram);
            assert_eq!(any, !none, "{a}");
        }
    }

    #[test]
    fn a_peer_with_topics_may_subscribe_to_what_begins_with_one_of_them() {
        let mut peer = PeerInfo::new(SocketType::Sub);
        assert!(peer.may_subscribe(b"") && peer.may_subscribe(b"x"));
        peer.topics = Some(vec!["news.".into(), "weather".into()]);
        for (topic, may) in [
            ("news.", true),
            ("news.sport", true),
            ("weather", true),
            ("news", false),
            ("", false),
            ("my.news.", false),
        ] {
            assert_eq!(peer.may_subscribe(topic.as_bytes()), may, "{topic}");
        }
        peer.topics = Some(Vec::new());
        assert!(!peer.may_subscribe(b""));
    }

    #[test]
    fn names_read_back_in_any_case() {
        for kind in SocketType::ALL {
            assert_eq!(kind.name().parse(), Ok(kind));
            assert_eq!(kind.name().to_lowercase().parse(), Ok(kind));
        }
        assert!("PUSHY".parse::<SocketType>().is_err());
    }
}
