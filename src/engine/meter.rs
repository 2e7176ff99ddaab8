//! What metrics are told of a socket (feature `metrics`): by endpoint, what was counted since they were told
//! last, and how things stand.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::endpoint::Endpoint;
use crate::link::Link;
use crate::monitor::EventKind;
use crate::stats::{Stats, Traffic};

/// Endpoints that are kept apart while nobody asks: a program that calls ever others, and never asks, must
/// not be made to hold them all. What is beyond is told without its endpoint.
const ENDPOINTS: usize = 1024;

/// What is told of the peers of one endpoint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// What was accepted to be sent, since the last time.
    pub(crate) sent: Traffic,
    /// What came, since the last time.
    pub(crate) received: Traffic,
    /// Peers that came again after their connection was lost, since the last time.
    pub(crate) reconnects: u64,
    /// What happened to connections, and how often, since the last time.
    pub(crate) events: Vec<(&'static str, u64)>,
    /// How things stand.
    pub(crate) levels: Levels,
    /// How long the last answer of each peer to a heartbeat took.
    pub(crate) round_trips: Vec<Duration>,
}

/// How things stand at an endpoint, all its peers together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Levels {
    pub(crate) peers: usize,
    /// What waits to be sent: messages and bytes.
    pub(crate) send_queue: (usize, usize),
    /// What waits to be received.
    pub(crate) recv_queue: (usize, usize),
}

/// What is told of a socket.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// By endpoint; `None` is those that were too many to be kept apart.
    pub(crate) endpoints: HashMap<Option<Arc<Endpoint>>, Sample>,
    /// Messages given to the application, since the last time.
    pub(crate) taken: u64,
    /// Messages dropped, since the last time.
    pub(crate) dropped: u64,
}

/// What metrics are still to be told of.
#[derive(Debug, Default)]
pub(super) struct Meter {
    endpoints: HashMap<Option<Arc<Endpoint>>, Sample>,
    /// What they were told of the socket's own counts.
    taken: u64,
    dropped: u64,
}

impl Meter {
    fn at(&mut self, endpoint: &Arc<Endpoint>) -> &mut Sample {
        let known = self.endpoints.len() < ENDPOINTS
            || self.endpoints.contains_key(&Some(Arc::clone(endpoint)));
        let key = known.then(|| Arc::clone(endpoint));
        self.endpoints.entry(key).or_default()
    }

    /// Counts what happened to a connection.
    pub(super) fn count(&mut self, endpoint: &Arc<Endpoint>, kind: &EventKind) {
        // These are counted by no connection, and are as many as a peer likes.
        if matches!(
            kind,
            EventKind::Subscribed { .. } | EventKind::Unsubscribed { .. }
        ) {
            return;
        }
        let events = &mut self.at(endpoint).events;
        match events.iter_mut().find(|(name, _)| *name == kind.name()) {
            Some((_, count)) => *count += 1,
            None => events.push((kind.name(), 1)),
        }
    }

    /// Adds what a link has counted since it was asked last: always, before that is forgotten.
    pub(super) fn add(&mut self, link: &mut Link) {
        let rise = link.rise();
        let sample = self.at(link.endpoint());
        add(&mut sample.sent, rise.sent);
        add(&mut sample.received, rise.received);
        sample.reconnects += u64::from(rise.reconnects);
    }

    /// Takes out all that was counted, with how the links stand: those of a socket that is not closed to the
    /// end.
    pub(super) fn measure<'a>(
        &mut self,
        links: impl Iterator<Item = &'a mut Link>,
        stats: &Stats,
    ) -> Measured {
        let mut now = Vec::new();
        for link in links {
            self.add(link);
            now.push(link);
        }
        let mut endpoints = std::mem::take(&mut self.endpoints);
        for link in now {
            let key = Some(Arc::clone(link.endpoint()));
            let apart = endpoints.contains_key(&key);
            endpoints
                .entry(key.filter(|_| apart))
                .or_default()
                .note(link);
        }
        let since = |now: u64, told: &mut u64| now.saturating_sub(std::mem::replace(told, now));
        Measured {
            endpoints,
            taken: since(stats.received, &mut self.taken),
            dropped: since(stats.dropped, &mut self.dropped),
        }
    }
}

impl Sample {
    /// How things stand at one more link.
    fn note(&mut self, link: &Link) {
        let levels = &mut self.levels;
        let [out, inward] = link.counts();
        levels.peers += usize::from(link.is_established());
        levels.send_queue.0 += out.messages();
        levels.send_queue.1 += out.bytes();
        levels.recv_queue.0 += inward.messages();
        levels.recv_queue.1 += inward.bytes();
        self.round_trips.extend(link.round_trip());
    }
}

fn add(sum: &mut Traffic, (messages, bytes): (u64, u64)) {
    sum.messages += messages;
    sum.bytes += bytes;
}
