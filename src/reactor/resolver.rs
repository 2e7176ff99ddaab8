//! Host names are looked up on a few threads of their own, since a look-up blocks.
//!
//! Threads start as there is something to look up, [`RESOLVERS`](tuning::RESOLVERS) at most, and end
//! when there is not. All that ask for the same name meanwhile get the same answer, and a link that
//! asks again before it has one asks once.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::thread;

use super::{Handle, Order, SocketId};
use crate::endpoint::Endpoint;
use crate::sync::Mutex;
use crate::transport::{resolve, Target};
use crate::tuning;

/// The resolver threads of a context; a handle.
#[derive(Clone, Default)]
pub(crate) struct Resolver(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    waiting: VecDeque<Question>,
    threads: usize,
    /// Threads of those that have taken no question yet, or come back for one. The others may be
    /// asking a server that is silent, and are not to be waited for.
    free: usize,
}

/// A name that is to be looked up, and the links that asked for it.
struct Question {
    endpoint: Arc<Endpoint>,
    ipv6: bool,
    askers: HashMap<(SocketId, usize), Asker>,
}

/// Where an answer goes.
pub(super) struct Asker {
    pub(super) reactor: Handle,
    /// The reactor's slot for this try to connect.
    pub(super) key: usize,
    pub(super) number: u64,
}

impl Resolver {
    /// Has a name looked up for a link.
    ///
    /// # Errors
    /// When no thread runs and none can be started.
    pub(super) fn ask(
        &self,
        endpoint: &Arc<Endpoint>,
        ipv6: bool,
        link: (SocketId, usize),
        asker: Asker,
    ) -> io::Result<()> {
        let mut queue = self.0.lock();
        queue.add(endpoint, ipv6, link, asker);
        if queue.threads >= tuning::RESOLVERS || queue.free >= queue.waiting.len() {
            return Ok(());
        }
        let resolver = self.clone();
        let started = thread::Builder::new()
            .name("sinew/resolve".into())
            .spawn(move || resolver.work());
        match started {
            Ok(_) => {
                queue.threads += 1;
                queue.free += 1;
            }
            Err(error) if queue.threads == 0 => {
                queue.waiting.clear();
                return Err(error);
            }
            // Those that run do it.
            Err(_) => {}
        }
        Ok(())
    }

    /// Forgets what is not looked up yet: no link waits for it any more.
    pub(crate) fn clear(&self) {
        self.0.lock().waiting.clear();
    }

    fn work(&self) {
        while let Some(question) = self.next() {
            question.answer(resolve);
            self.0.lock().free += 1;
        }
    }

    /// The next question for a thread that is free; `None` ends it.
    fn next(&self) -> Option<Question> {
        let mut queue = self.0.lock();
        let next = queue.waiting.pop_front();
        queue.free -= 1;
        if next.is_none() {
            queue.threads -= 1;
        }
        next
    }
}

impl Queue {
    fn add(&mut self, endpoint: &Arc<Endpoint>, ipv6: bool, link: (SocketId, usize), asker: Asker) {
        let same = self
            .waiting
            .iter_mut()
            .find(|question| question.ipv6 == ipv6 && question.endpoint == *endpoint);
        match same {
            Some(question) => {
                question.askers.insert(link, asker);
            }
            None => self.waiting.push_back(Question {
                endpoint: Arc::clone(endpoint),
                ipv6,
                askers: HashMap::from([(link, asker)]),
            }),
        }
    }
}

impl Question {
    fn answer(self, resolve: impl FnOnce(&Endpoint, bool) -> io::Result<Vec<Target>>) {
        let targets = resolve(&self.endpoint, self.ipv6);
        for asker in self.askers.into_values() {
            // An error of the system cannot be copied; its kind and text can.
            let targets = match &targets {
                Ok(targets) => Ok(targets.clone()),
                Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
            };
            // A reactor that has ended wants no answer.
            asker.reactor.send(Order::Resolved {
                key: asker.key,
                number: asker.number,
                targets,
            });
        }
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::reactor::start;

    /// Nothing here takes this long; what hangs fails instead.
    const HANG: Duration = Duration::from_secs(120);

    fn endpoint(text: &str) -> Arc<Endpoint> {
        Arc::new(text.parse().unwrap())
    }

    fn asker(reactor: &Handle, number: u64) -> Asker {
        Asker {
            reactor: reactor.clone(),
            key: 0,
            number,
        }
    }

    #[test]
    fn thousands_that_ask_for_a_name_are_one_question_and_a_link_asks_once() {
        let (reactor, thread) = start(0, Resolver::default()).unwrap();
        let mut queue = Queue::default();
        for number in 0..2000 {
            let link = (1, number as usize % 500);
            queue.add(
                &endpoint("tcp://a.test:5"),
                false,
                link,
                asker(&reactor, number),
            );
        }
        queue.add(
            &endpoint("tcp://a.test:5"),
            true,
            (1, 0),
            asker(&reactor, 1),
        );
        queue.add(
            &endpoint("tcp://b.test:5"),
            false,
            (1, 0),
            asker(&reactor, 1),
        );
        assert_eq!(queue.waiting.len(), 3);
        assert_eq!(queue.waiting[0].askers.len(), 500);
        assert_eq!(queue.waiting[0].askers[&(1, 7)].number, 1507);
        drop(queue);
        reactor.send(Order::Stop);
        thread.join().unwrap();
    }

    #[test]
    fn no_more_threads_look_names_up_than_the_bound_and_they_end() {
        let (reactor, thread) = start(0, Resolver::default()).unwrap();
        let resolver = Resolver::default();
        for number in 0..1000 {
            let name = endpoint(&format!("tcp://localhost:{}", number + 1));
            resolver
                .ask(&name, false, (1, number), asker(&reactor, 0))
                .unwrap();
            assert!(resolver.0.lock().threads <= tuning::RESOLVERS);
        }
        while resolver.0.lock().threads > 0 {
            thread::yield_now();
        }
        assert!(resolver.0.lock().waiting.is_empty());
        reactor.send(Order::Stop);
        thread.join().unwrap();
    }
    #[test]
    fn a_name_does_not_wait_for_a_thread_whose_server_is_silent() {
        let (reactor, thread) = start(0, Resolver::default()).unwrap();
        let resolver = Resolver::default();
        // Threads that never come back, but for one.
        for silent in 1..tuning::RESOLVERS {
            {
                let mut queue = resolver.0.lock();
                queue.threads += 1;
                queue.free += 1;
                let name = endpoint(&format!("tcp://silent.test:{silent}"));
                queue.add(&name, false, (1, 0), asker(&reactor, 0));
            }
            assert!(resolver.next().is_some());
            let name = endpoint("tcp://localhost:5");
            resolver
                .ask(&name, false, (2, silent), asker(&reactor, 0))
                .unwrap();
            let start = Instant::now();
            while resolver.0.lock().threads > silent {
                assert!(start.elapsed() < HANG, "a thread does not end");
                thread::yield_now();
            }
            assert!(resolver.0.lock().waiting.is_empty(), "it is not looked up");
        }
        reactor.send(Order::Stop);
        thread.join().unwrap();
    }
}
