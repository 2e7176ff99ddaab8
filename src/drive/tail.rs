//! The tail of a burst: what a stream has left for the next batch is written by the next call on the
//! socket that is not a send, nor a receive that need not wait.
//!
//! The reactor's sweep writes it too, but only when the system lets that thread run, and on a busy
//! machine that takes tens of milliseconds. A program that wants a burst to be on its way makes such a
//! call, `stats` for one.

use super::core::Core;
use super::locked::Locked;
use crate::error::Error;

impl Core {
    /// Locks the engine for a call that does not send: the tail of a stream is written first.
    pub(super) fn lock_for_call(&self) -> Locked<'_> {
        let mut locked = self.lock();
        if locked.engine().has_tail() {
            self.flush_dirty(&mut locked);
        }
        locked
    }

    /// One of several handles is gone: the thread that had it may have been the one that sent.
    pub(crate) fn handle_dropped(&self) {
        // After a fork the connections are the parent's, and so is what is queued for them.
        if self.streams && !self.context.is_forked() {
            drop(self.lock_for_call());
        }
    }

    pub(super) fn check_open(&self) -> Result<(), Error> {
        self.lock_for_call().engine().check_open()
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::io;
    use std::sync::mpsc::{self, Receiver, Sender};
    use std::sync::Arc;
    use std::time::Duration;

    use crate::endpoint::Endpoint;
    use crate::reactor::{ConnectionId, Handle, Handler, Order, Timer, Watch};
    use crate::sync::Mutex;
    use crate::transport::Stream;
    use crate::{Context, Dealer, Pull, Push, Receives, Sends, Socket};

    /// Nothing here takes this long; what hangs fails instead.
    const HANG: Duration = Duration::from_secs(120);

    /// Keeps a reactor from running, as a busy system does.
    struct Stall {
        entered: Sender<()>,
        over: Mutex<Receiver<()>>,
    }

    impl Handler for Stall {
        fn on_help(&self, _: Handle) {
            self.entered.send(()).unwrap();
            let _ = self.over.lock().recv();
        }
        fn on_ready(&self) {}
        fn on_watch(&self) -> Watch {
            Watch::Stop
        }
        fn on_sweep(&self) -> bool {
            false
        }
        fn on_timer(&self, _: Timer) {}
        fn on_accepted(&self, _: &Arc<Endpoint>, _: Stream) {}
        fn on_accept_failed(&self, _: &Arc<Endpoint>, _: io::Error) {}
        fn on_connected(&self, _: ConnectionId, _: io::Result<Stream>) {}
        fn on_reactor_died(&self) {}
        fn is_current(&self, _: Timer) -> bool {
            false
        }
        fn has_link(&self, _: ConnectionId) -> bool {
            false
        }
        fn may_accept(&self, _: &Arc<Endpoint>) -> bool {
            false
        }
    }

    /// Keeps the reactor of a context from running until something is sent to, or this end is dropped.
    fn stall(context: &Context, socket: usize) -> (Sender<()>, Arc<dyn Handler>) {
        let (entered, stalled) = mpsc::channel();
        let (release, over) = mpsc::channel();
        let over = Mutex::new(over);
        let stall: Arc<dyn Handler> = Arc::new(Stall { entered, over });
        let reactor = context.inner.reactor(socket).unwrap();
        reactor.send(Order::Help(Arc::downgrade(&stall)));
        stalled.recv_timeout(HANG).unwrap();
        (release, stall)
    }

    /// Sends until something is left for a batch; says how many were sent.
    fn burst<K: Sends>(socket: &Socket<K>) -> u32 {
        for n in 0..1_000_000u32 {
            socket.send(n.to_be_bytes()).unwrap();
            if socket.core().lock().engine().has_tail() {
                return n + 1;
            }
        }
        panic!("no send was ever quick enough");
    }

    fn expect<K: Receives>(socket: &Socket<K>, sent: u32, name: &str) {
        for n in 0..sent {
            let got = socket.recv_timeout(HANG).expect(name);
            assert_eq!(got, n.to_be_bytes(), "{name}");
        }
    }

    #[test]
    fn the_tail_of_a_burst_leaves_with_the_next_call_without_the_reactor() {
        type Call = fn(&Socket<Push>);
        let calls: [(&str, Call); 6] = [
            ("stats", |push| _ = push.stats()),
            ("last_endpoint", |push| _ = push.last_endpoint()),
            ("monitor", |push| drop(push.monitor())),
            ("bind", |push| _ = push.bind("inproc://tail")),
            ("unbind", |push| _ = push.unbind("inproc://nothing")),
            ("drop", |push| drop(push.clone())),
        ];
        for (name, call) in calls {
            let (here, there) = (Context::new(), Context::new());
            let pull = there.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
            let at = pull.last_endpoint().unwrap().to_string();
            let push = here.socket(Push).connect(&at).unwrap();
            push.send("first").unwrap();
            assert_eq!(pull.recv_timeout(HANG).unwrap(), "first");
            let _stall = stall(&here, push.core().id);
            let sent = burst(&push);
            call(&push);
            expect(&pull, sent, name);
        }
    }

    #[test]
    fn a_receive_that_has_to_wait_sends_first_what_it_waits_to_have_answered() {
        let (here, there) = (Context::new(), Context::new());
        let peer = there.socket(Dealer).bind("tcp://127.0.0.1:*").unwrap();
        let at = peer.last_endpoint().unwrap().to_string();
        let dealer = here.socket(Dealer).connect(&at).unwrap();
        dealer.send("first").unwrap();
        assert_eq!(peer.recv_timeout(HANG).unwrap(), "first");
        let _stall = stall(&here, dealer.core().id);
        let sent = burst(&dealer);
        assert!(dealer.try_recv().is_err());
        expect(&peer, sent, "recv");
    }
}
