//! The 64 bytes that open a connection, each way (RFC 37, "The greeting").
//!
//! ```text
//! FF | 8 bytes of padding | 7F | major | minor | mechanism (20) | as-server | 31 zeros
//! 0    1                    9    10      11      12               32          33
//! ```

use super::error::{peer_text, ProtocolError};

pub(crate) const SIZE: usize = 64;

/// Where a server of a mechanism says that it is one.
const AS_SERVER: usize = 32;

/// A mechanism's name, padded with zeros to its place in the greeting.
pub(crate) type MechanismName = [u8; 20];

const SIGNATURE_HEAD: u8 = 0xff;
const SIGNATURE_TAIL: u8 = 0x7f;

/// What a peer's greeting says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Greeting {
    /// The version that the connection speaks: 3.0, or 3.1 with a peer that speaks at least that.
    pub(crate) version: (u8, u8),
    mechanism: MechanismName,
    /// The peer says that it is the server of its mechanism. That it does not say so tells nothing: libzmq
    /// never does.
    pub(crate) as_server: bool,
}

impl Greeting {
    /// Reads the greeting at the start of `input`; `None` while it is incomplete.
    ///
    /// Peers of ZMTP 1.0 and 2.0 wait for an answer that would never come, so they are refused as
    /// soon as they can be told: at byte 1, 10 or 11.
    pub(crate) fn parse(input: &[u8]) -> Result<Option<Greeting>, ProtocolError> {
        check_version(input)?;
        let Some(greeting) = input.first_chunk::<SIZE>() else {
            return Ok(None);
        };
        let [_, _, _, _, _, _, _, _, _, _, major, minor, rest @ ..] = greeting;
        // RFC 37, "Version negotiation": a higher version is spoken to in one's own.
        let version = match (*major, *minor) {
            (3, 0) => (3, 0),
            _ => (3, 1),
        };
        let mut mechanism = [0; 20];
        for (to, from) in mechanism.iter_mut().zip(rest) {
            *to = *from;
        }
        Ok(Some(Greeting {
            version,
            mechanism,
            as_server: greeting.get(AS_SERVER) == Some(&1),
        }))
    }

    /// RFC 37, "The greeting": all 20 bytes of the mechanism have to be the same on both sides.
    pub(crate) fn check_mechanism(&self, ours: &'static str) -> Result<(), ProtocolError> {
        if self.mechanism == padded(ours) {
            return Ok(());
        }
        let name = self.mechanism.split(|byte| *byte == 0).next();
        Err(ProtocolError::MechanismMismatch {
            ours,
            peer: peer_text(name.unwrap_or_default()),
        })
    }
}

/// Refuses what is older than 3.0 (RFC 37, "Version negotiation") on as few bytes as will do.
///
/// The eight bytes of padding are not looked at: older peers keep the length of an identity there.
fn check_version(input: &[u8]) -> Result<(), ProtocolError> {
    let version = match *input {
        // A 1.0 peer begins with the length of its identity, whatever speaks HTTP with a letter.
        [head, ..] if head != SIGNATURE_HEAD => "1.0 (or no ZMTP at all)",
        // An identity so long that a 1.0 peer needs FF and eight bytes for its length: then comes a
        // byte of flags, whose lowest bit is clear where the signature has it set.
        [_, _, _, _, _, _, _, _, _, tail, ..] if tail & 1 == 0 => "1.0",
        [_, _, _, _, _, _, _, _, _, _, 0, ..] => "1.0",
        [_, _, _, _, _, _, _, _, _, _, 1 | 2, ..] => "2.0",
        _ => return Ok(()),
    };
    Err(ProtocolError::UnsupportedVersion { version })
}

/// Writes our greeting.
pub(crate) fn put(out: &mut Vec<u8>, mechanism: &str, as_server: bool) {
    out.push(SIGNATURE_HEAD);
    out.extend_from_slice(&[0; 8]);
    out.extend_from_slice(&[SIGNATURE_TAIL, 3, 1]);
    out.extend_from_slice(&padded(mechanism));
    // RFC 37, "The greeting": 1 for the server of a mechanism that has one; then the filler.
    out.push(u8::from(as_server));
    out.extend_from_slice(&[0; 31]);
}

