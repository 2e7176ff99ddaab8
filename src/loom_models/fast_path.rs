//! The fast path of a hot socket: the real [`FastPath`], which is open only while no thread has the
//! engine.

use std::sync::Arc;

use loom::thread;

use super::explore;
use super::writer::decoded;
use crate::drive::fast_path::{Batch, FastPath, Offered};
use crate::engine::fast_path::Target;
use crate::link::high_water::Room;
use crate::message::Message;
use crate::sync::{Mutex, MutexGuard};
use crate::zmtp::flight::Flight;
use crate::zmtp::outbox::Outbox;

/// A hot sender with two connections: messages go into the queues of the fast path while that is open, which
/// it is only while no thread has the state; the sweep writes what is left.
struct Hot {
    state: Mutex<Booked>,
    fast_path: FastPath,
}

struct Booked {
    queued: [Outbox; 2],
    wires: [Vec<u8>; 2],
    turn: usize,
    /// The fast path may be open.
    open: bool,
    hot: bool,
}

impl Hot {
    fn new() -> Arc<Hot> {
        Arc::new(Hot {
            state: Mutex::new(Booked {
                queued: [Outbox::new(), Outbox::new()],
                wires: [Vec::new(), Vec::new()],
                turn: 0,
                open: false,
                hot: true,
            }),
            fast_path: FastPath::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Booked> {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.open) {
            let last = self.fast_path.close(|link, batch| {
                if let Batch::Encoded(frames) = batch {
                    state.queued[link].append_copy(frames);
                    frames.clear();
                }
            });
            state.turn = last.map_or(state.turn, |last| 1 - last);
        }
        state
    }

    fn send(&self, text: &str) {
        let mut message = Message::from(text);
        match self.fast_path.offer(&mut message) {
            Offered::Queued => {}
            Offered::Batch => self.write_out(self.lock()),
            Offered::Announce(_) => panic!("there is no pipe"),
            Offered::Closed => {
                let mut state = self.lock();
                let turn = state.turn;
                state.queued[turn].push(&message);
                state.turn = 1 - turn;
                self.write_out(state);
            }
        }
    }

    fn write_out(&self, mut state: MutexGuard<'_, Booked>) {
        if !state.hot || state.queued.iter().any(|queued| queued.messages() > 1) {
            Hot::flush(&mut state);
        }
        if state.hot {
            let room = Room {
                messages: 2,
                bytes: usize::MAX,
            };
            let turns = [state.turn, 1 - state.turn];
            let queues = turns.map(|link| (link, Target::Connection(room)));
            self.fast_path.open(queues.into_iter());
            state.open = true;
        }
    }

    fn flush(state: &mut Booked) {
        for (queued, wire) in state.queued.iter_mut().zip(&mut state.wires) {
            let mut flight = Flight::default();
            flight.load(queued);
            if let Some(bytes) = flight.only_slice() {
                wire.extend_from_slice(bytes);
            }
        }
    }

    /// Until a look finds nothing.
    fn sweep(&self) {
        loop {
            let mut state = self.lock();
            if state.queued.iter().all(Outbox::is_empty) {
                state.hot = false;
                return;
            }
            Hot::flush(&mut state);
        }
    }
}

#[test]
fn loom_the_fast_path_strands_nothing_and_keeps_the_order_and_the_turns() {
    explore(3, || {
        let sender = Hot::new();
        let other = Arc::clone(&sender);
        let other = thread::spawn(move || ["b1", "b2"].map(|text| other.send(text)));
        let sweeper = Arc::clone(&sender);
        let sweeper = thread::spawn(move || sweeper.sweep());
        sender.send("a1");
        sender.send("a2");
        other.join().unwrap();
        sweeper.join().unwrap();
        // What was sent when the sweep had gone went out at once.
        let state = sender.state.lock();
        assert!(state.queued.iter().all(Outbox::is_empty) && !state.open);
        let [one, two] = state.wires.each_ref().map(|wire| decoded(wire));
        assert_eq!((one.len(), two.len()), (2, 2), "each has its turn");
        for wire in [&one, &two] {
            for of in ["a", "b"] {
                let sent: Vec<_> = wire.iter().filter(|text| text.starts_with(of)).collect();
                assert!(sent.is_sorted(), "{sent:?}");
            }
        }
        let mut all = [one, two].concat();
        all.sort();
        assert_eq!(all, ["a1", "a2", "b1", "b2"]);
    });
}
