//! Which message is received next: one at a time, or a batch.

use std::collections::VecDeque;

use super::actions::{Action, Discarded};
use super::ledger::Credit;
use super::{Engine, Life};
use crate::error::RecvError;
use crate::link::pipe::Watch;
use crate::link::PipeLink;
use crate::message::Message;
use crate::pattern::Refusal;
use crate::tuning;

impl<D> Engine<D> {
    pub(crate) fn check_receiver(&self) -> Result<(), RecvError> {
        match self.life {
            Life::Open => Ok(()),
            _ if self.reactor_died => Err(RecvError::ReactorDied),
            _ => Err(RecvError::Closed),
        }
    }

    /// The next message for the application, if there is one.
    #[inline]
    pub(crate) fn take_message(&mut self) -> Result<Option<Message>, RecvError> {
        self.check_receiver()?;
        if let Err(refusal) = self.pattern.may_receive() {
            return Err(recv_refusal(refusal));
        }
        if let Some(note) = self.take_note() {
            return Ok(Some(note));
        }
        while let Some(key) = self.pattern.next() {
            if !self.has_message(key) {
                continue;
            }
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            let Some(message) = link.recv_queue().pop() else {
                continue;
            };
            let (departed, bytes) = (link.has_departed(), message.memory());
            let resume = link.recv_queue().credit(1, bytes);
            let empty = !link.has_unread();
            self.note_received(departed, 1, bytes);
            let taken = self.pattern.incoming(key, message);
            if resume {
                self.resume_reading(key);
            }
            if empty {
                self.refill(key);
            }
            match taken {
                Ok(message) => {
                    self.ledger.received(1);
                    return Ok(Some(message));
                }
                Err(message) => self.actions.discard(Discarded::Message(message)),
            }
        }
        if let Some(note) = self.take_note() {
            return Ok(Some(note));
        }
        // What was discarded on the way may have been the last that a lost peer had to say.
        match self.pattern.may_receive() {
            Ok(()) => Ok(None),
            Err(refusal) => Err(recv_refusal(refusal)),
        }
    }

    /// Whether [`take_message`](Engine::take_message) would find something, or tell of a lost peer. Takes
    /// nothing, and spends nobody's turn. What a peer sent out of turn is found here, and discarded there.
    pub(crate) fn can_take_message(&mut self) -> bool {
        match self.pattern.check_receive() {
            Ok(()) => {}
            Err(refusal) => return refusal == Refusal::PeerGone,
        }
        if self.pattern.has_note() {
            return true;
        }
        while let Some(key) = self.pattern.next() {
            if self.has_message(key) {
                self.pattern.return_turn(key);
                return true;
            }
        }
        // What was looked for may have been the last of a lost peer.
        self.pattern.check_receive() == Err(Refusal::PeerGone)
    }

    /// What the pattern has to tell the application.
    #[inline]
    fn take_note(&mut self) -> Option<Message> {
        let note = self.pattern.take_note()?;
        self.ledger.received(1);
        Some(note)
    }

    /// Messages came from the peer of a link, behind those that it sent before.
    pub(super) fn append(&mut self, key: usize, messages: &mut VecDeque<Message>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if self.options.message_metadata {
            link.mark(messages);
        }
        if link.recv_queue().conflates() && link.pipe().is_none() {
            self.conflate_received(key, messages);
        } else {
            link.recv_queue().append(messages);
        }
        self.pattern.set_readable(key, true);
    }

    /// Moves what can be received to `front`, which is empty: all of a lone talker's inbox at the cost
    /// of one message, or a round of turns of several.
    ///
    /// What is in front still counts as waiting to be received: it is credited to its link when
    /// the front is used up, at the latest when this is called again.
    ///
    /// Returns what to watch, if this is all there is of an inproc peer's stream: more is to be seen
    /// there soon.
    pub(crate) fn take_batch(&mut self, front: &mut VecDeque<Message>) -> Option<Watch> {
        self.give_credit();
        self.batch = self.batch.wrapping_add(1);
        self.emptied = None;
        while front.is_empty() {
            let key = self.pattern.next()?;
            if !self.has_message(key) {
                continue;
            }
            if self.pattern.is_alone(key) {
                self.take_all(key, front);
            } else {
                self.take_turns(key, front);
                self.emptied = None;
            }
            let unwanted = self.pattern.filter(front);
            self.actions.discard(unwanted);
        }
        self.ledger.received(front.len());
        self.emptied.take()
    }

    fn take_all(&mut self, key: usize, front: &mut VecDeque<Message>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let (mut messages, mut bytes) = link.recv_queue().take_all(front);
        let is_pipe = link.pipe().is_some();
        if is_pipe {
            (messages, bytes) = (front.len(), link.recv_queue().piped());
        }
        self.ledger.owe(Credit {
            link: key,
            first_generation: link.first_generation(),
            messages,
            bytes,
        });
        if self.pattern.can().names_senders {
            self.name_sender(key, front);
        }
        if !is_pipe {
            self.refill(key);
        }
    }

