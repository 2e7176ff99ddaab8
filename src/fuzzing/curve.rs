//! CURVE: keys as text, certificate files, and both sides of a connection.

use std::sync::Arc;

use bytes::Bytes;
use zeroize::Zeroizing;

use crate::message::Message;
use crate::peer::SocketType;
use crate::security::certificate::{public_text, secret_text, Certificate};
use crate::security::curve::{Client, Fresh, Server, FRESH};
use crate::security::keys::{KeyPair, PublicKey, SecretKey};
use crate::security::{z85, Security};
use crate::zmtp::connection::{Arrived, Input, Local};
use crate::zmtp::flight::Flight;
use crate::zmtp::outbox::Outbox;
use crate::zmtp::sealed::Seal;
use crate::zmtp::ProtocolError;

/// Text that is a key is written as the same again, and so are bytes that become text.
pub fn keys(data: &[u8]) {
    if let Ok(key) = z85::decode::<32>(data) {
        assert_eq!(z85::encode(&key[..]).as_bytes(), data);
    }
    let (whole, _) = data.split_at(data.len() / 4 * 4);
    let text = z85::encode(whole);
    assert_eq!(text.len(), whole.len() / 4 * 5);
    if let Some(bytes) = whole.first_chunk::<32>() {
        let text = z85::encode(bytes);
        assert_eq!(*z85::decode::<32>(text.as_bytes()).unwrap(), *bytes);
        let key = PublicKey::from_bytes(*bytes);
        assert_eq!(key.to_string().parse(), Ok(key));
    }
}

/// What is read of a certificate file is what would be written again.
pub fn certificate(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let Ok(certificate) = Certificate::parse(text) else {
        return;
    };
    if let Some(public) = certificate.public {
        let again = Certificate::parse(&public_text(&public)).unwrap();
        assert_eq!(again.into_public(), Ok(public));
    }
    if let Ok(pair) = certificate.into_pair() {
        let again = Certificate::parse(&secret_text(&pair)).unwrap();
        assert_eq!(again.into_pair(), Ok(pair));
    }
}

fn pair(seed: u8) -> KeyPair {
    KeyPair::from(SecretKey::from_bytes([seed; 32]))
}

fn local(serves: bool) -> Local {
    let (server, client) = (pair(1), pair(2));
    let mut policy = Server::new(server.clone());
    policy.allow([client.public()]);
    Local {
        socket_type: SocketType::Pair,
        routing_id: Bytes::new(),
        properties: Vec::new(),
        max_message_size: Some(1 << 20),
        recv_hwm_bytes: 0,
        max_message_frames: 100,
        security: if serves {
            Security::CurveServer(Arc::new(policy))
        } else {
            Security::CurveClient(Arc::new(Client {
                server: server.public(),
                keys: client,
            }))
        },
        access: None,
        fresh: Some(Fresh::new(Box::new(Zeroizing::new(
            [7 + u8::from(serves); FRESH],
        )))),
    }
}

/// One side of a connection, and all that it has said.
struct Side {
    input: Input,
    arrived: Arrived,
    flight: Flight,
    seal: Option<Seal>,
    said: Vec<u8>,
    rest: Vec<u8>,
    fault: Option<ProtocolError>,
}

impl Side {
    fn new(serves: bool) -> Side {
        let (input, mut hello) = Input::open(local(serves), None);
        let mut flight = Flight::default();
        flight.load(&mut hello);
        let said = flight.only_slice().unwrap_or_default().to_vec();
        flight.advance(said.len());
        Side {
            input,
            arrived: Arrived::default(),
            flight,
            seal: None,
            said,
            rest: Vec::new(),
            fault: None,
        }
    }

