//! Both sides against each other; what no honest peer says is in [`hostile`].

mod hostile;

use std::sync::Arc;

use bytes::Bytes;

use super::*;
use crate::peer::{PeerInfo, SocketType};
use crate::security::curve::{self, Fresh, FRESH};
use crate::security::keys::{KeyPair, PublicKey, SecretKey};
use crate::security::pending::Refusal;
use crate::security::Security;
use crate::zmtp::mechanism::{Local, Mechanism, Progress};
use crate::zmtp::sealing::Seals;
use zeroize::Zeroizing;

/// The points of small order on the curve, and one of them written in a way that is not the shortest.
const LOW_ORDER: [&str; 4] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

fn low_order() -> impl Iterator<Item = PublicKey> {
    LOW_ORDER.iter().map(|hex| {
        let byte = |n: usize| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap();
        PublicKey::from_bytes(std::array::from_fn(byte))
    })
}

fn keys(seed: u8) -> KeyPair {
    KeyPair::from(SecretKey::from_bytes([seed; 32]))
}

fn fresh(seed: u8) -> Fresh {
    let numbers = std::array::from_fn::<u8, FRESH, _>(|n| seed.wrapping_add(n as u8));
    Fresh::new(Box::new(Zeroizing::new(numbers)))
}

const SERVER: u8 = 1;
const CLIENT: u8 = 2;

fn local(socket_type: SocketType, security: Security, seed: u8) -> Local {
    Local {
        socket_type,
        routing_id: Bytes::new(),
        properties: Vec::new(),
        max_message_size: None,
        recv_hwm_bytes: 0,
        max_message_frames: 0,
        security,
        access: None,
        fresh: Some(fresh(seed)),
    }
}

/// A server that lets in the client of these tests.
fn server(seed: u8) -> Local {
    let mut server = curve::Server::new(keys(SERVER));
    server.allow([keys(CLIENT).public()]);
    local(
        SocketType::Pull,
        Security::CurveServer(Arc::new(server)),
        seed,
    )
}

fn client_of(server: PublicKey, own: u8, socket_type: SocketType, seed: u8) -> Local {
    let keys = keys(own);
    let client = curve::Client { server, keys };
    local(socket_type, Security::CurveClient(Arc::new(client)), seed)
}

fn client(seed: u8) -> Local {
    client_of(keys(SERVER).public(), CLIENT, SocketType::Push, seed)
}

/// The body of the only frame in `out`, which is left empty.
fn body(out: &mut Vec<u8>) -> Vec<u8> {
    let header = frame::Header::parse(out).unwrap().unwrap();
    assert!(header.command && out.len() == header.len + header.size as usize);
    let body = out[header.len..].to_vec();
    out.clear();
    body
}

fn hello(local: &Local) -> (Mechanism, Vec<u8>) {
    let (mechanism, mut out) = (Mechanism::new(local), Vec::new());
    mechanism.start(local, &mut out);
    let hello = body(&mut out);
    (mechanism, hello)
}

/// Has a side take a command, and gives where that took it, and the body of its answer.
fn step(
    mechanism: Mechanism,
    local: &Local,
    command: &[u8],
) -> Result<(Progress, Vec<u8>), (ProtocolError, Vec<u8>)> {
    let mut out = Vec::new();
    let done = mechanism.handle_command(local, command, &mut out);
    let said = if out.is_empty() { out } else { body(&mut out) };
    match done {
        Ok(progress) => Ok((progress, said)),
        Err(fault) => Err((fault, said)),
    }
}

fn waits(
    mechanism: Mechanism,
    local: &Local,
    command: &[u8],
) -> Result<(Mechanism, Vec<u8>), (ProtocolError, Vec<u8>)> {
    match step(mechanism, local, command)? {
        (Progress::Waits(mechanism), said) => Ok((mechanism, said)),
        (other, _) => panic!("{other:?}"),
    }
}

type Sealed = (PeerInfo, Box<Seals>);

fn sealed(progress: Progress) -> Sealed {
    match progress {
        Progress::Sealed(peer, seals) => (peer, seals),
        other => panic!("{other:?}"),
    }
}

