//! PLAIN and CURVE (RFC 24 and 26): each side as the client and as the server, over tcp and ipc, whoever binds.

use std::thread::{self, JoinHandle};

use libzmq_peer as zmq;
use libzmq_peer::{event, option, Kind};
use sinew::curve::KeyPair;
use sinew::{Context, DynSocket, EventKind, Monitor, Options, ReasonKind, SocketType, Sub, Xpub};

use crate::support::*;

/// libzmq's servers ask a handler (ZAP, RFC 27), without which PLAIN lets nobody in. This one lets in whoever has one of these
/// credentials; it ends with its context.
fn zap(context: &zmq::Context, credentials: Vec<Vec<Vec<u8>>>) -> JoinHandle<()> {
    let handler = context.socket(Kind::Rep).expect("the handler");
    handler.set_int(option::LINGER, 0).expect("its option");
    handler
        .bind("inproc://zeromq.zap.01")
        .expect("its endpoint");
    thread::spawn(move || {
        while let Ok(request) = handler.recv_multipart() {
            let known = credentials.iter().any(|it| request[6..] == it[..]);
            let status: &[u8] = if known { b"200" } else { b"400" };
            let reply = [&request[0], &request[1], status, b"", b"", b""];
            if handler.send_multipart(reply).is_err() {
                return;
            }
        }
    })
}

/// How a libzmq socket is made one of a mechanism, and ours.
trait Mechanism {
    fn serve(&self, theirs: &zmq::Socket);
    fn call(&self, theirs: &zmq::Socket, rightly: bool);
    fn serving(&self) -> Options;
    fn calling(&self, rightly: bool) -> Options;
    fn credentials(&self) -> Vec<Vec<u8>>;
    /// What a libzmq client says of a refusal.
    fn refused(&self) -> u16 {
        event::HANDSHAKE_FAILED_AUTH
    }
}

struct Plain;

impl Mechanism for Plain {
    fn serve(&self, theirs: &zmq::Socket) {
        theirs.set_int(option::PLAIN_SERVER, 1).expect("PLAIN");
        theirs.set_bytes(option::ZAP_DOMAIN, b"x").expect("ZAP");
    }

    fn call(&self, theirs: &zmq::Socket, rightly: bool) {
        let password: &[u8] = if rightly { b"secret" } else { b"wrong" };
        theirs
            .set_bytes(option::PLAIN_USERNAME, b"anna")
            .expect("a name");
        theirs
            .set_bytes(option::PLAIN_PASSWORD, password)
            .expect("a password");
    }

    fn serving(&self) -> Options {
        Options::new().plain_server([("bert", "geheim"), ("anna", "secret")])
    }

    fn calling(&self, rightly: bool) -> Options {
        Options::new().plain_client("anna", if rightly { "secret" } else { "wrong" })
    }

    fn credentials(&self) -> Vec<Vec<u8>> {
        vec![b"anna".to_vec(), b"secret".to_vec()]
    }

    /// Its PLAIN does not know an ERROR command by its right name.
    fn refused(&self) -> u16 {
        event::HANDSHAKE_FAILED_PROTOCOL
    }
}

struct Curve {
    server: KeyPair,
    client: KeyPair,
    stranger: KeyPair,
}

impl Curve {
    fn new() -> Curve {
        let pair = || KeyPair::generate().expect("keys");
        Curve {
            server: pair(),
            client: pair(),
            stranger: pair(),
        }
    }

    fn caller(&self, rightly: bool) -> &KeyPair {
        if rightly {
            &self.client
        } else {
            &self.stranger
        }
    }
}

impl Mechanism for Curve {
    fn serve(&self, theirs: &zmq::Socket) {
        theirs
            .set_int(option::CURVE_SERVER, 1)
            .expect("libzmq has CURVE");
        let secret = self.server.secret().as_bytes();
        theirs
            .set_bytes(option::CURVE_SECRETKEY, secret)
            .expect("a key");
        theirs.set_bytes(option::ZAP_DOMAIN, b"x").expect("ZAP");
    }

