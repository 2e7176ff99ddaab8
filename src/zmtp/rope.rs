//! Bytes that wait to be written, some of them where their owner put them.

use bytes::Bytes;

use crate::discard::discard_each;

/// The capacity that a rope keeps when it is emptied.
///
/// A stream whose receiver is the slower end fills its outbox to the high-water mark again and
/// again: a megabyte with the default mark and messages of 1 KiB. Giving that back and asking for it
/// anew each time costs more than writing it. Connections that have gone quiet give it back with
/// `release_memory`.
const KEEP: usize = 2 * 1024 * 1024;

/// A page of buffer is not worth the way to the allocator and back, so that much is always kept.
const LITTLE: usize = 4 * 1024;

/// What a stream's buffer grows by: the size that its senders write.
const GROWTH: usize = 64 * 1024;

/// A string of bytes. What is copied lies in one buffer; a body that is spliced in by reference has its
/// place between two bytes of that.
#[derive(Debug, Default)]
pub(super) struct Rope {
    buffer: Vec<u8>,
    /// In the order of their places. None is empty.
    bodies: Vec<Splice>,
    /// Bytes of `bodies`.
    spliced: usize,
}

#[derive(Debug)]
struct Splice {
    /// Where in the buffer the body belongs: before the byte with this index.
    at: usize,
    body: Bytes,
}

impl Drop for Rope {
    #[inline]
    fn drop(&mut self) {
        self.discard_bodies();
    }
}

impl Rope {
    /// The copied bytes, to append to.
    #[inline]
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// How many bytes are copied.
    #[inline]
    pub(super) fn copied(&self) -> usize {
        self.buffer.len()
    }

    /// Whether there are bodies by reference.
    #[inline]
    pub(super) fn has_bodies(&self) -> bool {
        !self.bodies.is_empty()
    }

    /// All bytes.
    #[inline]
    pub(super) fn bytes(&self) -> usize {
        self.buffer.len().saturating_add(self.spliced)
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.buffer.is_empty() && self.bodies.is_empty()
    }

    /// Makes room for this number of further bytes to be copied.
    #[inline]
    pub(super) fn reserve(&mut self, more: usize) {
        if self.buffer.capacity() - self.buffer.len() < more {
            self.grow(more);
        }
    }

    /// A lone message gets what it needs; what looks like a stream gets a whole batch at once instead
    /// of doubling its way there.
    #[cold]
    fn grow(&mut self, more: usize) {
        let stream = if self.buffer.capacity() >= LITTLE {
            GROWTH
        } else {
            0
        };
        self.buffer.reserve(more.max(stream));
    }

    /// Puts a body, which is not empty, behind all that is there.
    pub(super) fn splice(&mut self, body: Bytes) {
        self.splice_at(self.buffer.len(), body);
    }

    fn splice_at(&mut self, at: usize, body: Bytes) {
        self.spliced = self.spliced.saturating_add(body.len());
        self.bodies.push(Splice { at, body });
    }

    /// Puts a copy of `other` behind all that is there.
    #[inline]
    pub(super) fn append_copy(&mut self, other: &Rope) {
        let base = self.buffer.len();
        self.reserve(other.buffer.len());
        self.buffer.extend_from_slice(&other.buffer);
        for splice in &other.bodies {
            self.splice_at(base + splice.at, splice.body.clone());
        }
    }

    /// The same of what lies between two places of `other`, neither of which is within a body.
    pub(super) fn append_part(&mut self, other: &Rope, start: Cursor, end: Cursor) {
        let base = self.buffer.len();
        let copied = other.buffer.get(start.buffer..end.buffer);
        self.buffer.extend_from_slice(copied.unwrap_or_default());
        let bodies = other.bodies.get(start.bodies..end.bodies);
        for splice in bodies.unwrap_or_default() {
            let at = base + splice.at.saturating_sub(start.buffer);
            self.splice_at(at, splice.body.clone());
        }
    }