/// Goes through a handshake; gives both sides, or what the one that failed said last.
fn shake(client: &Local, server: &Local) -> Result<(Sealed, Sealed), (ProtocolError, Vec<u8>)> {
    let (ours, hello) = hello(client);
    let (theirs, welcome) = waits(Mechanism::new(server), server, &hello)?;
    let (ours, initiate) = waits(ours, client, &welcome)?;
    let (theirs, ready) = step(theirs, server, &initiate)?;
    let (ours, nothing) = step(ours, client, &ready)?;
    assert!(nothing.is_empty());
    Ok((sealed(ours), sealed(theirs)))
}

fn fault<T>(result: Result<T, (ProtocolError, Vec<u8>)>) -> ProtocolError {
    match result {
        Ok(_) => panic!("it went well"),
        Err((fault, said)) => {
            assert!(said.is_empty(), "{fault}: {}", said.escape_ascii());
            fault
        }
    }
}

fn unopened(name: &'static str) -> ProtocolError {
    ProtocolError::BoxNotOpened { name }
}

#[test]
fn commands_have_the_sizes_of_the_standard_and_the_server_learns_who_calls() {
    let (client, server) = (client(10), server(20));
    let (ours, said) = hello(&client);
    assert_eq!(said.len(), 200);
    assert_eq!(&said[..8], b"\x05HELLO\x01\0");
    assert_eq!(said[112..120], 1u64.to_be_bytes());
    let (theirs, welcome) = waits(Mechanism::new(&server), &server, &said).unwrap();
    assert_eq!((welcome.len(), &welcome[..8]), (168, &b"\x07WELCOME"[..]));
    let (ours, initiate) = waits(ours, &client, &welcome).unwrap();
    // What it says of itself: a type.
    assert_eq!(
        initiate.len(),
        257 + 1 + "Socket-Type".len() + 4 + "PUSH".len()
    );
    assert_eq!(initiate[105..113], 2u64.to_be_bytes());
    let (theirs, ready) = step(theirs, &server, &initiate).unwrap();
    assert_eq!(ready.len(), 30 + 1 + "Socket-Type".len() + 4 + "PULL".len());
    assert_eq!(ready[6..14], 1u64.to_be_bytes());
    let (peer, _) = sealed(theirs);
    assert_eq!(peer.socket_type, SocketType::Push);
    assert_eq!(peer.user, Some(keys(CLIENT).public().to_string()));
    let (peer, _) = sealed(step(ours, &client, &ready).unwrap().0);
    assert_eq!((peer.socket_type, peer.user), (SocketType::Pull, None));
}

/// Nothing by which the two are known goes over the wire as it is, but for `C'`.
#[test]
fn long_term_keys_and_metadata_are_sealed() {
    let (client, server) = (client(10), server(20));
    let (ours, hello) = hello(&client);
    let (theirs, welcome) = waits(Mechanism::new(&server), &server, &hello).unwrap();
    let (_, initiate) = waits(ours, &client, &welcome).unwrap();
    let (_, ready) = step(theirs, &server, &initiate).unwrap();
    let said = [hello, welcome, initiate, ready].concat();
    let shows = |bytes: &[u8]| said.windows(bytes.len()).any(|it| it == bytes);
    assert!(shows(fresh(10).keys().public().as_bytes()));
    for hidden in [
        keys(SERVER).public(),
        keys(CLIENT).public(),
        fresh(20).keys().public(),
    ] {
        assert!(!shows(hidden.as_bytes()));
    }
    assert!(!shows(b"Socket-Type"));
    for secret in [
        keys(SERVER),
        keys(CLIENT),
        fresh(10).keys(),
        fresh(20).keys(),
    ] {
        assert!(!shows(secret.secret().as_bytes()));
    }
}

#[test]
fn a_wrong_server_key_is_found_by_both_sides() {
    let wrong = client_of(keys(9).public(), CLIENT, SocketType::Push, 10);
    assert_eq!(
        fault(shake(&wrong, &server(20)).map(|_| ())),
        unopened("HELLO")
    );
    // A server that answers without having opened HELLO.
    let right = client(10);
    let (ours, hello) = hello(&right);
    let mut other = server(20);
    other.security = Security::CurveServer(Arc::new(curve::Server::new(keys(9))));
    let (_, other_hello) = self::hello(&wrong);
    let (_, welcome) = waits(Mechanism::new(&other), &other, &other_hello).unwrap();
    assert_ne!(hello, other_hello);
    assert_eq!(fault(waits(ours, &right, &welcome)), unopened("WELCOME"));
}

