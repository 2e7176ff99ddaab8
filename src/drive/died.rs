//! The reactor has panicked: the sockets that it served are closed, and say why.

use super::core::Core;

impl Core {
    /// Ends the socket at once. What it had queued is lost and counted, blocked calls return
    /// `ReactorDied`, and so does every later one; closing waits for nothing.
    pub(super) fn end_without_reactor(&self) {
        let bound = self.lock().engine().end_without_reactor();
        for bound in bound.into_iter().flatten() {
            self.release(bound);
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use crate::reactor::{Order, Timer};
    use crate::{Context, Error, Pull, Push, RecvError, SendErrorKind};

    /// Nothing here takes this long; what hangs fails instead.
    const HANG: Duration = Duration::from_secs(120);

    /// Runs a test on a thread of its own, which is given up when it hangs.
    fn within(test: impl FnOnce() + Send + 'static) {
        let (done, wait) = mpsc::channel();
        let thread = thread::spawn(move || {
            test();
            let _ = done.send(());
        });
        let ended = wait.recv_timeout(HANG);
        assert_ne!(ended, Err(mpsc::RecvTimeoutError::Timeout), "it hangs");
        thread.join().unwrap();
    }

    fn until(mut holds: impl FnMut() -> bool) {
        while !holds() {
            thread::yield_now();
        }
    }

    fn kill(context: &Context, socket: usize, order: Order) {
        context.inner.reactor(socket).unwrap().send(order);
    }

    #[test]
    fn a_reactor_that_dies_ends_every_call_with_an_error_that_says_so() {
        within(|| {
            let context = Context::new();
            let pull = context.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
            let there = pull.last_endpoint().unwrap().to_string();
            let push = context
                .socket(Push)
                .send_hwm(1)
                .linger(None)
                .connect(&there)
                .unwrap();
            push.send("x").unwrap();
            assert_eq!(pull.recv().unwrap(), "x");
            let lonely = context
                .socket(Push)
                .send_hwm(1)
                .linger(None)
                .connect("tcp://127.0.0.1:1")
                .unwrap();
            lonely.send("x").unwrap();
            // A receiver asleep in the poll, one that follows it, and a sender without room.
            let receivers: Vec<_> = (0..2)
                .map(|_| {
                    let pull = pull.clone();
                    thread::spawn(move || pull.recv())
                })
                .collect();
            let sender = {
                let lonely = lonely.clone();
                thread::spawn(move || lonely.send("x").map_err(|error| error.kind()))
            };
            kill(&context, 0, Order::Panic);
            for receiver in receivers {
                assert_eq!(receiver.join().unwrap(), Err(RecvError::ReactorDied));
            }
            assert_eq!(sender.join().unwrap(), Err(SendErrorKind::ReactorDied));
            assert_eq!(pull.try_recv(), Err(RecvError::ReactorDied));
            assert!(matches!(
                pull.bind("tcp://127.0.0.1:*"),
                Err(Error::ReactorDied)
            ));
            // The sockets are told one after the other.
            until(|| matches!(push.connect(&there), Err(Error::ReactorDied)));
            // A socket that comes later learns it when it needs the reactor.
            let late = context.socket(Pull).open().unwrap();
            assert!(matches!(
                late.bind("tcp://127.0.0.1:*"),
                Err(Error::ReactorDied)
            ));
            // The port is free, and nothing waits: not `close`, nor dropping the context.
            let other = Context::new();
            until(|| other.socket(Pull).bind(&there).is_ok());
            assert_eq!(lonely.close().undelivered, 1);
            drop((pull, push, late, context));
        });
    }

    #[test]
    fn a_panic_under_the_sockets_lock_ends_the_socket_too() {
        within(|| {
            let context = Context::new();
            let pull = context.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
            let receiver = {
                let pull = pull.clone();
                thread::spawn(move || pull.recv())
            };
            let id = pull.core().id;
            let timer = Order::Timer(id, std::time::Instant::now(), Timer::Panic);
            kill(&context, id, timer);
            assert_eq!(receiver.join().unwrap(), Err(RecvError::ReactorDied));
            assert_eq!(pull.close().undelivered, 0);
        });
    }

    #[test]
    fn a_socket_whose_reactor_died_gives_its_inproc_names_back() {
        within(|| {
            let context = Context::new();
            let pull = context.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
            pull.bind("inproc://died").unwrap();
            let push = context.socket(Push).connect("inproc://died").unwrap();
            push.send("x").unwrap();
            assert_eq!(pull.recv().unwrap(), "x");
            kill(&context, 0, Order::Panic);
            assert_eq!(pull.recv(), Err(RecvError::ReactorDied));
            // The name is free for another socket of the context.
            until(|| context.socket(Pull).bind("inproc://died").is_ok());
        });
    }
}
