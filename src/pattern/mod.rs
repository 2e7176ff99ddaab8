//! The rules of the socket patterns: who gets a message, whose message is next, what is legal now.
//!
//! Pure machines. They own no queue: the socket core keeps a queue a link, tells the pattern what
//! becomes of the links, and asks it where a message goes.
//!
//! - *told by the core*: `attach`, `detach`, `connection_lost`, `connection_renewed`, `set_room`,
//!   `set_readable`, and what peers say: `handle_subscription`, `handle_upstream`;
//! - *to send*: `route`, and where it says [`Route::To`], `starts_afresh` before the push;
//! - *to receive*: `may_receive`, `next`, pop, `incoming`, one message at a time;
//! - *to wait*: `has_room`, `peer_gone`.

mod words;

pub(crate) mod parts;

mod pull;
mod push;
mod rep;
mod req;
mod xpub;
mod xsub;

#[cfg(feature = "internals")]
pub mod bench_support;

pub(crate) use words::MAX_TOPIC;
pub(crate) use words::{Excess, Forward, LinkId, PatternSettings, Refusal, Route};

use crate::message::Message;
use crate::peer::SocketType;
use pull::Pull;
use push::Push;
use rep::Rep;
use req::Req;
use xpub::Xpub;
use xsub::Xsub;

/// One socket's pattern.
#[derive(Debug)]
pub(crate) enum Pattern {
    Push(Push),
    Pull(Pull),
    Pub(Xpub),
    Sub(Xsub),
    Req(Req),
    Rep(Rep),
}

impl Pattern {
    /// `None` for a type of socket that does not exist yet.
    pub(crate) fn new(kind: SocketType, settings: &PatternSettings) -> Option<Pattern> {
        Some(match kind {
            SocketType::Push => Pattern::Push(Push::default()),
            SocketType::Pull => Pattern::Pull(Pull::default()),
            SocketType::Pub => Pattern::Pub(Xpub::new(settings.no_drop)),
            SocketType::Sub => Pattern::Sub(Xsub::default()),
            SocketType::Req => Pattern::Req(Req::new(settings)),
            SocketType::Rep => Pattern::Rep(Rep::default()),
            _ => return None,
        })
    }

    /// A new link: it has room, and nothing to read.
    pub(crate) fn attach(&mut self, link: LinkId) {
        match self {
            Pattern::Push(push) => push.attach(link),
            Pattern::Pub(publisher) => publisher.attach(link),
            Pattern::Req(req) => req.attach(link),
            Pattern::Rep(rep) => rep.attach(link),
            Pattern::Pull(_) | Pattern::Sub(_) => {}
        }
    }

    /// The link is no more, nor what it had to read. Its id may be given to another.
    pub(crate) fn detach(&mut self, link: LinkId) {
        match self {
            Pattern::Push(push) => push.detach(link),
            Pattern::Pull(pull) => pull.detach(link),
            Pattern::Pub(publisher) => publisher.detach(link),
            Pattern::Sub(sub) => sub.detach(link),
            Pattern::Req(req) => req.detach(link),
            Pattern::Rep(rep) => rep.detach(link),
        }
    }

    /// The link's connection broke, but it will connect again and keeps its queues. For REQ this
    /// means that an answer it is waiting for will not come, so it is not to be called while the
    /// request is still in the queue.
    pub(crate) fn connection_lost(&mut self, link: LinkId) {
        match self {
            Pattern::Req(req) => req.connection_lost(link),
            Pattern::Rep(rep) => rep.connection_lost(link),
            Pattern::Push(_) | Pattern::Pull(_) | Pattern::Pub(_) | Pattern::Sub(_) => {}
        }
    }

    /// The link has a new connection, before anything was received from it. PUB forgets what the
    /// old peer subscribed to: RFC 29 has subscribers subscribe anew on every connection.
    pub(crate) fn connection_renewed(&mut self, link: LinkId) {
        if let Pattern::Pub(publisher) = self {
            publisher.forget(link);
        }
    }

    /// Whether the queue to the link takes another message.
    #[inline]
    pub(crate) fn set_room(&mut self, link: LinkId, room: bool) {
        match self {
            Pattern::Push(push) => push.set_room(link, room),
            Pattern::Pub(publisher) => publisher.set_room(link, room),
            Pattern::Req(req) => req.set_room(link, room),
            Pattern::Rep(rep) => rep.set_room(link, room),
            Pattern::Pull(_) | Pattern::Sub(_) => {}
        }
    }

