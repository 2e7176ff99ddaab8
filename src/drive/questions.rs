//! Where the authenticator's closure runs: a thread of the socket's own, on which it may block or panic without
//! harm to anything but the questions behind it.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::mpsc::{sync_channel, Receiver, SyncSender, TrySendError};
use std::sync::{Arc, OnceLock};
use std::thread;

use crate::security::authenticator::Authenticator;
use crate::security::pending::{Pending, Refusal, Verdict};

/// Questions that may wait for a closure that is busy; further ones are refused. A closure that blocks for
/// ever is asked again and again by peers whose handshakes have timed out, and each question is up to 8 KiB.
const MOST: usize = 4096;

type Asked = (Arc<Authenticator>, Pending);

/// The way to the thread, which is started with the first question and ends with its socket.
#[derive(Debug, Default)]
pub(super) struct Questions(OnceLock<Option<SyncSender<Asked>>>);

impl Questions {
    /// Has the closure asked, soon.
    pub(super) fn put(&self, authenticator: Arc<Authenticator>, pending: Pending) {
        let Some(queue) = self.0.get_or_init(start) else {
            return drop(pending);
        };
        match queue.try_send((authenticator, pending)) {
            Ok(()) => {}
            Err(TrySendError::Full((_, pending)) | TrySendError::Disconnected((_, pending))) => {
                pending.settle(Verdict::Refuse(Refusal::Overloaded));
            }
        }
    }
}

/// `None`: the system has no thread for it, and nobody is let in.
fn start() -> Option<SyncSender<Asked>> {
    let (queue, questions) = sync_channel(MOST);
    let thread = thread::Builder::new().name("sinew-authenticator".into());
    thread.spawn(move || work(&questions)).ok()?;
    Some(queue)
}

fn work(questions: &Receiver<Asked>) {
    for (authenticator, pending) in questions {
        // What it was about to answer is dropped, and that refuses. Nothing of ours is in between; what the
        // closure has left of its own is the user's to look after.
        let _ = catch_unwind(AssertUnwindSafe(|| authenticator.decide(pending)));
    }
}
