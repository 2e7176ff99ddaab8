//! An executor of ten lines, and a poll of the program's own, over real sockets. The leases last for ever
//! here: what a thread hears it hears because it was woken.

mod foreign;
mod waiting;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::Arc;
use std::task::{Context as Poller, Poll, Wake, Waker};
use std::time::Duration;

use crate::reactor::Order;
use crate::socket::TaskSocket;
use crate::{Context, Kind, Message, Receives, Sends, Socket};

/// Nothing here takes this long; what hangs fails instead.
const HANG: Duration = Duration::from_secs(120);

const FOR_EVER: Duration = Duration::from_secs(1_000_000);

fn endpoints(name: &str) -> [String; 3] {
    let inproc = format!("inproc://{name}");
    ["tcp://127.0.0.1:*".into(), "ipc://*".into(), inproc]
}

/// A context in which no lease lapses.
fn patient() -> Context {
    let context = Context::new();
    for socket in 0..8 {
        let reactor = context.inner.reactor(socket).unwrap();
        reactor.send(Order::Lease(FOR_EVER));
    }
    context
}

// ----- the executor -----

/// A task's waker: says its number.
struct Ring(usize, Sender<usize>, AtomicUsize);

impl Wake for Ring {
    fn wake(self: Arc<Self>) {
        self.2.fetch_add(1, Ordering::Relaxed);
        let _ = self.1.send(self.0);
    }
}

struct Rings {
    rings: Vec<Arc<Ring>>,
    woken: Receiver<usize>,
}

impl Rings {
    fn new(tasks: usize) -> Rings {
        let (sender, woken) = mpsc::channel();
        let rings = (0..tasks)
            .map(|task| Arc::new(Ring(task, sender.clone(), AtomicUsize::new(0))))
            .collect();
        Rings { rings, woken }
    }

    fn waker(&self, task: usize) -> Waker {
        Waker::from(Arc::clone(&self.rings[task]))
    }

    /// The next task that was woken.
    #[track_caller]
    fn next(&self) -> usize {
        self.woken.recv_timeout(HANG).unwrap()
    }

    fn wakes(&self, task: usize) -> usize {
        self.rings[task].2.load(Ordering::Relaxed)
    }
}

/// Polls until it is ready, whenever it is woken.
#[track_caller]
fn block_on<T>(mut poll: impl FnMut(&Poller<'_>) -> Poll<T>) -> T {
    let rings = Rings::new(1);
    let waker = rings.waker(0);
    loop {
        match poll(&Poller::from_waker(&waker)) {
            Poll::Ready(value) => return value,
            Poll::Pending => _ = rings.next(),
        }
    }
}

#[track_caller]
fn recv<K: Receives>(socket: &mut TaskSocket<K>) -> Message {
    block_on(|context| socket.poll_recv(context)).unwrap()
}

#[track_caller]
fn send<K: Sends>(socket: &mut TaskSocket<K>, message: impl Into<Message>) {
    let mut message = message.into();
    block_on(|context| socket.poll_send(context, &mut message)).unwrap();
}

fn is_pending<T>(poll: &Poll<T>) -> bool {
    matches!(poll, Poll::Pending)
}

fn at<K: Kind>(socket: &Socket<K>) -> crate::Endpoint {
    socket.endpoint().unwrap()
}
