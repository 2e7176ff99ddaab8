//! What a Rust program meets first: errors that compose, endpoints by value, iterators, closing.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sinew::{
    CloseReport, Context, ContextBuilder, ConvertError, ConvertErrorKind, DynSocket, Endpoint,
    EndpointError, Error, Event, EventKind, Frame, IntoFrames, Iter, Message, Monitor, Options,
    Pub, Pull, Push, RecvError, Rep, Req, SendError, SendErrorKind, SendManyError, Socket,
    SocketBuilder, Stats, Sub, TryIter,
};

use crate::support::{endpoints, SOON};

#[test]
fn everything_public_may_cross_threads_and_can_be_debugged() {
    fn check<T: Send + Sync + std::fmt::Debug>() {}
    check::<Context>();
    check::<ContextBuilder>();
    check::<Socket<Push>>();
    check::<Socket<Pull>>();
    check::<Socket<Pub>>();
    check::<Socket<Sub>>();
    check::<Socket<Req>>();
    check::<Socket<Rep>>();
    check::<DynSocket>();
    check::<SocketBuilder<Push>>();
    check::<Iter<'_, Pull>>();
    check::<TryIter<'_, Pull>>();
    check::<Message>();
    check::<Frame>();
    check::<IntoFrames>();
    check::<Monitor>();
    check::<Event>();
    check::<Endpoint>();
    check::<Options>();
    check::<Stats>();
    check::<CloseReport>();
    fn error<T: std::error::Error + Send + Sync + 'static>() {}
    error::<Error>();
    error::<EndpointError>();
    error::<SendError>();
    error::<SendErrorKind>();
    error::<SendManyError>();
    error::<RecvError>();
    error::<ConvertError>();
    error::<ConvertErrorKind>();
    error::<sinew::UnknownSocketType>();
}

/// All texts of an error, from the outermost to its last source.
fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut texts = vec![error.to_string()];
    let mut next = error.source();
    while let Some(source) = next {
        texts.push(source.to_string());
        next = source.source();
    }
    texts
}

/// One of each kind, as a program meets them.
fn errors() -> Vec<Error> {
    let ctx = Context::new();
    let push = ctx.socket(Push).open().unwrap();
    let pull = ctx.socket(Pull).open().unwrap();
    let req = ctx.socket(Req).open().unwrap();
    let sub = ctx.socket(Sub).open().unwrap();
    let dynamic = push.clone().into_dynamic();
    let bound = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let two = || Message::from(["a", "b"]);
    let silent = pull.clone().into_dynamic();
    let mut batch = vec![two()];
    vec![
        push.endpoint().unwrap_err(),
        push.bind("tcp://nonsense").unwrap_err(),
        push.bind(bound.endpoint().unwrap()).unwrap_err(),
        push.bind("ipc:///no/such/folder/at/all").unwrap_err(),
        push.connect("tcp://*:1").unwrap_err(),
        push.unbind("inproc://nothing").unwrap_err(),
        push.try_send("x").unwrap_err().into(),
        pull.try_recv().unwrap_err().into(),
        pull.recv_timeout(Duration::ZERO).unwrap_err().into(),
        req.try_recv().unwrap_err().into(),
        dynamic.subscribe("x").unwrap_err(),
        dynamic.recv().unwrap_err().into(),
        silent.send_many(&mut batch).unwrap_err().into(),
        sub.subscribe([0; 1 << 17]).unwrap_err(),
        Error::NoSuchSocket(sinew::SocketType::Xpub),
        ctx.socket(Req).routing_id("\0").open().unwrap_err(),
        two().to_str().unwrap_err().into(),
        String::try_from(two()).unwrap_err().into(),
        Frame::from(b"\xff").to_str().unwrap_err().into(),
        String::try_from(Frame::from(b"\xff")).unwrap_err().into(),
        "pushy".parse::<sinew::SocketType>().unwrap_err().into(),
    ]
}

#[test]
fn no_text_stands_twice_in_a_chain_of_errors() {
    for error in errors() {
        let texts = chain(&error);
        for (at, text) in texts.iter().enumerate() {
            assert!(!text.is_empty(), "{error:?}");
            for other in texts.iter().skip(at + 1) {
                assert!(!text.contains(other.as_str()), "{texts:?}");
            }
        }
        let first = texts[0].clone();
        let wrapped = std::io::Error::from(error);
        assert_eq!(wrapped.to_string(), first);
        let texts = chain(&wrapped);
        assert_eq!(
            texts.iter().collect::<HashSet<_>>().len(),
            texts.len(),
            "{texts:?}"
        );
    }
}

