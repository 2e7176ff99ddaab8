//! What CURVE makes of each frame once the handshake is over: a MESSAGE command of its own (RFC 26).
//!
//! ```text
//! as it is            flags | size | body
//! as it is sealed     0     | size + 33 | 07 MESSAGE | nonce (8) | tag (16) | inner flags and body, encrypted
//! ```
//!
//! Whether a frame is a command, or more follows, is in the box; outside of it all frames are alike. They are
//! *message* frames although what is in them is called a command: so does libzmq, against RFC 26's grammar.

use super::error::ProtocolError;
use super::frame::{self, Header, COMMAND, MAX_HEADER, MORE};
use crate::security::cipher::{Direction, Shared, TAG};

const NAME: &[u8; 8] = b"\x07MESSAGE";

/// The count of a nonce.
const NONCE: usize = 8;

/// By how much a body grows.
pub(crate) const OVERHEAD: usize = NAME.len() + NONCE + TAG + 1;

/// The flags in the box. RFC 26 knows the first only; libzmq has commands (SUBSCRIBE, PING) in boxes too.
const INNER_MORE: u8 = 0b01;
const INNER_COMMAND: u8 = 0b10;

/// Both directions of a connection whose handshake is over.
#[derive(Debug)]
pub(crate) struct Seals {
    pub(crate) opener: Opener,
    pub(crate) sealer: Sealer,
}

/// Seals what goes to the peer, in the order in which it goes. One for each connection: no other seals with its
/// key, so that no nonce is used twice.
#[derive(Debug)]
pub(crate) struct Sealer {
    key: Direction,
    /// The nonce of the last box. Only grows.
    last: u64,
}

impl Sealer {
    pub(crate) fn new(session: &Shared, prefix: &[u8; 16], last: u64) -> Sealer {
        Sealer {
            key: session.direction(prefix),
            last,
        }
    }

    /// Appends a frame with this header and body, sealed. False: there is no nonce left.
    pub(super) fn seal(&mut self, header: &Header, body: &[u8], out: &mut Vec<u8>) -> bool {
        let Some(nonce) = self.last.checked_add(1) else {
            return false;
        };
        self.last = nonce;
        out.reserve(MAX_HEADER + OVERHEAD + body.len());
        frame::put_header(out, 0, OVERHEAD + body.len());
        out.extend_from_slice(NAME);
        out.extend_from_slice(&nonce.to_be_bytes());
        let at = out.len();
        out.extend_from_slice(&[0; TAG]);
        let more = if header.more { INNER_MORE } else { 0 };
        let command = if header.command { INNER_COMMAND } else { 0 };
        out.push(more | command);
        out.extend_from_slice(body);
        let sealed = out
            .get_mut(at..)
            .and_then(|it| it.split_at_mut_checked(TAG));
        let Some((tag, text)) = sealed else {
            return false;
        };
        tag.copy_from_slice(&self.key.seal(nonce, text));
        true
    }
}

/// Opens what comes from the peer.
#[derive(Debug)]
pub(crate) struct Opener {
    key: Direction,
    /// The nonce of the last box that was opened. Only grows: what is replayed, or comes in another order, is a
    /// fault (CVE-2014-7203).
    last: u64,
}

impl Opener {
    pub(crate) fn new(session: &Shared, prefix: &[u8; 16], last: u64) -> Opener {
        Opener {
            key: session.direction(prefix),
            last,
        }
    }

    /// Judges the header of a frame of the peer before anything is kept of its body, which may have at most
    /// `largest` bytes when it is open.
    pub(super) fn check_header(&self, header: &Header, largest: u64) -> Result<(), ProtocolError> {
        // Outside of a box there is nothing but MESSAGE, in a frame of its own.
        if header.command || header.more {
            return Err(ProtocolError::NotSealed);
        }
        let size = header
            .size
            .checked_sub(OVERHEAD as u64)
            .ok_or(ProtocolError::NotSealed)?;
        if size > largest {
            return Err(ProtocolError::MessageTooLarge {
                size,
                limit: largest,
            });
        }
        Ok(())
    }

