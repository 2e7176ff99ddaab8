//! The network, the clock and the reactors of one test, and what happens next.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dice::Dice;
use crate::clock;
use crate::drive::random;
use crate::reactor::stepped;
use crate::stats::CloseReport;
use crate::transport::pretended::{Connection, Network};
use crate::{Context, Kind, Socket, SocketBuilder};

/// What a way of a connection holds unless a test says otherwise: little, so that it is full often.
const CAPACITY: usize = 400;

/// How long a socket's settling may take by the pretended clock: a few looks at its lease, and the
/// sweeps until it is cold.
const SETTLING: Duration = Duration::from_millis(40);

/// All lingers are over by then.
const THE_END: Duration = Duration::from_secs(300);

/// Turns without an end are a fault: nothing here takes as many.
const TURNS: usize = 100_000;

/// One test's machine: a context on a pretended network and clock, and the seed that orders its events.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) dice: Dice,
    pub(super) network: Network,
    /// `None` only while it is dropped.
    context: Option<Context>,
    start: Instant,
    /// Connections that carry nothing, by number.
    stalled: HashSet<usize>,
}

impl World {
    pub(super) fn new(seed: u64) -> World {
        // With several, those of other sockets help with a busy one.
        let reactors = if seed % 4 == 3 { 2 } else { 1 };
        let start = Instant::now();
        clock::pretended::set(Some(start));
        random::pretended::set(Some(seed));
        stepped::begin();
        World {
            seed,
            dice: Dice::new(seed),
            network: Network::install(CAPACITY),
            context: Some(Context::builder().reactor_threads(reactors).build()),
            start,
            stalled: HashSet::new(),
        }
    }

    pub(super) fn socket<K: Kind>(&self, kind: K) -> SocketBuilder<K> {
        self.context.as_ref().unwrap().socket(kind)
    }

    /// What time it is, since the test began.
    pub(super) fn time(&self) -> Duration {
        clock::now() - self.start
    }

    /// Only the time goes by.
    pub(super) fn wait(&mut self, time: Duration) {
        clock::pretended::set(Some(clock::now() + time));
    }

    // ----- what happens next -----

    /// Something happens: a reactor takes its turn, bytes arrive, a call is answered, time goes by.
    pub(super) fn nudge(&mut self) {
        match self.dice.below(10) {
            0..=3 => _ = self.turn(),
            4..=7 => self.carry_some(),
            8 => _ = self.answer_one(),
            _ => {
                let times = [1, 10, 100, 1000, 6000];
                let micros = times[self.dice.below(times.len())];
                self.wait(Duration::from_micros(micros));
            }
        }
    }

    /// A number of events happen.
    pub(super) fn nudges(&mut self, count: usize) {
        (0..count).for_each(|_| self.nudge());
    }

    /// One of the reactors takes its turn.
    fn turn(&mut self) -> usize {
        match stepped::count() {
            0 => 0,
            count => stepped::turn(self.dice.below(count)),
        }
    }

    /// Every reactor takes its turn.
    pub(super) fn turns(&mut self) {
        for number in 0..stepped::count() {
            stepped::turn(number);
        }
    }

    fn carry_some(&mut self) {
        let connections = self.network.connections();
        if let Some(connection) = self.dice.pick(&connections) {
            if !self.stalled.contains(&connection.number()) {
                let bytes = self.dice.few(2 * CAPACITY);
                connection.carry(self.dice.below(2), bytes);
            }
        }
    }

    /// All that is on its way by now arrives.
    pub(super) fn carry_much(&mut self) {
        for connection in self.connections() {
            if !self.stalled.contains(&connection.number()) {
                connection.carry(0, usize::MAX);
                connection.carry(1, usize::MAX);
            }
        }
    }

    fn answer_one(&mut self) -> bool {
        let mut connections = self.network.connections();
        connections.retain(|connection| connection.is_calling());
        let call = self.dice.pick(&connections);
        call.is_some_and(|call| self.network.answer(call))
    }

