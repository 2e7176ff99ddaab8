//! What a publisher's application is still to be told of its subscriptions.

use std::collections::{BTreeMap, HashMap};

use bytes::Bytes;

use super::trie::PeerNumber;
use crate::message::Message;
use crate::pattern::types::{LinkId, CANCEL, SUBSCRIBE};

/// A peer, by its link and by the number that no other one of that link has.
pub(crate) type Peer = (LinkId, PeerNumber);

/// One thing to tell: a subscription, or the end of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) topic: Bytes,
    pub(crate) subscribe: bool,
    /// Whose it is, where notes are of peers; else `None`.
    pub(crate) peer: Option<Peer>,
}

impl Note {
    pub(crate) fn new(topic: &[u8], subscribe: bool, peer: Option<Peer>) -> Note {
        Note {
            topic: Bytes::copy_from_slice(topic),
            subscribe,
            peer,
        }
    }

    /// The message that tells it, in the form that ZMTP 3.0 has for it.
    pub(crate) fn message(&self) -> Message {
        let mut body = Vec::with_capacity(1 + self.topic.len());
        body.push(if self.subscribe { SUBSCRIBE } else { CANCEL });
        body.extend_from_slice(&self.topic);
        Message::from(body)
    }
}

#[derive(Debug)]
struct Waiting {
    note: Note,
    /// It says again what was said, and changes nothing.
    repeats: bool,
    /// The note before it about the same matter, if that still waits.
    before: Option<u64>,
}

/// Notes in the order in which they came, and no more of them than there are facts to tell.
///
/// As long as fewer than `most` wait, each is kept. From then on a note that takes back the last one
/// about its topic takes that out instead of waiting behind it, and one that repeats what waits is
/// left out. So whatever peers do while the application does not read, beyond `most` there are only
/// notes of topics that are not as the application knows them, one for each change from what it
/// knows to what is; and having read them all, it knows what is.
#[derive(Debug)]
pub(crate) struct Notes {
    most: usize,
    waiting: BTreeMap<u64, Waiting>,
    /// The last note about each matter: a topic, or a topic of a peer.
    last: HashMap<Matter, u64>,
    next: u64,
}

/// What notes that take each other back have in common. No peer has the number 0.
type Matter = (PeerNumber, Bytes);

fn matter_of(note: &Note) -> Matter {
    let peer = note.peer.map_or(0, |(_, number)| number);
    (peer, note.topic.clone())
}

impl Notes {
    pub(crate) fn new(most: usize) -> Notes {
        Notes {
            most,
            waiting: BTreeMap::new(),
            last: HashMap::new(),
            next: 0,
        }
    }

    /// Bounds how many may wait from now on.
    pub(crate) fn set_most(&mut self, most: usize) {
        self.most = most;
    }

    /// Something changed.
    pub(crate) fn add(&mut self, note: Note) {
        let matter = matter_of(&note);
        if self.waiting.len() >= self.most && self.takes_back(&matter, note.subscribe) {
            return;
        }
        self.push(matter, note, false);
    }

    /// A subscription was made again: nothing changed, but it is to be told.
    pub(crate) fn repeat(&mut self, note: Note) {
        let matter = matter_of(&note);
        if self.waiting.len() < self.most || !self.last.contains_key(&matter) {
            self.push(matter, note, true);
        }
    }

