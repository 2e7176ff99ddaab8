//! What the sockets of a context tell the recorder of the `metrics` facade (feature `metrics`).
//!
//! Counters are told by how much they rose, so that they go on when sockets come and go; gauges are set to
//! the sum over the context's sockets, so that a recorder that forgets one it has not heard of for long is right
//! again with the next export.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use metrics::{
    counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram, Label, Unit,
};

use crate::endpoint::Endpoint;
use crate::engine::meter::{Levels, Measured};
use crate::peer::SocketType;
use crate::stats::Traffic;
use crate::sync::Mutex;

/// By what the peers' figures are told apart.
type Place = (SocketType, Option<Arc<Endpoint>>);

/// What is to be told with the next export, and what was told with the last.
#[derive(Debug, Default)]
pub(crate) struct Exporter(Mutex<Figures>);

#[derive(Debug, Default)]
struct Figures {
    places: HashMap<Place, PlaceFigures>,
    sockets: HashMap<SocketType, SocketFigures>,
    /// Those whose gauges do not stand at zero.
    shown: HashSet<Place>,
}

/// Of the peers of one endpoint.
#[derive(Debug, Default)]
struct PlaceFigures {
    sent: Traffic,
    received: Traffic,
    reconnects: u64,
    events: HashMap<&'static str, u64>,
    levels: Levels,
    round_trips: Vec<Duration>,
}

/// Of the sockets of a type.
#[derive(Debug, Default)]
struct SocketFigures {
    delivered: u64,
    dropped: u64,
}

impl Exporter {
    /// Takes up what a socket tells.
    pub(crate) fn add(&self, socket_type: SocketType, measured: Measured) {
        let mut figures = self.0.lock();
        let of_type = figures.sockets.entry(socket_type).or_default();
        of_type.delivered += measured.taken;
        of_type.dropped += measured.dropped;
        for (endpoint, sample) in measured.endpoints {
            let place = figures.places.entry((socket_type, endpoint)).or_default();
            add(&mut place.sent, sample.sent);
            add(&mut place.received, sample.received);
            place.reconnects += sample.reconnects;
            for (event, count) in sample.events {
                *place.events.entry(event).or_default() += count;
            }
            let levels = &mut place.levels;
            levels.peers += sample.levels.peers;
            add_pair(&mut levels.send_queue, sample.levels.send_queue);
            add_pair(&mut levels.recv_queue, sample.levels.recv_queue);
            place.round_trips.extend(sample.round_trips);
        }
    }

    /// Tells the recorder. That is the user's code: it runs without a lock.
    pub(crate) fn export(&self) {
        let (mut places, sockets) = {
            let mut figures = self.0.lock();
            let mut places = std::mem::take(&mut figures.places);
            let sockets = std::mem::take(&mut figures.sockets);
            // What has gone since is told once that nothing is there.
            let shown = std::mem::take(&mut figures.shown);
            figures.shown = places
                .iter()
                .filter(|(_, it)| it.levels != Levels::default())
                .map(|(place, _)| place.clone())
                .collect();
            for place in shown {
                places.entry(place).or_default();
            }
            (places, sockets)
        };
        describe();
        for (socket_type, figures) in sockets {
            let labels = vec![Label::from_static_parts("socket_type", socket_type.name())];
            counter!(DELIVERED, labels.clone()).increment(figures.delivered);
            counter!(DROPPED, labels).increment(figures.dropped);
        }
        for ((socket_type, endpoint), figures) in places.drain() {
            let endpoint = endpoint.map_or_else(|| "other".to_owned(), |it| it.to_string());
            figures.tell(&[
                Label::from_static_parts("socket_type", socket_type.name()),
                Label::new("endpoint", endpoint),
            ]);
        }
    }
}

