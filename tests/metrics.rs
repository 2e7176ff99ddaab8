//! With the feature `metrics`, the recorder of the `metrics` facade is told exactly what was counted.

#![cfg(feature = "metrics")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};
use sinew::{Context, EventKind, Kind, Pub, Pull, Push, Socket, Sub};

mod guard;

use guard::SOON;

type Book = Arc<Mutex<BTreeMap<String, f64>>>;

/// Writes down what it is told.
#[derive(Default)]
struct Recording {
    counters: Book,
    gauges: Book,
    /// How many values each histogram was told.
    histograms: Book,
    described: Book,
}

struct Line(Book, String);

impl Line {
    fn new(book: &Book, key: &Key) -> Arc<Line> {
        let mut labels: Vec<_> = key
            .labels()
            .map(|label| format!("{}={}", label.key(), label.value()))
            .collect();
        labels.sort();
        let line = format!("{} {}", key.name(), labels.join(" "));
        Arc::new(Line(Arc::clone(book), line))
    }

    fn add(&self, value: f64) {
        *self.0.lock().unwrap().entry(self.1.clone()).or_default() += value;
    }
}

impl CounterFn for Line {
    fn increment(&self, value: u64) {
        self.add(value as f64);
    }

    fn absolute(&self, _: u64) {
        panic!("two sockets would overwrite each other");
    }
}

impl GaugeFn for Line {
    fn increment(&self, _: f64) {
        panic!("a recorder may have forgotten what it had");
    }

    fn decrement(&self, _: f64) {
        panic!("a recorder may have forgotten what it had");
    }

    fn set(&self, value: f64) {
        self.0.lock().unwrap().insert(self.1.clone(), value);
    }
}

impl HistogramFn for Line {
    fn record(&self, value: f64) {
        assert!((0.0..60.0).contains(&value));
        self.add(1.0);
    }
}

impl Recorder for Recording {
    fn describe_counter(&self, key: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(key, &text);
    }

    fn describe_gauge(&self, key: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(key, &text);
    }

