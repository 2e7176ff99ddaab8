//! [`Rules`]: what the socket core tells a pattern and asks it, and what a pattern answers unless it
//! says otherwise.

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::Bytes;

use super::capabilities::Capabilities;
use super::types::{
    Excess, Forward, LinkId, Newcomer, PatternSettings, Refusal, RequestKey, Route,
};
use crate::message::Message;
use crate::peer::{PeerInfo, PeerRefusal};

/// The rules of one type of socket.
///
/// Each method does by default what is right for a pattern that has no part in it, so that a
/// pattern's file holds its own rules and nothing else. Defaults of verbs that a pattern claims in
/// [`Rules::CAN`] must be replaced; a test in `pattern/mod` holds them against each other.
pub(crate) trait Rules: Sized {
    /// What the pattern is able to do.
    const CAN: Capabilities;

    fn new(settings: &PatternSettings) -> Self;

    // ----- what becomes of the links -----

    /// The settings are others now. What is under way goes on as it began.
    fn configure(&mut self, _settings: &PatternSettings) {}

    /// A new link: it has room, and nothing to read.
    fn attach(&mut self, _link: LinkId) {}

    /// The link has a peer, and this is what the peer said of itself: whether it is taken on. One
    /// that is not has its connection closed before anything was received from it, and `connect`
    /// tries again after a pause. May be asked again for the link, after every new connection.
    /// The link that it returns has lost its place to this one: its connection is closed for good, and
    /// what it had brought can still be received.
    fn admit(&mut self, link: LinkId, new: Newcomer<'_>) -> Result<Option<LinkId>, PeerRefusal> {
        self.place_for(Some(link), new.peer).map(|()| None)
    }

    /// The link is one of datagrams: there is no peer that could say anything, subscribe or be admitted.
    /// `to` is where they go that do not say themselves.
    fn begin_datagrams(&mut self, _link: LinkId, _to: Option<SocketAddr>) {}

    /// Whether there is a place for this peer on this link, or on a new one, without another link's
    /// losing its own. What inproc peers are asked: they are never half gone, so that there is no
    /// reason for one to take another's place.
    fn place_for(&mut self, _link: Option<LinkId>, _peer: &PeerInfo) -> Result<(), PeerRefusal> {
        Ok(())
    }

    /// Asked after a link was retired, detached or admitted: whether a peer that was refused might be
    /// taken on now. Inproc links that were refused are then tried again.
    fn has_new_place(&mut self) -> bool {
        false
    }

