//! CURVE (RFC 25 and 26): who is let in, what can be seen on the way, and what comes of what is changed there.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sinew::curve::{KeyPair, PublicKey};
use sinew::{
    Authenticator, Context, DynSocket, EventKind, Kind, Message, Monitor, Options, Pending, Pub,
    Pull, Push, ReasonKind, Rep, Req, Socket, SocketBuilder, SocketType, Stream, Sub,
};

use crate::support::*;

const HASTE: Duration = Duration::from_millis(1);

fn keys() -> (KeyPair, KeyPair) {
    (KeyPair::generate().unwrap(), KeyPair::generate().unwrap())
}

#[track_caller]
fn await_reason(monitor: &Monitor) -> ReasonKind {
    let event = await_event(monitor, |kind| {
        matches!(kind, EventKind::HandshakeFailed { .. })
    });
    match event.kind {
        EventKind::HandshakeFailed { reason } => reason.kind(),
        _ => unreachable!(),
    }
}

/// What stands between two sockets: it may see and change what the one that connects says.
struct Wire {
    port: u16,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl Wire {
    /// `change` is given each frame behind the greeting and its number, whole, and gives what goes on; `None` cuts the connection.
    /// It is asked anew for each connection.
    fn to(
        server: u16,
        change: impl Fn(usize, usize, Vec<u8>) -> Option<Vec<u8>> + Send + Sync + 'static,
    ) -> Wire {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (all, change) = (Arc::clone(&seen), Arc::new(change));
        thread::spawn(move || {
            for (connection, client) in listener.incoming().enumerate() {
                let (Ok(client), Ok(server)) = (client, TcpStream::connect(("127.0.0.1", server)))
                else {
                    return;
                };
                let (all, change) = (Arc::clone(&all), Arc::clone(&change));
                let (mut from, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
                let back = Arc::clone(&all);
                thread::spawn(move || {
                    let mut buffer = [0; 4096];
                    while let Ok(count @ 1..) = from.read(&mut buffer) {
                        back.lock().unwrap().extend_from_slice(&buffer[..count]);
                        if to.write_all(&buffer[..count]).is_err() {
                            break;
                        }
                    }
                    let _ = to.shutdown(Shutdown::Both);
                });
                thread::spawn(move || {
                    let change = |n, frame| change(connection, n, frame);
                    let _ = forward(&client, &server, &all, change);
                    let _ = client.shutdown(Shutdown::Both);
                    let _ = server.shutdown(Shutdown::Both);
                });
            }
        });
        Wire { port, seen }
    }

    fn endpoint(&self) -> String {
        format!("tcp://127.0.0.1:{}", self.port)
    }

    fn shows(&self, bytes: &[u8]) -> bool {
        let seen = self.seen.lock().unwrap();
        seen.windows(bytes.len()).any(|it| it == bytes)
    }
}

fn forward(
    mut client: &TcpStream,
    mut server: &TcpStream,
    seen: &Mutex<Vec<u8>>,
    change: impl Fn(usize, Vec<u8>) -> Option<Vec<u8>>,
) -> std::io::Result<()> {
    let mut greeting = [0; 64];
    client.read_exact(&mut greeting)?;
    server.write_all(&greeting)?;
    for number in 0.. {
        let mut frame = vec![0; 2];
        client.read_exact(&mut frame)?;
        let mut size = u64::from(frame[1]);
        if frame[0] & LONG != 0 {
            frame.resize(9, 0);
            client.read_exact(&mut frame[2..])?;
            size = u64::from_be_bytes(frame[1..].try_into().unwrap());
        }
        let at = frame.len();
        frame.resize(at + size as usize, 0);
        client.read_exact(&mut frame[at..])?;
        seen.lock().unwrap().extend_from_slice(&frame);
        let Some(frame) = change(number, frame) else {
            return Ok(());
        };
        server.write_all(&frame)?;
    }
    Ok(())
}

/// HELLO and INITIATE come first.
const FIRST_MESSAGE: usize = 2;

fn port_of<K: Kind>(socket: &Socket<K>) -> u16 {
    address(socket).socket_addr().unwrap().port()
}

#[test]
fn frames_of_all_sizes_cross_both_ways_over_tcp_and_ipc_whoever_binds() {
    let (server, client) = keys();
    let sizes = [0, 1, 64, 222, 223, 255, 256, 4096, 5000, 70_000, 1 << 20];
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        for server_binds in [true, false] {
            let context = Context::new();
            let pair = |serves: bool| -> DynSocket {
                let builder = context.socket(SocketType::Pair);
                if serves {
                    builder.curve_server(&server).allow([client.public()])
                } else {
                    builder.curve_client(server.public(), &client)
                }
                .open()
                .unwrap()
            };
            let (bound, called) = (pair(server_binds), pair(!server_binds));
            bound.bind(endpoint).unwrap();
            called.connect(address(&bound)).unwrap();
            let message = move |n: usize| {
                let size = sizes[n % sizes.len()];
                Message::from([vec![n as u8; size], Vec::new(), vec![7; n % 300]])
            };
            let (a, b) = (called.clone(), bound.clone());
            let sender = thread::spawn(move || {
                for n in 0..40 {
                    a.send(message(n)).unwrap();
                    b.send(message(n + 1)).unwrap();
                }
            });
            for n in 0..40 {
                assert!(bound.recv_timeout(SOON).unwrap() == message(n), "{n}");
                assert!(called.recv_timeout(SOON).unwrap() == message(n + 1), "{n}");
            }
            sender.join().unwrap();
        }
    }
}

#[test]
fn a_stream_of_small_messages_comes_whole_and_in_order() {
    let (server, client) = keys();
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .curve_server(&server)
        .allow([client.public()])
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let push = context
        .socket(Push)
        .curve_client(server.public(), &client)
        .connect(address(&pull))
        .unwrap();
    let sender = thread::spawn(move || {
        for n in 0..20_000u32 {
            push.send(&n.to_be_bytes()[..]).unwrap();
        }
        push
    });
    for n in 0..20_000u32 {
        assert_eq!(pull.recv_timeout(SOON).unwrap(), &n.to_be_bytes()[..]);
    }
    drop(sender.join().unwrap());
}

#[test]
fn subscriptions_heartbeats_and_greetings_are_sealed_too() {
    let (server, client) = keys();
    let context = Context::new();
    let publisher = context
        .socket(Pub)
        .curve_server(&server)
        .allow_any_key()
        .heartbeat_interval(Duration::from_millis(10))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = publisher.monitor();
    let wire = Wire::to(port_of(&publisher), |_, _, frame| Some(frame));
    let subscribers: Vec<_> = (0..3)
        .map(|_| {
            context
                .socket(Sub)
                .curve_client(server.public(), &client)
                .subscribe("a secret topic")
                .connect(wire.endpoint().as_str())
                .unwrap()
        })
        .collect();
    for _ in &subscribers {
        await_subscription(&monitor);
    }
    // A PONG answers a PING, both in boxes.
    for peer in publisher.peers() {
        assert!(peer.info.is_some());
    }
    publisher.send(["a secret topic", "a secret text"]).unwrap();
    publisher.send(["another", "a secret text"]).unwrap();
    publisher.send(["a secret topic", "the end"]).unwrap();
    for subscriber in &subscribers {
        let first = subscriber.recv_timeout(SOON).unwrap();
        assert_eq!(first, ["a secret topic", "a secret text"]);
        let last = subscriber.recv_timeout(SOON).unwrap();
        assert_eq!(last, ["a secret topic", "the end"]);
    }
    while publisher
        .peers()
        .iter()
        .any(|peer| peer.round_trip.is_none())
    {
        thread::yield_now();
    }
    for hidden in ["secret", "PING", "PONG", "SUBSCRIBE", "Socket-Type", "PUB"] {
        assert!(!wire.shows(hidden.as_bytes()), "{hidden}");
    }
    assert!(wire.shows(b"HELLO") && wire.shows(b"\x07MESSAGE"));
}

#[test]
fn a_client_is_let_in_by_its_key_alone_and_both_sides_are_told_if_not() {
    let (server, client) = keys();
    let context = Context::new();
    let open = |builder: SocketBuilder<Rep>| builder.bind("tcp://127.0.0.1:*").unwrap();
    let builder = || context.socket(Rep).curve_server(&server);
    let listed = open(builder().allow([client.public(), server.public()]));
    let nobody = open(builder().allow([]));
    let anybody = open(builder().allow_any_key());
    let narrowed = open(builder().allow_any_key().allow([server.public()]));
    for (rep, lets_in) in [
        (&listed, true),
        (&nobody, false),
        (&anybody, true),
        (&narrowed, false),
    ] {
        let theirs = rep.monitor();
        let req = context
            .socket(Req)
            .curve_client(server.public(), &client)
            .reconnect_interval(HASTE)
            .linger(Duration::ZERO)
            .open()
            .unwrap();
        let ours = req.monitor();
        req.connect(address(rep)).unwrap();
        if lets_in {
            req.send("hello").unwrap();
            assert_eq!(rep.recv_timeout(SOON).unwrap(), "hello");
            let user = rep.peers()[0].info.as_ref().unwrap().user.clone();
            assert_eq!(user, Some(client.public().to_string()));
            rep.send("welcome").unwrap();
            assert_eq!(req.recv_timeout(SOON).unwrap(), "welcome");
        } else {
            for _ in 0..2 {
                assert_eq!(await_reason(&theirs), ReasonKind::Authentication);
                assert_eq!(await_reason(&ours), ReasonKind::Authentication);
            }
            assert!(rep.peers().iter().all(|peer| peer.info.is_none()));
        }
    }
    // Taken off the list, for connections to come.
    listed
        .set_options(|now| now.curve_server(&server).allow([server.public()]))
        .unwrap();
    let theirs = listed.monitor();
    let req = context
        .socket(Req)
        .curve_client(server.public(), &client)
        .connect(address(&listed))
        .unwrap();
    assert_eq!(await_reason(&theirs), ReasonKind::Authentication);
    drop(req);
}

#[test]
fn a_server_that_has_not_the_key_that_was_called_is_not_talked_to() {
    let (server, client) = keys();
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .curve_server(&server)
        .allow_any_key()
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let theirs = pull.monitor();
    let push = context
        .socket(Push)
        .curve_client(client.public(), &client)
        .linger(Duration::ZERO)
        .connect(address(&pull))
        .unwrap();
    let ours = push.monitor();
    assert_eq!(await_reason(&theirs), ReasonKind::Authentication);
    await_refusal(&ours);
}

#[test]
fn there_is_no_way_down_to_another_mechanism() {
    let (server, client) = keys();
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .curve_server(&server)
        .allow_any_key()
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let message = frame(0, b"x");
    for (bytes, expected) in [
        (
            [&Raw::greeting(1, "NULL")[..], &Raw::ready("PUSH"), &message].concat(),
            ReasonKind::Mechanism,
        ),
        (
            [
                &Raw::greeting(1, "PLAIN")[..],
                &Raw::ready("PUSH"),
                &message,
            ]
            .concat(),
            ReasonKind::Mechanism,
        ),
        (
            [
                &Raw::greeting(1, "CURVE")[..],
                &Raw::ready("PUSH"),
                &message,
            ]
            .concat(),
            ReasonKind::Protocol,
        ),
        (
            [&Raw::greeting(1, "CURVE")[..], &message].concat(),
            ReasonKind::Protocol,
        ),
        (
            b"\xff\0\0\0\0\0\0\0\x01\x7f\x01\x08".to_vec(),
            ReasonKind::Version,
        ),
    ] {
        let mut raw = Raw::connect(&address(&pull));
        raw.write(&bytes);
        assert_eq!(await_reason(&monitor), expected);
        raw.await_end();
    }
    assert!(pull.try_recv().is_err());
    // A client, called by a server that would rather not.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let push = context
        .socket(Push)
        .curve_client(server.public(), &client)
        .linger(Duration::ZERO)
        .open()
        .unwrap();
    let monitor = push.monitor();
    push.connect(listener.local_addr().unwrap()).unwrap();
    push.try_send("a secret text").unwrap();
    let mut raw = Raw::accept(&listener);
    raw.write(&Raw::greeting(1, "NULL"));
    raw.write(&Raw::ready("PULL"));
    assert_eq!(await_reason(&monitor), ReasonKind::Mechanism);
    let said = raw.await_end();
    assert!(!said.windows(6).any(|it| it == b"secret"));
}

#[test]
fn two_servers_are_told_apart_and_two_clients_fail_at_once() {
    let (server, client) = keys();
    let context = Context::new();
    let builder = || context.socket(Pull).curve_server(&server).allow_any_key();
    let pull = builder().bind("tcp://127.0.0.1:*").unwrap();
    let push = context.socket(Push).curve_server(&server).allow_any_key();
    let push = push.open().unwrap();
    let monitor = push.monitor();
    push.connect(address(&pull)).unwrap();
    assert!(await_refusal(&monitor).contains("has to be a client"));
    let pull = context
        .socket(Pull)
        .curve_client(server.public(), &client)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let push = context.socket(Push).curve_client(server.public(), &client);
    let push = push.open().unwrap();
    let monitor = push.monitor();
    push.connect(address(&pull)).unwrap();
    await_refusal(&monitor);
}

/// What `change` makes of the frames of the first connection of a client; afterwards all goes as it is. Gives why the server ended the
/// first one, and checks that what the client sends then is whole, in order and once.
fn disturbed(
    change: impl Fn(usize, Vec<u8>) -> Option<Vec<u8>> + Send + Sync + 'static,
) -> (ReasonKind, Vec<u32>) {
    let (server, client) = keys();
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .curve_server(&server)
        .allow([client.public()])
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let wire = Wire::to(
        port_of(&pull),
        move |connection, n, frame| match connection {
            0 => change(n, frame),
            _ => Some(frame),
        },
    );
    let push = context
        .socket(Push)
        .curve_client(server.public(), &client)
        .reconnect_interval(HASTE)
        .connect(wire.endpoint().as_str())
        .unwrap();
    for n in 0..10u32 {
        push.send([&n.to_be_bytes()[..], b"a secret text"]).unwrap();
    }
    let event = await_event(&monitor, |kind| {
        matches!(
            kind,
            EventKind::Disconnected { .. } | EventKind::HandshakeFailed { .. }
        )
    });
    let reason = match event.kind {
        EventKind::Disconnected { reason } | EventKind::HandshakeFailed { reason } => reason.kind(),
        _ => unreachable!(),
    };
    // The last one of all tells that what came of the others has come.
    await_peer(&monitor);
    push.send([&99u32.to_be_bytes()[..], b"the end"]).unwrap();
    let mut came = Vec::new();
    while came.last() != Some(&99) {
        let message = pull.recv_timeout(SOON).unwrap();
        came.push(u32::from_be_bytes(message[0].try_into().unwrap()));
    }
    assert!(came.windows(2).all(|two| two[0] < two[1]), "{came:?}");
    assert!(!wire.shows(b"secret"));
    (reason, came)
}

#[test]
fn a_frame_that_was_changed_on_its_way_ends_the_connection_and_is_not_delivered() {
    let (reason, came) = disturbed(|n, mut frame| {
        if n == FIRST_MESSAGE + 4 {
            *frame.last_mut().unwrap() ^= 1;
        }
        Some(frame)
    });
    assert_eq!(reason, ReasonKind::Protocol);
    // Two frames a message.
    assert!(came.starts_with(&[0, 1]) && !came.contains(&2), "{came:?}");
}

#[test]
fn a_frame_that_is_replayed_ends_the_connection_and_is_not_delivered_twice() {
    let (reason, came) = disturbed(|n, frame| {
        Some(match n == FIRST_MESSAGE + 3 {
            true => frame.repeat(2),
            false => frame,
        })
    });
    assert_eq!(reason, ReasonKind::Protocol);
    assert!(came.starts_with(&[0, 1]), "{came:?}");
}

#[test]
fn what_is_not_sealed_ends_the_connection() {
    for plain in [
        frame(0, b"plain"),
        frame(MORE, b"plain"),
        frame(COMMAND, b"\x04PING\0\0"),
        frame(COMMAND, b"\x05ERROR\0"),
        frame(COMMAND, b"\x09SUBSCRIBE"),
        frame(0, b"\x07MESSAGE\0\0\0\0\0\0\0\x50"),
        frame(0, &[0; 200]),
        frame(8, b""),
    ] {
        let (reason, came) = disturbed(move |n, frame| {
            Some(match n == FIRST_MESSAGE + 2 {
                true => [&plain[..], &frame].concat(),
                false => frame,
            })
        });
        assert_eq!(reason, ReasonKind::Protocol);
        assert!(came.starts_with(&[0]), "{came:?}");
    }
}

#[test]
fn an_outer_flag_that_was_changed_ends_the_connection() {
    for flag in [MORE, COMMAND] {
        let (reason, _) = disturbed(move |n, mut frame| {
            if n == FIRST_MESSAGE {
                frame[0] |= flag;
            }
            Some(frame)
        });
        assert_eq!(reason, ReasonKind::Protocol);
    }
}

#[test]
fn garbage_at_every_stage_of_the_handshake_is_refused_and_the_next_connection_is_made() {
    for stage in 0..FIRST_MESSAGE {
        for at in [2, 9, 50, 120, 199] {
            let (reason, came) = disturbed(move |n, mut frame| {
                if n == stage {
                    let at = at.min(frame.len() - 1);
                    frame[at] ^= 0xff;
                }
                Some(frame)
            });
            assert!(
                matches!(reason, ReasonKind::Protocol | ReasonKind::Authentication),
                "{stage} {at}: {reason:?}"
            );
            let all: Vec<_> = (0..10).chain([99]).collect();
            assert_eq!(came, all, "nothing was lost that was not sent");
        }
    }
}

#[test]
fn what_a_lost_connection_had_not_taken_is_sealed_again_for_the_next() {
    const MESSAGES: u32 = 300;
    let (server, client) = keys();
    let context = Context::new();
    let pull = context
        .socket(Pull)
        .curve_server(&server)
        .allow_any_key()
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    // Each of the first connections is cut somewhere else.
    let wire = Wire::to(port_of(&pull), |connection, n, frame| {
        let over = connection < 6 && n >= FIRST_MESSAGE + 10 * connection;
        (!over).then_some(frame)
    });
    let push = context
        .socket(Push)
        .curve_client(server.public(), &client)
        .reconnect_interval(HASTE)
        .reconnect_interval_max(HASTE)
        .send_buffer(4096)
        .connect(wire.endpoint().as_str())
        .unwrap();
    let sender = thread::spawn(move || {
        for n in 0..MESSAGES {
            push.send([&n.to_be_bytes()[..], &vec![n as u8; 9000]])
                .unwrap();
        }
        push
    });
    let mut last = None;
    while last != Some(MESSAGES - 1) {
        let message = pull.recv_timeout(SOON).unwrap();
        let n = u32::from_be_bytes(message[0].try_into().unwrap());
        assert!(message[1] == vec![n as u8; 9000], "{n}");
        assert!(last < Some(n), "once, and in order: {n} behind {last:?}");
        last = Some(n);
    }
    drop(sender.join().unwrap());
}

#[test]
fn the_limit_on_messages_is_on_what_is_in_the_box() {
    let (server, client) = keys();
    for (size, fits) in [(100_000, true), (100_001, false)] {
        let context = Context::new();
        let pull = context
            .socket(Pull)
            .curve_server(&server)
            .allow_any_key()
            .max_message_size(100_000)
            .bind("tcp://127.0.0.1:*")
            .unwrap();
        let monitor = pull.monitor();
        let push = context
            .socket(Push)
            .curve_client(server.public(), &client)
            .linger(Duration::ZERO)
            .connect(address(&pull))
            .unwrap();
        push.send(vec![7; size]).unwrap();
        if fits {
            assert_eq!(pull.recv_timeout(SOON).unwrap().byte_len(), size);
        } else {
            let event = await_event(&monitor, |it| matches!(it, EventKind::Disconnected { .. }));
            let EventKind::Disconnected { reason } = event.kind else {
                unreachable!()
            };
            assert_eq!(reason.kind(), ReasonKind::MessageTooLarge);
        }
    }
}

#[test]
fn settings_that_make_no_sense_are_refused_in_words_and_secrets_are_not_shown() {
    let (server, client) = keys();
    let context = Context::new();
    let text = |builder: SocketBuilder<Pull>| builder.open().unwrap_err().to_string();
    let unsaid = text(context.socket(Pull).curve_server(&server));
    assert!(unsaid.contains("allow_any_key"), "{unsaid}");
    let misfit = text(context.socket(Pull).allow([client.public()]));
    assert!(misfit.contains("curve_server"), "{misfit}");
    let low = PublicKey::from_bytes([0; 32]);
    let low = text(context.socket(Pull).curve_client(low, &client));
    assert!(low.contains("server's key"), "{low}");
    let stream = context.socket(Stream).curve_server(&server).allow_any_key();
    assert!(stream.open().is_err());
    let options = Options::new().curve_client(server.public(), &client);
    let shown = format!("{options:?}");
    assert!(shown.contains(&server.public().to_string()));
    assert!(!shown.contains(&client.secret().to_z85()), "{shown}");
    assert_eq!(options, options.clone());
}

#[test]
fn certificate_files_are_kept_from_others_and_not_overwritten() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let (pair, other) = keys();
    let name = folder.path().join("server");
    let secret = pair.save(&name).unwrap();
    assert_eq!(secret, folder.path().join("server.key_secret"));
    let mode = secret.metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(KeyPair::load(&secret).unwrap(), pair);
    let public = folder.path().join("server.key");
    assert_eq!(PublicKey::load(&public).unwrap(), pair.public());
    let error = other.save(&name).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::AlreadyExists);
    assert_eq!(KeyPair::load(&secret).unwrap(), pair);
    let error = KeyPair::load(&public).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    std::fs::write(&public, "secret-key = nonsense-that-is-secret").unwrap();
    let error = KeyPair::load(&public).unwrap_err().to_string();
    assert!(!error.contains("nonsense"), "{error}");
}