    fn call(&self, theirs: &zmq::Socket, rightly: bool) {
        let own = self.caller(rightly);
        for (name, key) in [
            (option::CURVE_SERVERKEY, self.server.public().as_bytes()),
            (option::CURVE_PUBLICKEY, own.public().as_bytes()),
            (option::CURVE_SECRETKEY, own.secret().as_bytes()),
        ] {
            theirs.set_bytes(name, key).expect("a key");
        }
    }

    fn serving(&self) -> Options {
        Options::new()
            .curve_server(&self.server)
            .allow([self.client.public()])
    }

    fn calling(&self, rightly: bool) -> Options {
        Options::new().curve_client(self.server.public(), self.caller(rightly))
    }

    fn credentials(&self) -> Vec<Vec<u8>> {
        vec![self.client.public().as_bytes().to_vec()]
    }
}

fn ours(kind: SocketType, options: Options) -> DynSocket {
    let options = options.linger(std::time::Duration::ZERO);
    let builder = Context::new().socket(kind).options(options);
    builder.open().expect("our socket")
}

fn reason_of(monitor: &Monitor) -> ReasonKind {
    let failed = |kind: &EventKind| matches!(kind, EventKind::HandshakeFailed { .. });
    match wait_for(monitor, "a refusal", failed).kind {
        EventKind::HandshakeFailed { reason } => reason.kind(),
        other => panic!("{other:?}"),
    }
}

const SIZES: [usize; 9] = [0, 1, 64, 222, 223, 255, 8_191, 65_536, 1 << 20];

fn stream_both_ways(ours: &DynSocket, theirs: &zmq::Socket, what: &str) {
    let sent = |size: usize| vec![body(size), Vec::new(), b"end".to_vec()];
    let sender = thread::spawn({
        let ours = ours.clone();
        move || {
            for size in SIZES {
                let sent = message(&sent(size));
                ours.send_timeout(sent, DEADLINE).expect("our message");
            }
        }
    });
    for size in SIZES {
        theirs.send_multipart(sent(size)).expect("their message");
        let received = theirs.recv_multipart().expect("our message there");
        assert_same(&received, &sent(size), &format!("to libzmq, {what}"));
        let received = ours.recv_timeout(DEADLINE).expect("their message here");
        assert_same(
            &parts(&received),
            &sent(size),
            &format!("from libzmq, {what}"),
        );
    }
    sender.join().expect("the sender");
}

fn both_get_on(mechanism: &dyn Mechanism) {
    for setup in Setup::all() {
        for we_serve in [true, false] {
            let context = zmq::Context::new();
            let handler = (!we_serve).then(|| zap(&context, vec![mechanism.credentials()]));
            let theirs = theirs(&context, Kind::Pair);
            let options = if we_serve {
                mechanism.call(&theirs, true);
                mechanism.serving()
            } else {
                mechanism.serve(&theirs);
                mechanism.calling(true)
            };
            let ours = ours(SocketType::Pair, options);
            let _address = setup.join(&ours, &theirs);
            stream_both_ways(&ours, &theirs, &format!("{setup:?}, we serve: {we_serve}"));
            drop(theirs);
            context.shutdown();
            if let Some(handler) = handler {
                handler.join().expect("the handler");
            }
        }
    }
}

fn strangers_are_refused(mechanism: &dyn Mechanism) {
    let setup = Setup::TCP;
    // By our server, which libzmq understands.
    let context = zmq::Context::new();
    let stranger = theirs(&context, Kind::Dealer);
    mechanism.call(&stranger, false);
    let watched = stranger.monitor(event::ALL).expect("their monitor");
    let server = ours(SocketType::Dealer, mechanism.serving());
    let monitor = server.monitor();
    let _address = setup.join(&server, &stranger);
    assert_eq!(reason_of(&monitor), ReasonKind::Authentication);
    let event = wait_for_theirs(&watched, mechanism.refused());
    if event.id == event::HANDSHAKE_FAILED_AUTH {
        assert_eq!(event.value, 400);
    }
    drop((watched, stranger));
    context.shutdown();
    // By libzmq's, which we understand.
    let context = zmq::Context::new();
    let handler = zap(&context, vec![mechanism.credentials()]);
    let server = theirs(&context, Kind::Dealer);
    mechanism.serve(&server);
    let stranger = ours(SocketType::Dealer, mechanism.calling(false));
    let monitor = stranger.monitor();
    let setup = Setup {
        we_bind: false,
        ..setup
    };
    let _address = setup.join(&stranger, &server);
    assert_eq!(reason_of(&monitor), ReasonKind::Authentication);
    drop(server);
    context.shutdown();
    handler.join().expect("the handler");
}

