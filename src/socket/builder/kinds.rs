//! Setters of settings that only some types of socket have.

use super::SocketBuilder;
use crate::message::Message;
use crate::options::{Conflate, Options};
use crate::socket::kind::{
    Conflates, Datagrams, Greets, Matches, Probes, Publishes, Requests, Routes, ShowsSubscriptions,
    Streams, Subscribes, TellsDisconnects, TellsHiccups,
};

setters! {
    Conflates:
        /// Which messages that wait replace each other. Default: none do.
        conflate: Conflate;
}

setters! {
    Publishes:
        /// Block instead of dropping when a matching subscriber's queue is full. Default false.
        no_drop: bool;
}

setters! {
    Matches:
        /// Messages go to, or are wanted by, those that no subscription matches. Default false.
        invert_matching: bool;
}

setters! {
    ShowsSubscriptions:
        /// Receive every subscription, not only the first to its topic. Default false.
        verbose: bool;
        /// Receive every subscription and every end of one. Default false.
        verboser: bool;
        /// Decide what each peer is subscribed to. Default false.
        manual: bool;
        /// Decide what each peer is subscribed to, and send it the next message alone. Default false.
        manual_last_value: bool;
        /// What each new peer is sent first. Default nothing.
        welcome_message: impl Into<Message>;
}

setters! {
    Subscribes:
        /// Tell publishers of every `unsubscribe`, not only of the last of its topic. Default false.
        verbose_unsubscribe: bool;
}

setters! {
    Requests:
        /// A new request may be sent before the reply to the last one came. Default false.
        relaxed: bool;
        /// Number the requests, and accept only the reply with the same number. Default false.
        correlate: bool;
}

setters! {
    Routes:
        /// Tell when a message cannot be routed, instead of dropping it. Default false.
        mandatory: bool;
        /// A new peer with the routing id of another takes its place. Default false: it is refused.
        handover: bool;
}

setters! {
    Datagrams:
        /// Bytes of a datagram, at most. Default 8192.
        max_datagram_size: usize;
        /// Networks that a multicast goes through, at most. Default 1.
        multicast_hops: u8;
        /// Whether sockets of this machine get what is sent to a multicast group. Default true.
        multicast_loop: bool;
}

setters! {
    Streams:
        /// Tell by an empty message that a peer came or went. Default true.
        stream_notify: bool;
}

setters! {
    Greets:
        /// What each new peer is sent first. Default nothing.
        hello_message: impl Into<Message>;
}

setters! {
    TellsDisconnects:
        /// What is received of a peer that called and has gone. Default nothing.
        disconnect_message: impl Into<Message>;
}

setters! {
    TellsHiccups:
        /// What is received when the connection to a peer that was called is lost. Default nothing.
        hiccup_message: impl Into<Message>;
}

setters! {
    Probes:
        /// Send each new peer an empty message, so that a ROUTER learns of this socket. Default false.
        probe_router: bool;
}