    /// Whether the queue from the link holds a message.
    #[inline]
    pub(crate) fn set_readable(&mut self, link: LinkId, readable: bool) {
        match self {
            Pattern::Pull(pull) => pull.set_readable(link, readable),
            Pattern::Sub(sub) => sub.set_readable(link, readable),
            Pattern::Req(req) => req.set_readable(link, readable),
            Pattern::Rep(rep) => rep.set_readable(link, readable),
            Pattern::Push(_) | Pattern::Pub(_) => {}
        }
    }

    /// Whether a send would be routed now. For PUB, which cannot know without the message: whether
    /// trying is worth while; false from the moment a message had to wait until something changed.
    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        match self {
            Pattern::Push(push) => push.has_room(),
            Pattern::Pub(publisher) => publisher.has_room(),
            Pattern::Req(req) => req.has_room(),
            Pattern::Rep(rep) => rep.has_room(),
            Pattern::Pull(_) | Pattern::Sub(_) => false,
        }
    }

    /// Decides where a message goes, and takes it for sent there. Gives it its envelope if it says
    /// [`Route::To`], and leaves it as it is otherwise.
    #[inline]
    pub(crate) fn route(&mut self, message: &mut Message) -> Route<'_> {
        match self {
            Pattern::Push(push) => push.route(),
            Pattern::Pub(publisher) => publisher.route(message),
            Pattern::Req(req) => req.route(message),
            Pattern::Rep(rep) => rep.route(message),
            Pattern::Pull(_) | Pattern::Sub(_) => Route::Refused(Refusal::Unsupported),
        }
    }

    /// Asked after [`Route::To`] and before the push: whether all that is pending inbound must be
    /// discarded first (with `set_readable(link, false)` for each link), because it cannot answer
    /// a request that was not yet sent.
    #[inline]
    pub(crate) fn starts_afresh(&self) -> bool {
        matches!(self, Pattern::Req(req) if req.has_pending())
    }

    /// Whether a receive is legal now. Of REQ's [`Refusal::PeerGone`] this is the one report: after
    /// it the next request may be sent.
    #[inline]
    pub(crate) fn may_receive(&mut self) -> Result<(), Refusal> {
        match self {
            Pattern::Pull(_) | Pattern::Sub(_) => Ok(()),
            Pattern::Req(req) => req.may_receive(),
            Pattern::Rep(rep) => rep.may_receive(),
            Pattern::Push(_) | Pattern::Pub(_) => Err(Refusal::Unsupported),
        }
    }

    /// From whose queue to pop one message. The link stays readable until the core says otherwise.
    #[inline]
    pub(crate) fn next(&mut self) -> Option<LinkId> {
        match self {
            Pattern::Pull(pull) => pull.next(),
            Pattern::Sub(sub) => sub.next(),
            Pattern::Req(req) => req.next(),
            Pattern::Rep(rep) => rep.next(),
            Pattern::Push(_) | Pattern::Pub(_) => None,
        }
    }

    /// What the user gets of a popped message: without its envelope, or nothing when it is not for
    /// the user. For REQ and REP a message that comes out changes what is legal next.
    #[inline]
    pub(crate) fn incoming(&mut self, link: LinkId, message: Message) -> Option<Message> {
        match self {
            Pattern::Pull(_) => Some(message),
            Pattern::Sub(sub) => sub.incoming(message),
            Pattern::Req(req) => req.incoming(link, message),
            Pattern::Rep(rep) => rep.incoming(link, message),
            Pattern::Push(_) | Pattern::Pub(_) => None,
        }
    }

    /// Takes out of a batch what is not for the user: [`incoming`](Pattern::incoming) for the
    /// patterns whose messages have no envelope and no turn, which is all of `is_one_way`.
    pub(crate) fn filter(&self, batch: &mut std::collections::VecDeque<Message>) {
        if let Pattern::Sub(sub) = self {
            batch.retain(|message| sub.matches(message));
        }
    }

    /// Whether the user only receives, so that messages may be taken ahead in batches.
    pub(crate) fn is_one_way(&self) -> bool {
        matches!(self, Pattern::Pull(_) | Pattern::Sub(_))
    }

    /// Whether the user can send at all.
    pub(crate) fn sends(&self) -> bool {
        !matches!(self, Pattern::Pull(_) | Pattern::Sub(_))
    }

    /// Whether messages that peers send are for the user. If not, the core does not queue them, but
    /// gives them to `handle_upstream` as they come.
    pub(crate) fn receives(&self) -> bool {
        !matches!(self, Pattern::Push(_) | Pattern::Pub(_))
    }

    /// Whether messages that peers send may be subscriptions in ZMTP 3.0's form.
    pub(crate) fn wants_subscription_messages(&self) -> bool {
        matches!(self, Pattern::Pub(_))
    }

    /// A message to a pattern that does not receive: a subscription in ZMTP 3.0's form is applied,
    /// anything else discarded.
    ///
    /// # Errors
    /// When the peer should be disconnected.
    pub(crate) fn handle_upstream(
        &mut self,
        link: LinkId,
        message: &Message,
    ) -> Result<(), Excess> {
        match self {
            Pattern::Pub(publisher) => publisher.handle_upstream(link, message),
            _ => Ok(()),
        }
    }

    /// A peer subscribes or cancels. Nothing to patterns that do not publish.
    ///
    /// # Errors
    /// When the peer should be disconnected.
    pub(crate) fn handle_subscription(
        &mut self,
        link: LinkId,
        topic: &[u8],
        subscribe: bool,
    ) -> Result<(), Excess> {
        match self {
            Pattern::Pub(publisher) => publisher.handle_subscription(link, topic, subscribe),
            _ => Ok(()),
        }
    }

    /// The user subscribes.
    pub(crate) fn subscribe(&mut self, topic: &[u8]) -> Result<Forward, Refusal> {
        match self {
            Pattern::Sub(sub) => sub.subscribe(topic),
            _ => Err(Refusal::Unsupported),
        }
    }

    /// The user takes a subscription back.
    pub(crate) fn unsubscribe(&mut self, topic: &[u8]) -> Result<Forward, Refusal> {
        match self {
            Pattern::Sub(sub) => Ok(sub.unsubscribe(topic)),
            _ => Err(Refusal::Unsupported),
        }
    }

    /// Visits each distinct topic the user subscribed to: what every new connection must be told.
    pub(crate) fn for_each_subscription(&self, visit: impl FnMut(&[u8])) {
        if let Pattern::Sub(sub) = self {
            sub.for_each_subscription(visit);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(kind: SocketType) -> Pattern {
        let mut pattern = Pattern::new(kind, &PatternSettings::default()).unwrap();
        pattern.attach(0);
        pattern
    }

    #[test]
    fn types_that_do_not_exist_yet_are_none() {
        let made: Vec<_> = SocketType::ALL
            .into_iter()
            .filter(|kind| Pattern::new(*kind, &PatternSettings::default()).is_some())
            .collect();
        use SocketType::*;
        assert_eq!(made, [Push, Pull, Pub, Sub, Req, Rep]);
    }

    #[test]
    fn a_verb_that_a_pattern_lacks_is_unsupported() {
        for kind in [SocketType::Pull, SocketType::Sub] {
            let mut pattern = pattern(kind);
            assert_eq!(
                pattern.route(&mut Message::new()),
                Route::Refused(Refusal::Unsupported)
            );
            assert!(!pattern.has_room() && pattern.receives());
        }
        for kind in [SocketType::Push, SocketType::Pub] {
            let mut pattern = pattern(kind);
            assert_eq!(pattern.may_receive(), Err(Refusal::Unsupported));
            assert_eq!(pattern.incoming(0, Message::new()), None);
            assert_eq!(pattern.next(), None);
            assert_eq!(pattern.subscribe(b"a"), Err(Refusal::Unsupported));
            assert_eq!(pattern.unsubscribe(b"a"), Err(Refusal::Unsupported));
            assert!(!pattern.receives());
        }
    }

    #[test]
    fn a_subscription_to_a_pattern_that_does_not_publish_is_nothing() {
        let mut push = pattern(SocketType::Push);
        assert_eq!(push.handle_subscription(0, b"a", true), Ok(()));
        assert_eq!(push.handle_upstream(0, &"\u{1}a".into()), Ok(()));
        assert_eq!(push.route(&mut "b".into()), Route::To(0));
    }

    #[test]
    fn a_new_connection_starts_without_the_old_ones_subscriptions() {
        let mut publisher = pattern(SocketType::Pub);
        publisher.handle_subscription(0, b"", true).unwrap();
        publisher.connection_lost(0);
        let kept = Route::ToMany {
            links: &[0],
            full: 0,
        };
        assert_eq!(publisher.route(&mut "m".into()), kept);
        publisher.connection_renewed(0);
        let none = Route::ToMany {
            links: &[],
            full: 0,
        };
        assert_eq!(publisher.route(&mut "m".into()), none);
    }

    #[test]
    fn a_request_starts_afresh_only_when_something_is_pending() {
        let mut req = pattern(SocketType::Req);
        assert!(!req.starts_afresh());
        req.set_readable(0, true);
        assert!(req.starts_afresh());
        assert_eq!(req.route(&mut "ask".into()), Route::To(0));
        assert!(req.starts_afresh());
        req.set_readable(0, false);
        assert!(!req.starts_afresh());
    }
}
