//! With the feature `tracing`, what happens to sockets is told as events with fields.

#![cfg(feature = "tracing")]

use std::collections::BTreeMap;
use std::fmt;
use std::sync::mpsc::{channel, Receiver, Sender};
use std::sync::Mutex;
use std::time::Duration;

use sinew::{Context, Pull, Push};
use tracing::field::{Field, Visit};
use tracing::{span, Event, Level, Metadata, Subscriber};

mod guard;

use guard::SOON;

#[derive(Debug)]
struct Told {
    level: Level,
    fields: BTreeMap<&'static str, String>,
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.fields.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.fields.insert(field.name(), format!("{value:?}"));
    }
}

/// Hands all that it is told to the test.
struct Recording(Mutex<Sender<Told>>);

impl Subscriber for Recording {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sinew"
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut told = Told {
            level: *event.metadata().level(),
            fields: BTreeMap::new(),
        };
        event.record(&mut told);
        let _ = self.0.lock().unwrap().send(told);
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

#[track_caller]
fn await_event(told: &Receiver<Told>, socket_type: &str, event: &str) -> Told {
    loop {
        let told = told.recv_timeout(SOON).unwrap();
        if told.fields["socket_type"] == socket_type && told.fields["event"] == event {
            return told;
        }
    }
}

/// One test, because there is one subscriber for all threads.
#[test]
fn what_happens_to_connections_is_told_with_fields() {
    let (to, told) = channel();
    tracing::subscriber::set_global_default(Recording(Mutex::new(to))).unwrap();

    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let place = pull.endpoint().unwrap().to_string();
    let listening = await_event(&told, "PULL", "Listening");
    assert_eq!(listening.fields["endpoint"], place);
    assert!(!listening.fields.contains_key("peer"));
    let push = ctx.socket(Push).connect(&*place).unwrap();
    push.send("m").unwrap();
    let ready = await_event(&told, "PUSH", "HandshakeSucceeded");
    assert_eq!(ready.level, Level::DEBUG);
    assert_eq!(ready.fields["endpoint"], place);
    assert!(ready.fields["peer"].starts_with("127.0.0.1:"));
    assert_eq!(ready.fields["peer_type"], "PULL");
    assert_eq!(ready.fields["message"], "ready, messages can go");
    pull.recv_timeout(SOON).unwrap();
    drop(push);
    await_event(&told, "PULL", "Disconnected");

    let push = ctx.socket(Push).linger(Duration::from_secs(3));
    let push = push.connect("ipc:///nowhere/nobody.sock").unwrap();
    push.send("hello?").unwrap();
    drop(push);
    let lingers = await_event(&told, "PUSH", "Lingering");
    assert_eq!(lingers.level, Level::INFO);
    assert!(lingers.fields["message"].contains("1 messages"));
}
