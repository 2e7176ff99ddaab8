//! Authenticators: whom they let in, when, and what each side is told.

use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

use sinew::{
    Authenticator, Context, Dealer, DynSocket, Error, EventKind, Monitor, Pending, Pull, Push,
    ReasonKind, Rep, Req, Router, SocketType,
};

use crate::support::*;

/// One that hands each question to the test, which answers when it likes.
fn by_hand() -> (Authenticator, Receiver<Pending>) {
    let (ask, questions) = mpsc::channel();
    let authenticator = Authenticator::new(move |pending| drop(ask.send(pending)));
    (authenticator, questions)
}

fn pull(context: &Context, authenticator: Authenticator) -> DynSocket {
    let builder = context.socket(SocketType::Pull);
    let builder = builder.authenticator(authenticator);
    builder.bind("tcp://127.0.0.1:*").unwrap()
}

fn next(questions: &Receiver<Pending>) -> Pending {
    questions.recv_timeout(SOON).unwrap()
}

/// A peer without a library that has said all of its handshake.
fn caller(socket: &DynSocket, socket_type: &str) -> Raw {
    let mut raw = Raw::connect(&address(socket));
    raw.write(&Raw::greeting(1, "NULL"));
    raw.write(&Raw::ready(socket_type));
    raw.read(64);
    raw
}

#[track_caller]
fn await_reason(monitor: &Monitor) -> (ReasonKind, String) {
    let event = await_event(monitor, |kind| {
        matches!(kind, EventKind::HandshakeFailed { .. })
    });
    match event.kind {
        EventKind::HandshakeFailed { reason } => (reason.kind(), reason.to_string()),
        _ => unreachable!(),
    }
}

fn error(status: &str) -> (u8, Vec<u8>) {
    let mut body = b"\x05ERROR\x03".to_vec();
    body.extend_from_slice(status.as_bytes());
    (COMMAND, body)
}

#[test]
fn the_closure_sees_the_peer_and_names_its_user_over_tcp_and_ipc_whoever_binds() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        for server_binds in [true, false] {
            let (authenticator, questions) = by_hand();
            let context = Context::new();
            let router = context.socket(Router).authenticator(authenticator);
            let router = router.open().unwrap();
            let dealer = context.socket(Dealer).routing_id("anna").open().unwrap();
            if server_binds {
                router.bind(endpoint).unwrap();
                dealer.connect(address(&router)).unwrap();
            } else {
                dealer.bind(endpoint).unwrap();
                router.connect(address(&dealer)).unwrap();
            }
            dealer.send("hello").unwrap();
            let pending = next(&questions);
            let candidate = pending.candidate();
            assert_eq!(candidate.mechanism, "NULL");
            assert_eq!(candidate.peer.socket_type, SocketType::Dealer);
            assert_eq!(candidate.peer.routing_id.as_deref(), Some(&b"anna"[..]));
            assert_eq!(candidate.peer.user, None);
            assert_eq!(candidate.ip.is_some(), endpoint.starts_with("tcp"));
            assert!(!candidate.address.is_empty());
            pending.accept_as("Anna");
            let message = router.recv_timeout(SOON).unwrap();
            assert_eq!(message.get(0), Some(&b"anna"[..]));
            let info = router.peers()[0].info.clone().unwrap();
            assert_eq!(info.user.as_deref(), Some("Anna"));
        }
    }
}

#[test]
fn nothing_of_a_peer_is_received_and_nothing_is_said_to_it_before_the_answer() {
    let (authenticator, questions) = by_hand();
    let context = Context::new();
    let pull = pull(&context, authenticator);
    let mut raw = caller(&pull, "PUSH");
    // More than a read takes, and it does not wait for an answer.
    let body = vec![b'x'; 1000];
    let stream: Vec<u8> = (0..300).flat_map(|_| frame(0, &body)).collect();
    let mut other = Raw(raw.0.try_clone().unwrap());
    let writing = thread::spawn(move || other.write(&stream));
    let pending = next(&questions);
    raw.0.set_read_timeout(Some(A_WHILE)).unwrap();
    assert!(std::io::Read::read(&mut raw.0, &mut [0]).is_err());
    raw.0.set_read_timeout(Some(SOON)).unwrap();
    assert!(pull.try_recv().is_err());
    assert!(pull.peers().iter().all(|peer| peer.info.is_none()));
    pending.accept();
    let (flags, ready) = raw.read_frame();
    assert_eq!(flags, COMMAND);
    assert!(ready.starts_with(b"\x05READY\x0bSocket-Type"));
    for _ in 0..300 {
        assert_eq!(pull.recv_timeout(SOON).unwrap(), body);
    }
    writing.join().unwrap();
    assert_eq!(pull.peers()[0].info.as_ref().unwrap().user, None);
}

