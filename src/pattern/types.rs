//! The types in which the engine and a pattern talk: routes, refusals, subscriptions, limits.

use crate::message::Message;
use crate::peer::PeerInfo;

/// One peer of a socket, as the core numbers them: a slab key, small and dense, given again to
/// another peer after `detach`.
pub(crate) type LinkId = usize;

/// The first frame of a request of a requester, by which its reply is known.
pub(crate) type RequestKey = [u8; 8];

/// What a pattern must know of the socket's options.
#[derive(Clone, Debug, Default)]
pub(crate) struct PatternSettings {
    /// PUB: wait for a full subscriber instead of dropping its copy.
    pub(crate) no_drop: bool,
    /// PUB, XPUB, SUB: what does not match is what goes to a peer, or is wanted.
    pub(crate) invert_matching: bool,
    /// XPUB: the application is told of every subscription, not only of the first of its topic.
    pub(crate) verbose: bool,
    /// XPUB: and of every end of one, not only of the last.
    pub(crate) verboser: bool,
    /// XPUB: the application decides what each peer is subscribed to.
    pub(crate) manual: bool,
    /// XPUB: the same, and the first message after each such decision is for that peer alone.
    pub(crate) manual_last_value: bool,
    /// XPUB: what each new peer is sent first.
    pub(crate) welcome_message: Option<Message>,
    /// XPUB: notes for the application of which each is kept; see `parts/notes`.
    pub(crate) notes: usize,
    /// XSUB: every cancellation goes upstream, not only the last of its topic.
    pub(crate) verbose_unsubscribe: bool,
    /// REQ: a second request may replace one that is still unanswered.
    pub(crate) relaxed: bool,
    /// REQ: number the requests, and take only the answer with the same number.
    pub(crate) correlate: bool,
    /// ROUTER: refuse what cannot be routed, and wait for a full peer, instead of dropping.
    pub(crate) mandatory: bool,
    /// ROUTER: a peer with the routing id of another takes its place.
    pub(crate) handover: bool,
    /// ROUTER, DEALER, REQ: send each new peer an empty message.
    pub(crate) probe_router: bool,
    /// STREAM: tell when a peer comes or goes, by a message without bytes.
    pub(crate) stream_notify: bool,
    /// RADIO, DGRAM: bytes of a datagram, at most.
    pub(crate) max_datagram_size: usize,
    /// Where the numbering starts; random, so that two lives of one process do not overlap.
    pub(crate) seed: u32,
}

pub(crate) use crate::tuning::MAX_TOPIC;

/// The most bytes of a group (RFC 48): its length is one byte.
pub(crate) const MAX_GROUP: usize = 255;

/// The first byte of the message by which a peer that speaks ZMTP 3.0 subscribes (RFC 23).
pub(crate) const SUBSCRIBE: u8 = 1;
/// And by which it cancels.
pub(crate) const CANCEL: u8 = 0;

/// The topic of a message that subscribes or cancels, and which of them it does. Such a message has
/// one frame: one of several is the application's, whatever its frames begin with.
pub(crate) fn subscription_of(message: &Message) -> Option<(&[u8], bool)> {
    if message.len() != 1 {
        return None;
    }
    match message.first() {
        [SUBSCRIBE, topic @ ..] => Some((topic, true)),
        [CANCEL, topic @ ..] => Some((topic, false)),
        _ => None,
    }
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// Push the message, which may have got an envelope, to this link. The turn is spent.
    To(LinkId),
    /// Push the message, without its first frame, which named the peer, to this link.
    Addressed(LinkId),
    /// Push the bytes of all frames but the first, without any framing, to this link, which is raw.
    Raw(LinkId),
    /// End the connection of this link, once all is sent that was pushed to it.
    Close(LinkId),
    /// Push a copy to each of these, which have room; there may be none.
    ToMany {
        links: &'a [LinkId],
        /// Links that wanted the message and had no room: it is lost for them.
        full: usize,
    },
    /// Accepted and discarded: the peer it was for is gone, or does not take its answers.
    Drop,
    /// No peer has room: block, or give the message back.
    Wait,
    /// Not legal now, or not ever.
    Refused(Refusal),
}

/// Why a verb is not legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The pattern has no such verb.
    Unsupported,
    /// A send out of turn: REQ has a request out, or REP has not been asked.
    MustReceiveFirst,
    /// A receive out of turn: REQ has not asked, or REP owes an answer.
    MustSendFirst,
    /// ROUTER with `mandatory`: the first frame is no peer's routing id, or nothing is behind it.
    Unroutable,
    /// RADIO: the message is of no group.
    NoGroup,
    /// RADIO: the message's group has more than 255 bytes.
    GroupTooLong,
    /// RADIO, DGRAM: the message is larger than a datagram may be.
    TooLarge,
    /// DISH: it is in that group.
    AlreadyJoined,
    /// DISH: it is not in that group.
    NotJoined,
    /// The user gives a routing id to a link that leads to another.
    RoutingIdTaken,
    /// REQ: the peer that was asked went away before it answered. The next request may be sent. XPUB: the
    /// peer whose subscription is answered went away.
    PeerGone,
}

/// A peer that is to be taken on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Newcomer<'a> {
    /// What it said of itself.
    pub(crate) peer: &'a PeerInfo,
    /// Messages that wait to be received and were sent by peers that the link had before.
    pub(crate) unread: usize,
}

/// Whether a change of the own subscriptions concerns the publishers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Forward {
    /// Tell every link.
    Upstream,
    /// Nothing changes for them.
    Local,
}

/// A peer asked for more than it gets; its connection should be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Excess {
    #[error("a subscription longer than {} bytes", MAX_TOPIC)]
    TopicTooLong,
    #[error("a group longer than {} bytes", MAX_GROUP)]
    GroupTooLong,
    #[error("too many subscriptions")]
    TooManySubscriptions,
}
