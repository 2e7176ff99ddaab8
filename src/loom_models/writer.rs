//! The writer's token: the thread that has it takes along what others queue, and a kernel that is full
//! strands nothing. The [`Flight`] and the [`Outbox`] are the real ones.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::sync::Arc;

use loom::thread;

use super::explore;
use crate::message::Message;
use crate::sync::{Condvar, Mutex, MutexGuard};
use crate::zmtp::decoder::Decoder;
use crate::zmtp::flight::Flight;
use crate::zmtp::outbox::Outbox;

/// The kernel's side of a connection that takes `room` bytes until the peer reads.
struct Wire {
    inner: Mutex<Buffered>,
    came: Condvar,
}

struct Buffered {
    bytes: Vec<u8>,
    room: usize,
    /// A write found no room: the next read makes an event.
    wanted: bool,
}

/// The parts of a link that writing it needs; the flags mean what they mean in `link::connection`.
struct Outward {
    outbox: Outbox,
    writer: Option<Box<Flight>>,
    blocked: bool,
    unblocked: bool,
}

struct Sender {
    state: Mutex<Outward>,
    wire: Wire,
}

impl Sender {
    fn new(room: usize) -> Arc<Sender> {
        Arc::new(Sender {
            state: Mutex::new(Outward {
                outbox: Outbox::new(),
                writer: Some(Box::default()),
                blocked: false,
                unblocked: false,
            }),
            wire: Wire {
                inner: Mutex::new(Buffered {
                    bytes: Vec::new(),
                    room,
                    wanted: false,
                }),
                came: Condvar::new(),
            },
        })
    }

    fn send(&self, text: &str) {
        let mut state = self.state.lock();
        state.outbox.push(&Message::from(text));
        self.flush(state);
    }

    fn flush<'a>(&'a self, mut state: MutexGuard<'a, Outward>) {
        loop {
            if state.blocked {
                return;
            }
            let Some(mut writer) = state.writer.take() else {
                return;
            };
            writer.load(&mut state.outbox);
            if writer.is_empty() {
                state.writer = Some(writer);
                return;
            }
            drop(state);
            let all = self.write(&mut writer);
            state = self.state.lock();
            state.writer = Some(writer);
            if !all {
                // The event that says so may have come before the writer was back.
                state.blocked = !std::mem::take(&mut state.unblocked);
            }
        }
    }

    /// False: the kernel is full.
    fn write(&self, flight: &mut Flight) -> bool {
        while !flight.is_empty() {
            let mut slices = [IoSlice::new(&[]); 2];
            let count = flight.slices(&mut slices, usize::MAX, usize::MAX);
            let mut wire = self.wire.inner.lock();
            if wire.room == 0 {
                wire.wanted = true;
                return false;
            }
            assert!(count > 0);
            let written = slices[0].len().min(wire.room);
            wire.room -= written;
            wire.bytes.extend_from_slice(&slices[0][..written]);
            drop(wire);
            self.wire.came.notify_all();
            flight.advance(written);
        }
        true
    }

    /// The peer reads `total` bytes, in steps, and each step may make an event, which is served as
    /// `note_events` and `serve` do.
    fn drain(&self, total: usize) -> Vec<u8> {
        let mut read = Vec::new();
        while read.len() < total {
            let mut wire = self.wire.inner.lock();
            while wire.bytes.is_empty() {
                wire = self.wire.came.wait(wire, None);
            }
            wire.room += wire.bytes.len();
            read.append(&mut wire.bytes);
            let event = std::mem::take(&mut wire.wanted);
            drop(wire);
            if event {
                self.on_writable();
            }
        }
        read
    }

    fn on_writable(&self) {
        let mut state = self.state.lock();
        if std::mem::take(&mut state.blocked) {
            self.flush(state);
        } else if state.writer.is_none() {
            state.unblocked = true;
        }
    }
}

pub(super) fn decoded(bytes: &[u8]) -> Vec<String> {
    let (mut messages, mut commands) = (VecDeque::new(), Vec::new());
    let used = Decoder::new(None).decode(bytes, usize::MAX, &mut messages, &mut commands);
    assert_eq!(used.unwrap(), bytes.len());
    let texts = messages.iter().map(|message| message.to_str().unwrap());
    texts.map(str::to_owned).collect()
}

/// Each message once, and those of one sender in their order.
fn assert_complete(got: &[String]) {
    let place = |text: &str| got.iter().position(|other| other == text);
    assert_eq!(got.len(), 3);
    assert!(place("a1") < place("a2") && place("a1").is_some());
    assert!(place("b1").is_some());
}

#[test]
fn loom_the_thread_that_has_the_writer_takes_along_what_others_queue() {
    explore(4, || {
        let sender = Sender::new(usize::MAX);
        let other = Arc::clone(&sender);
        let other = thread::spawn(move || other.send("b1"));
        sender.send("a1");
        sender.send("a2");
        other.join().unwrap();
        let state = sender.state.lock();
        assert!(state.outbox.is_empty(), "stranded");
        assert!(state
            .writer
            .as_ref()
            .is_some_and(|writer| writer.is_empty()));
        assert_complete(&decoded(&sender.wire.inner.lock().bytes));
    });
}

#[test]
fn loom_a_full_kernel_strands_nothing() {
    explore(3, || {
        // A frame has four bytes: two of them fit no more than one and a half times.
        let sender = Sender::new(6);
        let peer = Arc::clone(&sender);
        let peer = thread::spawn(move || peer.drain(12));
        let other = Arc::clone(&sender);
        let other = thread::spawn(move || other.send("b1"));
        sender.send("a1");
        sender.send("a2");
        other.join().unwrap();
        assert_complete(&decoded(&peer.join().unwrap()));
    });
}
