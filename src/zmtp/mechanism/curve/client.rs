//! The client's side of the handshake.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::{
    long_nonce, open_box, put_box, put_command, short_nonce, take, take_nonce, CLIENT_MESSAGE,
    HELLO, INITIATE, READY, SERVER_MESSAGE, VOUCH, WELCOME,
};
use crate::security::cipher::Shared;
use crate::security::curve::{self, Fresh};
use crate::security::keys::{KeyPair, PublicKey};
use crate::zmtp::command;
use crate::zmtp::error::{peer_text, ProtocolError};
use crate::zmtp::mechanism::{metadata, refused, Local, Mechanism, Progress};
use crate::zmtp::sealing::{Opener, Sealer, Seals};

/// A client, in the state in which it waits for the server's next command.
#[derive(Debug)]
pub(crate) struct Client {
    config: Arc<curve::Client>,
    /// `C'`.
    keys: KeyPair,
    state: State,
}

#[derive(Debug)]
enum State {
    ExpectWelcome {
        /// Of `S` and `C'`.
        hello: Shared,
        vouch_nonce: [u8; 16],
    },
    ExpectReady {
        /// Of `S'` and `C'`.
        session: Shared,
    },
}

/// RFC 26, "Nonces": one behind the other, from 1 on. READY's is the server's first.
const HELLO_NONCE: u64 = 1;
const INITIATE_NONCE: u64 = 2;

impl Client {
    /// `None`: the server's key is one with which there is no secret.
    pub(crate) fn new(config: &Arc<curve::Client>, fresh: &Fresh) -> Option<Client> {
        let keys = fresh.keys();
        Some(Client {
            state: State::ExpectWelcome {
                hello: Shared::between(&config.server, keys.secret())?,
                vouch_nonce: fresh.nonce(),
            },
            config: Arc::clone(config),
            keys,
        })
    }

    /// Says HELLO, which depends on nothing that the server says.
    pub(crate) fn start(&self, out: &mut Vec<u8>) {
        let State::ExpectWelcome { hello, .. } = &self.state else {
            return;
        };
        // RFC 26, "The HELLO command": version 1.0, and 72 zeros so that it is no smaller than its answer.
        let mut data = vec![0; 2 + 72];
        data[0] = 1;
        data.extend_from_slice(self.keys.public().as_bytes());
        data.extend_from_slice(&HELLO_NONCE.to_be_bytes());
        put_box(&mut data, hello, &short_nonce(HELLO, HELLO_NONCE), &[0; 64]);
        put_command(out, "HELLO", &data);
    }

    pub(crate) fn handle_command(
        self,
        local: &Local,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        let (name, data) = command::split_name(body)?;
        match (name, &self.state) {
            (b"WELCOME", State::ExpectWelcome { .. }) => self.welcome(local, data, out),
            (b"READY", State::ExpectReady { .. }) => self.ready(local, data),
            (b"ERROR", _) => Err(refused(command::parse_error(data)?)),
            _ => Err(ProtocolError::UnexpectedCommand {
                name: peer_text(name),
            }),
        }
    }

    fn welcome(
        self,
        local: &Local,
        mut data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        let State::ExpectWelcome { hello, vouch_nonce } = self.state else {
            return Err(command::malformed("WELCOME", "it comes too late"));
        };
        let data = &mut data;
        let nonce = take("WELCOME", data)?;
        // RFC 26, "The WELCOME command": 144 bytes of box, and nothing else.
        let sealed: [u8; 144] = take("WELCOME", data)?;
        nothing_follows("WELCOME", data)?;
        let text = open_box("WELCOME", &hello, &long_nonce(WELCOME, &nonce), &sealed)?;
        let mut text = text.as_slice();
        let server = PublicKey::from_bytes(take("WELCOME", &mut text)?);
        let cookie: [u8; 96] = take("WELCOME", &mut text)?;
        let no_secret = || ProtocolError::BoxNotOpened { name: "WELCOME" };
        let session = Shared::between(&server, self.keys.secret()).ok_or_else(no_secret)?;
        let vouch = Shared::between(&server, self.config.keys.secret()).ok_or_else(no_secret)?;

        let mut sealed = Zeroizing::new(Vec::new());
        sealed.extend_from_slice(self.config.keys.public().as_bytes());
        sealed.extend_from_slice(&vouch_nonce);
        let vouched = [
            *self.keys.public().as_bytes(),
            *self.config.server.as_bytes(),
        ]
        .concat();
        put_box(
            &mut sealed,
            &vouch,
            &long_nonce(VOUCH, &vouch_nonce),
            &vouched,
        );
        command::put_properties(&mut sealed, &metadata::ours(local));
        let mut data = cookie.to_vec();
        data.extend_from_slice(&INITIATE_NONCE.to_be_bytes());
        let nonce = short_nonce(INITIATE, INITIATE_NONCE);
        put_box(&mut data, &session, &nonce, &sealed);
        put_command(out, "INITIATE", &data);
        Ok(Progress::Waits(Mechanism::CurveClient(Client {
            state: State::ExpectReady { session },
            ..self
        })))
    }

    fn ready(self, local: &Local, mut data: &[u8]) -> Result<Progress, ProtocolError> {
        let State::ExpectReady { session } = self.state else {
            return Err(command::malformed("READY", "it comes too early"));
        };
        let nonce = take_nonce("READY", &mut data)?;
        let text = open_box("READY", &session, &short_nonce(READY, nonce), data)?;
        let properties = command::parse_metadata("READY", &text)?;
        let peer = metadata::check(local.socket_type, properties)?;
        let seals = Seals {
            opener: Opener::new(&session, SERVER_MESSAGE, nonce),
            sealer: Sealer::new(&session, CLIENT_MESSAGE, INITIATE_NONCE),
        };
        Ok(Progress::Sealed(peer, Box::new(seals)))
    }
}

fn nothing_follows(name: &'static str, data: &[u8]) -> Result<(), ProtocolError> {
    if data.is_empty() {
        Ok(())
    } else {
        Err(command::malformed(name, "it is too long"))
    }
}
