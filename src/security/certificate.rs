//! Certificate files: keys as CZMQ and pyzmq keep them, as text.
//!
//! The text is ZPL (RFC 4): `name = value` lines, values perhaps in quotes, sections told by indentation, and
//! comments behind `#`. Only two names mean anything here; whatever else there is, such as metadata, is read over.

use super::keys::{KeyError, KeyPair, PublicKey, SecretKey};

/// The largest file that is read: the two keys take 200 bytes, and the rest is for people.
pub(crate) const LARGEST: usize = 64 * 1024;

/// What a certificate says.
#[derive(Debug)]
pub(crate) struct Certificate {
    pub(crate) public: Option<PublicKey>,
    pub(crate) secret: Option<SecretKey>,
}

/// What is wrong with a certificate, in words that show nothing of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateFault {
    #[error("{0} is {1}")]
    Key(&'static str, KeyError),
    #[error("{0} is there twice")]
    Twice(&'static str),
    #[error("there is no {0}")]
    Missing(&'static str),
    #[error("the public-key does not belong to the secret-key")]
    Strangers,
}

const PUBLIC: &str = "public-key";
const SECRET: &str = "secret-key";

impl Certificate {
    pub(crate) fn parse(text: &str) -> Result<Certificate, CertificateFault> {
        let mut certificate = Certificate {
            public: None,
            secret: None,
        };
        for line in text.lines() {
            let Some((name, value)) = line.split_once('=') else {
                continue;
            };
            match name.trim() {
                PUBLIC => take(PUBLIC, value, &mut certificate.public)?,
                SECRET => take(SECRET, value, &mut certificate.secret)?,
                // A comment, or what means nothing here.
                _ => {}
            }
        }
        if let (Some(public), Some(secret)) = (&certificate.public, &certificate.secret) {
            if secret.public_key() != *public {
                return Err(CertificateFault::Strangers);
            }
        }
        Ok(certificate)
    }

    pub(crate) fn into_pair(self) -> Result<KeyPair, CertificateFault> {
        let secret = self.secret.ok_or(CertificateFault::Missing(SECRET))?;
        Ok(KeyPair::from(secret))
    }

    pub(crate) fn into_public(self) -> Result<PublicKey, CertificateFault> {
        self.public.ok_or(CertificateFault::Missing(PUBLIC))
    }
}

fn take<T>(name: &'static str, value: &str, to: &mut Option<T>) -> Result<(), CertificateFault>
where
    T: std::str::FromStr<Err = KeyError>,
{
    if to.is_some() {
        return Err(CertificateFault::Twice(name));
    }
    let key = unquoted(value).parse();
    *to = Some(key.map_err(|fault| CertificateFault::Key(name, fault))?);
    Ok(())
}

/// A value without what stands around it. Without quotes it ends with a blank, behind which may be a comment; a
/// `#` in it is a character of Z85.
fn unquoted(value: &str) -> &str {
    let value = value.trim();
    for quote in ['"', '\''] {
        if let Some(rest) = value.strip_prefix(quote) {
            return rest.split(quote).next().unwrap_or_default();
        }
    }
    value.split_whitespace().next().unwrap_or_default()
}

/// The text of a certificate of the public key, for others.
pub(crate) fn public_text(public: &PublicKey) -> String {
    format!(
        "#   ZeroMQ CURVE Public Certificate\n\
         #   Exchange securely, or use a secure mechanism to verify the contents\n\
         #   of this file after exchange.\n\
         \n\
         metadata\n\
         curve\n    {PUBLIC} = \"{public}\"\n"
    )
}

/// The text of a certificate of both keys, for nobody else.
pub(crate) fn secret_text(pair: &KeyPair) -> String {
    let (public, secret) = (pair.public(), pair.secret().to_z85());
    format!(
        "#   ZeroMQ CURVE **Secret** Certificate\n\
         #   DO NOT PROVIDE THIS FILE TO OTHER USERS nor change its permissions.\n\
         \n\
         metadata\n\
         curve\n    {PUBLIC} = \"{public}\"\n    {SECRET} = \"{secret}\"\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC_KEY: &str = "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID";
    const SECRET_KEY: &str = "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs";

    fn pair() -> KeyPair {
        KeyPair::from(SECRET_KEY.parse::<SecretKey>().unwrap())
    }

    #[test]
    fn what_is_written_is_read() {
        let certificate = Certificate::parse(&secret_text(&pair())).unwrap();
        assert_eq!(certificate.into_pair(), Ok(pair()));
        let text = public_text(&pair().public());
        assert!(!text.contains(SECRET_KEY));
        let certificate = Certificate::parse(&text).unwrap();
        assert!(certificate.secret.is_none());
        assert_eq!(certificate.into_public(), Ok(pair().public()));
    }

    #[test]
    fn files_of_pyzmq_and_czmq_are_read() {
        let pyzmq = format!(
            "#   ****  Generated on 2013-11-22 14:14:02.034135 by pyzmq  ****\n\
             #   ZeroMQ CURVE **Secret** Certificate\n\nmetadata\ncurve\n    \
             public-key = \"{PUBLIC_KEY}\"\n    secret-key = \"{SECRET_KEY}\"\n"
        );
        let czmq = format!(
            "#   ZeroMQ CURVE **Secret** Certificate\r\n\r\nmetadata\r\n    name = \"a=b # c\"\r\n\
             curve\r\n    public-key = \"{PUBLIC_KEY}\"\r\n    secret-key = \"{SECRET_KEY}\"\r\n"
        );
        let bare = format!("secret-key={SECRET_KEY}  # mine\n#public-key = nothing");
        for text in [pyzmq, czmq, bare] {
            let certificate = Certificate::parse(&text).unwrap();
            assert_eq!(certificate.into_pair(), Ok(pair()), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_is_said_without_the_keys() {
        let other = KeyPair::from(SecretKey::from_bytes([9; 32])).public();
        for (text, expected) in [
            (
                format!("secret-key = \"{}\"", &SECRET_KEY[1..]),
                "secret-key is not a key: a key in Z85 has 40 characters",
            ),
            (
                format!("secret-key = {SECRET_KEY}\npublic-key = {other}"),
                "the public-key does not belong to the secret-key",
            ),
            (
                format!("public-key = {other}\npublic-key = {other}"),
                "public-key is there twice",
            ),
            ("curve\n".to_owned(), "there is no secret-key"),
        ] {
            let fault = Certificate::parse(&text).and_then(Certificate::into_pair);
            assert_eq!(fault.unwrap_err().to_string(), expected);
        }
    }
}
