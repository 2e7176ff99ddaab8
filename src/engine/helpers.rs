//! Work of one socket offloaded to the context's other reactors, when its peers are too much for the
//! thread that drives it.
//!
//! What is shared is what the engine lists anyway: links to be read and links to be written now
//! ([`Worklist`](super::worklist::Worklist)). A helper takes a token off a list, as any thread does, and brings it back. The lease is
//! not its business: it never polls.

use super::backoff::Backoff;
use crate::reactor::Handle;
use crate::tuning;

/// The reactors that may help a socket; its own is not one of them. None with one reactor thread.
///
/// A handle is the leave to ask that reactor: the thread that asks takes it out, and the helper puts it
/// back when it has done what it could. So none is asked twice. All of it is behind the socket's lock.
#[derive(Debug, Default)]
pub(crate) struct Helpers {
    idle: Vec<Handle>,
    /// Those that were asked and are not back.
    asked: usize,
    /// Whether asking has paid lately, or helpers came too late.
    backoff: Backoff,
}

impl Helpers {
    pub(crate) fn new(idle: Vec<Handle>) -> Helpers {
        Helpers {
            idle,
            ..Helpers::default()
        }
    }

    /// How many there are, idle or not.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.idle.len() + self.asked
    }

    /// A reactor to ask, when this number of links, with about `bytes` each, wait for the threads that
    /// are at it, and that is worth waking another.
    #[inline]
    pub(crate) fn offload(&mut self, links: usize, bytes: usize) -> Option<Handle> {
        if self.idle.is_empty() {
            return None;
        }
        let hands = 1 + self.asked;
        let work = links.saturating_mul(bytes.saturating_add(tuning::HELP_CALL));
        if links <= hands || work / hands < tuning::HELP || !self.backoff.pays() {
            return None;
        }
        self.asked += 1;
        self.idle.pop()
    }

    /// A helper came, and found something to do or not.
    pub(crate) fn learn(&mut self, found: bool) {
        self.backoff.learn(found);
    }

    /// A helper has done what it could.
    pub(crate) fn put_back(&mut self, helper: Handle) {
        self.asked = self.asked.saturating_sub(1);
        self.idle.push(helper);
    }
}