#[test]
fn each_refusal_has_its_status_and_its_reason() {
    type Answer = fn(Pending);
    let ways: [(Answer, Option<&str>, ReasonKind); 4] = [
        (Pending::refuse, Some("400"), ReasonKind::Authentication),
        (Pending::refuse_for_now, None, ReasonKind::Authentication),
        (drop, Some("500"), ReasonKind::AuthenticatorFailed),
        (
            |_pending| panic!("a fault of the closure's"),
            Some("500"),
            ReasonKind::AuthenticatorFailed,
        ),
    ];
    for (answer, status, kind) in ways {
        let (tell, asked) = mpsc::channel();
        let authenticator = Authenticator::new(move |pending| {
            if pending.candidate().peer.socket_type == SocketType::Push {
                tell.send(()).unwrap();
                answer(pending);
            } else {
                pending.accept();
            }
        });
        let context = Context::new();
        let socket = context
            .socket(SocketType::Rep)
            .authenticator(authenticator.clone())
            .bind("tcp://127.0.0.1:*")
            .unwrap();
        let pull = pull(&context, authenticator);
        let monitor = pull.monitor();
        let mut raw = caller(&pull, "PUSH");
        raw.write(&frame(0, b"never"));
        asked.recv_timeout(SOON).unwrap();
        match status {
            Some(status) => assert_eq!(raw.read_frame(), error(status)),
            None => assert!(raw.await_end().is_empty()),
        }
        raw.await_end();
        assert_eq!(await_reason(&monitor).0, kind);
        assert!(pull.try_recv().is_err());
        // It harms no other peer.
        let req = context.socket(Req).connect(address(&socket)).unwrap();
        req.send("still there?").unwrap();
        assert_eq!(socket.recv_timeout(SOON).unwrap(), "still there?");
        let mut again = caller(&pull, "PUSH");
        asked.recv_timeout(SOON).unwrap();
        again.await_end();
    }
}

#[test]
fn a_refused_peer_of_this_library_is_told_that_it_is_who_it_is() {
    let context = Context::new();
    let pull = pull(&context, Authenticator::new(Pending::refuse));
    let push = context.socket(Push).linger(Duration::ZERO).open().unwrap();
    let monitor = push.monitor();
    push.connect(address(&pull)).unwrap();
    let (kind, text) = await_reason(&monitor);
    assert_eq!(kind, ReasonKind::Authentication, "{text}");
}

#[test]
fn addresses_are_listed_for_every_mechanism_and_need_no_closure() {
    let here = || "127.0.0.0/8".parse().unwrap();
    let there = || "192.0.2.0/24".parse().unwrap();
    let lists = Authenticator::lists;
    let cases = [
        (lists(), true),
        (lists().allow_from([there(), here()]), true),
        (lists().allow_from([there()]), false),
        (lists().allow_from([here()]).deny_from([here()]), false),
        (lists().allow_from([]), false),
        (
            Authenticator::new(Pending::accept).deny_from([here()]),
            false,
        ),
    ];
    for (authenticator, welcome) in cases {
        for plain in [false, cfg!(feature = "plain")] {
            let context = Context::new();
            let pull = context.socket(Pull).authenticator(authenticator.clone());
            let push = context.socket(Push).linger(Duration::ZERO);
            #[cfg(feature = "plain")]
            let (pull, push) = match plain {
                true => (
                    pull.plain_server([("anna", "secret")]),
                    push.plain_client("anna", "secret"),
                ),
                false => (pull, push),
            };
            let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
            let tcp = address(&pull);
            pull.bind("ipc://*").unwrap();
            let ipc = address(&pull);
            let monitor = pull.monitor();
            let push = push.open().unwrap();
            push.connect(&tcp).unwrap();
            if welcome {
                push.send("hello").unwrap();
                assert_eq!(pull.recv_timeout(SOON).unwrap(), "hello");
            } else {
                let (kind, text) = await_reason(&monitor);
                assert_eq!(kind, ReasonKind::Address, "{plain} {text}");
            }
            // Those of the same machine have no address.
            push.disconnect(&tcp).unwrap();
            push.connect(&ipc).unwrap();
            push.send("by ipc").unwrap();
            assert_eq!(pull.recv_timeout(SOON).unwrap(), "by ipc");
        }
    }
}