#[test]
fn a_client_that_is_not_allowed_is_told_so_and_nothing_else() {
    let refused = ProtocolError::Refused(Refusal::Unproved);
    let stranger = client_of(keys(SERVER).public(), 3, SocketType::Push, 10);
    // Also when its type would not fit: that is none of its business.
    let odd = client_of(keys(SERVER).public(), 3, SocketType::Sub, 10);
    for client in [stranger, odd] {
        let (fault, said) = shake(&client, &server(20)).unwrap_err();
        assert_eq!(fault, refused);
        assert_eq!(said, b"\x05ERROR\x03400");
        // Which its own side understands.
        let (ours, hello) = hello(&client);
        let server = server(20);
        let (_, welcome) = waits(Mechanism::new(&server), &server, &hello).unwrap();
        let (ours, _) = waits(ours, &client, &welcome).unwrap();
        let fault = fault_of_client(ours, &client, &said);
        assert!(matches!(fault, ProtocolError::AuthenticationRefused { .. }));
    }
    let nobody = local(
        SocketType::Pull,
        Security::CurveServer(Arc::new(curve::Server::new(keys(SERVER)))),
        20,
    );
    assert_eq!(shake(&client(10), &nobody).unwrap_err().0, refused);
    let mut all = curve::Server::new(keys(SERVER));
    all.allow_any();
    let all = local(SocketType::Pull, Security::CurveServer(Arc::new(all)), 20);
    let anybody = client_of(keys(SERVER).public(), 77, SocketType::Push, 10);
    let (_, (peer, _)) = shake(&anybody, &all).unwrap();
    assert_eq!(peer.user, Some(keys(77).public().to_string()));
}

fn fault_of_client(ours: Mechanism, client: &Local, said: &[u8]) -> ProtocolError {
    step(ours, client, said).map(|_| ()).unwrap_err().0
}

#[test]
fn a_client_that_is_allowed_is_told_why_its_type_does_not_fit() {
    let odd = client_of(keys(SERVER).public(), CLIENT, SocketType::Sub, 10);
    let (fault, said) = shake(&odd, &server(20)).unwrap_err();
    assert!(matches!(fault, ProtocolError::SocketTypeMismatch { .. }));
    assert!(said.starts_with(b"\x05ERROR\x29a PULL socket"));
}

#[test]
fn without_random_numbers_there_is_no_connection() {
    for local in [client(10), server(20)] {
        let local = Local {
            fresh: None,
            ..local
        };
        let (mechanism, mut out) = (Mechanism::new(&local), Vec::new());
        mechanism.start(&local, &mut out);
        assert!(out.is_empty() && mechanism.name() == "CURVE");
        assert_eq!(
            fault(step(mechanism, &local, b"\x05HELLO")),
            ProtocolError::NoKeys
        );
    }
}

/// RFC 26, against nonces of the handshake: the first of a direction's messages is above all of them.
#[test]
fn messages_are_counted_on_from_the_handshake() {
    let ((_, mut ours), (_, mut theirs)) = shake(&client(10), &server(20)).unwrap();
    let header = frame::Header::parse(b"\0\x01").unwrap().unwrap();
    let mut sealed = Vec::new();
    assert!(ours.sealer.seal(&header, b"x", &mut sealed));
    assert_eq!(sealed[10..18], 3u64.to_be_bytes());
    let mut frame = Vec::new();
    let at = theirs.opener.open(&sealed[2..], &mut frame).unwrap();
    assert_eq!(&frame[at..], b"\0\x01x");
    sealed.clear();
    assert!(theirs.sealer.seal(&header, b"y", &mut sealed));
    assert_eq!(sealed[10..18], 2u64.to_be_bytes());
    let at = ours.opener.open(&sealed[2..], &mut frame).unwrap();
    assert_eq!(&frame[at..], b"\0\x01y");
    // What one said cannot be given back to it, whatever its nonce.
    for _ in 0..3 {
        sealed.clear();
        assert!(theirs.sealer.seal(&header, b"y", &mut sealed));
    }
    assert_eq!(
        theirs.opener.open(&sealed[2..], &mut frame),
        Err(ProtocolError::BoxNotOpened { name: "MESSAGE" })
    );
}