    /// Opens the body of a frame into `frame`, which is a whole frame as it was before it was sealed then; gives
    /// where in it that begins. Nothing of it may be used after an error.
    pub(super) fn open(
        &mut self,
        body: &[u8],
        frame: &mut Vec<u8>,
    ) -> Result<usize, ProtocolError> {
        let rest = body.strip_prefix(NAME).ok_or(ProtocolError::NotSealed)?;
        let (nonce, rest) = rest.split_first_chunk().ok_or(ProtocolError::NotSealed)?;
        let (tag, sealed) = rest.split_first_chunk().ok_or(ProtocolError::NotSealed)?;
        let nonce = u64::from_be_bytes(*nonce);
        if nonce <= self.last {
            return Err(ProtocolError::NonceNotIncreased);
        }
        // Before the text there is room for the longest header, the last byte of which is where the flags are.
        frame.clear();
        frame.reserve(MAX_HEADER + body.len());
        frame.extend_from_slice(&[0; MAX_HEADER - 1]);
        frame.extend_from_slice(sealed);
        let text = frame.get_mut(MAX_HEADER - 1..).unwrap_or_default();
        if !self.key.open(nonce, tag, text) {
            return Err(ProtocolError::BoxNotOpened { name: "MESSAGE" });
        }
        self.last = nonce;
        let flags = text.first().copied().unwrap_or_default();
        if flags & !(INNER_MORE | INNER_COMMAND) != 0 {
            return Err(ProtocolError::ReservedFlags { flags });
        }
        let more = if flags & INNER_MORE != 0 { MORE } else { 0 };
        let command = if flags & INNER_COMMAND != 0 {
            COMMAND
        } else {
            0
        };
        let size = text.len().saturating_sub(1);
        let mut header = [0; MAX_HEADER];
        let len = frame::header(more | command, size, &mut header);
        let at = MAX_HEADER - len;
        for (to, from) in frame.iter_mut().skip(at).zip(header.iter().take(len)) {
            *to = *from;
        }
        Ok(at)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::security::keys::{KeyPair, SecretKey};

    /// What seals in one direction, and what opens that.
    pub(crate) fn pair() -> (Sealer, Opener) {
        let keys = |seed| KeyPair::from(SecretKey::from_bytes([seed; 32]));
        let shared = Shared::between(&keys(1).public(), keys(2).secret()).unwrap();
        let prefix = b"CurveZMQMESSAGEC";
        (
            Sealer::new(&shared, prefix, 2),
            Opener::new(&shared, prefix, 2),
        )
    }

    fn header(bytes: &[u8]) -> Header {
        Header::parse(bytes).unwrap().unwrap()
    }

    /// A frame with these flags, sealed: its header, and its body.
    fn sealed(sealer: &mut Sealer, flags: u8, body: &[u8]) -> (Header, Vec<u8>) {
        let mut plain = Vec::new();
        frame::put_header(&mut plain, flags, body.len());
        let mut out = Vec::new();
        assert!(sealer.seal(&header(&plain), body, &mut out));
        let header = header(&out);
        (header, out.split_off(header.len))
    }

    #[test]
    fn frames_of_all_kinds_and_sizes_come_out_as_they_went_in() {
        let (mut sealer, mut opener) = pair();
        for flags in [0, MORE, COMMAND] {
            for size in [0, 1, 15, 64, 222, 223, 255, 256, 5000] {
                let body = vec![b'x'; size];
                let (header, text) = sealed(&mut sealer, flags, &body);
                // Outside of the box all frames are alike.
                assert!(!header.more && !header.command);
                assert_eq!(text.len(), size + OVERHEAD);
                assert_eq!(opener.check_header(&header, size as u64), Ok(()));
                assert!(
                    opener
                        .check_header(&header, (size as u64).wrapping_sub(1))
                        .is_err()
                        || size == 0
                );
                let mut frame = Vec::new();
                let at = opener.open(&text, &mut frame).unwrap();
                let mut expected = Vec::new();
                frame::put_header(&mut expected, flags, size);
                expected.extend_from_slice(&body);
                assert!(frame[at..] == expected, "{flags} {size}");
            }
        }
    }

    #[test]
    fn what_is_not_sealed_is_refused_by_its_header() {
        let (_, opener) = pair();
        for bytes in [&b"\x04\x40"[..], b"\x01\x40", b"\x00\x20", b"\x00\x00"] {
            let refused = opener.check_header(&header(bytes), u64::MAX);
            assert_eq!(refused, Err(ProtocolError::NotSealed));
        }
        assert_eq!(opener.check_header(&header(b"\x00\x21"), 0), Ok(()));
        let large = opener.check_header(&header(b"\x00\x22"), 0);
        assert_eq!(
            large,
            Err(ProtocolError::MessageTooLarge { size: 1, limit: 0 })
        );
    }

    #[test]
    fn a_box_that_was_changed_or_cut_is_not_opened_and_gives_nothing_away() {
        let (mut sealer, _) = pair();
        let (_, text) = sealed(&mut sealer, 0, b"a text of some length");
        for at in 0..text.len() {
            let (_, mut opener) = pair();
            let mut changed = text.clone();
            changed[at] ^= 1;
            assert!(opener.open(&changed, &mut Vec::new()).is_err(), "{at}");
            assert!(opener.open(&text[..at], &mut Vec::new()).is_err(), "{at}");
            // And the right one still is.
            assert!(opener.open(&text, &mut Vec::new()).is_ok());
        }
    }

    #[test]
    fn a_nonce_that_does_not_increase_is_refused() {
        let (mut sealer, mut opener) = pair();
        let texts: Vec<_> = (0..4).map(|n| sealed(&mut sealer, 0, &[n]).1).collect();
        let mut frame = Vec::new();
        let again = Err(ProtocolError::NonceNotIncreased);
        assert!(opener.open(&texts[0], &mut frame).is_ok());
        assert_eq!(opener.open(&texts[0], &mut frame), again, "replayed");
        // A gap is allowed by the standard: nothing on a stream is lost on its way.
        assert!(opener.open(&texts[2], &mut frame).is_ok());
        assert_eq!(opener.open(&texts[1], &mut frame), again, "out of order");
        assert!(opener.open(&texts[3], &mut frame).is_ok());
        // One of the handshake's.
        let (mut low, _) = pair();
        low.last = 1;
        let (_, mut opener) = pair();
        assert_eq!(opener.open(&sealed(&mut low, 0, b"").1, &mut frame), again);
    }

    #[test]
    fn nonces_do_not_begin_again() {
        let (mut sealer, _) = pair();
        sealer.last = u64::MAX - 1;
        let mut out = Vec::new();
        let header = header(b"\0\x01");
        assert!(sealer.seal(&header, b"x", &mut out));
        assert!(!sealer.seal(&header, b"y", &mut out));
    }

    #[test]
    fn flags_that_mean_nothing_are_refused() {
        let (mut sealer, mut opener) = pair();
        // The flags are the first byte of the box.
        let direction = &sealer.key;
        let mut text = [4, b'x'];
        let tag = direction.seal(3, &mut text);
        let body = [&NAME[..], &3u64.to_be_bytes(), &tag, &text].concat();
        let refused = opener.open(&body, &mut Vec::new());
        assert_eq!(refused, Err(ProtocolError::ReservedFlags { flags: 4 }));
        sealer.last = 3;
    }
}