    fn hear(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        while self.fault.is_none() && !self.rest.is_empty() {
            let taken = self
                .input
                .handle_input(&self.rest, usize::MAX, &mut self.arrived);
            self.said.append(&mut self.arrived.reply);
            self.seal = self
                .arrived
                .sealer
                .take()
                .map(Seal::new)
                .or(self.seal.take());
            match taken {
                Ok(0) => break,
                Ok(taken) => drop(self.rest.drain(..taken)),
                Err(fault) => self.fault = Some(fault),
            }
        }
    }

    /// Says messages, if the handshake is over.
    fn say(&mut self, messages: &[Message]) {
        let Some(seal) = &mut self.seal else {
            return;
        };
        let mut outbox = Outbox::new();
        messages.iter().for_each(|message| outbox.push(message));
        self.flight.load(&mut outbox);
        while !self.flight.is_empty() {
            let next = seal.next(&self.flight).unwrap_or_default();
            self.said.extend_from_slice(next);
            let written = next.len();
            seal.advance(&mut self.flight, written);
        }
    }
}

fn messages() -> Vec<Message> {
    let many = (0..6).map(|n| Message::from([vec![n; 40 * usize::from(n)], vec![n; 3]]));
    many.collect()
}

/// Both sides of a conversation that nobody disturbs: what each says from its first byte to its last.
fn conversation() -> [Vec<u8>; 2] {
    let mut sides = [Side::new(false), Side::new(true)];
    let mut heard = [0; 2];
    for _ in 0..4 {
        for to in 0..2 {
            let new = sides[1 - to].said[heard[1 - to]..].to_vec();
            heard[1 - to] += new.len();
            sides[to].hear(&new);
        }
    }
    sides.iter_mut().for_each(|side| side.say(&messages()));
    sides.map(|side| side.said)
}

/// What a side that hears `bytes` delivers, says and finds wrong.
fn hear(serves: bool, bytes: &[u8], size: usize) -> (Vec<Message>, Vec<u8>, Option<ProtocolError>) {
    let mut side = Side::new(serves);
    bytes.chunks(size.max(1)).for_each(|chunk| side.hear(chunk));
    (side.arrived.messages.into(), side.said, side.fault)
}

/// Either side hears a right conversation that was cut, changed, repeated and mixed with other bytes: it delivers
/// nothing but the messages that were sent, in their order and from the first on, and it makes no difference how
/// the bytes are split.
pub fn curve(data: &[u8]) {
    let Some((&which, mut steps)) = data.split_first() else {
        return;
    };
    let serves = which & 1 == 1;
    let said = conversation();
    let right = &said[usize::from(!serves)];
    let mut bytes = right.clone();
    while let Some(([what, high, low, value], rest)) = steps.split_first_chunk() {
        steps = rest;
        let at = usize::from(u16::from_be_bytes([*high, *low])) % bytes.len().max(1);
        match what % 6 {
            0 => bytes
                .get_mut(at)
                .into_iter()
                .for_each(|byte| *byte ^= value),
            1 => bytes.truncate(at),
            2 => bytes.insert(at.min(bytes.len()), *value),
            3 => drop(bytes.drain(at..(at + usize::from(*value)).min(bytes.len()))),
            // A part of it again, or of what the side itself said.
            4 => {
                let part = bytes.get(at..).unwrap_or_default().to_vec();
                bytes.extend_from_slice(part.get(..usize::from(*value) * 8).unwrap_or(&part));
            }
            _ => {
                let own = &said[usize::from(serves)];
                let part = own.get(at.min(own.len())..).unwrap_or_default();
                bytes.extend_from_slice(part.get(..usize::from(*value) * 8).unwrap_or(part));
            }
        }
    }
    let whole = hear(serves, &bytes, usize::MAX);
    assert_eq!(whole, hear(serves, &bytes, 1));
    assert!(messages().starts_with(&whole.0), "{:?}", whole.0);
    if bytes.starts_with(right) {
        assert_eq!(whole.0, messages());
    }
    if bytes == *right {
        assert_eq!(whole.2, None);
    }
}