#[test]
fn two_that_both_ask_find_each_other() {
    let context = Context::new();
    let accept = || Authenticator::new(|pending: Pending| pending.accept_as("peer"));
    let rep = context
        .socket(Rep)
        .authenticator(accept())
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let req = context
        .socket(Req)
        .authenticator(accept())
        .connect(address(&rep))
        .unwrap();
    req.send("hello").unwrap();
    assert_eq!(rep.recv_timeout(SOON).unwrap(), "hello");
    rep.send("hello").unwrap();
    assert_eq!(req.recv_timeout(SOON).unwrap(), "hello");
    for peers in [rep.peers(), req.peers()] {
        assert_eq!(
            peers[0].info.as_ref().unwrap().user.as_deref(),
            Some("peer")
        );
    }
}

#[test]
fn a_closure_that_blocks_for_ever_holds_up_neither_peers_nor_close() {
    let (tell, asked) = mpsc::channel();
    let (_never, wait) = mpsc::channel::<()>();
    let wait = std::sync::Mutex::new(wait);
    let authenticator = Authenticator::new(move |pending: Pending| {
        if pending.candidate().peer.socket_type == SocketType::Req {
            return pending.accept();
        }
        tell.send(()).unwrap();
        let _ = wait.lock().unwrap().recv();
    });
    let context = Context::new();
    let rep = context
        .socket(SocketType::Rep)
        .authenticator(authenticator)
        .handshake_timeout(Duration::from_millis(200))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = rep.monitor();
    let req = context.socket(Req).connect(address(&rep)).unwrap();
    req.send("1").unwrap();
    assert_eq!(rep.recv_timeout(SOON).unwrap(), "1");
    let mut dealer = caller(&rep, "DEALER");
    asked.recv_timeout(SOON).unwrap();
    let mut behind_it = caller(&rep, "DEALER");
    rep.send("2").unwrap();
    assert_eq!(req.recv_timeout(SOON).unwrap(), "2");
    assert_eq!(await_reason(&monitor).0, ReasonKind::HandshakeTimeout);
    assert_eq!(await_reason(&monitor).0, ReasonKind::HandshakeTimeout);
    dealer.await_end();
    behind_it.await_end();
    drop(req);
    let _ = rep.close();
}

#[test]
fn an_answer_for_a_connection_that_is_gone_changes_nothing() {
    let (authenticator, questions) = by_hand();
    let context = Context::new();
    let pull = pull(&context, authenticator);
    let monitor = pull.monitor();
    // The peer goes: that is noticed though nothing is read.
    let raw = caller(&pull, "PUSH");
    let gone = next(&questions);
    drop(raw);
    assert_eq!(await_reason(&monitor).0, ReasonKind::RefusedByPeer);
    // Its place in the socket may be another's by now.
    let _second = caller(&pull, "PUSH");
    let second = next(&questions);
    gone.accept();
    assert!(pull.peers().iter().all(|peer| peer.info.is_none()));
    second.accept_as("second");
    await_peer(&monitor);
    assert_eq!(pull.peers().len(), 1);
    // The socket goes, and its context.
    let _third = caller(&pull, "PUSH");
    let third = next(&questions);
    let _fourth = caller(&pull, "PUSH");
    let fourth = next(&questions);
    let _ = pull.close();
    third.accept();
    drop(context);
    fourth.refuse();
}

