//! Keys from the system, and in files.

#![cfg(feature = "curve")]

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::entropy;
use crate::security::certificate::{
    public_text, secret_text, Certificate, CertificateFault, LARGEST,
};
use crate::security::keys::{KeyPair, PublicKey, SecretKey, SIZE};

/// Who may read the file of a secret key: its owner alone.
const SECRET_MODE: u32 = 0o600;

impl KeyPair {
    /// A new pair, of the system's random numbers.
    ///
    /// # Errors
    /// The system has none.
    ///
    /// ```
    /// let pair = sinew::curve::KeyPair::generate()?;
    /// assert_eq!(pair.secret().public_key(), pair.public());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn generate() -> io::Result<KeyPair> {
        let mut bytes = Zeroizing::new([0; SIZE]);
        entropy::fill(&mut bytes[..])?;
        Ok(KeyPair::from(SecretKey::from_bytes(*bytes)))
    }

    /// Reads the pair of a secret certificate, as [`save`](KeyPair::save), pyzmq and CZMQ write it.
    ///
    /// # Errors
    /// The file cannot be read; and [`InvalidData`](io::ErrorKind::InvalidData), without a word of what is in
    /// it, when it is none, or has no `secret-key`.
    pub fn load(path: impl AsRef<Path>) -> io::Result<KeyPair> {
        let path = path.as_ref();
        read(path)?
            .into_pair()
            .map_err(|fault| invalid(path, fault))
    }

    /// Writes the pair as two files, in the format and with the names that pyzmq has: `NAME.key` with the public
    /// key, and `NAME.key_secret` with both, which only the file's owner may read. Gives the latter's path. Existing
    /// files are not touched.
    ///
    /// # Errors
    /// One of the files is there already ([`AlreadyExists`](io::ErrorKind::AlreadyExists)), or cannot be written.
    ///
    /// ```
    /// use sinew::curve::{KeyPair, PublicKey};
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let folder = folder.path();
    /// let pair = KeyPair::generate()?;
    /// let secret = pair.save(folder.join("server"))?;
    /// assert_eq!(KeyPair::load(secret)?, pair);
    /// assert_eq!(PublicKey::load(folder.join("server.key"))?, pair.public());
    /// # Ok::<(), std::io::Error>(())
    /// ```
    pub fn save(&self, name: impl AsRef<Path>) -> io::Result<PathBuf> {
        let with = |ending: &str| {
            let mut path = name.as_ref().as_os_str().to_owned();
            path.push(ending);
            PathBuf::from(path)
        };
        let secret = with(".key_secret");
        let text = Zeroizing::new(secret_text(self));
        write_new(&secret, text.as_bytes(), SECRET_MODE)?;
        let public = public_text(&self.public());
        if let Err(error) = write_new(&with(".key"), public.as_bytes(), 0o644) {
            // Half a pair is of no use; it was made a moment ago.
            let _ = fs::remove_file(&secret);
            return Err(error);
        }
        Ok(secret)
    }
}

impl PublicKey {
    /// Reads the public key of a certificate, as [`KeyPair::save`], pyzmq and CZMQ write it.
    ///
    /// # Errors
    /// The file cannot be read; and [`InvalidData`](io::ErrorKind::InvalidData) when it is none, or has no
    /// `public-key`.
    pub fn load(path: impl AsRef<Path>) -> io::Result<PublicKey> {
        let path = path.as_ref();
        read(path)?
            .into_public()
            .map_err(|fault| invalid(path, fault))
    }
}

fn read(path: &Path) -> io::Result<Certificate> {
    let mut text = Zeroizing::new(String::with_capacity(LARGEST));
    let mut file = File::open(path)?.take(LARGEST as u64);
    file.read_to_string(&mut text)?;
    Certificate::parse(&text).map_err(|fault| invalid(path, fault))
}

fn write_new(path: &Path, text: &[u8], mode: u32) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(text)
}

fn invalid(path: &Path, fault: CertificateFault) -> io::Error {
    let path = path.display();
    io::Error::new(io::ErrorKind::InvalidData, format!("{path}: {fault}"))
}
