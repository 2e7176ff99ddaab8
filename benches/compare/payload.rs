//! Messages that know their place in the stream, so that a receiver notices one that is lost, repeated, out of
//! order or damaged.

use crate::library::SendEnd;

/// From this size on messages are sent without copying, from a few fixed ones, as a program would send them
/// that cares; below, each is made in the sender's own buffer and copied by the library.
const FIXED_FROM: usize = 16 * 1024;
/// How many fixed ones: enough that two neighbours never look the same.
const FIXED: u64 = 4;
/// Every so many messages the whole content is compared; between them both ends of it.
const THOROUGH: u64 = 64;
/// The last message of a stream: this, and how many came before it. No row has messages of this size.
const END: [u8; 4] = *b"end!";
const END_LEN: usize = 12;
/// What a publisher sends until its subscribers are there. No row has messages of this size either.
pub(crate) const KNOCK: &[u8] = b"knock";

/// Both ends of message `number` of a stream.
fn stamp(body: &mut [u8], number: u64) {
    let len = body.len();
    body[..8].copy_from_slice(&number.to_le_bytes());
    body[len - 8..].copy_from_slice(&(!number).to_le_bytes());
}

fn template(size: usize) -> Vec<u8> {
    let period: Vec<u8> = (0..=250).collect();
    let mut body = period.repeat(size / period.len() + 1);
    body.truncate(size);
    body
}

/// A message to send.
pub(crate) enum Body<'a> {
    /// Of a buffer that is used again.
    Borrowed(&'a [u8]),
    /// To be sent by the way that avoids copying it.
    Static(&'static [u8]),
}

/// Makes the messages of a stream, one after the other.
pub(crate) struct Source {
    next: u64,
    buffer: Vec<u8>,
    fixed: Vec<&'static [u8]>,
}

impl Source {
    pub(crate) fn new(size: usize) -> Source {
        let mut buffer = template(size);
        let mut fixed = Vec::new();
        if size >= FIXED_FROM {
            fixed = (0..FIXED)
                .map(|number| fixed_message(&mut buffer, number))
                .collect();
        }
        Source {
            next: 0,
            buffer,
            fixed,
        }
    }

    #[inline]
    pub(crate) fn send_next(&mut self, socket: &impl SendEnd) {
        match self.next_body() {
            Body::Borrowed(body) => socket.send(body),
            Body::Static(body) => socket.send_static(body),
        }
    }

    #[inline]
    pub(crate) fn next_body(&mut self) -> Body<'_> {
        let number = self.next;
        self.next += 1;
        if self.fixed.is_empty() {
            stamp(&mut self.buffer, number);
            Body::Borrowed(&self.buffer)
        } else {
            Body::Static(self.fixed[(number % FIXED) as usize])
        }
    }

    pub(crate) fn sent(&self) -> u64 {
        self.next
    }

    pub(crate) fn send_end(&self, socket: &impl SendEnd) {
        socket.send(&self.end_body());
    }

    pub(crate) fn end_body(&self) -> Vec<u8> {
        [&self.next.to_le_bytes()[..], &END].concat()
    }
}

fn fixed_message(buffer: &mut [u8], number: u64) -> &'static [u8] {
    stamp(buffer, number);
    Vec::leak(buffer.to_vec())
}

/// Checks the messages of a stream, one after the other.
pub(crate) struct Check {
    next: u64,
    expected: Vec<u8>,
}

impl Check {
    pub(crate) fn new(size: usize) -> Check {
        Check {
            next: 0,
            expected: template(size),
        }
    }

    pub(crate) fn received(&self) -> u64 {
        self.next
    }

    /// False at the end of the stream. Anything that should not be there ends the run.
    #[inline]
    pub(crate) fn accept(&mut self, body: &[u8]) -> bool {
        if body.len() != self.expected.len() {
            self.accept_end(body);
            return false;
        }
        let fixed = body.len() >= FIXED_FROM;
        stamp(
            &mut self.expected,
            if fixed { self.next % FIXED } else { self.next },
        );
        let same = if self.next.is_multiple_of(THOROUGH) {
            body == self.expected
        } else {
            let tail = body.len() - 8;
            body[..8] == self.expected[..8] && body[tail..] == self.expected[tail..]
        };
        assert!(
            same,
            "message {} is lost, out of order or damaged",
            self.next
        );
        self.next += 1;
        true
    }

    #[cold]
    fn accept_end(&self, body: &[u8]) {
        assert_eq!(body.len(), END_LEN, "a message of a wrong size");
        assert_eq!(body[8..], END, "a message of a wrong size");
        assert_eq!(
            body[..8],
            self.next.to_le_bytes(),
            "messages lost at the end of the stream"
        );
    }
}