    /// The user gives the peer of a link, which is not attached yet, its routing id.
    fn give_id(&mut self, _link: LinkId, _id: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::Unsupported)
    }

    /// An id that [`give_id`](Rules::give_id) will take.
    fn make_up_id(&mut self) -> Option<Bytes> {
        None
    }

    /// Whether the user receives an empty message of each peer that comes or goes.
    fn notes(&self) -> bool {
        false
    }

    /// Whether each new peer is sent an empty message before anything else.
    fn probe(&self) -> bool {
        false
    }

    /// The link has lost its peer for good, but not yet all that it had to read. It goes when that
    /// is received.
    fn retire(&mut self, link: LinkId) {
        self.set_room(link, false);
    }

    /// Nothing can be written to the peer of a link that a listener accepted, ever again, but what it
    /// sent is still being read, which may take until the user receives. Who waits to send to it must
    /// not wait for that. [`retire`](Rules::retire) follows, or `detach`.
    fn write_closed(&mut self, link: LinkId) {
        self.set_room(link, false);
    }

    /// The link is no more, nor what it had to read. Its id may be given to another.
    fn detach(&mut self, link: LinkId);

    /// The link's connection broke, but it will connect again and keeps its queues, in which `queued`
    /// messages wait to be sent to the next one. What was sent before them is answered by nobody any
    /// more, unless the answer is in the link's inbox already.
    fn connection_lost(&mut self, _link: LinkId, _queued: usize) {}

    /// The link has a new connection, before anything was received from it. PUB forgets what the
    /// old peer subscribed to: RFC 29 has subscribers subscribe anew on every connection.
    fn connection_renewed(&mut self, _link: LinkId) {}

    /// Whether there is still something of links that have gone, which is of no use but takes memory.
    fn has_departed(&self) -> bool {
        false
    }

    /// Forgets a slice of it: as much as may be done under the socket's lock. True: there is more.
    fn forget_departed(&mut self) -> bool {
        false
    }

    /// Whether the queue to the link takes another message.
    fn set_room(&mut self, _link: LinkId, _room: bool) {}

    /// Whether the queue from the link holds a message.
    fn set_readable(&mut self, _link: LinkId, _readable: bool) {}

    // ----- sending -----

    /// Whether a send would be routed now. For PUB, which cannot know without the message: whether
    /// trying is worth while; false from the moment a message had to wait until something changed.
    fn has_room(&self) -> bool {
        false
    }

    /// Frames that [`route`](Rules::route) gives the next message as its envelope, at most.
    fn envelope_frames(&self) -> usize {
        0
    }

    /// Decides where a message goes, and takes it for sent there. Gives it its envelope if it says
    /// [`Route::To`] or [`Route::ToMany`]; what is left of it with [`Route::Drop`] is for the caller to drop, without the
    /// socket's lock. Leaves it as it is otherwise.
    fn route(&mut self, _message: &mut Message) -> Route<'_> {
        Route::Refused(Refusal::Unsupported)
    }

    /// For the patterns that balance: the link that has its turn when `link` has had its own; with
    /// `None`, the one whose turn it is. Spends no turn.
    fn turn_after(&self, _link: Option<LinkId>) -> Option<LinkId> {
        None
    }

    /// For the patterns that balance: messages by-passed [`route`](Rules::route), in the order of
    /// [`turn_after`](Rules::turn_after), and the last of them went to `link`.
    fn had_turn(&mut self, _link: LinkId) {}

    /// Asked after [`Route::To`] and before the push: whether all that is pending inbound must be
    /// discarded first (with `set_readable(link, false)` for each link), because it cannot answer
    /// a request that was not yet sent.
    fn starts_afresh(&self) -> bool {
        false
    }

    /// Asked after [`Route::Wait`]: whether something is pending inbound and nothing of it can be
    /// received before the next message is sent, so that it is discarded now.
    fn awaits_nothing(&self) -> bool {
        false
    }

    // ----- receiving -----

    /// Whether a receive is legal now.
    fn check_receive(&self) -> Result<(), Refusal> {
        if Self::CAN.receives {
            Ok(())
        } else {
            Err(Refusal::Unsupported)
        }
    }

    /// The same for one that is under way. Of REQ's [`Refusal::PeerGone`] this is the one report: after
    /// it the next request may be sent.
    fn may_receive(&mut self) -> Result<(), Refusal> {
        self.check_receive()
    }

    /// From whose queue to pop one message. The link stays readable until the core says otherwise.
    fn next(&mut self) -> Option<LinkId> {
        None
    }

    /// Nothing was popped in the turn that `next` gave to `link`, which is to have it again.
    fn return_turn(&mut self, _link: LinkId) {}

    /// For the patterns that prefetch: whether `link` is the only one that can be read. Asking spends
    /// no turn.
    fn is_alone(&self, _link: LinkId) -> bool {
        false
    }

    /// What the user gets of a popped message, without its envelope. For REQ and REP a message that
    /// comes out changes what is legal next.
    ///
    /// # Errors
    /// The message, when it is not for the user. It is not dropped here, under the socket's lock:
    /// its body may be the user's, and what its `Drop` does may call the socket.
    fn incoming(&mut self, _link: LinkId, message: Message) -> Result<Message, Message> {
        if Self::CAN.receives {
            Ok(message)
        } else {
            Err(message)
        }
    }

    /// Takes out of a batch, and returns, what is not for the user: `incoming` for the patterns that
    /// prefetch and do not name senders.
    fn filter(&self, _batch: &mut VecDeque<Message>) -> VecDeque<Message> {
        VecDeque::new()
    }

    /// What the application is told of its peers' subscriptions (XPUB), as a message. Asked before
    /// `next`, and once more when that had nothing: it may leave a turn to the messages.
    fn take_note(&mut self) -> Option<Message> {
        None
    }

    /// Whether there is such a message.
    fn has_note(&self) -> bool {
        false
    }

    // ----- many requests at once -----

    /// The requests that nobody answers any more, each told once. While there are any, `may_receive`
    /// says [`Refusal::PeerGone`].
    fn lost_requests(&mut self) -> Vec<RequestKey> {
        Vec::new()
    }

    /// Nobody waits for the reply to this request any more.
    fn forget_request(&mut self, _key: RequestKey) {}

    // ----- subscriptions -----

    /// A message to a pattern that does not receive. PUB applies a subscription in ZMTP 3.0's form;
    /// anything else is discarded.
    ///
    /// # Errors
    /// When the peer should be disconnected.
    fn handle_upstream(&mut self, _link: LinkId, _message: &Message) -> Result<(), Excess> {
        Ok(())
    }

    /// A peer subscribes or cancels. Nothing to patterns that do not publish.
    ///
    /// # Errors
    /// When the peer should be disconnected.
    fn handle_subscription(
        &mut self,
        _link: LinkId,
        _topic: &[u8],
        _subscribe: bool,
    ) -> Result<(), Excess> {
        Ok(())
    }

    /// The user subscribes.
    fn subscribe(&mut self, _topic: &[u8]) -> Result<Forward, Refusal> {
        Err(Refusal::Unsupported)
    }

    /// The user takes a subscription back.
    fn unsubscribe(&mut self, _topic: &[u8]) -> Result<Forward, Refusal> {
        Err(Refusal::Unsupported)
    }

    /// The user answers the peer whose message was received last: subscribes it, or ends that (XPUB).
    fn answer_subscription(&mut self, _topic: &[u8], _subscribe: bool) -> Result<(), Refusal> {
        Err(Refusal::Unsupported)
    }

    /// The peer that an answer of the user is for: that whose message was received last (XPUB).
    fn answers(&self) -> Result<LinkId, Refusal> {
        Err(Refusal::Unsupported)
    }

    /// The user has answered that peer by a message for it alone.
    fn answered_by_message(&mut self) {}

    /// Messages that were not sent to this link because it was full.
    fn dropped(&self, _link: LinkId) -> u64 {
        0
    }

    /// Visits each link that would be sent a message which begins with `topic`, once.
    fn for_each_subscriber(&self, _topic: &[u8], _visit: impl FnMut(LinkId)) {}

    /// How many distinct topics there are: of peers, or the user's own.
    fn topics(&self) -> usize {
        0
    }

    /// What each new peer is sent before anything else.
    fn welcome_message(&self) -> Option<Message> {
        None
    }

    /// Visits each distinct topic the user subscribed to: what every new connection must be told.
    fn for_each_subscription(&self, _visit: impl FnMut(&[u8])) {}
}
