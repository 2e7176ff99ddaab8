//! Bytes that nobody is to see: wiped from memory when they are dropped, compared in a time that does not
//! depend on them, never shown.

use std::fmt;

use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroize;

/// The longest text: RFC 24 tells its length in one byte.
pub(crate) const LONGEST: usize = 255;

/// A text of at most [`LONGEST`] bytes, in as much memory whatever its length: what is compared does not
/// tell how long it is.
pub(crate) struct Secret {
    /// Zeros behind the text. Boxed, so that it is not copied when it is moved.
    bytes: Box<[u8; LONGEST]>,
    /// What was given; more than [`LONGEST`] if that was too long, of which nothing is kept then.
    len: usize,
}

impl Secret {
    pub(crate) fn new(text: &[u8]) -> Secret {
        let mut bytes = Box::new([0; LONGEST]);
        if let Some(to) = bytes.get_mut(..text.len()) {
            to.copy_from_slice(text);
        }
        let len = text.len();
        Secret { bytes, len }
    }

    /// Whether it is longer than can be said.
    pub(crate) fn is_too_long(&self) -> bool {
        self.len > LONGEST
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }
}

impl ConstantTimeEq for Secret {
    fn ct_eq(&self, other: &Secret) -> Choice {
        let lengths = (self.len as u64).ct_eq(&(other.len as u64));
        lengths & self.bytes.as_slice().ct_eq(other.bytes.as_slice())
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Secret) -> bool {
        self.ct_eq(other).into()
    }
}

impl Eq for Secret {}

impl Drop for Secret {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_is_what_has_the_same_bytes_and_as_many() {
        let texts: [&[u8]; 6] = [b"", b"\0", b"a", b"a\0", b"b", &[b'a'; 255]];
        for (n, a) in texts.iter().enumerate() {
            for (m, b) in texts.iter().enumerate() {
                assert_eq!(Secret::new(a) == Secret::new(b), n == m);
            }
            assert_eq!(Secret::new(a).as_slice(), *a);
        }
    }

    #[test]
    fn a_text_that_is_too_long_is_known_and_not_cut() {
        assert!(!Secret::new(&[b'a'; 255]).is_too_long());
        let long = Secret::new(&[b'a'; 256]);
        assert!(long.is_too_long() && long.as_slice().is_empty());
    }

    #[test]
    fn nothing_of_it_is_shown() {
        assert_eq!(format!("{:?}", Secret::new(b"tr0ub4dor")), "(secret)");
    }
}
