//! An XPUB whose application decides what each peer gets: what peers asked for, and whom it answers.

use super::notes::{Note, Notes, Peer};
use super::trie::{Joined, Trie};
use crate::pattern::types::{Excess, LinkId, Refusal};

/// What peers asked for, which is not what they get. An answer is for the peer whose message was received last.
#[derive(Debug)]
pub(crate) struct Manual {
    asked: Trie,
    /// Whose message was received last.
    spoke: Option<Peer>,
    last_value: bool,
    /// The next message is for this peer alone, which has just got a subscription.
    only: Option<Peer>,
}

impl Manual {
    /// `last_value`: a peer that is given a subscription gets the next message alone.
    pub(crate) fn new(last_value: bool) -> Manual {
        Manual {
            asked: Trie::default(),
            spoke: None,
            last_value,
            only: None,
        }
    }

    pub(crate) fn set_last_value(&mut self, last_value: bool) {
        self.last_value = last_value;
    }

    /// A peer asks for a topic, or does so no longer; what changes by that is noted.
    pub(crate) fn asked(
        &mut self,
        link: LinkId,
        topic: &[u8],
        subscribe: bool,
        notes: &mut Notes,
    ) -> Result<(), Excess> {
        if subscribe {
            let joined = self.asked.subscribe(link, topic)?;
            let note = Note::new(topic, true, Some(self.peer(link)));
            match joined {
                Joined::Again => notes.repeat(note),
                _ => notes.add(note),
            }
        } else if self.asked.unsubscribe(link, topic).is_some() {
            notes.add(Note::new(topic, false, Some(self.peer(link))));
        }
        Ok(())
    }

    /// A peer is gone; what it asked for is told by [`tell_departed`](Manual::tell_departed).
    pub(crate) fn depart(&mut self, link: LinkId) {
        self.asked.depart(link);
    }

    pub(crate) fn has_departed(&self) -> bool {
        self.asked.has_departed()
    }

    /// Notes at most `most` topics that departed peers had asked for. True: there are more.
    pub(crate) fn tell_departed(&mut self, most: usize, notes: &mut Notes) -> bool {
        self.asked.tell_departed(most, |number, topic, _| {
            notes.add(Note::new(topic, false, Some((LinkId::MAX, number))));
        })
    }

    fn peer(&mut self, link: LinkId) -> Peer {
        (link, self.asked.peer(link))
    }

    /// A message of a peer's own was received.
    pub(crate) fn received(&mut self, link: LinkId) {
        self.spoke = Some(self.peer(link));
    }

    /// A note was received.
    pub(crate) fn told(&mut self, peer: Option<Peer>) {
        self.spoke = peer;
    }

    /// The peer that an answer is for now.
    ///
    /// # Errors
    /// When it is gone, or none has spoken.
    pub(crate) fn answers(&self) -> Result<LinkId, Refusal> {
        self.spoke
            .and_then(|peer| self.present(peer))
            .ok_or(Refusal::PeerGone)
    }

    /// That peer was given a subscription.
    pub(crate) fn answered(&mut self) {
        self.only = self.spoke.filter(|_| self.last_value);
    }

    /// The one peer that the next message is for, if it is for one alone.
    pub(crate) fn only(&self) -> Option<LinkId> {
        self.only.and_then(|peer| self.present(peer))
    }

    /// The next message has been routed.
    pub(crate) fn routed(&mut self) {
        self.only = None;
    }

    /// The peer's link, unless that is another peer's by now.
    fn present(&self, (link, number): Peer) -> Option<LinkId> {
        self.asked.is_peer(link, number).then_some(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(notes: &mut Notes) -> Vec<(LinkId, bool)> {
        let notes = std::iter::from_fn(|| notes.pop());
        notes
            .map(|note| (note.peer.unwrap().0, note.subscribe))
            .collect()
    }

    #[test]
    fn every_peers_wish_is_noted_with_whose_it_is() {
        let (mut manual, mut notes) = (Manual::new(false), Notes::new(1000));
        for link in [0, 1, 1] {
            manual.asked(link, b"a", true, &mut notes).unwrap();
        }
        for link in [1, 2] {
            manual.asked(link, b"a", false, &mut notes).unwrap();
        }
        let all = [(0, true), (1, true), (1, true), (1, false)];
        assert_eq!(told(&mut notes), all);
        manual.depart(0);
        assert!(manual.has_departed());
        while manual.tell_departed(1, &mut notes) {}
        assert_eq!(told(&mut notes), [(LinkId::MAX, false)]);
    }

    #[test]
    fn an_answer_is_for_the_peer_that_spoke_last_while_it_is_there() {
        let mut manual = Manual::new(false);
        assert_eq!(manual.answers(), Err(Refusal::PeerGone));
        manual.received(3);
        assert_eq!(manual.answers(), Ok(3));
        manual.received(4);
        assert_eq!(manual.answers(), Ok(4));
        manual.depart(4);
        assert_eq!(manual.answers(), Err(Refusal::PeerGone));
        // Another peer has the link now, and has not spoken.
        let mut notes = Notes::new(1000);
        manual.asked(4, b"a", true, &mut notes).unwrap();
        assert_eq!(manual.answers(), Err(Refusal::PeerGone));
        manual.told(notes.pop().unwrap().peer);
        assert_eq!(manual.answers(), Ok(4));
        manual.told(None);
        assert_eq!(manual.answers(), Err(Refusal::PeerGone));
    }

    #[test]
    fn one_message_is_for_the_peer_that_was_answered_alone() {
        let mut manual = Manual::new(true);
        manual.received(2);
        assert_eq!(manual.only(), None);
        manual.answered();
        assert_eq!(manual.only(), Some(2));
        manual.routed();
        assert_eq!(manual.only(), None);
        manual.answered();
        manual.depart(2);
        assert_eq!(manual.only(), None, "it is gone");
        manual.set_last_value(false);
        manual.received(5);
        manual.answered();
        assert_eq!(manual.only(), None);
    }
}
