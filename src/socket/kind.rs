//! The types of sockets, as types: a verb exists only where it is legal.

use crate::peer::SocketType;

mod sealed {
    #[allow(unnameable_types, reason = "so that no other crate can implement it")]
    pub trait Sealed {
        /// Any number of requests are under way at once: see [`Requester`](super::Requester).
        const MANY_REQUESTS: bool = false;
    }
}

/// A type of socket: one of the unit types such as [`Push`], or a [`SocketType`] for a dynamic
/// handle. Sealed: the patterns are fixed by the protocol.
pub trait Kind: sealed::Sealed + Send + Sync + 'static {
    /// Its value form.
    fn socket_type(&self) -> SocketType;
}

/// Kinds that send. Sealed.
pub trait Sends: Kind {}
/// Kinds that receive. Sealed.
pub trait Receives: Kind {}
/// Kinds that subscribe. Sealed.
pub trait Subscribes: Kind {}
/// Kinds that join groups (DISH). Sealed.
pub trait Joins: Kind {}
/// Kinds that publish. Sealed.
pub trait Publishes: Kind {}
/// Kinds of whose waiting messages the last can replace the others (PUSH, PULL, PUB, SUB, DEALER). Sealed.
pub trait Conflates: Kind {}
/// Kinds that match messages against topics. Sealed.
pub trait Matches: Kind {}
/// Kinds whose application sees what peers subscribe to (XPUB). Sealed.
pub trait ShowsSubscriptions: Publishes {}
/// Kinds that send requests (REQ). Sealed.
pub trait Requests: Kind {}
/// Kinds that send to the peer that the first frame names (ROUTER, STREAM). Sealed.
pub trait Addresses: Kind {}
/// Kinds that route by the ids that peers announce (ROUTER). Sealed.
pub trait Routes: Addresses {}
/// Kinds that know those that they connect to by a number (PEER). Sealed.
pub trait Numbers: Kind {}
/// Kinds whose peers speak no ZMTP (STREAM). Sealed.
pub trait Streams: Addresses {}
/// Kinds that send or receive datagrams, over udp (RADIO, DISH, DGRAM). Sealed.
pub trait Datagrams: Kind {}
/// Kinds that can make themselves known to a ROUTER (ROUTER, DEALER, REQ). Sealed.
pub trait Probes: Kind {}

/// Kinds that can say something to each new peer (DEALER, ROUTER, CLIENT, SERVER, PEER). Sealed.
pub trait Greets: Kind {}
/// Kinds that can tell when a peer that called them has gone (ROUTER, SERVER, PEER). Sealed.
pub trait TellsDisconnects: Kind {}
/// Kinds that can tell when they lost a peer that they called (DEALER, CLIENT, PEER). Sealed.
pub trait TellsHiccups: Kind {}

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident: $($can:ident)*;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub struct $name;

        impl sealed::Sealed for $name {}

        impl Kind for $name {
            fn socket_type(&self) -> SocketType {
                SocketType::$name
            }
        }

        $(impl $can for $name {})*
    )*};
}