    /// Messages have left the queue of a link: has the pattern say in them which peer they are from, as long as
    /// the link is there. What is not for the user goes out.
    fn name_sender(&mut self, key: usize, messages: &mut VecDeque<Message>) {
        for _ in 0..messages.len() {
            let Some(message) = messages.pop_front() else {
                return;
            };
            match self.pattern.incoming(key, message) {
                Ok(message) => messages.push_back(message),
                Err(message) => self.actions.discard(Discarded::Message(message)),
            }
        }
    }

    /// Takes a message of each link in turn, beginning with that of `first`, whose turn it is.
    fn take_turns(&mut self, first: usize, front: &mut VecDeque<Message>) {
        let mut turn = Some(first);
        while let Some(key) = turn {
            let batch = self.batch;
            let Some(link) = self.links.get(key) else {
                self.pattern.set_readable(key, false);
                turn = self.pattern.next();
                continue;
            };
            if link.is_used_up(batch) {
                return self.pattern.return_turn(key);
            }
            if self.has_message(key) {
                self.take_turn(key, front);
            }
            if front.len() >= tuning::TURNS {
                return;
            }
            turn = self.pattern.next();
        }
    }

    fn take_turn(&mut self, key: usize, front: &mut VecDeque<Message>) {
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        let Some(message) = link.take_turn(self.batch) else {
            return;
        };
        let empty = !link.has_unread() && link.pipe().is_none();
        self.ledger.owe(Credit {
            link: key,
            first_generation: link.first_generation(),
            messages: 1,
            bytes: message.memory(),
        });
        let message = match self.pattern.can().names_senders {
            true => self.pattern.incoming(key, message),
            false => Ok(message),
        };
        match message {
            Ok(message) => front.push_back(message),
            Err(message) => self.actions.discard(Discarded::Message(message)),
        }
        if empty {
            self.refill(key);
        }
    }

    /// Whether the batch that was taken last is so large that the queue of one of its peers may be
    /// full without any more: then that peer is told as soon as the batch is used up. Of a smaller
    /// one it is enough to tell when the next is taken: a queue that is full has room again at half
    /// of its mark, so that more than half of it is still to be received.
    pub(crate) fn owes_credit(&self) -> bool {
        let is_half = |owed: usize, most: usize| most > 0 && owed >= most.div_ceil(2);
        let (messages, bytes) = self.ledger.owed();
        is_half(messages, self.options.recv_hwm) || is_half(bytes, self.options.recv_hwm_bytes)
    }

    /// The front is used up: its messages are received.
    pub(crate) fn give_credit(&mut self) {
        while let Some(credit) = self.ledger.next_owed() {
            let Some(link) = self.links.get_mut(credit.link) else {
                continue;
            };
            if link.first_generation() != credit.first_generation {
                continue;
            }
            if let Some(pipe) = link.pipe() {
                if let (true, Some(pipe_peer)) = (pipe.end().credit(), pipe.peer()) {
                    self.actions.push(Action::GiveRoom(pipe_peer.clone()));
                }
                continue;
            }
            let resume = link.recv_queue().credit(credit.messages, credit.bytes);
            let departed = link.has_departed();
            if resume {
                self.resume_reading(credit.link);
            }
            self.note_received(departed, credit.messages, credit.bytes);
        }
    }

    /// Whether a link has a message to be received. If its inbox is empty, it is filled first, as
    /// far as there is anything to fill it with.
    #[inline]
    fn has_message(&mut self, key: usize) -> bool {
        let links = &self.links;
        if links.get(key).is_none_or(|link| !link.has_unread()) {
            self.refill(key);
            let link = self.links.get(key);
            return link.is_some_and(|link| link.has_unread());
        }
        true
    }

    /// A link's inbox is empty: takes the next batch of an inproc peer, or notes that there is
    /// nothing, or sees the link off that has nothing more to say.
    ///
    /// The end of a pipe is nothing to be read, and no more than that. What it means for the link,
    /// `on_pipe_closed` decides, which the other end calls once it is gone.
    pub(super) fn refill(&mut self, key: usize) {
        let Some(link) = self.links.get_mut(key) else {
            return self.pattern.set_readable(key, false);
        };
        if let Some(filled) = link.fill_from_pipe(self.options.message_metadata) {
            self.emptied = filled.emptied;
            if let (true, Some(pipe_peer)) = (filled.room, link.pipe().and_then(PipeLink::peer)) {
                self.actions.push(Action::GiveRoom(pipe_peer.clone()));
            }
            if filled.messages > 0 {
                return;
            }
        }
        self.pattern.set_readable(key, false);
        if link.is_draining() {
            self.proceed(key);
        }
    }

    /// An inbox that was full has room: read its connection again.
    pub(super) fn resume_reading(&mut self, key: usize) {
        self.work.read_later(key);
        self.tell_driver();
    }
}

