//! The one place that knows which crate does the cryptography: Curve25519, XSalsa20 and Poly1305 of NaCl.
//!
//! `dryoc` does all of it. Of what was measured (`SECURITY.md` says what, and what was audited) it is the fastest
//! for small messages by far, and it opens and seals where the bytes are.

use std::fmt;

use dryoc::classic::crypto_box::{
    crypto_box_beforenm, crypto_box_detached_afternm_inplace,
    crypto_box_open_detached_afternm_inplace,
};
use dryoc::classic::crypto_core::crypto_scalarmult_base;
use zeroize::Zeroizing;

use super::keys::{PublicKey, SecretKey, SIZE};

/// Bytes of what shows that a box is whole.
pub(crate) const TAG: usize = 16;

/// Bytes of a number that is used once with a key.
const NONCE: usize = 24;

/// The public key that belongs to a secret one.
pub(crate) fn public_of(secret: &[u8; SIZE]) -> [u8; SIZE] {
    let mut public = [0; SIZE];
    crypto_scalarmult_base(&mut public, secret);
    public
}

/// The secret that two sides share, each of which knows its own secret key and the other's public key. Wiped from
/// memory when it is dropped.
#[derive(Clone)]
pub(crate) struct Shared(Box<Zeroizing<[u8; SIZE]>>);

impl Shared {
    /// `None`: the public key is one of those few with which every secret key has the same result, which is no
    /// secret then.
    pub(crate) fn between(public: &PublicKey, secret: &SecretKey) -> Option<Shared> {
        let key = crypto_box_beforenm(public.as_bytes(), secret.as_bytes()).ok()?;
        Some(Shared(Box::new(Zeroizing::new(key))))
    }

    /// Seals `text` where it is, and gives its tag. With one key no nonce may be used twice.
    pub(crate) fn seal(&self, nonce: &[u8; NONCE], text: &mut [u8]) -> [u8; TAG] {
        let mut tag = [0; TAG];
        crypto_box_detached_afternm_inplace(text, &mut tag, nonce, &self.0);
        tag
    }

    /// Opens `text` where it is. False: it is not what was sealed with this key and this nonce, and stays as it
    /// is.
    pub(crate) fn open(&self, nonce: &[u8; NONCE], tag: &[u8; TAG], text: &mut [u8]) -> bool {
        crypto_box_open_detached_afternm_inplace(text, tag, nonce, &self.0).is_ok()
    }

    /// The same key, for all nonces that begin with `prefix`.
    pub(crate) fn direction(&self, prefix: &[u8; 16]) -> Direction {
        Direction {
            key: self.clone(),
            prefix: *prefix,
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shared(..)")
    }
}

/// A key whose nonces are counted.
#[derive(Debug)]
pub(crate) struct Direction {
    key: Shared,
    prefix: [u8; 16],
}

impl Direction {
    pub(crate) fn seal(&self, count: u64, text: &mut [u8]) -> [u8; TAG] {
        self.key.seal(&self.nonce(count), text)
    }

    pub(crate) fn open(&self, count: u64, tag: &[u8; TAG], text: &mut [u8]) -> bool {
        self.key.open(&self.nonce(count), tag, text)
    }

    fn nonce(&self, count: u64) -> [u8; NONCE] {
        let mut nonce = [0; NONCE];
        let (prefix, last) = nonce.split_at_mut(self.prefix.len());
        prefix.copy_from_slice(&self.prefix);
        last.copy_from_slice(&count.to_be_bytes());
        nonce
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        (0..hex.len()).step_by(2).map(byte).collect()
    }

    // The example of NaCl's crypto_box.
    const SECRET: &str = "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a";
    const PUBLIC: &str = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f";
    const NONCE_OF_BOX: &str = "69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37";
    const TEXT: &str =
        "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a\
        1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057\
        e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040\
        e082f937763848645e0705";
    const BOX: &str =
        "f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4\
        476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738\
        b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de\
        56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5";

    fn shared() -> Shared {
        let public = PublicKey::from_bytes(bytes(PUBLIC).try_into().unwrap());
        let secret = SecretKey::from_bytes(bytes(SECRET).try_into().unwrap());
        Shared::between(&public, &secret).unwrap()
    }

    #[test]
    fn a_box_has_the_bytes_of_nacls_example() {
        let nonce = bytes(NONCE_OF_BOX).try_into().unwrap();
        let (tag, sealed) = (bytes(BOX)[..TAG].to_vec(), bytes(BOX)[TAG..].to_vec());
        let mut text = bytes(TEXT);
        assert_eq!(shared().seal(&nonce, &mut text), tag[..]);
        assert!(text == sealed);
        let tag = tag.try_into().unwrap();
        assert!(shared().open(&nonce, &tag, &mut text));
        assert!(text == bytes(TEXT));
    }

    #[test]
    fn what_cannot_be_opened_stays_as_it_is() {
        let nonce = bytes(NONCE_OF_BOX).try_into().unwrap();
        let mut text = bytes(BOX)[TAG..].to_vec();
        assert!(!shared().open(&nonce, &[7; TAG], &mut text));
        assert!(text == bytes(BOX)[TAG..]);
    }

    #[test]
    fn a_direction_counts_in_the_last_eight_bytes() {
        let direction = shared().direction(b"CurveZMQMESSAGEC");
        let mut nonce = *b"CurveZMQMESSAGEC\0\0\0\0\0\0\x01\x02";
        let (mut one, mut other) = (*b"text", *b"text");
        assert_eq!(
            direction.seal(0x102, &mut one),
            shared().seal(&nonce, &mut other)
        );
        assert_eq!(one, other);
        nonce[23] = 3;
        assert_ne!(
            direction.seal(0x102, &mut one),
            shared().seal(&nonce, &mut other)
        );
    }
}
