//! What the application of an XPUB sees of its peers: notes of their subscriptions, and what they send.

use super::fair::Fair;
use super::manual::Manual;
use super::notes::{Note, Notes};
use super::trie::{Joined, Left};
use crate::message::Message;
use crate::pattern::types::{Excess, LinkId, PatternSettings, Refusal};

/// Notes of subscriptions that an application is given in a row while messages of peers wait: a peer
/// that subscribes and cancels without end holds up no message of the others for ever.
pub(crate) const NOTES_IN_A_ROW: u32 = 64;

/// What its application sees of an XPUB's peers.
#[derive(Debug)]
pub(crate) struct Shown {
    notes: Notes,
    /// Notes told since a message of a peer had its turn.
    in_a_row: u32,
    /// What peers sent for the application.
    fair: Fair,
    /// Every subscription is told, not only the first of its topic.
    verbose: bool,
    /// And every end of one, not only the last.
    verboser: bool,
    manual: Option<Manual>,
    welcome: Option<Message>,
}

impl Shown {
    pub(crate) fn new(settings: &PatternSettings) -> Shown {
        let manual = settings.manual || settings.manual_last_value;
        Shown {
            notes: Notes::new(settings.notes),
            in_a_row: 0,
            fair: Fair::default(),
            verbose: settings.verbose || settings.verboser,
            verboser: settings.verboser,
            manual: manual.then(|| Manual::new(settings.manual_last_value)),
            welcome: settings.welcome_message.clone(),
        }
    }

    /// `manual` itself stays as it is: it says where the subscriptions of those that are there are kept.
    pub(crate) fn configure(&mut self, settings: &PatternSettings) {
        self.notes.set_most(settings.notes);
        self.verbose = settings.verbose || settings.verboser;
        self.verboser = settings.verboser;
        self.welcome.clone_from(&settings.welcome_message);
        if let Some(manual) = &mut self.manual {
            manual.set_last_value(settings.manual_last_value);
        }
    }

    pub(crate) fn welcome(&self) -> Option<Message> {
        self.welcome.clone()
    }

    // ----- subscriptions that count as they come -----

    /// Notes what a subscription changed.
    pub(crate) fn joined(&mut self, topic: &[u8], joined: Joined) {
        let note = Note::new(topic, true, None);
        match joined {
            Joined::First => self.notes.add(note),
            Joined::Another if self.verboser => self.notes.add(note),
            Joined::Another | Joined::Again if self.verbose => self.notes.repeat(note),
            Joined::Another | Joined::Again => {}
        }
    }

    /// Notes what the end of one changed.
    pub(crate) fn left(&mut self, topic: &[u8], left: Left) {
        if left == Left::Last || self.verboser {
            self.notes.add(Note::new(topic, false, None));
        }
    }

    // ----- subscriptions that the application decides about -----

    /// Whether what peers ask for is one thing and what they get another.
    pub(crate) fn is_manual(&self) -> bool {
        self.manual.is_some()
    }

    /// A peer asks for a topic, or does so no longer.
    pub(crate) fn asked(
        &mut self,
        link: LinkId,
        topic: &[u8],
        subscribe: bool,
    ) -> Result<(), Excess> {
        match &mut self.manual {
            Some(manual) => manual.asked(link, topic, subscribe, &mut self.notes),
            None => Ok(()),
        }
    }

    /// A peer is gone. False: what it asked for is not kept here.
    pub(crate) fn forget(&mut self, link: LinkId) -> bool {
        if let Some(manual) = &mut self.manual {
            manual.depart(link);
        }
        self.manual.is_some()
    }

    pub(crate) fn has_departed(&self) -> bool {
        self.manual.as_ref().is_some_and(Manual::has_departed)
    }

    /// Notes at most `most` topics that departed peers had asked for. True: there are more.
    pub(crate) fn tell_departed(&mut self, most: usize) -> bool {
        match &mut self.manual {
            Some(manual) => manual.tell_departed(most, &mut self.notes),
            None => false,
        }
    }

    /// The peer that an answer of the application is for now.
    pub(crate) fn answers(&self) -> Result<LinkId, Refusal> {
        self.manual.as_ref().ok_or(Refusal::Unsupported)?.answers()
    }

    /// That peer was given a subscription.
    pub(crate) fn answered(&mut self) {
        if let Some(manual) = &mut self.manual {
            manual.answered();
        }
    }