#[test]
fn a_pending_question_has_the_time_of_a_handshake_and_no_more() {
    let (authenticator, questions) = by_hand();
    let context = Context::new();
    let pull = context
        .socket(SocketType::Pull)
        .authenticator(authenticator)
        .handshake_timeout(Duration::from_millis(100))
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let mut raw = caller(&pull, "PUSH");
    let pending = next(&questions);
    assert_eq!(await_reason(&monitor).0, ReasonKind::HandshakeTimeout);
    raw.await_end();
    pending.accept();
    assert!(pull.peers().is_empty());
}

#[test]
fn many_wait_for_their_answers_and_count_as_handshakes() {
    const MANY: usize = 300;
    let (authenticator, questions) = by_hand();
    let context = Context::new();
    let pull = context
        .socket(SocketType::Pull)
        .authenticator(authenticator)
        .max_pending_handshakes(MANY)
        .handshake_timeout(None)
        .bind("tcp://127.0.0.1:*")
        .unwrap();
    let monitor = pull.monitor();
    let peers: Vec<Raw> = (0..MANY).map(|_| caller(&pull, "PUSH")).collect();
    let waiting: Vec<Pending> = peers.iter().map(|_| next(&questions)).collect();
    // One more has to wait for a place.
    let mut late = Raw::connect(&address(&pull));
    late.write(&Raw::greeting(1, "NULL"));
    await_event(&monitor, |kind| {
        matches!(kind, EventKind::AcceptPaused { .. })
    });
    let answering = thread::spawn(|| {
        for (at, pending) in waiting.into_iter().enumerate() {
            match at % 3 {
                0 => pending.accept(),
                1 => pending.refuse(),
                _ => drop(pending),
            }
        }
    });
    let mut welcome = 0;
    for mut peer in peers {
        let (_, said) = peer.read_frame();
        welcome += usize::from(said.starts_with(b"\x05READY"));
    }
    answering.join().unwrap();
    assert!(welcome <= MANY / 3, "{welcome}");
    late.read(64);
}

#[test]
fn a_client_of_a_mechanism_and_a_stream_have_no_use_for_an_authenticator() {
    let context = Context::new();
    let stream = context.socket(SocketType::Stream);
    let refused = stream.authenticator(Authenticator::lists()).open();
    assert!(matches!(refused, Err(Error::Option(text)) if text.contains("STREAM")));
    #[cfg(feature = "plain")]
    {
        let client = context.socket(Pull).plain_client("anna", "secret");
        let refused = client.authenticator(Authenticator::lists()).open();
        assert!(matches!(refused, Err(Error::Option(text)) if text.contains("plain_client")));
    }
    let options = sinew::Options::new().authenticator(Authenticator::new(Pending::accept));
    assert_eq!(options, options.clone());
    assert_ne!(
        options,
        options.clone().authenticator(Authenticator::lists())
    );
    assert_ne!(options, options.clone().authenticator(None));
}

#[cfg(feature = "plain")]
mod plain {
    use super::*;

    const USERS: [(&str, &str); 1] = [("anna", "secret")];

    fn outcome(authenticator: Authenticator, name: &str, password: &str) -> Option<String> {
        let context = Context::new();
        let pull = context
            .socket(Pull)
            .plain_server(USERS)
            .authenticator(authenticator)
            .bind("tcp://127.0.0.1:*")
            .unwrap();
        let push = context
            .socket(Push)
            .plain_client(name, password)
            .linger(Duration::ZERO)
            .open()
            .unwrap();
        let monitor = push.monitor();
        push.connect(address(&pull)).unwrap();
        let event = await_event(&monitor, |kind| {
            matches!(
                kind,
                EventKind::HandshakeFailed { .. } | EventKind::HandshakeSucceeded
            )
        });
        match event.kind {
            EventKind::HandshakeFailed { reason } => {
                assert_eq!(reason.kind(), ReasonKind::Authentication);
                None
            }
            _ => {
                push.send("hello").unwrap();
                pull.recv_timeout(SOON).unwrap();
                pull.peers()[0].info.as_ref().unwrap().user.clone()
            }
        }
    }

