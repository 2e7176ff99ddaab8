//! Keys of CURVE (RFC 26): 32 bytes each, in Z85 as text.

use std::fmt;
use std::str::FromStr;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::cipher;
use super::z85::{self, Fault};

/// Bytes of a key of either kind.
pub(crate) const SIZE: usize = 32;

/// A public key: what others know a program by, and no secret. Prints as Z85 and is read from it.
///
/// ```
/// use sinew::curve::PublicKey;
///
/// let key: PublicKey = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID".parse()?;
/// assert_eq!(key.to_string(), "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
/// assert_eq!(PublicKey::from_bytes(*key.as_bytes()), key);
/// # Ok::<(), sinew::curve::KeyError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; SIZE]);

impl PublicKey {
    /// The key with these bytes.
    pub fn from_bytes(bytes: [u8; SIZE]) -> PublicKey {
        PublicKey(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; SIZE] {
        &self.0
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&z85::encode(&self.0))
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads the 40 characters of Z85.
    fn from_str(text: &str) -> Result<PublicKey, KeyError> {
        let bytes = z85::decode(text.as_bytes()).map_err(KeyError::from)?;
        Ok(PublicKey(*bytes))
    }
}

/// A secret key. Wiped from memory when it is dropped, compared in a time that does not depend on it, and
/// not shown by `Debug`.
///
/// Its text is read with [`str::parse`], and given by [`to_z85`](SecretKey::to_z85) alone.
#[derive(Clone)]
pub struct SecretKey(
    /// Boxed, so that it is not copied when it is moved.
    Box<Zeroizing<[u8; SIZE]>>,
);

impl SecretKey {
    /// The key with these bytes, of which the caller still has a copy.
    pub fn from_bytes(bytes: [u8; SIZE]) -> SecretKey {
        SecretKey(Box::new(Zeroizing::new(bytes)))
    }

    /// Its bytes: to be kept from others.
    pub fn as_bytes(&self) -> &[u8; SIZE] {
        &self.0
    }

    /// Its text in Z85, 40 characters: to be kept from others, and not wiped when it is dropped.
    pub fn to_z85(&self) -> String {
        z85::encode(&self.0[..])
    }

    /// The public key that belongs to it.
    pub fn public_key(&self) -> PublicKey {
        PublicKey(cipher::public_of(&self.0))
    }
}

impl FromStr for SecretKey {
    type Err = KeyError;

    /// Reads the 40 characters of Z85.
    fn from_str(text: &str) -> Result<SecretKey, KeyError> {
        let bytes = z85::decode(text.as_bytes()).map_err(KeyError::from)?;
        Ok(SecretKey(Box::new(bytes)))
    }
}

impl PartialEq for SecretKey {
    fn eq(&self, other: &SecretKey) -> bool {
        self.0.ct_eq(&**other.0).into()
    }
}

impl Eq for SecretKey {}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretKey(..)")
    }
}

/// A secret key and the public key that belongs to it. [`generate`](KeyPair::generate) makes a new one,
/// [`load`](KeyPair::load) reads one from a certificate file; one of which the secret is known is made
/// with `KeyPair::from`.
///
/// ```
/// use sinew::curve::{KeyPair, SecretKey};
///
/// let secret: SecretKey = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs".parse()?;
/// let pair = KeyPair::from(secret);
/// assert_eq!(pair.public().to_string(), "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID");
/// # Ok::<(), sinew::curve::KeyError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyPair {
    public: PublicKey,
    secret: SecretKey,
}

impl KeyPair {
    /// The public key, for those who are to know this program.
    pub fn public(&self) -> PublicKey {
        self.public
    }

    /// The secret key.
    pub fn secret(&self) -> &SecretKey {
        &self.secret
    }
}

impl From<SecretKey> for KeyPair {
    fn from(secret: SecretKey) -> KeyPair {
        KeyPair {
            public: secret.public_key(),
            secret,
        }
    }
}

impl From<&KeyPair> for KeyPair {
    fn from(pair: &KeyPair) -> KeyPair {
        pair.clone()
    }
}

/// A text is no key. What it says is not in the error, which may be about a secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// A key has 40 characters.
    #[error("not a key: a key in Z85 has 40 characters")]
    Length,
    /// It has a character that Z85 does not have.
    #[error("not a key: a character of it is not one of Z85")]
    Character,
    /// Five of its characters say more than four bytes can.
    #[error("not a key: five characters of it say more than four bytes can")]
    Overflow,
}

impl From<Fault> for KeyError {
    fn from(fault: Fault) -> KeyError {
        match fault {
            Fault::Length => KeyError::Length,
            Fault::Character => KeyError::Character,
            Fault::Overflow => KeyError::Overflow,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_key_of_libzmqs_examples_follows_from_the_secret_one() {
        for (secret, public) in [
            (
                "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs",
                "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
            ),
            (
                "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6",
                "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7",
            ),
        ] {
            let pair = KeyPair::from(secret.parse::<SecretKey>().unwrap());
            assert_eq!(pair.public().to_string(), public);
            assert_eq!(pair.secret().to_z85(), secret);
        }
    }

    #[test]
    fn a_secret_is_not_shown_and_neither_is_a_text_that_is_none() {
        let text = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";
        let pair = KeyPair::from(text.parse::<SecretKey>().unwrap());
        let shown = format!("{pair:?} {:#?}", pair.secret());
        assert!(
            !shown.contains("JTKV") && shown.contains("rq:rM"),
            "{shown}"
        );
        let error = text[1..].parse::<SecretKey>().unwrap_err();
        assert_eq!(error, KeyError::Length);
        assert!(!error.to_string().contains("TKVS"));
    }

    #[test]
    fn keys_are_the_same_by_their_bytes() {
        let one = SecretKey::from_bytes([1; 32]);
        assert_eq!(one, one.clone());
        assert_ne!(one, SecretKey::from_bytes([2; 32]));
        assert_ne!(
            one.public_key(),
            SecretKey::from_bytes([2; 32]).public_key()
        );
    }
}