#[test]
fn an_authenticator_decides_on_keys_that_no_list_names_and_may_answer_later() {
    let (server, client) = keys();
    let stranger = KeyPair::generate().unwrap();
    let context = Context::new();
    let (ask, asked) = std::sync::mpsc::channel();
    let pull = context
        .socket(Pull)
        .curve_server(&server)
        .authenticator(Authenticator::new(move |pending| drop(ask.send(pending))))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let push = |own: &KeyPair| {
        let builder = context.socket(Push).curve_client(server.public(), own);
        builder.linger(Duration::ZERO).open().unwrap()
    };
    let known = push(&client);
    known.connect(address(&pull)).unwrap();
    known.send("early").unwrap();
    let pending = asked.recv_timeout(SOON).unwrap();
    assert_eq!(pending.candidate().mechanism, "CURVE");
    let user = pending.candidate().peer.user.clone();
    assert_eq!(user, Some(client.public().to_string()));
    assert!(pull.try_recv().is_err());
    pending.accept_as("anna");
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "early");
    let peers = pull.peers();
    assert!(peers.iter().any(|peer| peer
        .info
        .as_ref()
        .is_some_and(|it| it.user.as_deref() == Some("anna"))));
    let refused = push(&stranger);
    let monitor = refused.monitor();
    refused.connect(address(&pull)).unwrap();
    asked.recv_timeout(SOON).unwrap().refuse();
    assert_eq!(await_reason(&monitor), ReasonKind::Authentication);
    // A list has the first word.
    let listed = context
        .socket(Pull)
        .curve_server(&server)
        .allow([client.public()])
        .authenticator(Authenticator::new(Pending::accept))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let refused = push(&stranger);
    let monitor = refused.monitor();
    refused.connect(address(&listed)).unwrap();
    assert_eq!(await_reason(&monitor), ReasonKind::Authentication);
    // Addresses alone let nobody in.
    let lists = context.socket(Pull).curve_server(&server);
    assert!(lists.authenticator(Authenticator::lists()).open().is_err());
}