impl PlaceFigures {
    fn tell(self, labels: &[Label]) {
        let labels = || labels.to_vec();
        counter!(SENT, labels()).increment(self.sent.messages);
        counter!(SENT_BYTES, labels()).increment(self.sent.bytes);
        counter!(RECEIVED, labels()).increment(self.received.messages);
        counter!(RECEIVED_BYTES, labels()).increment(self.received.bytes);
        counter!(RECONNECTS, labels()).increment(self.reconnects);
        for (event, count) in self.events {
            let mut labels = labels();
            labels.push(Label::from_static_parts("event", event));
            counter!(EVENTS, labels).increment(count);
        }
        let levels = self.levels;
        // Exact up to 2^53.
        gauge!(PEERS, labels()).set(levels.peers as f64);
        gauge!(SEND_QUEUE, labels()).set(levels.send_queue.0 as f64);
        gauge!(SEND_QUEUE_BYTES, labels()).set(levels.send_queue.1 as f64);
        gauge!(RECV_QUEUE, labels()).set(levels.recv_queue.0 as f64);
        gauge!(RECV_QUEUE_BYTES, labels()).set(levels.recv_queue.1 as f64);
        for round_trip in self.round_trips {
            histogram!(ROUND_TRIP, labels()).record(round_trip.as_secs_f64());
        }
    }
}

fn add(sum: &mut Traffic, more: Traffic) {
    sum.messages += more.messages;
    sum.bytes += more.bytes;
}

fn add_pair(sum: &mut (usize, usize), more: (usize, usize)) {
    sum.0 += more.0;
    sum.1 += more.1;
}

const SENT: &str = "sinew_sent_messages_total";
const SENT_BYTES: &str = "sinew_sent_bytes_total";
const RECEIVED: &str = "sinew_received_messages_total";
const RECEIVED_BYTES: &str = "sinew_received_bytes_total";
const RECONNECTS: &str = "sinew_reconnects_total";
const EVENTS: &str = "sinew_events_total";
const DELIVERED: &str = "sinew_delivered_messages_total";
const DROPPED: &str = "sinew_dropped_messages_total";
const PEERS: &str = "sinew_peers";
const SEND_QUEUE: &str = "sinew_send_queue_messages";
const SEND_QUEUE_BYTES: &str = "sinew_send_queue_bytes";
const RECV_QUEUE: &str = "sinew_recv_queue_messages";
const RECV_QUEUE_BYTES: &str = "sinew_recv_queue_bytes";
const ROUND_TRIP: &str = "sinew_round_trip_seconds";

fn describe() {
    describe_counter!(SENT, Unit::Count, "Messages accepted to be sent to peers.");
    describe_counter!(SENT_BYTES, Unit::Bytes, "Their bytes, as they are queued.");
    describe_counter!(RECEIVED, Unit::Count, "Messages that came from peers.");
    describe_counter!(
        RECEIVED_BYTES,
        Unit::Bytes,
        "Their bytes, as they are queued."
    );
    describe_counter!(
        RECONNECTS,
        Unit::Count,
        "Peers that came again after a connection was lost."
    );
    describe_counter!(EVENTS, Unit::Count, "What happened to connections.");
    describe_counter!(DELIVERED, Unit::Count, "Messages given to the application.");
    describe_counter!(
        DROPPED,
        Unit::Count,
        "Messages lost by the rules, or with a peer."
    );
    describe_gauge!(PEERS, Unit::Count, "Peers that are there.");
    describe_gauge!(SEND_QUEUE, Unit::Count, "Messages that wait to be sent.");
    describe_gauge!(SEND_QUEUE_BYTES, Unit::Bytes, "Bytes that wait to be sent.");
    describe_gauge!(
        RECV_QUEUE,
        Unit::Count,
        "Messages that wait to be received."
    );
    describe_gauge!(
        RECV_QUEUE_BYTES,
        Unit::Bytes,
        "Bytes that wait to be received."
    );
    describe_histogram!(
        ROUND_TRIP,
        Unit::Seconds,
        "How long each peer's last answer to a heartbeat took, sampled with each export."
    );
}