fn padded(name: &str) -> MechanismName {
    let mut padded = [0; 20];
    for (to, from) in padded.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    padded
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What libzmq sends: a length of one in the padding, as for an old peer's empty identity.
    fn libzmq(major: u8, minor: u8, mechanism: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, major, minor];
        bytes.extend_from_slice(mechanism);
        bytes.resize(SIZE, 0);
        bytes
    }

    #[test]
    fn ours_has_the_bytes_of_the_standard() {
        let mut bytes = Vec::new();
        put(&mut bytes, "NULL", false);
        let mut expected = b"\xff\0\0\0\0\0\0\0\0\x7f\x03\x01NULL".to_vec();
        expected.resize(SIZE, 0);
        assert_eq!(bytes, expected);
    }

    #[test]
    fn a_server_says_so() {
        let mut bytes = Vec::new();
        put(&mut bytes, "PLAIN", true);
        assert_eq!((bytes.len(), bytes[32]), (SIZE, 1));
        assert!(Greeting::parse(&bytes).unwrap().unwrap().as_server);
    }

    #[test]
    fn version_is_the_lower_of_both() {
        let versions = [
            ((3, 0), (3, 0)),
            ((3, 1), (3, 1)),
            ((3, 2), (3, 1)),
            ((4, 0), (3, 1)),
            ((255, 255), (3, 1)),
        ];
        for ((major, minor), expected) in versions {
            let greeting = Greeting::parse(&libzmq(major, minor, b"NULL"))
                .unwrap()
                .unwrap();
            assert_eq!(greeting.version, expected);
            assert_eq!(greeting.check_mechanism("NULL"), Ok(()));
        }
    }

    #[test]
    fn padding_filler_and_role_are_not_judged() {
        let mut bytes = libzmq(3, 1, b"NULL");
        bytes[1..9].fill(0xaa);
        bytes[32..].fill(0xbb);
        assert!(Greeting::parse(&bytes).unwrap().is_some());
    }

    #[test]
    fn incomplete_until_the_last_byte() {
        let bytes = libzmq(3, 1, b"NULL");
        for cut in 0..SIZE {
            assert_eq!(Greeting::parse(&bytes[..cut]), Ok(None), "{cut}");
        }
    }

    fn refused_as(input: &[u8]) -> Option<&'static str> {
        match Greeting::parse(input) {
            Err(ProtocolError::UnsupportedVersion { version }) => Some(version),
            Ok(_) => None,
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn old_peers_are_refused_on_the_first_byte_that_tells() {
        assert_eq!(refused_as(b"\x01"), Some("1.0 (or no ZMTP at all)"));
        assert_eq!(refused_as(b"GET /"), Some("1.0 (or no ZMTP at all)"));
        let long_identity = b"\xff\0\0\0\0\0\0\x01\x01\x00";
        assert_eq!(refused_as(&long_identity[..9]), None);
        assert_eq!(refused_as(long_identity), Some("1.0"));
        let two = b"\xff\0\0\0\0\0\0\0\x01\x7f\x01";
        assert_eq!(refused_as(&two[..10]), None);
        assert_eq!(refused_as(two), Some("2.0"));
        assert_eq!(refused_as(b"\xff\0\0\0\0\0\0\0\x01\x7f\x00"), Some("1.0"));
    }

    #[test]
    fn mechanisms_are_compared_whole() {
        for name in [&b"PLAIN"[..], b"NUL", b"NULLX", b"null", b"", b"NULL\0x"] {
            let greeting = Greeting::parse(&libzmq(3, 1, name)).unwrap().unwrap();
            let fault = greeting.check_mechanism("NULL").unwrap_err();
            assert!(
                matches!(fault, ProtocolError::MechanismMismatch { .. }),
                "{name:?}"
            );
        }
        let plain = Greeting::parse(&libzmq(3, 0, b"PLAIN")).unwrap().unwrap();
        assert_eq!(
            plain.check_mechanism("NULL").unwrap_err().to_string(),
            "peer uses the security mechanism \"PLAIN\", this side uses NULL"
        );
    }
}