    #[test]
    fn a_closure_is_not_asked_about_a_wrong_password() {
        let accept = || {
            Authenticator::new(|pending: Pending| {
                assert_eq!(pending.candidate().password(), None);
                pending.accept();
            })
        };
        assert_eq!(outcome(accept(), "anna", "secret").as_deref(), Some("anna"));
        assert_eq!(outcome(accept(), "anna", "wrong"), None);
        assert_eq!(outcome(accept(), "bert", "secret"), None);
        let refuse = || Authenticator::new(Pending::refuse);
        assert_eq!(outcome(refuse(), "anna", "secret"), None);
        // Nothing decides on passwords where there is no closure.
        let lists = || Authenticator::lists().checks_passwords();
        assert_eq!(outcome(lists(), "anna", "secret").as_deref(), Some("anna"));
        assert_eq!(outcome(lists(), "anna", "wrong"), None);
    }

    #[test]
    fn a_closure_that_checks_passwords_decides_on_those_that_no_list_has() {
        let checks = || {
            Authenticator::new(|pending: Pending| {
                let candidate = pending.candidate();
                assert_eq!(candidate.mechanism, "PLAIN");
                let user = candidate.peer.user.clone().unwrap();
                match (user.as_str(), candidate.password()) {
                    ("anna", None) => pending.accept_as("anna of the list"),
                    ("bert", Some(b"geheim")) => pending.accept(),
                    _ => pending.refuse(),
                }
            })
            .checks_passwords()
        };
        let of_the_list = outcome(checks(), "anna", "secret");
        assert_eq!(of_the_list.as_deref(), Some("anna of the list"));
        assert_eq!(outcome(checks(), "bert", "geheim").as_deref(), Some("bert"));
        assert_eq!(outcome(checks(), "bert", "wrong"), None);
        assert_eq!(outcome(checks(), "anna", "wrong"), None);
    }
}

mod topics {
    use sinew::{Admission, Dish, Monitor, Pub, Radio, Socket, Sub, Xpub};

    use super::*;

    fn limits() -> Authenticator {
        Authenticator::new(|pending: Pending| {
            pending.accept_as(Admission::new().user("anna").topics(["a.", "b"]));
        })
    }

    fn await_refused(monitor: &Monitor, topic: &str) {
        await_event(
            monitor,
            |kind| matches!(kind, EventKind::SubscriptionRefused { topic: it } if it == topic),
        );
    }