kinds! {
    /// Sends each message to one of its PULL peers, in turn (RFC 30).
    Push: Sends Conflates;
    /// Receives from all of its PUSH peers, fairly (RFC 30).
    Pull: Receives Conflates;
    /// Sends each message to every SUB peer that subscribed to a prefix of it (RFC 29).
    Pub: Sends Publishes Matches Conflates;
    /// Receives what it subscribed to from its PUB peers (RFC 29).
    Sub: Receives Subscribes Matches Conflates;
    /// Asks, then waits for the answer (RFC 28).
    Req: Sends Receives Requests Probes;
    /// Waits for a request, then answers it (RFC 28).
    Rep: Sends Receives;
    /// Sends each message to one of its REP, DEALER or ROUTER peers, in turn, and receives from all
    /// of them, fairly, in any order (RFC 28).
    Dealer: Sends Receives Conflates Probes Greets TellsHiccups;
    /// Sends each message to the peer that its first frame names, and receives from all of them, fairly,
    /// each message behind the routing id of its sender (RFC 28). Its peers are REQ, DEALER and ROUTER.
    Router: Sends Receives Addresses Routes Probes Greets TellsDisconnects;
    /// Sends to its one peer, another PAIR, and receives from it, in any order (RFC 31).
    Pair: Sends Receives;
    /// PUB that receives: what its SUB and XSUB peers subscribe to, as messages of a byte 1 and the
    /// topic, and of a byte 0 and the topic when that ends; and what XSUB peers send (RFC 29).
    Xpub: Sends Receives Publishes Matches ShowsSubscriptions;
    /// SUB that sends: its subscriptions, as messages of a byte 1 and the topic, and of a byte 0 and
    /// the topic to end one; any other message goes to every XPUB peer (RFC 29).
    Xsub: Sends Receives Subscribes Matches;
    /// Sends bytes to the peer that the first frame names, which speaks bare TCP and no ZMTP, and receives
    /// bytes from all of them, each piece behind the routing id of its sender.
    Stream: Sends Receives Addresses Streams;
    /// Sends each message to one of its SERVER peers, in turn, and receives from all of them, fairly, in
    /// any order. Messages have one frame (RFC 41).
    Client: Sends Receives Greets TellsHiccups;
    /// Sends each message to the CLIENT peer whose number it has, and receives from all of them, fairly,
    /// each message with the number of its sender. Messages have one frame (RFC 41).
    Server: Sends Receives Greets TellsDisconnects;
    /// Sends each message, of one frame, to one of its GATHER peers, in turn (RFC 49).
    Scatter: Sends;
    /// Receives messages of one frame from all of its SCATTER peers, fairly (RFC 49).
    Gather: Receives;
    /// Sends each message to the PEER whose number it has, and receives from all of them, fairly, each
    /// message with the number of its sender. Messages have one frame (RFC 51).
    Peer: Sends Receives Numbers Greets TellsDisconnects TellsHiccups;
    /// Sends to its one peer, another CHANNEL, and receives from it, in any order. Messages have one
    /// frame (RFC 52).
    Channel: Sends Receives;
    /// Sends each message, of one frame, to every DISH peer that is in its group (RFC 48).
    Radio: Sends Publishes Datagrams;
    /// Receives what its RADIO peers send to the groups that it is in. Messages have one frame, and a
    /// group (RFC 48).
    Dish: Receives Joins Datagrams;
    /// Sends datagrams to the address that the first of two frames is, `ip:port`, and receives datagrams,
    /// each behind the address of its sender. Over udp alone.
    Dgram: Sends Receives Datagrams;
}

/// A REQ of which any number of requests are under way at once: it has
/// [`request`](crate::Socket::request) instead of `send` and `recv`, which any number of threads may call
/// on clones. Its peers are REP and ROUTER (RFC 28).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Requester;

impl sealed::Sealed for Requester {
    const MANY_REQUESTS: bool = true;
}

impl Kind for Requester {
    fn socket_type(&self) -> SocketType {
        SocketType::Req
    }
}

impl Probes for Requester {}

impl sealed::Sealed for SocketType {}

impl Kind for SocketType {
    fn socket_type(&self) -> SocketType {
        *self
    }
}

impl Sends for SocketType {}
impl Receives for SocketType {}
impl Subscribes for SocketType {}
impl Joins for SocketType {}
impl Publishes for SocketType {}
impl Conflates for SocketType {}
impl Matches for SocketType {}
impl ShowsSubscriptions for SocketType {}
impl Requests for SocketType {}
impl Addresses for SocketType {}
impl Routes for SocketType {}
impl Streams for SocketType {}
impl Numbers for SocketType {}
impl Datagrams for SocketType {}
impl Probes for SocketType {}
impl Greets for SocketType {}
impl TellsDisconnects for SocketType {}
impl TellsHiccups for SocketType {}
