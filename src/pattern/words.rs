//! The words between a pattern and the socket core.

/// One peer of a socket, as the core numbers them: a slab key, small and dense, given again to
/// another peer after `detach`.
pub(crate) type LinkId = usize;

/// What a pattern must know of the socket's options.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct PatternSettings {
    /// PUB: wait for a full subscriber instead of dropping its copy.
    pub(crate) no_drop: bool,
    /// REQ: a second request may replace one that is still unanswered.
    pub(crate) relaxed: bool,
    /// REQ: number the requests, and take only the answer with the same number.
    pub(crate) correlate: bool,
    /// Where the numbering starts; random, so that two lives of one process do not overlap.
    pub(crate) seed: u32,
}

pub(crate) use crate::tuning::MAX_TOPIC;

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// Push the message, which may have got an envelope, to this link. The turn is spent.
    To(LinkId),
    /// Push a copy to each of these, which have room; it may be nobody.
    ToMany {
        links: &'a [LinkId],
        /// Links that wanted the message and had no room: it is lost for them.
        full: usize,
    },
    /// Accepted and discarded: whoever it was for is gone, or does not take its answers.
    Drop,
    /// Nobody has room: block, or give the message back.
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
    /// REQ: whoever was asked went away before it answered. The next request may be sent.
    PeerGone,
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
    #[error("too many subscriptions")]
    TooManySubscriptions,
}
