//! The rules of the socket patterns: which peers get a message, which peer's message is next, what is
//! legal now.
//!
//! Pure machines behind one trait, [`Rules`]. They own no queue: the socket core keeps a queue a
//! link, tells the pattern what becomes of the links, and asks it where a message goes.
//!
//! - *told by the core*: `attach`, `retire`, `detach`, `connection_lost`, `connection_renewed`, `set_room`,
//!   `set_readable`, and what peers say: `handle_subscription`, `handle_upstream`;
//! - *to take a peer on*: `admit`, once its type and routing id are known, `place_for` and `has_new_place`; `give_id`;
//!   `probe`, what is said to it first;
//! - *to send*: `route`, and where it says [`Route::To`], `starts_afresh` before the push,
//!   where it says [`Route::Wait`], `awaits_nothing`;
//! - *to receive*: `may_receive`, `next`, pop, `incoming`, one message at a time; or, where the
//!   pattern prefetches, `next`, pop, `filter`, a batch at a time;
//! - *to wait*: `has_room`.
//!
//! A type of socket is added by a file that implements [`Rules`], a line in the list of `patterns!`
//! below, and one in the list of `kinds!` in `socket/kind`.

mod capabilities;
mod rules;
mod types;

pub(crate) mod parts;

#[cfg(test)]
mod model;

mod dealer;
mod dgram;
mod dish;
mod pair;
mod pull;
mod push;
mod radio;
mod rep;
mod req;
mod requester;
mod router;
mod server;
mod stream;
mod xpub;
mod xsub;

#[cfg(feature = "internals")]
pub mod bench_support;

pub(crate) use capabilities::Capabilities;
pub(crate) use rules::Rules;
pub(crate) use server::number_of;
pub(crate) use types::{subscription_of, MAX_GROUP, MAX_TOPIC};
pub(crate) use types::{
    Excess, Forward, LinkId, Newcomer, PatternSettings, Refusal, RequestKey, Route,
};

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;

use crate::message::Message;
use crate::peer::{PeerInfo, PeerRefusal, SocketType};
use dealer::Dealer;
use dgram::Dgram;
use dish::Dish;
use pair::Pair;
use pull::Pull;
use push::Push;
use radio::Radio;
use rep::Rep;
use req::Req;
use requester::Requester;
use router::Router;
use server::Server;
use stream::Stream;
use xpub::{Pub, Xpub};
use xsub::{Sub, Xsub};

/// Makes the methods of [`Pattern`] that pass a call on to the pattern it holds, from their
/// signatures: an inlined `match` each, so that a call costs what a call of the pattern itself does.
macro_rules! delegate {
    ($kinds:tt: $(fn $name:ident $params:tt $(-> $output:ty)?;)*) => {
        $(delegate! { @method $kinds $name $params [$(-> $output)?] })*
    };
    (@method $kinds:tt $name:ident (&mut $self:ident $(, $arg:ident: $ty:ty)*) $output:tt) => {
        delegate! { @body $kinds $name [&mut] $self [$($arg: $ty),*] ($($arg),*) $output }
    };
    (@method $kinds:tt $name:ident (&$self:ident $(, $arg:ident: $ty:ty)*) $output:tt) => {
        delegate! { @body $kinds $name [&] $self [$($arg: $ty),*] ($($arg),*) $output }
    };
    (@body [$($kind:ident)*] $name:ident [$($by:tt)*] $self:ident [$($params:tt)*] $args:tt
     [$($output:tt)*]) => {
        #[inline]
        pub(crate) fn $name($($by)* $self, $($params)*) $($output)* {
            match $self {
                $(Pattern::$kind(rules) => rules.$name $args,)*
            }
        }
    };
}