    fn describe_histogram(&self, key: KeyName, _: Option<Unit>, text: SharedString) {
        self.describe(key, &text);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(Line::new(&self.counters, key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(Line::new(&self.gauges, key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(Line::new(&self.histograms, key))
    }
}

impl Recording {
    fn describe(&self, key: KeyName, text: &str) {
        assert!(!text.is_empty());
        let mut described = self.described.lock().unwrap();
        described.insert(key.as_str().to_owned(), 1.0);
    }

    fn export(&self, context: &Context) {
        metrics::with_local_recorder(self, || context.export_metrics());
    }

    fn look(book: &Book, name: &str, labels: &str) -> f64 {
        let line = format!("{name} {labels}");
        book.lock().unwrap().get(&line).copied().unwrap_or_default()
    }

    fn counter(&self, name: &str, labels: &str) -> u64 {
        Recording::look(&self.counters, name, labels) as u64
    }

    fn gauge(&self, name: &str, labels: &str) -> u64 {
        Recording::look(&self.gauges, name, labels) as u64
    }
}

/// The labels of what is told of an endpoint of a socket.
fn at<K: Kind>(socket: &Socket<K>) -> String {
    let endpoint = socket.endpoint().unwrap();
    format!("endpoint={endpoint} socket_type={}", socket.socket_type())
}

fn endpoints(name: &str) -> [String; 3] {
    let inproc = format!("inproc://{name}");
    ["tcp://127.0.0.1:*".into(), "ipc://*".into(), inproc]
}

#[test]
fn counters_and_gauges_are_what_the_statistics_say() {
    for endpoint in endpoints("as-counted") {
        let recording = Recording::default();
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let push = ctx.socket(Push).connect(pull.endpoint().unwrap()).unwrap();
        let (from, to) = (at(&push), at(&pull));
        for round in 1..4 {
            for n in 0..100 {
                push.send(n.to_string()).unwrap();
            }
            // The last hundred stay where they are.
            for _ in 0..if round == 3 { 0 } else { 100 } {
                pull.recv_timeout(SOON).unwrap();
            }
            while pull.peers()[0].received.messages < round * 100 {
                // What an inproc sender holds back, it hands over.
                let _ = push.peers();
                std::thread::sleep(Duration::from_millis(1));
            }
            recording.export(&ctx);
            let messages = "sinew_sent_messages_total";
            assert_eq!(recording.counter(messages, &from), round * 100);
            let bytes = "sinew_sent_bytes_total";
            assert_eq!(recording.counter(bytes, &from), push.peers()[0].sent.bytes);
            let messages = "sinew_received_messages_total";
            assert_eq!(recording.counter(messages, &to), round * 100);
            let bytes = "sinew_received_bytes_total";
            assert_eq!(
                recording.counter(bytes, &to),
                pull.peers()[0].received.bytes
            );
            let delivered = "sinew_delivered_messages_total";
            let left = if round == 3 { 100 } else { 0 };
            assert_eq!(
                recording.counter(delivered, "socket_type=PULL"),
                round * 100 - left
            );
            assert_eq!(recording.gauge("sinew_recv_queue_messages", &to), left);
            assert_eq!(recording.gauge("sinew_peers", &to), 1);
            assert_eq!(recording.gauge("sinew_peers", &from), 1);
        }
        let names: Vec<_> = [&recording.counters, &recording.gauges]
            .iter()
            .flat_map(|book| book.lock().unwrap().keys().cloned().collect::<Vec<_>>())
            .map(|line| line.split(' ').next().unwrap().to_owned())
            .collect();
        let described = recording.described.lock().unwrap();
        assert!(names.iter().all(|name| described.contains_key(name)));
    }
}

#[test]
fn nothing_is_lost_with_peers_and_sockets_that_have_gone() {
    for endpoint in endpoints("gone") {
        let recording = Recording::default();
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(&endpoint).unwrap();
        let to = at(&pull);
        let mut from = String::new();
        const PEERS: u64 = 10;
        for peer in 0..PEERS {
            let push = ctx.socket(Push).connect(pull.endpoint().unwrap()).unwrap();
            from = at(&push);
            for n in 0..10 {
                push.send(n.to_string()).unwrap();
            }
            if peer % 3 == 0 {
                recording.export(&ctx);
            }
            assert_eq!(push.close().undelivered, 0);
            for _ in 0..10 {
                pull.recv_timeout(SOON).unwrap();
            }
        }
        while pull.stats().peers > 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
        recording.export(&ctx);
        let sent = recording.counter("sinew_sent_messages_total", &from);
        let received = recording.counter("sinew_received_messages_total", &to);
        assert_eq!((sent, received), (PEERS * 10, PEERS * 10), "{endpoint}");
        assert_eq!(recording.gauge("sinew_peers", &from), 0);
        assert_eq!(recording.gauge("sinew_peers", &to), 0);
        let _ = pull.close();
        recording.export(&ctx);
        recording.export(&ctx);
        let received = recording.counter("sinew_received_messages_total", &to);
        assert_eq!(received, PEERS * 10);
        let delivered = recording.counter("sinew_delivered_messages_total", "socket_type=PULL");
        assert_eq!(delivered, PEERS * 10);
    }
}

#[test]
fn drops_events_and_round_trips_are_told() {
    let recording = Recording::default();
    let ctx = Context::new();
    let publisher = ctx.socket(Pub).send_hwm(2).bind("inproc://drops").unwrap();
    let sub = ctx.socket(Sub).recv_hwm(1).subscribe("");
    let _sub = sub.connect("inproc://drops").unwrap();
    for _ in 0..10 {
        publisher.send("m").unwrap();
    }
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let place = pull.endpoint().unwrap();
    let push = ctx
        .socket(Push)
        .reconnect_interval(Duration::from_millis(1))
        .heartbeat_interval(Duration::from_millis(5))
        .heartbeat_timeout(SOON)
        .connect(&place)
        .unwrap();
    let monitor = push.monitor();
    push.wait_for_peers(1, SOON).unwrap();
    let _ = pull.close();
    loop {
        let event = monitor.recv_timeout(SOON).unwrap();
        if matches!(event.kind, EventKind::Disconnected { .. }) {
            break;
        }
    }
    let _pull = ctx.socket(Pull).bind(&place).unwrap();
    while push.peers()[0].round_trip.is_none() {
        std::thread::sleep(Duration::from_millis(1));
    }
    recording.export(&ctx);
    let dropped = recording.counter("sinew_dropped_messages_total", "socket_type=PUB");
    assert_eq!(dropped, publisher.stats().dropped);
    assert!(dropped > 0);
    let from = at(&push);
    assert_eq!(recording.counter("sinew_reconnects_total", &from), 1);
    let labels = format!("endpoint={place} event=Disconnected socket_type=PUSH");
    assert_eq!(recording.counter("sinew_events_total", &labels), 1);
    let labels = format!("endpoint={place} event=HandshakeSucceeded socket_type=PUSH");
    assert_eq!(recording.counter("sinew_events_total", &labels), 2);
    let round_trips = Recording::look(&recording.histograms, "sinew_round_trip_seconds", &from);
    assert_eq!(round_trips, 1.0);
    let subscribed = "endpoint=inproc://drops event=Subscribed socket_type=PUB";
    assert_eq!(recording.counter("sinew_events_total", subscribed), 0);
}

#[test]
fn without_a_recorder_nothing_happens() {
    let ctx = Context::new();
    let _pull = ctx.socket(Pull).bind("inproc://nobody").unwrap();
    ctx.export_metrics();
    ctx.shutdown();
    ctx.export_metrics();
}