#[test]
fn one_question_mark_serves_a_whole_program() {
    fn program() -> sinew::Result<String> {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).bind("tcp://127.0.0.1:*")?;
        let req = ctx.socket(Req).connect(rep.endpoint()?)?;
        req.send(("add", "1", "2"))?;
        let request = rep.recv_timeout(SOON)?;
        let [_, a, b] = <[Frame; 3]>::try_from(request)?;
        rep.send((a, b))?;
        let reply = req.recv_timeout(SOON)?;
        reply.get_str(1)?;
        let mut batch = vec![Message::from("next")];
        req.send_many(&mut batch)?;
        let [next] = <[Frame; 1]>::try_from(rep.recv_timeout(SOON)?)?;
        next.to_str()?;
        "push".parse::<sinew::SocketType>()?;
        Ok(next.try_into()?)
    }
    assert_eq!(program().unwrap(), "next");
}

#[test]
fn an_error_says_what_kind_it_is_and_gives_the_message_back() {
    let ctx = Context::new();
    let push = ctx.socket(Push).open().unwrap();
    let pull = ctx.socket(Pull).open().unwrap();
    assert!(pull.try_recv().unwrap_err().is_would_block());
    let soon = Instant::now() + Duration::from_millis(1);
    let error = Error::from(push.send_deadline("mine", soon).unwrap_err());
    assert!(error.is_timeout() && !error.is_closed() && !error.is_would_block());
    assert_eq!(error.into_message().unwrap(), "mine");
    assert!(pull.recv_deadline(soon).unwrap_err().is_timeout());
    assert!(!push.is_closed() && !ctx.is_closed());
    ctx.shutdown();
    assert!(push.is_closed() && ctx.is_closed());
    assert!(Error::from(push.send("x").unwrap_err()).is_closed());
    assert!(Error::from(pull.recv().unwrap_err()).is_closed());
    assert!(push.connect("inproc://x").unwrap_err().is_closed());
    assert!(ctx.socket(Push).open().unwrap_err().is_closed());
}

#[test]
fn a_batch_that_found_no_room_in_time_keeps_what_was_not_accepted() {
    let ctx = Context::new();
    let push = ctx.socket(Push).send_hwm(2).linger(Duration::ZERO);
    let push = push.connect("inproc://no-room-for-all").unwrap();
    let mut batch: Vec<_> = ["1", "2", "3", "4"].map(Message::from).into();
    let brief = Duration::from_millis(1);
    let error = push.send_many_timeout(&mut batch, brief).unwrap_err();
    assert!(error.is_timeout());
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::TimedOut, 2));
    assert_eq!(batch, ["3", "4"]);
    let pull = ctx.socket(Pull).bind("inproc://no-room-for-all").unwrap();
    assert_eq!(push.send_many_timeout(&mut batch, SOON).unwrap(), 2);
    assert!(batch.is_empty());
    for expected in ["1", "2", "3", "4"] {
        assert_eq!(pull.recv_timeout(SOON).unwrap(), expected);
    }
}

#[test]
fn a_batch_and_an_event_are_waited_for_until_a_deadline_and_taken_also_behind_it() {
    let ctx = Context::new();
    let past = Instant::now();
    let pull = ctx.socket(Pull).open().unwrap();
    let monitor = pull.monitor();
    assert!(monitor.recv_deadline(past).unwrap_err().is_timeout());
    pull.bind("inproc://deadlines").unwrap();
    assert_eq!(
        monitor.recv_deadline(past).unwrap().kind,
        EventKind::Listening
    );
    let push = ctx.socket(Push).send_hwm(1).recv_hwm(1).open().unwrap();
    let mut batch: Vec<_> = ["1", "2"].map(Message::from).into();
    let error = push.send_many_deadline(&mut batch, past).unwrap_err();
    assert_eq!((error.kind(), error.sent()), (SendErrorKind::TimedOut, 0));
    push.connect("inproc://deadlines").unwrap();
    let mut got = Vec::new();
    let outcome = pull.recv_many_deadline(&mut got, 9, past);
    assert!(outcome.unwrap_err().is_timeout());
    assert_eq!(push.send_many_deadline(&mut batch, past), Ok(2));
    assert!(batch.is_empty());
    while got.len() < 2 {
        pull.recv_many_deadline(&mut got, 9, Instant::now() + SOON)
            .unwrap();
    }
    assert_eq!(got, ["1", "2"]);
}

#[test]
fn a_socket_is_debugged_with_its_endpoint_as_text() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("inproc://shown").unwrap();
    let text = r#"Socket { type: Pull, last_endpoint: "inproc://shown", .. }"#;
    assert_eq!(format!("{pull:?}"), text);
}