/// Makes [`Pattern`]: a line for each type of socket, with the rules that it follows, and what
/// it is able to do beyond what those are made for; after them a line for other rules that a type may follow.
macro_rules! patterns {
    ($($kind:ident: $rules:ident $(+ $more:ident)*;)* @other $($other:ident: $other_rules:ident;)*) => {
        /// One socket's pattern. Its methods are those of [`Rules`].
        #[derive(Debug)]
        pub(crate) enum Pattern {
            $($kind($rules),)*
            $($other($other_rules),)*
        }

        impl Pattern {
            /// `None` for a type of socket that does not exist yet.
            #[allow(unreachable_patterns, reason = "every type that has a name has rules today")]
            pub(crate) fn new(kind: SocketType, settings: &PatternSettings) -> Option<Pattern> {
                match kind {
                    $(SocketType::$kind => Some(Pattern::$kind(Rules::new(settings))),)*
                    _ => None,
                }
            }

            /// What the pattern is able to do.
            #[inline]
            pub(crate) fn can(&self) -> Capabilities {
                match self {
                    $(Pattern::$kind(_) => Capabilities {
                        $($more: true,)*
                        ..<$rules as Rules>::CAN
                    },)*
                    $(Pattern::$other(_) => <$other_rules as Rules>::CAN,)*
                }
            }

            delegate! { [$($kind)* $($other)*]:
                fn configure(&mut self, settings: &PatternSettings);
                fn attach(&mut self, link: LinkId);
                fn admit(&mut self, link: LinkId, new: Newcomer<'_>)
                    -> Result<Option<LinkId>, PeerRefusal>;
                fn place_for(&mut self, link: Option<LinkId>, peer: &PeerInfo)
                    -> Result<(), PeerRefusal>;
                fn has_new_place(&mut self) -> bool;
                fn begin_datagrams(&mut self, link: LinkId, to: Option<SocketAddr>);
                fn give_id(&mut self, link: LinkId, id: &[u8]) -> Result<(), Refusal>;
                fn make_up_id(&mut self) -> Option<Bytes>;
                fn notes(&self) -> bool;
                fn probe(&self) -> bool;
                fn retire(&mut self, link: LinkId);
                fn write_closed(&mut self, link: LinkId);
                fn detach(&mut self, link: LinkId);
                fn connection_lost(&mut self, link: LinkId, queued: usize);
                fn connection_renewed(&mut self, link: LinkId);
                fn has_departed(&self) -> bool;
                fn forget_departed(&mut self) -> bool;
                fn set_room(&mut self, link: LinkId, room: bool);
                fn set_readable(&mut self, link: LinkId, readable: bool);
                fn has_room(&self) -> bool;
                fn route(&mut self, message: &mut Message) -> Route<'_>;
                fn turn_after(&self, link: Option<LinkId>) -> Option<LinkId>;
                fn had_turn(&mut self, link: LinkId);
                fn envelope_frames(&self) -> usize;
                fn starts_afresh(&self) -> bool;
                fn awaits_nothing(&self) -> bool;
                fn check_receive(&self) -> Result<(), Refusal>;
                fn may_receive(&mut self) -> Result<(), Refusal>;
                fn next(&mut self) -> Option<LinkId>;
                fn return_turn(&mut self, link: LinkId);
                fn is_alone(&self, link: LinkId) -> bool;
                fn incoming(&mut self, link: LinkId, message: Message) -> Result<Message, Message>;
                fn filter(&self, batch: &mut VecDeque<Message>) -> VecDeque<Message>;
                fn handle_upstream(&mut self, link: LinkId, message: &Message)
                    -> Result<(), Excess>;
                fn handle_subscription(&mut self, link: LinkId, topic: &[u8], subscribe: bool)
                    -> Result<(), Excess>;
                fn lost_requests(&mut self) -> Vec<RequestKey>;
                fn forget_request(&mut self, key: RequestKey);
                fn take_note(&mut self) -> Option<Message>;
                fn has_note(&self) -> bool;
                fn answer_subscription(&mut self, topic: &[u8], subscribe: bool)
                    -> Result<(), Refusal>;
                fn answers(&self) -> Result<LinkId, Refusal>;
                fn answered_by_message(&mut self);
                fn for_each_subscriber(&self, topic: &[u8], visit: impl FnMut(LinkId));
                fn dropped(&self, link: LinkId) -> u64;
                fn topics(&self) -> usize;
                fn welcome_message(&self) -> Option<Message>;
                fn subscribe(&mut self, topic: &[u8]) -> Result<Forward, Refusal>;
                fn unsubscribe(&mut self, topic: &[u8]) -> Result<Forward, Refusal>;
                fn for_each_subscription(&self, visit: impl FnMut(&[u8]));
            }
        }
    };
}

patterns! {
    Push: Push;
    Pull: Pull;
    Pub: Pub;
    Sub: Sub;
    Req: Req;
    Rep: Rep;
    Dealer: Dealer;
    Router: Router;
    Stream: Stream;
    Pair: Pair;
    Xpub: Xpub;
    Xsub: Xsub;
    Client: Dealer + single;
    Server: Server;
    Scatter: Push + single;
    Gather: Pull + single;
    Peer: Server;
    Channel: Pair + single;
    Radio: Radio;
    Dish: Dish;
    Dgram: Dgram;
    @other
    Requester: Requester;
}

impl Pattern {
    /// The rules of a REQ of which any number of requests may be under way.
    pub(crate) fn requester(settings: &PatternSettings) -> Pattern {
        Pattern::Requester(Rules::new(settings))
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
        assert_eq!(
            made,
            [
                Push, Pull, Pub, Sub, Req, Rep, Dealer, Router, Xpub, Xsub, Pair, Stream, Client,
                Server, Scatter, Gather, Peer, Channel, Radio, Dish, Dgram
            ]
        );
    }

    /// Every type that exists, with one link.
    fn all() -> impl Iterator<Item = (SocketType, Pattern)> {
        let settings = PatternSettings::default();
        SocketType::ALL.into_iter().filter_map(move |kind| {
            let mut pattern = Pattern::new(kind, &settings)?;
            pattern.attach(0);
            Some((kind, pattern))
        })
    }

    #[test]
    fn a_verb_that_a_pattern_lacks_is_unsupported_and_one_that_it_claims_is_not() {
        for (kind, mut pattern) in all() {
            let can = pattern.can();
            let lacks_send = pattern.route(&mut "m".into()) == Route::Refused(Refusal::Unsupported);
            assert_eq!(lacks_send, !can.sends, "{kind}");
            let mut pattern = self::pattern(kind);
            let lacks_recv = pattern.may_receive() == Err(Refusal::Unsupported);
            assert_eq!(lacks_recv, !can.receives, "{kind}");
            if !can.sends {
                assert!(!pattern.has_room(), "{kind}");
            }
            if !can.receives {
                assert!(pattern.incoming(0, Message::new()).is_err(), "{kind}");
                assert_eq!(pattern.next(), None, "{kind}");
            }
            if !matches!(kind, SocketType::Sub | SocketType::Xsub | SocketType::Dish) {
                assert_eq!(pattern.subscribe(b"a"), Err(Refusal::Unsupported));
                assert_eq!(pattern.unsubscribe(b"a"), Err(Refusal::Unsupported));
            }
        }
    }

    /// What only looks whether there is a message must not skip one peer of two.
    #[test]
    fn a_turn_that_is_returned_is_not_spent() {
        for (kind, mut pattern) in all().filter(|(_, pattern)| pattern.can().receives) {
            pattern.attach(1);
            pattern.set_readable(0, true);
            pattern.set_readable(1, true);
            for _ in 0..5 {
                let turn = pattern.next();
                for _ in 0..3 {
                    pattern.return_turn(turn.unwrap());
                    assert_eq!(pattern.next(), turn, "{kind}");
                }
            }
        }
    }

    #[test]
    fn what_by_passes_a_pattern_is_allowed_by_its_other_rules() {
        for (kind, mut pattern) in all() {
            let can = pattern.can();
            if can.prefetches {
                assert_eq!(pattern.may_receive(), Ok(()), "{kind}");
                assert!(!pattern.starts_afresh(), "{kind}");
                pattern.set_readable(0, true);
                assert_eq!([pattern.next(), pattern.next()], [Some(0); 2], "{kind}");
                assert!(pattern.is_alone(0), "{kind}");
            }
            if can.balances {
                let mut message = Message::from("m");
                for _ in 0..2 {
                    assert_eq!(pattern.route(&mut message), Route::To(0), "{kind}");
                    assert_eq!(message, "m", "{kind}: no envelope");
                }
            }
            if can.streams {
                assert!(can.sends, "{kind}");
            }
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
        publisher.connection_lost(0, 0);
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
