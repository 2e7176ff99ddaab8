//! What no honest peer says.

use super::*;

/// HELLO with parts of it as they should not be.
fn odd_hello(
    client: PublicKey,
    secret: &Shared,
    version: [u8; 2],
    padding: u8,
    text: u8,
) -> Vec<u8> {
    let mut hello = b"\x05HELLO".to_vec();
    hello.extend_from_slice(&version);
    hello.extend_from_slice(&[padding; 72]);
    hello.extend_from_slice(client.as_bytes());
    hello.extend_from_slice(&1u64.to_be_bytes());
    put_box(&mut hello, secret, &short_nonce(HELLO, 1), &[text; 64]);
    hello
}

#[test]
fn all_of_hello_is_checked() {
    let server = server(20);
    let own = fresh(10).keys();
    let secret = Shared::between(&keys(SERVER).public(), own.secret()).unwrap();
    let odd = |version, padding, text| odd_hello(own.public(), &secret, version, padding, text);
    let take = |hello: &[u8]| waits(Mechanism::new(&server), &server, hello);
    assert!(take(&odd([1, 0], 0, 0)).is_ok());
    for (version, padding, text, expected) in [
        ([2, 0], 0, 0, "its version is not 1.0"),
        ([1, 1], 0, 0, "its version is not 1.0"),
        ([1, 0], 1, 0, "its padding is not zero"),
        ([1, 0], 0, 1, "what is in its box is not zero"),
    ] {
        let expected = command::malformed("HELLO", expected);
        assert_eq!(fault(take(&odd(version, padding, text))), expected);
    }
    let good = odd([1, 0], 0, 0);
    let long = [&good[..], b"x"].concat();
    assert_eq!(
        fault(take(&long)),
        command::malformed("HELLO", "it is too long")
    );
    for len in 6..good.len() {
        let cut = command::malformed("HELLO", "it is cut off");
        assert_eq!(fault(take(&good[..len])), cut);
    }
}

/// Whoever sends such a key knows the result without any secret.
#[test]
fn keys_of_low_order_are_refused_in_every_box() {
    let server = server(20);
    for key in low_order() {
        assert!(Shared::between(&key, keys(SERVER).secret()).is_none());
        // C' in HELLO.
        let any = Shared::between(&keys(5).public(), keys(6).secret()).unwrap();
        let hello = odd_hello(key, &any, [1, 0], 0, 0);
        let refused = fault(waits(Mechanism::new(&server), &server, &hello));
        assert_eq!(refused, unopened("HELLO"));
        // S' in WELCOME, from a server that has the secret of S.
        let client = client(10);
        let (ours, _) = self::hello(&client);
        let secret = Shared::between(&fresh(10).keys().public(), keys(SERVER).secret()).unwrap();
        let mut welcome = [&b"\x07WELCOME"[..], &[7; 16]].concat();
        let text = [&key.as_bytes()[..], &[8; 96]].concat();
        put_box(&mut welcome, &secret, &long_nonce(WELCOME, &[7; 16]), &text);
        assert_eq!(fault(waits(ours, &client, &welcome)), unopened("WELCOME"));
        // C in INITIATE.
        let refused = fault(initiate_with(&server, |initiate| initiate.key = key));
        assert_eq!(refused, unopened("INITIATE"));
        // S in the settings.
        let lost = client_of(key, CLIENT, SocketType::Push, 10);
        assert!(lost.security.fault(false).is_some());
        assert!(matches!(Mechanism::new(&lost), Mechanism::Unable));
    }
}

/// What an INITIATE says, to be changed.
struct Initiate {
    cookie: [u8; 96],
    nonce: u64,
    key: PublicKey,
    vouch: Shared,
    vouched: Vec<u8>,
    metadata: Vec<u8>,
}

/// What a server makes of an INITIATE that a client could say who knows all keys, but for what `change` changes.
fn initiate_with(
    server: &Local,
    change: impl FnOnce(&mut Initiate),
) -> Result<(Progress, Vec<u8>), (ProtocolError, Vec<u8>)> {
    let own = fresh(10).keys();
    let (_, hello) = hello(&client(10));
    let (theirs, _) = waits(Mechanism::new(server), server, &hello)?;
    let short = fresh(20).keys().public();
    let mut initiate = Initiate {
        cookie: fresh(20).cookie(),
        nonce: 2,
        key: keys(CLIENT).public(),
        vouch: Shared::between(&short, keys(CLIENT).secret()).unwrap(),
        vouched: [*own.public().as_bytes(), *keys(SERVER).public().as_bytes()].concat(),
        metadata: b"\x0bSocket-Type\0\0\0\x04PUSH".to_vec(),
    };
    change(&mut initiate);
    let session = Shared::between(&short, own.secret()).unwrap();
    let mut text = [&initiate.key.as_bytes()[..], &[7; 16]].concat();
    let nonce = long_nonce(VOUCH, &[7; 16]);
    put_box(&mut text, &initiate.vouch, &nonce, &initiate.vouched);
    text.extend_from_slice(&initiate.metadata);
    let mut command = [&b"\x08INITIATE"[..], &initiate.cookie].concat();
    command.extend_from_slice(&initiate.nonce.to_be_bytes());
    let nonce = short_nonce(INITIATE, initiate.nonce);
    put_box(&mut command, &session, &nonce, &text);
    step(theirs, server, &command)
}