#[test]
fn a_bound_endpoint_in_use_is_the_same_error_on_every_transport() {
    for endpoint in endpoints("in-use-everywhere") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let at = pull.endpoint().unwrap();
        let error = ctx.socket(Pull).bind(&at).unwrap_err();
        assert!(matches!(error, Error::InUse(_)), "{error:?}");
        assert!(error.to_string().contains(&at.to_string()), "{error}");
    }
}

#[test]
fn endpoints_are_taken_in_every_form_and_their_parts_can_be_read() {
    let dir = tempfile::tempdir().unwrap();
    let ctx = Context::new();
    let pull = ctx.socket(Pull).open().unwrap();
    let path = dir.path().join("socket");
    let bound = pull.bind(path.as_path()).unwrap();
    assert_eq!(bound.path(), Some(path.as_path()));
    pull.unbind(&path).unwrap();
    assert!(!Path::exists(&path));

    let address = std::net::SocketAddr::from(([127, 0, 0, 1], 0));
    let tcp = pull.bind(address).unwrap();
    assert_eq!(pull.endpoint().unwrap(), tcp);
    let Endpoint::Tcp(parts) = &tcp else {
        panic!("{tcp:?}");
    };
    assert_eq!(parts.host().ip(), Some(address.ip()));
    assert_ne!(parts.port(), 0);
    let push = ctx.socket(Push).connect(&tcp).unwrap();
    push.disconnect(Arc::new(tcp.clone()).as_ref()).unwrap();
    push.connect(tcp.to_string()).unwrap();
    push.send("x").unwrap();
    assert_eq!(pull.recv_timeout(SOON).unwrap(), "x");
}

#[test]
fn a_loop_over_a_socket_ends_when_its_context_is_closed() {
    for endpoint in endpoints("a-loop-over-a-socket") {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(pull.endpoint().unwrap()).unwrap();
        assert_eq!(pull.try_iter().next(), None);
        let (said, heard) = std::sync::mpsc::channel();
        let server = std::thread::spawn(move || {
            for message in &pull {
                said.send(message).unwrap();
            }
        });
        push.send("one").unwrap();
        push.send("two").unwrap();
        assert_eq!(heard.recv_timeout(SOON).unwrap(), "one");
        assert_eq!(heard.recv_timeout(SOON).unwrap(), "two");
        assert_eq!(ctx.close(), CloseReport::default());
        server.join().unwrap();
    }
}

#[test]
fn closing_a_context_tells_what_all_its_sockets_could_not_hand_over() {
    let ctx = Context::new();
    let brief = Duration::from_millis(10);
    let away = |name| ctx.socket(Push).linger(brief).connect(name).unwrap();
    let (one, two) = (
        away("inproc://away"),
        away("ipc:///tmp/sinew-nobody-is-here"),
    );
    one.send("1").unwrap();
    two.send("2").unwrap();
    two.send("3").unwrap();
    assert_eq!(ctx.close().undelivered, 3);
    assert_eq!(ctx.close().undelivered, 0);
}

#[test]
fn closing_a_context_counts_also_what_a_socket_without_linger_loses_at_once() {
    for name in ["inproc://nobody", "ipc:///tmp/sinew-nobody-is-here"] {
        let ctx = Context::new();
        let push = ctx
            .socket(Push)
            .linger(Duration::ZERO)
            .connect(name)
            .unwrap();
        push.send("1").unwrap();
        assert_eq!(ctx.close().undelivered, 1, "{name}");
    }
}

#[test]
fn a_message_without_frames_arrives_as_one_empty_frame() {
    for endpoint in endpoints("a-message-without-frames") {
        let ctx = Context::new();
        let rep = ctx.socket(Rep).bind(&endpoint).unwrap();
        let req = ctx.socket(Req).connect(rep.endpoint().unwrap()).unwrap();
        req.send(Message::new()).unwrap();
        assert_eq!(rep.recv_timeout(SOON).unwrap(), [""]);
        rep.send_many(&mut vec![Message::new()]).unwrap();
        assert_eq!(req.recv_timeout(SOON).unwrap(), [""]);
    }
}

#[test]
fn the_settings_of_a_socket_can_be_read() {
    let ctx = Context::new();
    let options = Options::new().recv_hwm(7).linger(None);
    let pull = ctx.socket(Pull).options(options.clone()).open().unwrap();
    assert_eq!(pull.options(), options);
    assert_eq!(pull.options().recv_hwm, 7);
}
