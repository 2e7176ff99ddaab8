//! What monitors, and the log, are told.

use std::sync::Arc;

#[cfg(any(feature = "log", feature = "tracing"))]
use super::actions::Action;
use super::{Engine, Life};
use crate::endpoint::Endpoint;
use crate::monitor::{Event, EventKind, EventQueue};

impl<D> Engine<D> {
    /// Tells a monitor from now on what happens.
    pub(crate) fn add_monitor(&mut self, queue: &Arc<EventQueue>) {
        if self.life == Life::Closed {
            queue.end();
        } else {
            self.monitors.push(Arc::clone(queue));
        }
    }

    /// Tells monitors, and the log, what happened to a link.
    pub(super) fn report(&mut self, key: usize, kind: EventKind) {
        if self.monitors.is_empty() && !cfg!(any(feature = "log", feature = "tracing")) {
            #[cfg(feature = "metrics")]
            if let Some(link) = self.links.get(key) {
                self.meter.count(link.endpoint(), &kind);
            }
            return;
        }
        let Some(link) = self.links.get(key) else {
            return;
        };
        let peer_address = link.peer_address();
        self.report_with(key, kind, peer_address);
    }

    /// The same, for a link whose connection is not there any more.
    pub(super) fn report_with(&mut self, key: usize, kind: EventKind, address: Option<String>) {
        let Some(link) = self.links.get(key) else {
            return;
        };
        let event = Event {
            kind,
            endpoint: Arc::clone(link.endpoint()),
            peer_address: address,
            peer: link.peer().cloned(),
        };
        self.publish(event);
    }

    /// Tells monitors, and the log, what happened to an endpoint.
    pub(crate) fn report_endpoint(&mut self, endpoint: &Arc<Endpoint>, kind: EventKind) {
        let endpoint = Arc::clone(endpoint);
        self.publish(Event {
            kind,
            endpoint,
            peer_address: None,
            peer: None,
        });
    }

    fn publish(&mut self, event: Event) {
        #[cfg(feature = "metrics")]
        self.meter.count(&event.endpoint, &event.kind);
        // A monitor that was dropped leaves its queue to us alone.
        self.monitors
            .retain(|monitor| Arc::strong_count(monitor) > 1);
        let event = Arc::new(event);
        for monitor in &self.monitors {
            monitor.push(Arc::clone(&event));
        }
        #[cfg(any(feature = "log", feature = "tracing"))]
        self.actions.push(Action::Log(event));
    }
}
