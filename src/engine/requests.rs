//! Replies that will not come, and those that nobody waits for.

use super::actions::Action;
use super::Engine;
use crate::pattern::RequestKey;

impl<D> Engine<D> {
    /// Requests whose replies will not come: their connections are lost.
    pub(crate) fn lost_requests(&mut self) -> Vec<RequestKey> {
        self.pattern.lost_requests()
    }

    /// No caller waits for the reply to this request any more.
    pub(crate) fn forget_request(&mut self, key: RequestKey) {
        self.pattern.forget_request(key);
    }

    /// REQ: replies to earlier requests are thrown away before a new one goes out.
    pub(super) fn forget_inboxes(&mut self) {
        let keys: Vec<_> = self.links.iter().map(|(key, _)| key).collect();
        for key in keys {
            let Some(link) = self.links.get_mut(key) else {
                continue;
            };
            if let Some(pipe) = link.pipe() {
                let (stale, room) = pipe.end().clear_inward();
                if let (true, Some(pipe_peer)) = (room, pipe.peer()) {
                    self.actions.push(Action::GiveRoom(pipe_peer.clone()));
                }
                if !stale.is_empty() {
                    self.actions.discard(stale);
                }
            }
            if !link.has_unread() {
                continue;
            }
            let departed = link.has_departed();
            let (messages, bytes) = link.recv_queue().held();
            let (stale, paused) = link.recv_queue().forget();
            self.actions.discard(stale);
            self.note_received(departed, messages, bytes);
            if paused {
                self.resume_reading(key);
            }
            self.refill(key);
        }
    }
}