    /// Everything arrives, and every reactor takes its turn.
    fn round(&mut self) -> usize {
        let mut done = 0;
        for connection in self.network.connections() {
            if self.stalled.contains(&connection.number()) {
                continue;
            }
            done += usize::from(self.network.answer(&connection));
            done += connection.carry(0, usize::MAX) + connection.carry(1, usize::MAX);
        }
        for number in 0..stepped::count() {
            done += stepped::turn(number);
        }
        done
    }

    /// Everything that is on its way arrives and is dealt with; the time that this takes is short.
    pub(super) fn settle(&mut self) {
        self.pass(SETTLING);
    }

    /// Time goes by, and everything happens when it should.
    pub(super) fn pass(&mut self, time: Duration) {
        self.pass_until(time, |_| false);
    }

    /// Time goes by as in [`pass`](World::pass) until something is so, which is looked for whenever nothing
    /// else is to be done; gives when that was.
    pub(super) fn pass_until(
        &mut self,
        most: Duration,
        mut seen: impl FnMut(&mut World) -> bool,
    ) -> Option<Duration> {
        let end = clock::now() + most;
        for _ in 0..TURNS {
            if self.round() > 0 {
                continue;
            }
            if seen(self) {
                return Some(self.time());
            }
            let now = clock::now();
            if now >= end {
                return None;
            }
            let pauses = (0..stepped::count()).filter_map(stepped::timeout);
            // A hot socket is swept again at once, which takes some time.
            let pause = pauses.min().map(|it| it.max(Duration::from_micros(25)));
            let next = pause.map_or(end, |pause| end.min(now + pause));
            clock::pretended::set(Some(next));
        }
        panic!("there is no end to what happens");
    }

    /// A connection carries nothing any more, and neither end is told.
    pub(super) fn stall(&mut self, connection: &Connection) {
        self.stalled.insert(connection.number());
    }

    /// It carries again.
    pub(super) fn unstall(&mut self) {
        self.stalled.clear();
    }

    /// One of the connections is cut, if there is one.
    pub(super) fn cut_one(&mut self) {
        let connections = self.connections();
        if let Some(connection) = self.dice.pick(&connections) {
            connection.cut();
        }
    }

    /// The one connection that there is.
    pub(super) fn only_connection(&self) -> Arc<Connection> {
        let mut connections = self.network.connections();
        assert_eq!(connections.len(), 1);
        connections.remove(0)
    }

    /// Connections that are up, on both sides.
    pub(super) fn connections(&self) -> Vec<Arc<Connection>> {
        let mut connections = self.network.connections();
        connections.retain(|connection| connection.is_up());
        connections
    }

    // ----- the end -----

    /// As `close`, which would wait.
    pub(super) fn close<K: Kind>(&mut self, socket: &Socket<K>) {
        socket.core().begin_close();
    }

    /// What `close` says, once the socket is closed to the end.
    pub(super) fn report<K: Kind>(&self, socket: &Socket<K>) -> Option<CloseReport> {
        socket.core().close_report()
    }

    fn open_sockets(&self) -> usize {
        let context = self.context.as_ref();
        context.map_or(0, |context| context.inner.open_sockets())
    }

    /// What was left open, and is dropped by now, is closed to the end.
    pub(super) fn finish(mut self) {
        self.settle();
        if self.open_sockets() > 0 {
            self.pass(THE_END);
        }
        assert_eq!(self.open_sockets(), 0, "sockets that are never closed");
        // They would wait for what is not there.
        drop(self.context.take());
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if let Some(context) = self.context.take() {
            // After a failure nothing of it is driven any more: its end would never come.
            std::mem::forget(context);
        }
        stepped::end();
        Network::uninstall();
        random::pretended::set(None);
        clock::pretended::set(None);
    }
}