    /// Takes all bodies out, when all has been written.
    #[inline]
    pub(super) fn take_bodies(&mut self) -> impl Iterator<Item = Bytes> + '_ {
        self.spliced = 0;
        self.bodies.drain(..).map(|splice| splice.body)
    }

    fn discard_bodies(&mut self) {
        // A lone small message has none: not even an empty drain.
        if !self.bodies.is_empty() {
            // Ropes are dropped on the reactor's thread too, which a panic of the user's must not end.
            discard_each(self.take_bodies());
        }
    }

    /// Forgets everything, and keeps at most `KEEP` of memory.
    #[inline]
    pub(super) fn clear(&mut self) {
        self.buffer.clear();
        self.buffer.shrink_to(KEEP);
        self.discard_bodies();
        self.bodies.shrink_to(KEEP / size_of::<Splice>());
    }

    /// Whether it holds memory that [`release_memory`](Rope::release_memory) would give back once it is
    /// empty.
    pub(super) fn wants_trim(&self) -> bool {
        self.buffer.capacity() > LITTLE
    }

    /// Gives back what memory is not in use.
    pub(super) fn release_memory(&mut self) {
        if self.wants_trim() {
            self.buffer.shrink_to_fit();
        }
        self.bodies.shrink_to_fit();
    }
}

/// A place in a rope, told by what lies before it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cursor {
    /// Bytes of the buffer.
    pub(super) buffer: usize,
    /// Whole bodies.
    bodies: usize,
    /// Bytes of the body that this place is in; zero in the buffer.
    in_body: usize,
}

/// Bytes that lie one behind the other in memory.
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// A body kept by reference, or the rest of one.
    pub(super) is_body: bool,
}

