//! The batch in front of the engine's lock, and the credit that is due for it: the real [`Prefetched`] and
//! [`RecvQueue`], in the steps of `drive/receiving`.

use std::collections::VecDeque;
use std::sync::Arc;

use loom::thread;

use super::explore;
use crate::drive::prefetched::Prefetched;
use crate::link::recv_queue::RecvQueue;
use crate::message::Message;
use crate::options::Conflate;
use crate::sync::{Condvar, Mutex};

const MARK: usize = 2;

struct Engine {
    queue: RecvQueue,
    owed: (usize, usize),
}

struct Socket {
    engine: Mutex<Engine>,
    prefetched: Mutex<Prefetched>,
    came: Condvar,
    resumed: Condvar,
}

impl Socket {
    fn new() -> Arc<Socket> {
        let queue = RecvQueue::new((MARK, 0), Conflate::Off);
        let owed = (0, 0);
        Arc::new(Socket {
            engine: Mutex::new(Engine { queue, owed }),
            prefetched: Mutex::new(Prefetched::default()),
            came: Condvar::new(),
            resumed: Condvar::new(),
        })
    }

    /// Reads a connection, which is paused while the inbox is full.
    fn read(&self, message: &str) {
        let mut engine = self.engine.lock();
        while engine.queue.room() == 0 {
            engine.queue.pause();
            engine = self.resumed.wait(engine, None);
        }
        let mut came = VecDeque::from([Message::from(message)]);
        engine.queue.append(&mut came);
        drop(engine);
        self.came.notify_all();
    }

    fn recv(&self) -> Message {
        if let Some(message) = self.prefetched.lock().pop_quietly() {
            return message;
        }
        let taken = self.prefetched.lock().pop();
        if let Some(taken) = taken {
            if taken.credit_due {
                let mut engine = self.engine.lock();
                let mut prefetched = self.prefetched.lock();
                if prefetched.is_empty() {
                    prefetched.set_credit_due(false);
                    self.credit(&mut engine);
                }
            }
            return taken.message;
        }
        let mut engine = self.engine.lock();
        loop {
            let mut prefetched = self.prefetched.lock();
            if prefetched.is_empty() {
                self.credit(&mut engine);
                engine.owed = engine.queue.take_all(prefetched.batch());
                let credit_due = engine.owed.0 * 2 >= MARK;
                prefetched.set_credit_due(credit_due);
                if prefetched.len() > 1 {
                    self.came.notify_all();
                }
            }
            if let Some(taken) = prefetched.pop() {
                if taken.credit_due {
                    prefetched.set_credit_due(false);
                    self.credit(&mut engine);
                }
                return taken.message;
            }
            drop(prefetched);
            engine = self.came.wait(engine, None);
        }
    }

    fn credit(&self, engine: &mut Engine) {
        let (messages, bytes) = std::mem::take(&mut engine.owed);
        if engine.queue.credit(messages, bytes) {
            self.resumed.notify_all();
        }
    }
}

/// Each receiver takes its share and makes no further call: the reader must get all of it in.
#[test]
fn loom_the_last_message_of_a_full_inbox_has_its_peer_read_again() {
    explore(3, || {
        let socket = Socket::new();
        let receivers = [1, 2].map(|share| {
            let socket = Arc::clone(&socket);
            thread::spawn(move || (0..share).map(|_| socket.recv()).collect::<Vec<_>>())
        });
        for message in ["a", "b", "c"] {
            socket.read(message);
        }
        let got = receivers.map(|receiver| receiver.join().unwrap());
        let mut got = got.concat();
        got.sort_by_key(|message| message.first().to_vec());
        assert_eq!(got, ["a", "b", "c"]);
        // Nothing is owed: a peer with a message more than the mark is read to its end.
        (0..MARK).for_each(|_| socket.read("more"));
    });
}
