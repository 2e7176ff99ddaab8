//! The authenticator is asked about a peer, and answers: at once or later, on whichever thread.

use std::sync::Weak;

use super::core::Core;
use crate::clock;
use crate::reactor::ConnectionId;
use crate::security::authenticator::Question;
use crate::security::pending::{Pending, Verdict};

impl Core {
    /// Has the authenticator asked whether the peer of a connection is let in.
    pub(super) fn authenticate(&self, id: ConnectionId, question: Question) {
        let me = Weak::clone(&self.me);
        let reply = move |verdict| {
            if let Some(core) = me.upgrade() {
                core.answer(id, verdict);
            }
        };
        let pending = Pending::new(question.candidate, Box::new(reply));
        self.questions.put(question.authenticator, pending);
    }

    /// The authenticator has answered: goes on with the handshake where it stopped, if there still is one.
    fn answer(&self, id: ConnectionId, verdict: Verdict) {
        let mut locked = self.lock();
        let Some(mut reading) = locked.engine().take_asking_reader(id) else {
            return;
        };
        locked.unlocked(|| reading.answer(verdict, &self.buffers));
        if locked.engine().put_reader(reading, &clock::now) {
            self.flush(&mut locked, id.link);
        }
        let engine = locked.engine();
        engine.advance(id);
        engine.tell_unread();
    }
}