    /// The oldest note.
    pub(crate) fn pop(&mut self) -> Option<Note> {
        let (number, Waiting { note, .. }) = self.waiting.pop_first()?;
        let matter = matter_of(&note);
        if self.last.get(&matter) == Some(&number) {
            self.last.remove(&matter);
        }
        Some(note)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    fn push(&mut self, matter: Matter, note: Note, repeats: bool) {
        let number = self.next;
        self.next += 1;
        let before = self.last.insert(matter, number);
        let waiting = Waiting {
            note,
            repeats,
            before,
        };
        self.waiting.insert(number, waiting);
    }

    /// Takes out the last note of this matter if it says the opposite, with those that repeat it.
    fn takes_back(&mut self, matter: &Matter, subscribe: bool) -> bool {
        while let Some(&number) = self.last.get(matter) {
            let Some(waiting) = self.waiting.get(&number) else {
                return false;
            };
            if waiting.note.subscribe == subscribe {
                return false;
            }
            let (repeats, before) = (waiting.repeats, waiting.before);
            self.waiting.remove(&number);
            match before.filter(|before| self.waiting.contains_key(before)) {
                Some(before) => self.last.insert(matter.clone(), before),
                None => self.last.remove(matter),
            };
            if !repeats {
                return true;
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn note(topic: &[u8], subscribe: bool) -> Note {
        Note {
            topic: Bytes::copy_from_slice(topic),
            subscribe,
            peer: None,
        }
    }

    fn drain(notes: &mut Notes) -> Vec<(Vec<u8>, bool)> {
        std::iter::from_fn(|| notes.pop())
            .map(|note| (note.topic.to_vec(), note.subscribe))
            .collect()
    }

    #[test]
    fn below_the_bound_every_change_is_told_in_order() {
        let mut notes = Notes::new(10);
        for subscribe in [true, false, true] {
            notes.add(note(b"a", subscribe));
        }
        notes.repeat(note(b"a", true));
        let told: Vec<_> = drain(&mut notes).into_iter().map(|(_, it)| it).collect();
        assert_eq!(told, [true, false, true, true]);
        assert!(notes.is_empty() && notes.last.is_empty());
    }

    #[test]
    fn a_million_changes_that_nobody_reads_take_no_memory_and_leave_the_truth() {
        let mut notes = Notes::new(100);
        for n in 0..1_000_000u32 {
            notes.add(note(&(n / 2).to_be_bytes(), n % 2 == 0));
        }
        notes.add(note(b"stays", true));
        assert!(notes.waiting.len() <= 101 && notes.last.len() <= 101);
        let mut known = BTreeSet::new();
        for (topic, subscribe) in drain(&mut notes) {
            if subscribe {
                assert!(known.insert(topic));
            } else {
                assert!(known.remove(&topic));
            }
        }
        assert_eq!(known, BTreeSet::from([b"stays".to_vec()]));
    }

    #[test]
    fn the_end_of_a_subscription_that_was_repeated_is_told() {
        let mut notes = Notes::new(0);
        notes.add(note(b"a", true));
        notes.pop();
        notes.repeat(note(b"a", true));
        notes.repeat(note(b"a", true));
        assert_eq!(notes.waiting.len(), 1);
        notes.add(note(b"a", false));
        assert_eq!(drain(&mut notes), [(b"a".to_vec(), false)]);
    }

    #[test]
    fn a_note_of_one_peer_is_not_taken_back_by_another() {
        let mut notes = Notes::new(0);
        let of = |peer, subscribe| Note {
            peer: Some((0, peer)),
            ..note(b"a", subscribe)
        };
        notes.add(of(1, true));
        notes.add(of(2, true));
        notes.add(of(2, false));
        assert_eq!(notes.pop(), Some(of(1, true)));
        assert!(notes.is_empty());
    }

    proptest! {
        /// A reader that applies what it is told knows, each time it has read all, what is; and never
        /// is more held than the bound and the topics that are not as it knows them.
        #[test]
        fn a_reader_knows_what_is(
            most in 0..6usize,
            steps in prop::collection::vec((0..4u8, 0..6u8), 0..300)
        ) {
            let mut notes = Notes::new(most);
            let (mut is, mut known) = (BTreeSet::new(), BTreeSet::new());
            let read = |notes: &mut Notes, known: &mut BTreeSet<u8>| {
                let Some(note) = notes.pop() else { return false };
                let topic = note.topic[0];
                if note.subscribe { known.insert(topic); } else { known.remove(&topic); }
                true
            };
            for (step, topic) in steps {
                match step {
                    0 => if is.insert(topic) { notes.add(note(&[topic], true)) } else {
                        notes.repeat(note(&[topic], true))
                    },
                    1 if is.remove(&topic) => notes.add(note(&[topic], false)),
                    2 => { read(&mut notes, &mut known); }
                    3 if topic == 0 => {
                        while read(&mut notes, &mut known) {}
                        prop_assert_eq!(&known, &is);
                    }
                    _ => {}
                }
                prop_assert!(notes.waiting.len() <= most + 6, "{}", notes.waiting.len());
                prop_assert!(notes.last.len() <= notes.waiting.len());
            }
            while read(&mut notes, &mut known) {}
            prop_assert_eq!(known, is);
        }
    }
}
