//! Requests of many threads over one socket: each thread gets its own reply.
//!
//! One of the threads that wait leads: it receives for all, and gives what it received to the thread
//! whose key it bears. When it has its own reply, or may wait no longer, another takes the lead.

use std::collections::HashMap;
use std::sync::Arc;

use super::core::Core;
use super::random;
use super::waiting::Wait;
use crate::clock;
use crate::error::{RecvError, RequestError, SendError};
use crate::message::{Frame, Message};
use crate::pattern::RequestKey;
use crate::sync::{Condvar, Mutex, MutexGuard};

/// The requests of one socket that are under way. Its lock is taken alone, and held for a look-up.
#[derive(Debug)]
pub(crate) struct Requests(Mutex<State>);

#[derive(Debug)]
struct State {
    /// Names the next request. It begins at random, so that a reply to an earlier life of the program,
    /// which a device in between still holds, is not taken for one of now.
    next: u64,
    open: HashMap<RequestKey, Slot>,
    /// A thread receives for all.
    led: bool,
}

/// Where a thread waits for its reply.
#[derive(Debug)]
struct Slot {
    outcome: Option<Result<Message, RequestError>>,
    /// There is an outcome, or nobody leads.
    changed: Arc<Condvar>,
}

impl Requests {
    pub(crate) fn new() -> Requests {
        Requests(Mutex::new(State {
            next: random::seed(),
            open: HashMap::new(),
            led: false,
        }))
    }

    /// Sends a request and waits for its reply, both together no longer than allowed.
    pub(crate) fn request(
        &self,
        core: &Core,
        mut message: Message,
        wait: Wait,
    ) -> Result<Message, RequestError> {
        message.prepare_to_send();
        let mut call = Call::begin(self, core);
        message.push_front(Frame::default());
        message.push_front(call.key);
        core.send(message, wait).map_err(without_envelope)?;
        call.wait(wait)
    }
}

/// A request that was not sent, as the caller gave it.
fn without_envelope(error: SendError) -> SendError {
    let kind = error.kind();
    let mut message = error.into_message();
    // The key and the delimiter.
    message.pop_front();
    message.pop_front();
    SendError::new(kind, message)
}

/// A request under way. However its thread leaves, another one takes the lead.
struct Call<'a> {
    requests: &'a Requests,
    core: &'a Core,
    key: RequestKey,
    changed: Arc<Condvar>,
    leads: bool,
}

impl<'a> Call<'a> {
    fn begin(requests: &'a Requests, core: &'a Core) -> Call<'a> {
        let changed = Arc::new(Condvar::new());
        let mut state = requests.0.lock();
        let key = state.next.to_be_bytes();
        state.next = state.next.wrapping_add(1);
        let slot = Slot {
            outcome: None,
            changed: Arc::clone(&changed),
        };
        state.open.insert(key, slot);
        drop(state);
        Call {
            requests,
            core,
            key,
            changed,
            leads: false,
        }
    }

    fn wait(&mut self, wait: Wait) -> Result<Message, RequestError> {
        let mut late = false;
        let mut state = self.requests.0.lock();
        loop {
            if let Some(outcome) = state.outcome(self.key) {
                return outcome;
            }
            if late {
                drop(state);
                // A reply that comes after all is nobody's.
                self.core.forget_request(self.key);
                return Err(RequestError::TimedOut);
            }
            if self.leads || !state.led {
                state.led = true;
                self.leads = true;
                drop(state);
                self.receive(wait)?;
                state = self.requests.0.lock();
            } else {
                state = self.changed.wait(state, wait.left());
            }
            // Looked at after each wait: with others' replies coming all the time there may be
            // something to receive for ever.
            late = wait.is_over();
        }
    }

    /// Receives once, for whichever request it is.
    fn receive(&self, wait: Wait) -> Result<(), RequestError> {
        match self.core.recv(wait) {
            Ok(mut message) => {
                let key = message.pop_front();
                let delimiter = message.pop_front();
                // The rules let nothing else through.
                let key = key.and_then(|key| RequestKey::try_from(&key[..]).ok());
                if let (Some(key), Some(_)) = (key, delimiter) {
                    let unwanted = self.requests.0.lock().end(key, Ok(message));
                    // Without the lock: its body may be the user's.
                    drop(unwanted);
                }
            }
            Err(RecvError::PeerGone) => {
                let lost = self.core.lost_requests();
                let mut state = self.requests.0.lock();
                for key in lost {
                    let _ = state.end(key, Err(RequestError::PeerGone));
                }
            }
            Err(RecvError::ReactorDied) => return Err(RequestError::ReactorDied),
            Err(error) if error.is_closed() => return Err(RequestError::Closed),
            // The time is over; nothing else is refused to this type of socket.
            Err(_) => {}
        }
        Ok(())
    }
}

impl State {
    fn outcome(&mut self, key: RequestKey) -> Option<Result<Message, RequestError>> {
        self.open.get_mut(&key)?.outcome.take()
    }

    /// Gives a request its outcome. What nobody waits for comes back.
    fn end(
        &mut self,
        key: RequestKey,
        outcome: Result<Message, RequestError>,
    ) -> Option<Result<Message, RequestError>> {
        let Some(slot) = self.open.get_mut(&key) else {
            return Some(outcome);
        };
        slot.changed.notify_one();
        slot.outcome.replace(outcome)
    }
}

impl Drop for Call<'_> {
    fn drop(&mut self) {
        let mut state: MutexGuard<'_, State> = self.requests.0.lock();
        let unwanted = state.open.remove(&self.key);
        state.led &= !self.leads;
        if !state.led {
            let mut others = state.open.values();
            if let Some(next) = others.find(|slot| slot.outcome.is_none()) {
                next.changed.notify_one();
            }
        }
        drop(state);
        drop(unwanted);
    }
}

impl Wait {
    /// How long is left; `None` is for ever.
    fn left(self) -> Option<std::time::Duration> {
        match self {
            Wait::Never => Some(std::time::Duration::ZERO),
            Wait::Until(deadline) => Some(deadline.saturating_duration_since(clock::now())),
            Wait::Forever => None,
        }
    }

    fn is_over(self) -> bool {
        self.left() == Some(std::time::Duration::ZERO)
    }
}

impl Core {
    fn lost_requests(&self) -> Vec<RequestKey> {
        self.lock().engine().lost_requests()
    }

    fn forget_request(&self, key: RequestKey) {
        self.lock().engine().forget_request(key);
    }
}