#[test]
fn all_of_initiate_is_checked() {
    let server = server(20);
    let (progress, _) = initiate_with(&server, |_| ()).unwrap();
    assert_eq!(sealed(progress).0.socket_type, SocketType::Push);
    let cookie = "its cookie is not the one that was given";
    let vouch = "its vouch is for another connection";
    let malformed = |fault| command::malformed("INITIATE", fault);
    let refused = |change: &dyn Fn(&mut Initiate)| fault(initiate_with(&server, change));
    assert_eq!(refused(&|it| it.cookie[95] ^= 1), malformed(cookie));
    for nonce in [0, 1] {
        assert_eq!(
            refused(&|it| it.nonce = nonce),
            ProtocolError::NonceNotIncreased
        );
    }
    // A client that claims to be another, whose secret it has not.
    assert_eq!(
        refused(&|it| it.key = keys(3).public()),
        unopened("INITIATE")
    );
    // A vouch that was made for another connection, or another server.
    assert_eq!(refused(&|it| it.vouched[0] ^= 1), malformed(vouch));
    assert_eq!(refused(&|it| it.vouched[63] ^= 1), malformed(vouch));
    let cut = refused(&|it| it.metadata.truncate(9));
    assert_eq!(cut, malformed("a property's name is cut off"));
    // Nobody can change what is sealed.
    let (ours, hello) = hello(&client(10));
    let (_, welcome) = waits(Mechanism::new(&server), &server, &hello).unwrap();
    let (_, initiate) = waits(ours, &client(10), &welcome).unwrap();
    for at in 9..initiate.len() {
        let (theirs, _) = waits(Mechanism::new(&server), &server, &hello).unwrap();
        let mut changed = initiate.clone();
        changed[at] ^= 1;
        fault(step(theirs, &server, &changed));
        let (theirs, _) = waits(Mechanism::new(&server), &server, &hello).unwrap();
        fault(step(theirs, &server, &initiate[..at]));
    }
}

#[test]
fn what_was_recorded_opens_no_second_connection() {
    let (client, first, second) = (client(10), server(20), server(60));
    let (ours, hello) = hello(&client);
    let (theirs, welcome) = waits(Mechanism::new(&first), &first, &hello).unwrap();
    let (ours, initiate) = waits(ours, &client, &welcome).unwrap();
    let (_, ready) = step(theirs, &first, &initiate).unwrap();
    // HELLO is taken again by anybody's connection, and the recorded INITIATE by none.
    let (theirs, other_welcome) = waits(Mechanism::new(&second), &second, &hello).unwrap();
    fault(step(theirs, &second, &initiate));
    // A client of another connection makes nothing of the recorded answers.
    let again = self::client(90);
    let (mechanism, _) = self::hello(&again);
    assert_eq!(
        fault(waits(mechanism, &again, &other_welcome)),
        unopened("WELCOME")
    );
    let (mechanism, _) = self::hello(&client);
    let (mechanism, _) = waits(mechanism, &client, &other_welcome).unwrap();
    assert_eq!(fault(step(mechanism, &client, &ready)), unopened("READY"));
    sealed(step(ours, &client, &ready).unwrap().0);
}

#[test]
fn each_side_takes_only_what_the_other_may_say_now() {
    let (client, server) = (client(10), server(20));
    let said = || {
        let (ours, hello) = hello(&client);
        let (theirs, welcome) = waits(Mechanism::new(&server), &server, &hello).unwrap();
        let (_, initiate) = waits(ours, &client, &welcome).unwrap();
        let (_, ready) = step(theirs, &server, &initiate).unwrap();
        [
            ("HELLO", hello),
            ("WELCOME", welcome),
            ("INITIATE", initiate),
            ("READY", ready),
            ("MESSAGE", b"\x07MESSAGE".to_vec()),
            ("PING", b"\x04PING\0\0".to_vec()),
        ]
    };
    let unexpected = |name: &str| ProtocolError::UnexpectedCommand {
        name: name.to_owned(),
    };
    for (name, body) in said() {
        // A server waits for HELLO, then for INITIATE; HELLO that is reflected to a client is none of its own.
        if name != "HELLO" {
            let mechanism = Mechanism::new(&server);
            assert_eq!(fault(step(mechanism, &server, &body)), unexpected(name));
        }
        if name != "INITIATE" {
            let (_, hello) = hello(&client);
            let (mechanism, _) = waits(Mechanism::new(&server), &server, &hello).unwrap();
            assert_eq!(fault(step(mechanism, &server, &body)), unexpected(name));
        }
        if name != "WELCOME" {
            let (mechanism, _) = hello(&client);
            assert_eq!(fault(step(mechanism, &client, &body)), unexpected(name));
        }
        if name != "READY" {
            let (mechanism, hello) = hello(&client);
            let (_, welcome) = waits(Mechanism::new(&server), &server, &hello).unwrap();
            let (mechanism, _) = waits(mechanism, &client, &welcome).unwrap();
            assert_eq!(fault(step(mechanism, &client, &body)), unexpected(name));
        }
    }
}
