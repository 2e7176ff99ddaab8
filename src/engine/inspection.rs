//! What can be told of each peer, counted when it is asked for.

use std::sync::Arc;

#[cfg(feature = "metrics")]
use super::meter::Measured;
use super::Engine;
use crate::link::high_water::HighWater;
use crate::link::{Link, Origin};
use crate::monitor::{Event, EventKind};
use crate::stats::{Drops, PeerStats, QueueStats, Stats, Traffic};

impl<D> Engine<D> {
    /// The counts. `waiting`: messages that count as received and wait in a batch.
    pub(crate) fn stats(&self, waiting: usize) -> Stats {
        self.ledger.stats(self.peers(), waiting)
    }

    /// What metrics are to be told since they were told last. `waiting` as in [`stats`](Engine::stats).
    #[cfg(feature = "metrics")]
    pub(crate) fn measure(&mut self, waiting: usize) -> Measured {
        let stats = self.ledger.stats(0, waiting);
        let links = self.links.iter_mut().map(|(_, link)| link);
        self.meter.measure(links, &stats)
    }

    /// The peers that are there, and those that `connect` named.
    pub(crate) fn inspect_peers(&self) -> Vec<PeerStats> {
        let shown = |link: &Link| match link.origin() {
            Origin::Connected | Origin::Bound => !link.is_leaving(),
            Origin::Accepted => link.is_established(),
        };
        let links = self.links.iter().filter(|(_, link)| shown(link));
        links.map(|(key, link)| self.inspect(key, link)).collect()
    }

    /// The events that would have brought a monitor to know what is there now: what listens, what
    /// connects, and which peers are there.
    pub(crate) fn snapshot(&self) -> Vec<Event> {
        let listening = self.bound.iter().map(|bound| Event {
            kind: EventKind::Listening,
            endpoint: Arc::clone(&bound.endpoint),
            peer_address: None,
            peer: None,
        });
        let links = self.links.iter().filter_map(|(_, link)| {
            let up = link.is_established();
            let kind = match link.origin() {
                // Told by the `Listening` of its endpoint.
                Origin::Bound => return None,
                _ if link.is_of_datagrams() => EventKind::Connected,
                _ if up => EventKind::HandshakeSucceeded,
                Origin::Connected if !link.is_leaving() => EventKind::Connecting,
                _ => return None,
            };
            Some(Event {
                kind,
                endpoint: Arc::clone(link.endpoint()),
                peer_address: link.peer_address().filter(|_| up),
                peer: link.peer().filter(|_| up).cloned(),
            })
        });
        listening.chain(links).collect()
    }

    fn inspect(&self, key: usize, link: &Link) -> PeerStats {
        let [out, inward] = link.counts();
        let before = link.counts_before();
        let (conflated, evicted) = link.displaced();
        let (unsent, malformed) = link.astray();
        let connected = link.is_established();
        PeerStats {
            endpoint: (**link.endpoint()).clone(),
            address: link.peer_address(),
            info: link.peer().filter(|_| connected).cloned(),
            connected,
            sent: traffic(&out, before[0]),
            received: traffic(&inward, before[1]),
            send_queue: queue(&out),
            recv_queue: queue(&inward),
            dropped: Drops {
                full: self.pattern.dropped(key) + evicted,
                refused: link.refused(),
                conflated,
                unsent,
                malformed,
            },
            reconnects: link.reconnects(),
            round_trip: link.round_trip(),
        }
    }
}

/// All that went through a queue, and through those that were in its place before.
fn traffic(counts: &HighWater, before: (u64, u64)) -> Traffic {
    let (messages, bytes) = counts.total();
    Traffic {
        messages: messages + before.0,
        bytes: bytes + before.1,
    }
}

fn queue(counts: &HighWater) -> QueueStats {
    let (most_messages, most_bytes) = counts.limits();
    QueueStats {
        messages: counts.messages(),
        bytes: counts.bytes(),
        most_messages,
        most_bytes,
    }
}
