//! The settings of a socket: the one place where they are, and what follows when they change.

use std::sync::Arc;

use super::actions::Action;
use super::inproc::{recv_limits, send_limits};
use super::Engine;
use crate::options::Options;
use crate::pattern::PatternSettings;
use crate::tuning;
use crate::waiters::Change;
use crate::zmtp::connection::Heartbeats;

/// What a pattern is told of the settings.
pub(crate) fn pattern_settings(options: &Options, seed: u32) -> PatternSettings {
    PatternSettings {
        no_drop: options.no_drop,
        invert_matching: options.invert_matching,
        verbose: options.verbose,
        verboser: options.verboser,
        manual: options.manual,
        manual_last_value: options.manual_last_value,
        welcome_message: Some(&options.welcome_message)
            .filter(|message| !message.is_empty())
            .cloned(),
        // Without a mark the default one bounds what a peer can make the socket hold.
        notes: match options.recv_hwm {
            0 => tuning::HWM,
            most => most,
        },
        verbose_unsubscribe: options.verbose_unsubscribe,
        relaxed: options.relaxed,
        correlate: options.correlate,
        mandatory: options.mandatory,
        handover: options.handover,
        probe_router: options.probe_router,
        max_datagram_size: options.max_datagram_size,
        stream_notify: options.stream_notify,
        seed,
    }
}

/// What a connection's session is told of the settings. Peers that speak no ZMTP (`raw`) know no PING.
pub(super) fn heartbeats(options: &Options, raw: bool) -> Heartbeats {
    Heartbeats::new(
        options.heartbeat_interval.filter(|_| !raw),
        options.heartbeat_timeout,
        options.heartbeat_ttl,
    )
}

impl<D> Engine<D> {
    pub(crate) fn options(&self) -> &Arc<Options> {
        &self.options
    }

    /// Has other settings from now on. Those that concern peers, connections and endpoints to come are
    /// looked up when these come; the marks of the peers that are there change with them, and what
    /// the pattern and the listeners go by.
    pub(crate) fn set_options(&mut self, options: Arc<Options>) {
        let marks = |options: &Options| (send_limits(options), recv_limits(options));
        let others = marks(&options) != marks(&self.options);
        let seed = self.jitter.next() as u32;
        self.pattern.configure(&pattern_settings(&options, seed));
        self.admission.set_bounds(&options);
        self.heartbeats = heartbeats(&options, self.pattern.can().raw);
        self.options = options;
        if others {
            let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
            for key in keys {
                self.set_marks(key);
            }
        }
        self.resume_accepting();
        // A sender may wait for what is allowed now: room, or another request.
        self.notify(Change::Any);
    }

    /// The marks of a link's queues are others now.
    fn set_marks(&mut self, key: usize) {
        let options = &self.options;
        let (send, recv) = (send_limits(options), recv_limits(options));
        let Some(link) = self.links.get_mut(key) else {
            return;
        };
        if let Some(pipe) = link.pipe() {
            pipe.end().set_limits(send, recv);
            // Whether there is more room or less: also a stream that goes round the other end's engine
            // is to go by it.
            if let Some(pipe_peer) = pipe.peer() {
                self.actions.push(Action::GiveRoom(pipe_peer.clone()));
            }
        }
        link.send_queue().set_limits(send.0, send.1);
        let resume = link.recv_queue().set_limits(recv.0, recv.1);
        self.update_room(key);
        if resume {
            self.resume_reading(key);
        }
    }
}
