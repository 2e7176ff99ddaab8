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

/// Where streams of several senders meet, each numbers its messages from here on, times its own number.
const STREAM: u64 = 1 << 48;

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
    first: u64,
    next: u64,
    buffer: Vec<u8>,
    fixed: Vec<&'static [u8]>,
}

impl Source {
    pub(crate) fn new(size: usize) -> Source {
        Source::of_many(size, 0)
    }

    /// One of several whose messages one receiver gets.
    pub(crate) fn of_many(size: usize, stream: u64) -> Source {
        let first = stream * STREAM;
        let mut buffer = template(size);
        let mut fixed = Vec::new();
        if size >= FIXED_FROM {
            fixed = (0..FIXED)
                .map(|number| fixed_message(&mut buffer, number))
                .collect();
        }
        Source {
            first,
            next: first,
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
        self.next - self.first
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

/// Checks what a receiver gets.
pub(crate) trait Checks {
    /// False at the end of everything. Anything that should not be there ends the run.
    fn accept(&mut self, body: &[u8]) -> bool;
    fn received(&self) -> u64;
}

/// The messages of one stream, one after the other.
pub(crate) struct Check {
    first: u64,
    next: u64,
    expected: Vec<u8>,
}

impl Check {
    pub(crate) fn new(size: usize) -> Check {
        Check::of_many(size, 0)
    }

    fn of_many(size: usize, stream: u64) -> Check {
        let first = stream * STREAM;
        Check {
            first,
            next: first,
            expected: template(size),
        }
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

impl Checks for Check {
    fn received(&self) -> u64 {
        self.next - self.first
    }

    #[inline]
    fn accept(&mut self, body: &[u8]) -> bool {
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
}

/// The messages of a stream that may lose some, but none of them twice, and none out of order.
pub(crate) struct LossyCheck {
    check: Check,
    received: u64,
}

impl LossyCheck {
    pub(crate) fn new(size: usize) -> LossyCheck {
        LossyCheck {
            check: Check::new(size),
            received: 0,
        }
    }
}

impl Checks for LossyCheck {
    fn received(&self) -> u64 {
        self.received
    }

    #[inline]
    fn accept(&mut self, body: &[u8]) -> bool {
        if body.len() == self.check.expected.len() {
            let number = body.first_chunk().expect("a message with a number");
            let number = u64::from_le_bytes(*number);
            assert!(number >= self.check.next, "{number} is out of order");
            self.check.next = number;
        }
        self.received += 1;
        self.check.accept(body)
    }
}

/// The messages of several streams, which may come between one another's.
pub(crate) struct ManyChecks {
    streams: Vec<Check>,
    open: usize,
}

impl ManyChecks {
    pub(crate) fn new(size: usize, streams: u64) -> ManyChecks {
        let streams: Vec<_> = (0..streams).map(|n| Check::of_many(size, n)).collect();
        ManyChecks {
            open: streams.len(),
            streams,
        }
    }
}

impl Checks for ManyChecks {
    fn received(&self) -> u64 {
        self.streams.iter().map(Check::received).sum()
    }

    #[inline]
    fn accept(&mut self, body: &[u8]) -> bool {
        let number = body.first_chunk().expect("a message with a number");
        let stream = u64::from_le_bytes(*number) / STREAM;
        let check = self.streams.get_mut(stream as usize);
        if !check.expect("a message of nobody").accept(body) {
            self.open -= 1;
        }
        self.open > 0
    }
}