#[test]
fn plain_streams_both_ways_with_either_as_the_server() {
    both_get_on(&Plain);
}

#[test]
fn curve_streams_both_ways_with_either_as_the_server() {
    both_get_on(&Curve::new());
}

#[test]
fn plain_strangers_are_refused_and_know_why() {
    strangers_are_refused(&Plain);
}

#[test]
fn curve_strangers_are_refused_and_know_why() {
    strangers_are_refused(&Curve::new());
}

#[test]
fn peers_of_another_mechanism_are_refused_on_both_sides() {
    let curve = Curve::new();
    let context = zmq::Context::new();
    let callers: [(Options, &dyn Mechanism); 4] = [
        (Plain.serving(), &curve),
        (curve.serving(), &Plain),
        (Options::new(), &Plain),
        (Options::new(), &curve),
    ];
    for (options, mechanism) in callers {
        let server = ours(SocketType::Dealer, options);
        let monitor = server.monitor();
        let caller = theirs(&context, Kind::Dealer);
        mechanism.call(&caller, true);
        let _address = Setup::TCP.join(&server, &caller);
        // It closes at once, and what it had not read may make that a reset.
        let reason = reason_of(&monitor);
        assert!(
            matches!(reason, ReasonKind::Mechanism | ReasonKind::RefusedByPeer),
            "{reason:?}"
        );
    }
}

/// Subscriptions and heartbeats are commands, in boxes as messages are.
#[test]
fn curve_subscribes_and_pings_both_ways() {
    let curve = Curve::new();
    let context = zmq::Context::new();
    let beat = std::time::Duration::from_millis(20);
    let xpub = Context::new().socket(Xpub);
    let xpub = xpub.options(curve.serving().heartbeat_interval(beat));
    let xpub = xpub.open().expect("our XPUB");
    let sub = theirs(&context, Kind::Sub);
    curve.call(&sub, true);
    sub.set_int(option::HEARTBEAT_IVL, 20)
        .expect("their option");
    sub.subscribe(b"topic").expect("their subscription");
    let _address = Setup::TCP.join(&xpub.clone().into_dynamic(), &sub);
    let seen = xpub.recv_timeout(DEADLINE).expect("a subscription");
    assert_eq!(seen, b"\x01topic");
    xpub.send("no topic").expect("our message");
    xpub.send(["topic", "text"]).expect("our message");
    let received = sub.recv_multipart().expect("our message there");
    assert_eq!(received, [b"topic".to_vec(), b"text".to_vec()]);
    while xpub.peers().iter().any(|peer| peer.round_trip.is_none()) {
        thread::yield_now();
    }
    sub.unsubscribe(b"topic").expect("their option");
    let seen = xpub.recv_timeout(DEADLINE).expect("the end of it");
    assert_eq!(seen, b"\x00topic");

    let publisher = theirs(&context, Kind::XPub);
    publisher.set_int(option::CURVE_SERVER, 1).expect("CURVE");
    let secret = curve.server.secret().as_bytes();
    publisher
        .set_bytes(option::CURVE_SECRETKEY, secret)
        .expect("a key");
    publisher.bind("tcp://127.0.0.1:*").expect("their bind");
    let sub = Context::new().socket(Sub);
    let sub = sub.options(curve.calling(true).heartbeat_interval(beat));
    let sub = sub.subscribe("topic").open().expect("our SUB");
    let bound = publisher.last_endpoint().expect("their endpoint");
    sub.connect(bound.as_str()).expect("our connect");
    let seen = publisher.recv_multipart().expect("a subscription");
    assert_eq!(seen, [b"\x01topic".to_vec()]);
    publisher
        .send_multipart([b"topic", &b"text"[..]])
        .expect("their message");
    assert_eq!(sub.recv_timeout(DEADLINE).expect("it"), ["topic", "text"]);
    while sub.peers().iter().any(|peer| peer.round_trip.is_none()) {
        thread::yield_now();
    }
}
