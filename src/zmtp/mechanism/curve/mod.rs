//! CURVE: both sides prove who they are, and all that follows is sealed (RFC 25 and 26).
//!
//! ```text
//! client  HELLO ────► C', a box that only the server can open
//!         ◄── WELCOME  S' and a cookie, in a box that only that client can open     server
//!         INITIATE ──► the cookie, C, a vouch that C' is C's, and the client's metadata, sealed
//!         ◄──── READY  the server's metadata, sealed; or ERROR
//! ```
//!
//! `C` and `S` are the keys by which the two are known, `C'` and `S'` those of this connection alone, which are
//! forgotten with it: who comes to know `C`'s or `S`'s secret later cannot read what was recorded.
//!
//! Where this differs from the letter of RFC 26:
//!
//! - The cookie is 96 random bytes that the server remembers, and not its state under a key of its own. To the
//!   client it is opaque; the server has a connection's state anyway, and its `s'` stays where it is.
//! - The short nonces of a direction increase over all its commands, as in libzmq, and are checked everywhere.

mod client;
mod server;

pub(super) use client::Client;
pub(super) use server::Server;

use crate::security::cipher::{Shared, TAG};
use crate::zmtp::command;
use crate::zmtp::error::ProtocolError;
use crate::zmtp::frame::{self, COMMAND};

const HELLO: &[u8; 16] = b"CurveZMQHELLO---";
const INITIATE: &[u8; 16] = b"CurveZMQINITIATE";
const READY: &[u8; 16] = b"CurveZMQREADY---";
const WELCOME: &[u8; 8] = b"WELCOME-";
const VOUCH: &[u8; 8] = b"VOUCH---";

/// What of a direction's messages the nonces begin with. RFC 26's grammar says otherwise than its text, which
/// libzmq follows.
const CLIENT_MESSAGE: &[u8; 16] = b"CurveZMQMESSAGEC";
const SERVER_MESSAGE: &[u8; 16] = b"CurveZMQMESSAGES";

/// A nonce of which the last eight bytes are counted.
fn short_nonce(prefix: &[u8; 16], count: u64) -> [u8; 24] {
    let mut nonce = [0; 24];
    for (to, from) in nonce
        .iter_mut()
        .zip(prefix.iter().chain(&count.to_be_bytes()))
    {
        *to = *from;
    }
    nonce
}

/// A nonce of which the last sixteen bytes are random.
fn long_nonce(prefix: &[u8; 8], random: &[u8; 16]) -> [u8; 24] {
    let mut nonce = [0; 24];
    for (to, from) in nonce.iter_mut().zip(prefix.iter().chain(random)) {
        *to = *from;
    }
    nonce
}

/// Appends `text` as a box: its tag, and what it is sealed to.
fn put_box(out: &mut Vec<u8>, key: &Shared, nonce: &[u8; 24], text: &[u8]) {
    let at = out.len();
    out.extend_from_slice(&[0; TAG]);
    out.extend_from_slice(text);
    if let Some((tag, text)) = out
        .get_mut(at..)
        .and_then(|sealed| sealed.split_at_mut_checked(TAG))
    {
        tag.copy_from_slice(&key.seal(nonce, text));
    }
}

/// What is in a box of a command of this name.
fn open_box(
    name: &'static str,
    key: &Shared,
    nonce: &[u8; 24],
    sealed: &[u8],
) -> Result<Vec<u8>, ProtocolError> {
    let unopened = ProtocolError::BoxNotOpened { name };
    let (tag, text) = sealed.split_first_chunk().ok_or_else(|| unopened.clone())?;
    let mut text = text.to_vec();
    if key.open(nonce, tag, &mut text) {
        Ok(text)
    } else {
        Err(unopened)
    }
}

/// Takes as many bytes as a field has off the front of a command's data.
fn take<const N: usize>(name: &'static str, data: &mut &[u8]) -> Result<[u8; N], ProtocolError> {
    let (field, rest) = data
        .split_first_chunk()
        .ok_or_else(|| command::malformed(name, "it is cut off"))?;
    *data = rest;
    Ok(*field)
}

fn take_nonce(name: &'static str, data: &mut &[u8]) -> Result<u64, ProtocolError> {
    take(name, data).map(u64::from_be_bytes)
}

/// Writes a command frame with this name and this data.
fn put_command(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    frame::put_header(out, COMMAND, 1 + name.len() + data.len());
    // Names of commands are short.
    out.push(name.len() as u8);
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(data);
}

#[cfg(test)]
mod tests;