    #[test]
    fn what_a_user_may_not_subscribe_to_is_not_applied_and_the_connection_stays() {
        let context = Context::new();
        let publisher = context
            .socket(Pub)
            .authenticator(limits())
            .bind("tcp://127.0.0.1:*")
            .unwrap();
        let monitor = publisher.monitor();
        let sub: Socket<Sub> = context
            .socket(Sub)
            .subscribe("c")
            .subscribe("")
            .subscribe("a")
            .subscribe("a.1")
            .connect(address(&publisher))
            .unwrap();
        for topic in ["", "a", "c"] {
            await_refused_any(&monitor, topic);
        }
        sub.subscribe("z").unwrap();
        await_refused(&monitor, "z");
        sub.subscribe("b").unwrap();
        await_event(
            &monitor,
            |kind| matches!(kind, EventKind::Subscribed { topic } if topic == "b"),
        );
        // A subscription that was never applied is taken back without a word.
        sub.unsubscribe("z").unwrap();
        for topic in ["c", "z", "a", "a.1", "b2"] {
            publisher.send(topic).unwrap();
        }
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "a.1");
        assert_eq!(sub.recv_timeout(SOON).unwrap(), "b2");
        assert_eq!(publisher.stats().peers, 1);
        let info = publisher.peers()[0].info.clone().unwrap();
        assert_eq!(info.topics.unwrap(), ["a.", "b"]);
    }

    /// In whichever order they come, and each once.
    fn await_refused_any(monitor: &Monitor, _one_of: &str) {
        await_event(
            monitor,
            |kind| matches!(kind, EventKind::SubscriptionRefused { topic } if ["", "a", "c"].contains(&&*String::from_utf8_lossy(topic))),
        );
    }

    #[test]
    fn a_peer_of_zmtp_3_0_and_an_xpub_know_the_same_limits() {
        let context = Context::new();
        let xpub = context
            .socket(Xpub)
            .authenticator(limits())
            .bind("tcp://127.0.0.1:*")
            .unwrap();
        let monitor = xpub.monitor();
        let mut raw = Raw::connect(&address(&xpub));
        raw.write(&Raw::greeting(0, "NULL"));
        raw.write(&Raw::ready("SUB"));
        raw.write(&frame(0, b"\x01secret"));
        raw.write(&frame(0, b"\x00secret"));
        raw.write(&frame(0, b"\x01a.b"));
        await_refused(&monitor, "secret");
        // The application hears of what was applied, and of nothing else.
        assert_eq!(xpub.recv_timeout(SOON).unwrap(), "\u{1}a.b");
        assert!(xpub.try_recv().is_err());
    }

    #[test]
    fn groups_have_the_same_limits() {
        let context = Context::new();
        let radio = context
            .socket(Radio)
            .authenticator(limits())
            .bind("tcp://127.0.0.1:*")
            .unwrap();
        let monitor = radio.monitor();
        let dish = context
            .socket(Dish)
            .join("secret")
            .join("b1")
            .connect(address(&radio))
            .unwrap();
        // The one that it may join comes last, whatever the order of those.
        await_refused(&monitor, "secret");
        dish.join("b2").unwrap();
        await_event(
            &monitor,
            |kind| matches!(kind, EventKind::Subscribed { topic } if topic == "b2"),
        );
        radio
            .send(sinew::Message::from("no").in_group("secret"))
            .unwrap();
        radio
            .send(sinew::Message::from("yes").in_group("b1"))
            .unwrap();
        assert_eq!(dish.recv_timeout(SOON).unwrap(), "yes");
    }

    #[test]
    fn limits_are_not_for_a_socket_that_matches_the_other_way_round() {
        let context = Context::new();
        let inverted = context.socket(Pub).invert_matching(true);
        let refused = inverted.authenticator(limits()).open();
        assert!(matches!(refused, Err(Error::Option(text)) if text.contains("invert_matching")));
    }
}

mod zap {
    use sinew::{Message, Socket};

    use super::*;

    const HANDLER: &str = "inproc://zeromq.zap.01";

    fn server(context: &Context) -> (Socket<Pull>, Monitor) {
        let zap = Authenticator::zap(context, "global").unwrap();
        let pull = context.socket(Pull).authenticator(zap);
        #[cfg(feature = "plain")]
        let pull = {
            let nobody: [(&str, &str); 0] = [];
            pull.plain_server(nobody)
        };
        let pull = pull.bind("tcp://127.0.0.1:*").unwrap();
        let monitor = pull.monitor();
        (pull, monitor)
    }

    fn client(context: &Context, pull: &Socket<Pull>) -> Socket<Push> {
        let push = context.socket(Push).linger(Duration::ZERO);
        #[cfg(feature = "plain")]
        let push = push.plain_client("anna", "secret");
        push.connect(address(pull)).unwrap()
    }

    fn text(message: &Message, at: usize) -> &str {
        message.get_str(at).unwrap()
    }