    /// The one peer that the next message is for, if it is for one alone.
    pub(crate) fn only(&self) -> Option<LinkId> {
        self.manual.as_ref()?.only()
    }

    /// The next message has been routed.
    pub(crate) fn routed(&mut self) {
        if let Some(manual) = &mut self.manual {
            manual.routed();
        }
    }

    // ----- what is received -----

    pub(crate) fn has_note(&self) -> bool {
        !self.notes.is_empty()
    }

    /// The next note, unless it is the turn of what peers sent.
    pub(crate) fn take_note(&mut self) -> Option<Message> {
        if self.in_a_row >= NOTES_IN_A_ROW {
            self.in_a_row = 0;
            return None;
        }
        let note = self.notes.pop()?;
        self.in_a_row += 1;
        if let Some(manual) = &mut self.manual {
            manual.told(note.peer);
        }
        Some(note.message())
    }

    /// What a peer sent is received.
    pub(crate) fn received(&mut self, link: LinkId) {
        self.in_a_row = 0;
        if let Some(manual) = &mut self.manual {
            manual.received(link);
        }
    }

    pub(crate) fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.fair.set_readable(link, readable);
    }

    pub(crate) fn detach(&mut self, link: LinkId) {
        self.fair.detach(link);
    }

    /// The peer whose turn it is to be received from.
    pub(crate) fn next(&mut self) -> Option<LinkId> {
        self.fair.next()
    }

    pub(crate) fn return_turn(&mut self, link: LinkId) {
        self.fair.return_turn(link);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(set: impl FnOnce(&mut PatternSettings)) -> Shown {
        let mut settings = PatternSettings {
            notes: 1000,
            ..PatternSettings::default()
        };
        set(&mut settings);
        Shown::new(&settings)
    }

    /// How many notes of a topic there are after it got its first, another, and the first again, and of it
    /// losing one that is not the last, and the last.
    fn told(mut shown: Shown) -> usize {
        for joined in [Joined::First, Joined::Another, Joined::Again] {
            shown.joined(b"a", joined);
        }
        shown.left(b"a", Left::Others);
        shown.left(b"a", Left::Last);
        std::iter::from_fn(|| shown.take_note()).count()
    }

    #[test]
    fn how_much_is_told_is_set() {
        assert_eq!(told(shown(|_| {})), 2);
        assert_eq!(told(shown(|settings| settings.verbose = true)), 4);
        assert_eq!(told(shown(|settings| settings.verboser = true)), 5);
    }

    #[test]
    fn only_by_hand_are_there_answers() {
        let mut plain = shown(|_| {});
        assert!(!plain.is_manual() && !plain.forget(0));
        plain.received(0);
        assert_eq!(plain.answers(), Err(Refusal::Unsupported));
        let mut manual = shown(|settings| settings.manual = true);
        assert!(manual.is_manual());
        manual.received(0);
        assert_eq!(manual.answers(), Ok(0));
        assert!(manual.forget(0));
        assert_eq!(manual.answers(), Err(Refusal::PeerGone));
    }

    #[test]
    fn a_note_is_answered_to_the_peer_whose_it_is() {
        let mut manual = shown(|settings| settings.manual_last_value = true);
        for link in [4, 7] {
            manual.asked(link, b"a", true).unwrap();
        }
        for link in [4, 7] {
            assert_eq!(manual.take_note().unwrap(), "\u{1}a");
            assert_eq!(manual.answers(), Ok(link));
            manual.answered();
            assert_eq!(manual.only(), Some(link));
        }
        manual.routed();
        assert_eq!(manual.only(), None);
        let plain = PatternSettings::default();
        manual.configure(&plain);
        manual.answered();
        assert_eq!(manual.only(), None, "no longer the last value");
        assert!(manual.is_manual(), "but still by hand");
    }

    #[test]
    fn what_peers_send_has_its_turn_among_notes() {
        let mut shown = shown(|_| {});
        for n in 0..2 * NOTES_IN_A_ROW {
            shown.joined(&n.to_be_bytes(), Joined::First);
        }
        let in_a_row = std::iter::from_fn(|| shown.take_note()).count();
        assert_eq!(in_a_row, NOTES_IN_A_ROW as usize);
        assert!(shown.has_note());
        shown.set_readable(1, true);
        assert_eq!(shown.next(), Some(1));
    }
}
