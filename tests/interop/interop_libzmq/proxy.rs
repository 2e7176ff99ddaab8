//! Proxies: ours between libzmq's peers, libzmq's between ours, and all that lies between.

use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use libzmq_peer as zmq;
use libzmq_peer::option;
use sinew::{Proxy, ProxyHandle, SocketType};

use crate::ends::{frames, libzmq_kind, End, Library};
use crate::support::*;

/// A proxy at work in a thread of its own.
struct Bridge {
    front: String,
    back: String,
    /// The file of the back goes away with it.
    _address: Address,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

enum Stop {
    Ours(ProxyHandle),
    Libzmq(zmq::Context),
}

impl Bridge {
    /// With high-water marks of `hwm` messages, or the defaults.
    fn start(library: Library, front: SocketType, back: SocketType, hwm: Option<i32>) -> Bridge {
        let address = Address::new(Transport::Ipc);
        let kinds = [front, back];
        match library {
            Library::Ours => {
                let [front, back] = kinds.map(|kind| {
                    let End::Ours(socket) = End::open_with(library, kind, "", hwm) else {
                        unreachable!()
                    };
                    socket
                });
                let ends = [
                    front.bind("tcp://127.0.0.1:*").expect("our front"),
                    back.bind(address.as_str()).expect("our back"),
                ];
                let mut proxy = Proxy::new(&front, &back).expect("our proxy");
                let handle = proxy.handle();
                let thread = thread::spawn(move || {
                    proxy.run().expect("our proxy");
                });
                let [front, back] = ends.map(|end| end.to_string());
                Bridge {
                    front,
                    back,
                    _address: address,
                    stop: Stop::Ours(handle),
                    thread: Some(thread),
                }
            }
            Library::Libzmq => {
                let context = zmq::Context::new();
                let [front, back] = kinds.map(|kind| {
                    let socket = theirs(&context, libzmq_kind(kind));
                    if let Some(hwm) = hwm {
                        for mark in [option::SNDHWM, option::RCVHWM] {
                            socket.set_int(mark, hwm).expect("their mark");
                        }
                    }
                    socket
                });
                front.bind("tcp://127.0.0.1:*").expect("their front");
                back.bind(address.as_str()).expect("their back");
                let ends = [&front, &back].map(|end| end.last_endpoint().expect("an endpoint"));
                let thread = thread::spawn(move || {
                    zmq::Socket::proxy(&front, &back);
                });
                let [front, back] = ends;
                Bridge {
                    front,
                    back,
                    _address: address,
                    stop: Stop::Libzmq(context),
                    thread: Some(thread),
                }
            }
        }
    }