fn recv_refusal(refusal: Refusal) -> RecvError {
    match refusal {
        Refusal::Unsupported
        | Refusal::Unroutable
        | Refusal::RoutingIdTaken
        | Refusal::NoGroup
        | Refusal::GroupTooLong
        | Refusal::TooLarge
        | Refusal::AlreadyJoined
        | Refusal::NotJoined => RecvError::Unsupported,
        Refusal::PeerGone => RecvError::PeerGone,
        Refusal::MustSendFirst | Refusal::MustReceiveFirst => RecvError::MustSendFirst,
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::endpoint::Endpoint;
    use crate::link::pipe::{pipe, PipeEnd, PipePeer};
    use crate::link::{Origin, Stage};
    use crate::pattern::{Pattern, PatternSettings};
    use crate::peer::{PeerInfo, SocketType};
    use proptest::prelude::*;

    /// A receiver's engine with links that never run out of messages: each message names its link.
    struct Busy {
        engine: Engine<()>,
        /// The far ends of those links that are inproc.
        far: Vec<Option<PipeEnd>>,
    }

    impl Busy {
        fn new(socket_type: SocketType) -> Busy {
            let pattern = Pattern::new(socket_type, &PatternSettings::default()).unwrap();
            let mut engine = Engine::new(pattern, &Arc::default(), 0);
            let _ = engine.pattern.subscribe(b"");
            Busy {
                engine,
                far: vec![],
            }
        }

        fn add(&mut self, inproc: bool) -> usize {
            let endpoint: Arc<Endpoint> = Arc::new("inproc://busy".parse().unwrap());
            let (origin, stage) = (Origin::Accepted, Stage::Up);
            let key = self.engine.add_link(origin, stage, &endpoint).link;
            let mut far = None;
            if inproc {
                let (near, there) = pipe((0, 0), (0, 0));
                let link = &mut self.engine.links[key];
                link.set_pipe(PipeLink::accepted(near, PipePeer::nobody()));
                link.establish();
                far = Some(there);
            }
            self.far.push(far);
            self.engine
                .admit(key, PeerInfo::new(SocketType::Dealer))
                .unwrap();
            key
        }

        /// Gives a link a number of messages.
        fn feed(&mut self, key: usize, messages: usize) {
            let link = &mut self.engine.links[key];
            for _ in 0..messages {
                let message = Message::from(key.to_string());
                if let Some(far) = &self.far[key] {
                    far.put(message);
                } else {
                    link.recv_queue().append(&mut VecDeque::from([message]));
                }
            }
            self.engine.pattern.set_readable(key, true);
        }

        /// Takes a batch, and gives back to each link what was taken of its messages.
        fn take(&mut self, served: &mut [usize]) {
            let mut front = VecDeque::new();
            self.engine.take_batch(&mut front);
            assert!(!front.is_empty(), "nothing taken after {served:?}");
            for message in front {
                // A ROUTER's has the name of the sender in front.
                let text = message.get_str(message.len() - 1).unwrap();
                let key: usize = text.parse().unwrap();
                served[key] += 1;
                self.feed(key, 1);
            }
        }
    }

    fn spread(served: &[usize]) -> usize {
        let most = served.iter().max().copied().unwrap_or_default();
        most - served.iter().min().copied().unwrap_or_default()
    }

    #[test]
    fn any_number_of_busy_peers_are_served_alike() {
        use SocketType::{Dealer, Pull, Router, Server, Sub};
        for socket_type in [Pull, Sub, Dealer, Router, Server] {
            for peers in 2..=200 {
                for inproc in [false, true] {
                    let mut busy = Busy::new(socket_type);
                    for _ in 0..peers {
                        let key = busy.add(inproc);
                        busy.feed(key, 5);
                    }
                    let mut served = vec![0; peers];
                    while served.iter().sum::<usize>() < 4 * peers.max(70) {
                        busy.take(&mut served);
                        assert!(spread(&served) <= 1, "{peers} peers: {served:?}");
                    }
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]
        /// Peers of both sorts, with lines of any length, some in step with the size of a batch:
        /// none is ever ahead by more than one message.
        #[test]
        fn busy_peers_of_any_sort_are_served_alike(
            peers in prop::collection::vec((any::<bool>(), 1..70usize), 2..200)
        ) {
            let mut busy = Busy::new(SocketType::Pull);
            for &(inproc, line) in &peers {
                let key = busy.add(inproc);
                // A connection is read between batches: enough that it does not run dry in one.
                let line = if inproc { line } else { tuning::TURNS + line };
                busy.feed(key, line);
            }
            let mut served = vec![0; peers.len()];
            while served.iter().sum::<usize>() < 4 * peers.len().max(70) {
                busy.take(&mut served);
                prop_assert!(spread(&served) <= 1, "{:?}", served);
            }
        }
    }

    #[test]
    fn the_end_of_a_pipe_takes_no_link_away_before_the_other_end_says_so() {
        for socket_type in [SocketType::Pull, SocketType::Sub] {
            let mut busy = Busy::new(socket_type);
            let key = busy.add(true);
            busy.feed(key, 1);
            busy.far[key].take().unwrap().end();
            let mut front = VecDeque::new();
            busy.engine.take_batch(&mut front);
            assert_eq!(front.len(), 1);
            front.clear();
            busy.engine.take_batch(&mut front);
            assert!(front.is_empty());
            assert_eq!(busy.engine.links.len(), 1);
            assert!(busy.engine.links[key].is_up());
        }
    }
}
