//! The server's side of the handshake.

use std::sync::Arc;

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use super::{
    long_nonce, open_box, put_box, put_command, short_nonce, take, take_nonce, CLIENT_MESSAGE,
    HELLO, INITIATE, READY, SERVER_MESSAGE, VOUCH, WELCOME,
};
use crate::security::cipher::Shared;
use crate::security::curve::{self, Fresh};
use crate::security::keys::{KeyPair, PublicKey};
use crate::security::pending::Refusal;
use crate::zmtp::command::{self, Command};
use crate::zmtp::error::{peer_text, ProtocolError};
use crate::zmtp::mechanism::{access, metadata, Claim, Local, Mechanism, Progress};
use crate::zmtp::sealing::{Opener, Sealer, Seals};

/// A server, in the state in which it waits for the client's next command.
#[derive(Debug)]
pub(crate) struct Server {
    config: Arc<curve::Server>,
    /// `S'`.
    keys: KeyPair,
    cookie: [u8; 96],
    state: State,
}

#[derive(Debug)]
enum State {
    ExpectHello {
        welcome_nonce: [u8; 16],
    },
    ExpectInitiate {
        /// `C'`.
        client: PublicKey,
        /// Of `C'` and `S'`.
        session: Shared,
        /// HELLO's nonce.
        nonce: u64,
    },
    /// All that a client has to prove it has proved.
    Admits {
        session: Shared,
        /// INITIATE's nonce.
        nonce: u64,
    },
}

/// The server's first short nonce.
const READY_NONCE: u64 = 1;

impl Server {
    pub(crate) fn new(config: &Arc<curve::Server>, fresh: &Fresh) -> Server {
        Server {
            config: Arc::clone(config),
            keys: fresh.keys(),
            cookie: fresh.cookie(),
            state: State::ExpectHello {
                welcome_nonce: fresh.nonce(),
            },
        }
    }

    pub(crate) fn handle_command(
        self,
        local: &Local,
        body: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        let (name, data) = command::split_name(body)?;
        match (name, &self.state) {
            (b"HELLO", State::ExpectHello { .. }) => self.hello(data, out),
            (b"INITIATE", State::ExpectInitiate { .. }) => self.initiate(local, data, out),
            _ => Err(ProtocolError::UnexpectedCommand {
                name: peer_text(name),
            }),
        }
    }

    fn hello(self, mut data: &[u8], out: &mut Vec<u8>) -> Result<Progress, ProtocolError> {
        let State::ExpectHello { welcome_nonce } = self.state else {
            return Err(command::malformed("HELLO", "it comes too late"));
        };
        let fault = |fault| command::malformed("HELLO", fault);
        let data = &mut data;
        // RFC 26, "The HELLO command".
        if take::<2>("HELLO", data)? != [1, 0] {
            return Err(fault("its version is not 1.0"));
        }
        if take::<72>("HELLO", data)? != [0; 72] {
            return Err(fault("its padding is not zero"));
        }
        let client = PublicKey::from_bytes(take("HELLO", data)?);
        let nonce = take_nonce("HELLO", data)?;
        let sealed: [u8; 80] = take("HELLO", data)?;
        if !data.is_empty() {
            return Err(fault("it is too long"));
        }
        let unopened = || ProtocolError::BoxNotOpened { name: "HELLO" };
        let hello = Shared::between(&client, self.config.keys.secret()).ok_or_else(unopened)?;
        let text = open_box("HELLO", &hello, &short_nonce(HELLO, nonce), &sealed)?;
        if !bool::from(text.as_slice().ct_eq(&[0; 64])) {
            return Err(fault("what is in its box is not zero"));
        }
        let session = Shared::between(&client, self.keys.secret()).ok_or_else(unopened)?;
        let mut welcome = Zeroizing::new(self.keys.public().as_bytes().to_vec());
        welcome.extend_from_slice(&self.cookie);
        let mut data = welcome_nonce.to_vec();
        let nonce_of_box = long_nonce(WELCOME, &welcome_nonce);
        put_box(&mut data, &hello, &nonce_of_box, &welcome);
        put_command(out, "WELCOME", &data);
        Ok(Progress::Waits(Mechanism::CurveServer(Server {
            state: State::ExpectInitiate {
                client,
                session,
                nonce,
            },
            ..self
        })))
    }

