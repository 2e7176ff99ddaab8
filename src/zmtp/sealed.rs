//! A flight whose frames are sealed on their way to the kernel.
//!
//! The flight itself has the frames as they were encoded, and goes on counting in them: what is written again
//! over the next connection is sealed again there, with that one's key. Sealed frames lie beside it, a write's worth of them, and
//! each counts as written when its last byte is.

use super::flight::Flight;
use super::sealing::Sealer;
use crate::tuning;

/// A page of buffer is not worth the way to the allocator and back.
const LITTLE: usize = 4 * 1024;

/// What seals the flights of one connection.
///
/// | Field | What holds |
/// |---|---|
/// | `frames` | those of `buffer`, of which the first are written: for each where it ends there, and its bytes in the flight |
/// | `credited` | of the first frame that is not written: bytes by which the flight was advanced already, fewer than it has |
#[derive(Debug)]
pub(crate) struct Seal {
    sealer: Sealer,
    buffer: Vec<u8>,
    /// Bytes of `buffer` that are written.
    at: usize,
    frames: Vec<(usize, usize)>,
    /// Frames that are written.
    passed: usize,
    credited: usize,
}

impl Seal {
    pub(crate) fn new(sealer: Sealer) -> Seal {
        Seal {
            sealer,
            buffer: Vec::new(),
            at: 0,
            frames: Vec::new(),
            passed: 0,
            credited: 0,
        }
    }

    /// What is to be written next of a flight that is not empty. `None`: nothing can be sealed any more.
    pub(crate) fn next<'a>(&'a mut self, flight: &'a Flight) -> Option<&'a [u8]> {
        let plain = flight.unsealed();
        if !plain.is_empty() {
            return Some(plain);
        }
        if self.at >= self.buffer.len() {
            self.fill(flight)?;
        }
        self.buffer.get(self.at..).filter(|rest| !rest.is_empty())
    }

    /// Seals the next frames, as many as make a write.
    fn fill(&mut self, flight: &Flight) -> Option<()> {
        self.clear();
        let mut frames = flight.frames();
        while self.buffer.len() < tuning::WRITE {
            let Some((header, body)) = frames.next() else {
                break;
            };
            if !self.sealer.seal(&header, body, &mut self.buffer) {
                return None;
            }
            let len = header.len + body.len();
            self.frames.push((self.buffer.len(), len));
        }
        Some(())
    }

    fn clear(&mut self) {
        self.buffer.clear();
        self.frames.clear();
        (self.at, self.passed, self.credited) = (0, 0, 0);
        // A large body was among them.
        if self.buffer.capacity() > 2 * tuning::WRITE_BODIES {
            self.buffer.shrink_to(tuning::WRITE);
        }
    }

    /// The kernel took so many bytes of what was given last.
    pub(crate) fn advance(&mut self, flight: &mut Flight, n: usize) {
        if !flight.unsealed().is_empty() {
            return flight.advance(n);
        }
        let mut start = self.passed.checked_sub(1).map_or(0, |last| self.end(last));
        self.at = (self.at + n).min(self.buffer.len());
        while let Some(&(end, len)) = self.frames.get(self.passed) {
            if end > self.at {
                // A frame that is begun is begun in the flight too, and never done.
                let credit = (self.at - start).min(len - 1);
                flight.advance(credit.saturating_sub(self.credited));
                self.credited = credit;
                return;
            }
            flight.advance(len - self.credited);
            (self.credited, start) = (0, end);
            self.passed += 1;
        }
    }

    fn end(&self, frame: usize) -> usize {
        self.frames.get(frame).map_or(0, |(end, _)| *end)
    }

    pub(crate) fn wants_trim(&self) -> bool {
        self.buffer.capacity() > LITTLE
    }

