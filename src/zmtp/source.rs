//! Where a decoder takes bytes from: a buffer that is lent to it, or one that messages may keep.

use bytes::Bytes;

use super::frame::Header;
use crate::message::INLINE;

/// Frames that are looked at to find out whether a stream has bodies worth sharing: more than the
/// small frames that stand before a body in any common envelope.
const PROBES: usize = 8;

/// Where bytes are taken from.
pub(super) enum Source<'a> {
    /// Bodies are copied out of it.
    Lent(&'a [u8]),
    /// Larger bodies stay in it.
    Shared(&'a Bytes),
}

impl<'a> Source<'a> {
    #[inline]
    pub(super) fn bytes(&self) -> &'a [u8] {
        match self {
            Source::Lent(bytes) => bytes,
            Source::Shared(bytes) => bytes,
        }
    }

    /// A part of this source as a slice that its message keeps, if it may and that pays.
    #[inline]
    pub(super) fn share(&self, body: &[u8]) -> Option<Bytes> {
        match self {
            Source::Shared(bytes) if body.len() > INLINE => Some(bytes.slice_ref(body)),
            _ => None,
        }
    }
}

/// Whether there are bodies near the start of `input`, which begins with a frame, that messages would
/// share. A stream goes on as it began, mostly.
pub(super) fn has_bodies_to_share(input: &[u8]) -> bool {
    let mut rest = input;
    for _ in 0..PROBES {
        let Ok(Some(header)) = Header::parse(rest) else {
            return false;
        };
        let size = usize::try_from(header.size).unwrap_or(usize::MAX);
        let end = header.len.saturating_add(size);
        let Some(after) = rest.get(end..) else {
            return false;
        };
        if size > INLINE && !header.command {
            return true;
        }
        rest = after;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A frame with a body of `size` bytes, of which `there` have come.
    fn frame(flags: u8, size: u8, there: usize) -> Vec<u8> {
        let mut bytes = vec![flags, size];
        bytes.resize(2 + there, b'x');
        bytes
    }

    #[test]
    fn a_stream_is_worth_sharing_when_a_whole_larger_body_is_near_its_start() {
        let small = frame(1, 4, 4);
        let large = frame(0, 200, 200);
        assert!(has_bodies_to_share(&large));
        assert!(has_bodies_to_share(&[&small[..], &large].concat()));
        assert!(!has_bodies_to_share(b""));
        assert!(!has_bodies_to_share(&small));
        assert!(!has_bodies_to_share(&frame(4, 200, 200)), "a command");
        assert!(!has_bodies_to_share(&frame(0, 200, 199)), "not whole");
        assert!(!has_bodies_to_share(&frame(0x80, 200, 200)), "at fault");
        let far = [&small.repeat(PROBES)[..], &large].concat();
        assert!(!has_bodies_to_share(&far));
    }

    #[test]
    fn only_bodies_that_do_not_fit_a_message_are_shared() {
        let bytes = Bytes::from(vec![b'x'; 200]);
        let shared = Source::Shared(&bytes);
        assert_eq!(shared.share(&bytes[..INLINE]), None);
        assert_eq!(shared.share(&bytes[3..]), Some(bytes.slice(3..)));
        assert_eq!(Source::Lent(&bytes).share(&bytes[3..]), None);
    }
}