    fn initiate(
        self,
        local: &Local,
        mut data: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<Progress, ProtocolError> {
        let State::ExpectInitiate {
            client,
            session,
            nonce: hello_nonce,
        } = self.state
        else {
            return Err(command::malformed("INITIATE", "it comes too early"));
        };
        const NAME: &str = "INITIATE";
        let unopened = || ProtocolError::BoxNotOpened { name: NAME };
        let cookie: [u8; 96] = take(NAME, &mut data)?;
        // It is this connection's own: one that was recorded opens no other.
        if !bool::from(cookie.ct_eq(&self.cookie)) {
            return Err(command::malformed(
                NAME,
                "its cookie is not the one that was given",
            ));
        }
        let nonce = take_nonce(NAME, &mut data)?;
        if nonce <= hello_nonce {
            return Err(ProtocolError::NonceNotIncreased);
        }
        let text = open_box(NAME, &session, &short_nonce(INITIATE, nonce), data)?;
        let mut text = text.as_slice();
        let key = PublicKey::from_bytes(take(NAME, &mut text)?);
        let vouch_nonce = take(NAME, &mut text)?;
        let sealed: [u8; 80] = take(NAME, &mut text)?;
        let vouch = Shared::between(&key, self.keys.secret()).ok_or_else(unopened)?;
        let vouched = open_box(NAME, &vouch, &long_nonce(VOUCH, &vouch_nonce), &sealed)?;
        // RFC 26, "The INITIATE command": that the client's own key means this connection, and this server.
        let meant = [*client.as_bytes(), *self.config.keys.public().as_bytes()].concat();
        if !bool::from(vouched.as_slice().ct_eq(&meant)) {
            return Err(command::malformed(
                NAME,
                "its vouch is for another connection",
            ));
        }
        let properties = command::parse_metadata(NAME, text)?;
        // To be told more than that it is refused, a client has to be one of those that are let in.
        let checked = metadata::check(local.socket_type, properties);
        let decision = match checked {
            Ok(peer) => access::admit(local, "CURVE", peer, Claim::Key(key)),
            Err(fault) if self.config.allows(&key) => {
                Command::Error(metadata::refusal(local.socket_type, &fault)).encode(out);
                return Err(fault);
            }
            Err(_) => Err(Refusal::Unproved),
        };
        let decision = decision.map_err(|refusal| access::refuse(refusal, out))?;
        let server = Mechanism::CurveServer(Server {
            state: State::Admits { session, nonce },
            ..self
        });
        Ok(Progress::decided(decision, server, local, out))
    }

    /// The client is let in.
    pub(crate) fn admitted(&self, local: &Local, out: &mut Vec<u8>) {
        let State::Admits { session, .. } = &self.state else {
            return;
        };
        let mut text = Zeroizing::new(Vec::new());
        command::put_properties(&mut text, &metadata::ours(local));
        let mut data = READY_NONCE.to_be_bytes().to_vec();
        put_box(&mut data, session, &short_nonce(READY, READY_NONCE), &text);
        put_command(out, "READY", &data);
    }

    /// What opens and seals what comes behind READY.
    pub(crate) fn seals(&self) -> Option<Box<Seals>> {
        let State::Admits { session, nonce } = &self.state else {
            return None;
        };
        Some(Box::new(Seals {
            opener: Opener::new(session, CLIENT_MESSAGE, *nonce),
            sealer: Sealer::new(session, SERVER_MESSAGE, READY_NONCE),
        }))
    }
}