    /// Gives back what memory is not in use, when the flight is written.
    pub(crate) fn release_memory(&mut self) {
        self.buffer = Vec::new();
        self.frames = Vec::new();
        (self.at, self.passed, self.credited) = (0, 0, 0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::zmtp::frame::Header;
    use crate::zmtp::outbox::Outbox;
    use crate::zmtp::sealing::tests::pair;
    use proptest::prelude::*;

    /// Has everything written in steps of these sizes, again and again; gives what was.
    fn written(seal: &mut Seal, flight: &mut Flight, steps: &[usize]) -> Vec<u8> {
        let mut all = Vec::new();
        for step in steps.iter().cycle() {
            if flight.is_empty() {
                break;
            }
            let next = seal.next(flight).unwrap();
            let n = next.len().min(*step);
            all.extend_from_slice(&next[..n]);
            seal.advance(flight, n);
        }
        all
    }

    #[test]
    fn what_a_handshake_says_goes_as_it_is_and_what_follows_is_sealed() {
        let (sealer, mut opener) = pair();
        let (mut seal, mut flight, mut outbox) = (Seal::new(sealer), Flight::new(), Outbox::new());
        outbox.push_raw(b"\x04\x06\x05READY");
        outbox.push(&Message::from("first"));
        flight.load(&mut outbox);
        let all = written(&mut seal, &mut flight, &[3]);
        let (ready, rest) = all.split_at(8);
        assert_eq!(ready, b"\x04\x06\x05READY");
        assert!(!rest.windows(5).any(|it| it == b"first"));
        let mut frame = Vec::new();
        let at = opener.open(&rest[2..], &mut frame).unwrap();
        assert_eq!(&frame[at..], b"\0\x05first");
    }

    #[test]
    fn memory_of_a_large_body_is_given_back() {
        let (sealer, _) = pair();
        let (mut seal, mut flight, mut outbox) = (Seal::new(sealer), Flight::new(), Outbox::new());
        outbox.push(&Message::from(vec![7; 8 << 20]));
        outbox.push(&Message::from("small"));
        flight.load(&mut outbox);
        assert!(!seal.wants_trim());
        written(&mut seal, &mut flight, &[1 << 20]);
        assert!(seal.wants_trim() && seal.buffer.capacity() < 1 << 20);
        seal.release_memory();
        assert!(!seal.wants_trim());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// Whatever the kernel takes at a time, and wherever the connection is lost: what the peer can open, and
        /// what is sent again, are the messages in their order, each once, and none that the peer has is sent again.
        #[test]
        fn what_is_sealed_is_rewound_rightly(
            sizes in prop::collection::vec(
                prop::collection::vec(
                    prop_oneof![0..70usize, 200..300usize, 4090..4100usize, 60_000..70_000usize],
                    1..4,
                ),
                1..12,
            ),
            steps in prop::collection::vec(prop_oneof![1..40usize, 100..20_000usize], 1..6),
            cut in 0.0..1.0f64,
        ) {
            let (sealer, mut opener) = pair();
            let message = |(n, sizes): (usize, &Vec<usize>)| {
                Message::from(sizes.iter().map(|size| vec![n as u8; *size]).collect::<Vec<_>>())
            };
            let messages: Vec<_> = sizes.iter().enumerate().map(message).collect();
            let mut outbox = Outbox::new();
            messages.iter().for_each(|message| outbox.push(message));
            let total = outbox.bytes() + 33 * sizes.iter().map(Vec::len).sum::<usize>();
            let (mut seal, mut flight) = (Seal::new(sealer), Flight::new());
            flight.load(&mut outbox);
            let most = (total as f64 * cut) as usize;
            let mut sent = Vec::new();
            for step in steps.iter().cycle() {
                if sent.len() >= most || flight.is_empty() {
                    break;
                }
                let next = seal.next(&flight).unwrap();
                let n = next.len().min(*step);
                sent.extend_from_slice(&next[..n]);
                seal.advance(&mut flight, n);
                prop_assert!(flight.is_empty() || flight.bytes() > 0);
            }
            // What the peer has: whole frames, of which the last may be of a message that is not whole.
            let (mut rest, mut frames, mut whole) = (&sent[..], 0, 0);
            while let Ok(Some(header)) = Header::parse(rest) {
                let end = header.len + header.size as usize;
                let Some(body) = rest.get(header.len..end) else { break };
                let mut frame = Vec::new();
                let at = opener.open(body, &mut frame).unwrap();
                let more = Header::parse(&frame[at..]).unwrap().unwrap().more;
                frames += 1;
                whole += usize::from(!more);
                rest = &rest[end..];
            }
            prop_assert!(frames <= sizes.iter().map(Vec::len).sum::<usize>());
            prop_assert_eq!(flight.completed_messages(), whole);
            let begun = !rest.is_empty() || frames > sizes.iter().take(whole).map(Vec::len).sum::<usize>();
            prop_assert_eq!(flight.is_within_message(), begun);
            let kept = flight.rewind();
            let mut expected = Outbox::new();
            messages.iter().skip(whole).for_each(|message| expected.push(message));
            prop_assert_eq!(kept.messages(), messages.len() - whole);
            prop_assert_eq!(kept.bytes(), expected.bytes());
        }
    }
}
