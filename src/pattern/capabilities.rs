//! What a type of socket can do at all.

/// What a pattern is able to do: fixed for a type of socket, whatever happens to it.
///
/// Whether a type announces a routing id is not here but in
/// [`SocketType`](crate::peer::SocketType): the protocol asks that of peers too, also of those whose
/// type has no pattern in this library.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Capabilities {
    /// The user can send.
    pub(crate) sends: bool,
    /// Messages that peers send are for the user. If not, the core does not queue them, but gives
    /// them to `handle_upstream` as they come.
    pub(crate) receives: bool,
    /// Received messages may be taken ahead in batches: none of them depends on what the user does
    /// after the one before, and [`Rules::filter`] says of a batch what `incoming` says of each.
    pub(crate) prefetches: bool,
    /// The user sees of each message which peer it is from. Of a batch too, `incoming` is then asked of each
    /// message, as it leaves the queue of its link.
    pub(crate) names_senders: bool,
    /// Each message goes to one link, and nothing but whose turn it is and its room decides which: a
    /// stream may by-pass the pattern.
    pub(crate) balances: bool,
    /// Sends come in streams, so that coalescing their writes pays.
    pub(crate) streams: bool,
    /// Peers subscribe here: by commands, and by messages if they speak ZMTP 3.0.
    pub(crate) publishes: bool,
    /// The user may subscribe by sending a message in ZMTP 3.0's form.
    pub(crate) sends_subscriptions: bool,
    /// Topics are groups, which peers join and leave, and which a message is of or is not: no prefixes.
    pub(crate) groups: bool,
    /// Messages have one frame: more are refused when they are sent, and discarded when they come.
    pub(crate) single: bool,
    /// Its peers speak no ZMTP: what they send is bytes, and so is what is sent to them. It has no peers
    /// within the context.
    pub(crate) raw: bool,
    /// It has endpoints of datagrams too: those it binds, if it receives, and those it connects, if it
    /// sends.
    pub(crate) udp: bool,
    /// Only those (DGRAM), and one at a time.
    pub(crate) datagrams: bool,
    /// A second `connect` to the same endpoint does nothing, as in libzmq: the user would ask, or be
    /// asked, or get everything twice.
    pub(crate) connects_once: bool,
}

impl Capabilities {
    pub(crate) const NONE: Capabilities = Capabilities {
        sends: false,
        receives: false,
        prefetches: false,
        names_senders: false,
        balances: false,
        streams: false,
        publishes: false,
        sends_subscriptions: false,
        groups: false,
        raw: false,
        single: false,
        udp: false,
        datagrams: false,
        connects_once: false,
    };
}