    /// A peer of the front, and one of the back.
    fn peer(&self, library: Library, kind: SocketType, in_front: bool) -> End {
        let end = End::open(library, kind);
        end.connect(if in_front { &self.front } else { &self.back });
        end
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        match &self.stop {
            Stop::Ours(handle) => handle.terminate(),
            Stop::Libzmq(context) => context.shutdown(),
        }
        let ended = self.thread.take().expect("a thread").join();
        assert!(ended.is_ok() || thread::panicking());
    }
}

/// The proxy's library, and those of the peers in front and behind: all but the one where none is ours.
fn casts() -> impl Iterator<Item = [Library; 3]> {
    let both = Library::BOTH;
    both.into_iter()
        .flat_map(move |proxy| both.into_iter().map(move |front| (proxy, front)))
        .flat_map(move |(proxy, front)| both.into_iter().map(move |back| [proxy, front, back]))
        .filter(|cast| *cast != [Library::Libzmq; 3])
}

#[test]
fn requests_go_through_a_queue_and_each_client_gets_its_own_replies() {
    for cast in casts() {
        let [proxy, front, back] = cast;
        let bridge = Bridge::start(proxy, SocketType::Router, SocketType::Dealer, None);
        let clients = [(); 3].map(|()| bridge.peer(front, SocketType::Req, true));
        let server = bridge.peer(back, SocketType::Rep, false);
        for round in 0..20 {
            for (number, client) in clients.iter().enumerate() {
                let text = format!("round {round} of client {number}");
                client.send(&frames(&[&text, "", "end"]));
            }
            for _ in &clients {
                let mut asked = server.recv();
                asked.reverse();
                server.send(&asked);
            }
            for (number, client) in clients.iter().enumerate() {
                let text = format!("round {round} of client {number}");
                assert_eq!(client.recv(), frames(&["end", "", &text]), "{cast:?}");
            }
        }
        for size in [255, 256, 65_536, 1 << 20] {
            clients[0].send(&[body(size)]);
            server.send(&server.recv());
            assert_same(&clients[0].recv(), &[body(size)], &format!("{cast:?}"));
        }
    }
}

#[test]
fn many_questions_at_once_go_through_a_queue_to_several_workers() {
    const COUNT: usize = 200;
    for cast in casts() {
        let [proxy, front, back] = cast;
        let bridge = Bridge::start(proxy, SocketType::Router, SocketType::Dealer, None);
        let client = bridge.peer(front, SocketType::Dealer, true);
        let workers = [(); 2].map(|()| bridge.peer(back, SocketType::Rep, false));
        for n in 0..COUNT {
            client.send(&frames(&["", &n.to_string()]));
        }
        let deadline = Instant::now() + DEADLINE;
        let mut answered = 0;
        while answered < COUNT {
            for worker in &workers {
                if let Some(asked) = worker.recv_within(Duration::from_millis(1)) {
                    worker.send(&asked);
                    answered += 1;
                }
            }
            assert!(Instant::now() < deadline, "{cast:?}: {answered}");
        }
        let mut answers: Vec<_> = (0..COUNT).map(|_| client.recv()).collect();
        let mut expected: Vec<_> = (0..COUNT).map(|n| frames(&["", &n.to_string()])).collect();
        answers.sort();
        expected.sort();
        assert_eq!(answers, expected, "{cast:?}");
    }
}

#[test]
fn subscriptions_go_back_through_a_forwarder_and_messages_forth() {
    for cast in casts() {
        let [proxy, front, back] = cast;
        let bridge = Bridge::start(proxy, SocketType::Xsub, SocketType::Xpub, None);
        let publisher = bridge.peer(front, SocketType::Pub, true);
        let subscribers = ["a", "b"].map(|topic| {
            let subscriber = bridge.peer(back, SocketType::Sub, false);
            subscriber.want(topic);
            let first = frames(&[topic, "first"]);
            assert_eq!(publisher.send_until_it_arrives(&first, &subscriber), first);
            (topic, subscriber)
        });
        for n in 0..300 {
            for topic in ["a", "b", "c"] {
                publisher.send(&frames(&[topic, "", &n.to_string()]));
            }
        }
        for (topic, subscriber) in &subscribers {
            let first = frames(&[topic, "first"]);
            for n in 0..300 {
                let mut received = subscriber.recv();
                while n == 0 && received == first {
                    received = subscriber.recv();
                }
                assert_eq!(received, frames(&[topic, "", &n.to_string()]), "{cast:?}");
            }
        }
    }
}

#[test]
fn a_streamer_loses_nothing_and_keeps_the_order() {
    const COUNT: u32 = 5_000;
    for cast in casts() {
        let [proxy, front, back] = cast;
        let bridge = Bridge::start(proxy, SocketType::Pull, SocketType::Push, None);
        let source = bridge.peer(front, SocketType::Push, true);
        let sink = bridge.peer(back, SocketType::Pull, false);
        let shape = |n: u32| {
            let mut shape = vec![n.to_string().into_bytes()];
            shape.extend((0..n % 4).map(|len| body(len as usize * 100)));
            shape
        };
        let sender = thread::spawn(move || {
            (0..COUNT).for_each(|n| source.send(&shape(n)));
            source
        });
        for n in 0..COUNT {
            assert_same(&sink.recv(), &shape(n), &format!("{cast:?}, {n}"));
        }
        drop(sender.join().expect("the sender"));
    }
}

#[test]
fn a_source_waits_while_nothing_behind_the_streamer_takes_anything() {
    // So large that a few of them fill the system's buffers.
    let large = |n: u32| [&n.to_le_bytes()[..], &body(256 * 1024)].concat();
    for proxy in Library::BOTH {
        let bridge = Bridge::start(proxy, SocketType::Pull, SocketType::Push, Some(2));
        // The peers are those of the library that the proxy is not of.
        let [source, sink] = [SocketType::Push, SocketType::Pull]
            .map(|kind| End::open_with(proxy.other(), kind, "", Some(2)));
        source.connect(&bridge.front);
        sink.connect(&bridge.back);
        source.send(&[large(0)]);
        assert_eq!(sink.recv(), [large(0)]);
        let mut sent = 1;
        while try_send_soon(&source, &large(sent)) {
            sent += 1;
            // Marks of two at each of eight queues, what the systems between hold, and a batch of the proxy's.
            assert!(sent < 500, "{proxy:?}: nothing holds it back");
        }
        let deadline = Instant::now() + DEADLINE;
        for n in 1..sent {
            assert!(sink.recv() == [large(n)], "{proxy:?}, {n} of {sent}");
            assert!(Instant::now() < deadline, "{proxy:?}");
        }
        source.send(&[large(sent)]);
        assert!(sink.recv() == [large(sent)], "{proxy:?}");
    }
}

/// Whether there is room within a while.
fn try_send_soon(end: &End, body: &[u8]) -> bool {
    const A_WHILE: Duration = Duration::from_millis(200);
    match end {
        End::Ours(socket) => socket.send_timeout(body.to_vec(), A_WHILE).is_ok(),
        End::Libzmq(_, socket) => {
            let wait = A_WHILE.as_millis() as i32;
            socket.poll_out(wait).expect("their poll") && socket.try_send(body).is_ok()
        }
    }
}