impl Rope {
    /// What lies at `at`, as far as it is in one place. `None`: the end.
    pub(super) fn piece(&self, at: Cursor) -> Option<Piece<'_>> {
        let next = self.bodies.get(at.bodies);
        let (bytes, is_body) = match next {
            Some(splice) if splice.at <= at.buffer => (splice.body.get(at.in_body..), true),
            Some(splice) => (self.buffer.get(at.buffer..splice.at), false),
            None => (self.buffer.get(at.buffer..), false),
        };
        let bytes = bytes.filter(|bytes| !bytes.is_empty())?;
        Some(Piece { bytes, is_body })
    }

    /// The place `n` bytes behind `at`, within the piece that lies there.
    pub(super) fn after(&self, at: Cursor, n: usize) -> Cursor {
        match self.bodies.get(at.bodies) {
            Some(splice) if splice.at <= at.buffer => {
                let in_body = at.in_body + n;
                if in_body >= splice.body.len() {
                    Cursor {
                        bodies: at.bodies + 1,
                        in_body: 0,
                        ..at
                    }
                } else {
                    Cursor { in_body, ..at }
                }
            }
            _ => Cursor {
                buffer: at.buffer + n,
                ..at
            },
        }
    }

    /// All that lies behind `at`, if none of it is a body kept by reference.
    #[inline]
    pub(super) fn rest(&self, at: Cursor) -> Option<&[u8]> {
        if at.bodies >= self.bodies.len() {
            self.buffer.get(at.buffer..)
        } else {
            None
        }
    }

    /// The copied bytes behind `at`, as if there were no bodies between them.
    pub(super) fn copied_behind(&self, at: Cursor) -> Option<&[u8]> {
        self.buffer.get(at.buffer..)
    }

    /// The body of this size that lies behind a header of this length at `at`: shared if it was spliced in.
    pub(super) fn body(&self, at: Cursor, header: usize, body: usize) -> Bytes {
        let start = at.buffer + header;
        match self.bodies.get(at.bodies) {
            Some(splice) if splice.at == start => splice.body.clone(),
            _ => {
                let copied = self.buffer.get(start..start + body);
                Bytes::copy_from_slice(copied.unwrap_or_default())
            }
        }
    }

    /// The body of this size behind a header of this length at `at`.
    #[cfg(feature = "curve")]
    pub(super) fn body_behind(&self, at: Cursor, header: usize, body: usize) -> Option<&[u8]> {
        let start = at.buffer + header;
        match self.bodies.get(at.bodies) {
            Some(splice) if splice.at == start => Some(&splice.body),
            _ => self.buffer.get(start..start.checked_add(body)?),
        }
    }

    /// The place behind a header of this length at `at`, and a body of this size behind that.
    ///
    /// A body by reference is not empty and has its own header right before it, so that it cannot be mistaken
    /// for that of an empty frame.
    pub(super) fn behind_frame(&self, at: Cursor, header: usize, body: usize) -> Cursor {
        let buffer = at.buffer + header;
        match self.bodies.get(at.bodies) {
            Some(splice) if splice.at == buffer => Cursor {
                buffer,
                bodies: at.bodies + 1,
                ..at
            },
            _ => Cursor {
                buffer: buffer + body,
                ..at
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Clone, Debug)]
    enum Step {
        Copy(Vec<u8>),
        Splice(Vec<u8>),
        Double,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let text = || prop::collection::vec(any::<u8>(), 1..9);
        let step = prop_oneof![
            4 => text().prop_map(Step::Copy),
            4 => text().prop_map(Step::Splice),
            1 => Just(Step::Double),
        ];
        prop::collection::vec(step, 0..12)
    }

    /// A rope, the same bytes in one piece, and the places before and behind each step.
    fn built(steps: &[Step]) -> (Rope, Vec<u8>, Vec<(usize, Cursor)>) {
        let (mut rope, mut plain) = (Rope::default(), Vec::new());
        let mut places = vec![(0, Cursor::default())];
        for step in steps {
            match step {
                Step::Copy(text) => {
                    rope.buffer().extend_from_slice(text);
                    plain.extend_from_slice(text);
                }
                Step::Splice(text) => {
                    rope.splice(Bytes::copy_from_slice(text));
                    plain.extend_from_slice(text);
                }
                Step::Double => {
                    let mut copy = Rope::default();
                    copy.append_copy(&rope);
                    rope.append_copy(&copy);
                    plain = plain.repeat(2);
                }
            }
            let end = Cursor {
                buffer: rope.copied(),
                bodies: rope.bodies.len(),
                in_body: 0,
            };
            places.push((plain.len(), end));
        }
        (rope, plain, places)
    }

    /// All bytes, taken in steps of at most `most`.
    fn read(rope: &Rope, most: usize) -> Vec<u8> {
        let mut all = Vec::new();
        let mut at = Cursor::default();
        while let Some(piece) = rope.piece(at) {
            let bytes = &piece.bytes[..piece.bytes.len().min(most)];
            all.extend_from_slice(bytes);
            at = rope.after(at, bytes.len());
            if let Some(rest) = rope.rest(at) {
                all.extend_from_slice(rest);
                return all;
            }
        }
        all
    }

    proptest! {
        #[test]
        fn it_is_a_string_of_bytes(steps in steps(), most in 1..9usize) {
            let (mut rope, plain, places) = built(&steps);
            prop_assert_eq!((rope.bytes(), rope.is_empty()), (plain.len(), plain.is_empty()));
            prop_assert_eq!(&read(&rope, most), &plain);
            for (from, start) in &places {
                for (to, end) in places.iter().filter(|(to, _)| to >= from) {
                    let mut part = Rope::default();
                    part.append_part(&rope, *start, *end);
                    prop_assert_eq!(&read(&part, most), &plain[*from..*to]);
                }
            }
            let copied = rope.copied();
            let bodies: usize = rope.take_bodies().map(|body| body.len()).sum();
            prop_assert_eq!(copied + bodies, plain.len());
            prop_assert_eq!(rope.bytes(), copied);
            rope.clear();
            prop_assert!(rope.is_empty() && rope.bytes() == 0);
        }
    }

    #[test]
    fn memory_is_kept_within_bounds_and_given_back() {
        let mut rope = Rope::default();
        for _ in 0..100_000 {
            rope.reserve(32);
            rope.buffer().extend_from_slice(&[0; 32]);
        }
        assert!(rope.wants_trim());
        rope.clear();
        assert!((LITTLE..=KEEP).contains(&rope.buffer.capacity()));
        rope.release_memory();
        assert_eq!(rope.buffer.capacity(), 0);
        assert!(!rope.wants_trim());
    }
}