    #[test]
    fn a_rep_sees_all_of_a_request_and_its_reply_names_the_user() {
        let context = Context::new();
        let handler = context.socket(Rep).bind(HANDLER).unwrap();
        let (pull, _monitor) = server(&context);
        let push = client(&context, &pull);
        let request = handler.recv_timeout(SOON).unwrap();
        assert_eq!(text(&request, 0), "1.0");
        assert_eq!(text(&request, 2), "global");
        assert_eq!(text(&request, 3), "127.0.0.1");
        assert_eq!(text(&request, 4), "");
        match cfg!(feature = "plain") {
            true => {
                assert_eq!(text(&request, 5), "PLAIN");
                assert_eq!((text(&request, 6), text(&request, 7)), ("anna", "secret"));
                assert_eq!(request.len(), 8);
            }
            false => assert_eq!((text(&request, 5), request.len()), ("NULL", 6)),
        }
        let id = request.get(1).unwrap();
        let metadata = b"\x06X-Role\0\0\0\x05admin";
        handler
            .send([&b"1.0"[..], id, b"200", b"OK", b"Anna", metadata])
            .unwrap();
        push.send("hello").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "hello");
        let info = pull.peers()[0].info.clone().unwrap();
        assert_eq!(info.user.as_deref(), Some("Anna"));
        assert_eq!(info.properties[0], ("X-Role".into(), "admin".into()));
    }

    #[test]
    fn a_router_answers_several_in_any_order_and_one_that_is_nobodys_is_ignored() {
        let context = Context::new();
        let handler = context.socket(Router).bind(HANDLER).unwrap();
        let (pull, monitor) = server(&context);
        let pushes: Vec<_> = (0..3).map(|_| client(&context, &pull)).collect();
        let requests: Vec<_> = (0..3)
            .map(|_| handler.recv_timeout(SOON).unwrap())
            .collect();
        let reply = |request: &Message, id: &[u8], user: &str| {
            let to = request.get(0).unwrap();
            let frames = [to, b"", b"1.0", id, b"200", b"", user.as_bytes(), b""];
            handler.send(frames).unwrap();
        };
        reply(&requests[0], b"17", "nobody");
        reply(&requests[0], b"x", "nobody");
        for (at, request) in requests.iter().enumerate().rev() {
            let id = request.get(3).unwrap();
            reply(request, id, &format!("user {at}"));
            // Once more is once too often.
            reply(request, id, "another");
            await_peer(&monitor);
            let users: Vec<_> = pull
                .peers()
                .iter()
                .filter_map(|peer| peer.info.as_ref()?.user.clone())
                .collect();
            assert!(users.contains(&format!("user {at}")), "{users:?}");
            assert!(!users.contains(&"another".into()) && !users.contains(&"nobody".into()));
        }
        drop(pushes);
    }

    #[test]
    fn without_a_handler_and_with_a_bad_reply_nobody_is_let_in() {
        let context = Context::new();
        let (pull, monitor) = server(&context);
        let push = client(&context, &pull);
        let (kind, text) = await_reason(&monitor);
        assert_eq!(kind, ReasonKind::AuthenticatorFailed);
        assert!(text.contains(HANDLER), "{text}");
        drop(push);
        // What is bound there is no handler.
        let wrong = context.socket(Pull).bind(HANDLER).unwrap();
        let push = client(&context, &pull);
        assert_eq!(await_reason(&monitor).0, ReasonKind::AuthenticatorFailed);
        drop((wrong, push));
        let handler = loop {
            // The name is free again soon.
            match context.socket(Rep).bind(HANDLER) {
                Ok(handler) => break handler,
                Err(_) => thread::yield_now(),
            }
        };
        let statuses: [(&[u8], ReasonKind); 4] = [
            (b"300", ReasonKind::Authentication),
            (b"400", ReasonKind::Authentication),
            (b"500", ReasonKind::AuthenticatorFailed),
            (b"777", ReasonKind::AuthenticatorFailed),
        ];
        for (status, expected) in statuses {
            let push = client(&context, &pull);
            let request = handler.recv_timeout(SOON).unwrap();
            let id = request.get(1).unwrap();
            handler
                .send([&b"1.0"[..], id, status, b"", b"", b""])
                .unwrap();
            let kind = loop {
                let (kind, text) = await_reason(&monitor);
                // Peers called again before there was a handler.
                if !text.contains(HANDLER) {
                    break kind;
                }
            };
            assert_eq!(kind, expected);
            drop(push);
            // It may have called again meanwhile.
            while let Ok(request) = handler.try_recv() {
                let id = request.get(1).unwrap();
                let _ = handler.send([&b"1.0"[..], id, b"200", b"", b"", b""]);
            }
        }
        assert!(pull.try_recv().is_err());
    }

    #[test]
    fn what_a_handler_leaves_unanswered_ends_with_the_socket() {
        let context = Context::new();
        let handler = context.socket(Rep).bind(HANDLER).unwrap();
        let (pull, _monitor) = server(&context);
        let push = client(&context, &pull);
        let request = handler.recv_timeout(SOON).unwrap();
        let _ = pull.close();
        let id = request.get(1).unwrap();
        let _ = handler.send([&b"1.0"[..], id, b"200", b"", b"", b""]);
        drop((push, handler));
        drop(context);
    }
}
