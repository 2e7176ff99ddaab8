//! What is compared, and the bar each figure has to pass.

/// Who takes part in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Contender {
    Ours,
    Libzmq,
    /// Bare sockets that block.
    Raw,
    /// Bare sockets that spin.
    RawSpin,
}

impl Contender {
    pub(crate) const ALL: [Contender; 4] = [
        Contender::Ours,
        Contender::Libzmq,
        Contender::Raw,
        Contender::RawSpin,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Contender::Ours => "sinew",
            Contender::Libzmq => "libzmq",
            Contender::Raw => "raw",
            Contender::RawSpin => "raw spinning",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transport {
    Tcp,
    Ipc,
}

/// Which processors the two processes of a round trip may use, all threads of each.
///
/// Where the scheduler puts them decides more than anything they do: on one processor a trip is two switches;
/// on two, each message has to wake a processor that sleeps, which on a virtual one is an exit to the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Placing {
    Anywhere,
    Apart,
    Together,
}

/// What the processes of a row do.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    Stream {
        transport: Transport,
        size: usize,
    },
    Inproc {
        size: usize,
    },
    RoundTrip {
        transport: Transport,
        size: usize,
        busy_poll_us: u64,
        placing: Placing,
    },
    Lone,
    Bursts,
    FanOut {
        subscribers: usize,
        size: usize,
    },
    ManyPeers {
        size: usize,
        /// Background threads of the receiving process.
        threads: usize,
    },
    /// DEALER to ROUTER.
    RoutedStream {
        size: usize,
    },
    /// DEALER and ROUTER.
    RoutedRoundTrip {
        size: usize,
    },
    /// Many bare DEALERs, which ask all at once, and a ROUTER.
    RoutedPeers {
        size: usize,
        peers: u64,
    },
    /// PUB, a proxy of XSUB and XPUB, SUB.
    Proxied {
        size: usize,
    },
    /// RADIO to DISH, over udp.
    Datagrams {
        size: usize,
    },
    CrowdedStream,
    CrowdedRoundTrip,
    Connections,
    Topics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Micros,
    Nanos,
    Bytes,
    /// So many times as much as without what the row adds.
    Times,
}

impl Unit {
    pub(crate) fn more_is_better(self) -> bool {
        self == Unit::PerSecond
    }
}

/// What a figure of ours must reach, against the row's reference or by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

#[derive(Debug, Clone)]
pub(crate) struct Figure {
    /// Follows the row's name in the table.
    pub(crate) label: String,
    pub(crate) metric: String,
    pub(crate) unit: Unit,
    pub(crate) bar: Option<Bar>,
    /// Whether the bar decides, or is only there to be looked at.
    pub(crate) judged: bool,
}

impl Figure {
    fn new(label: &str, metric: &str, unit: Unit, bar: Option<Bar>) -> Figure {
        Figure {
            label: label.to_owned(),
            metric: metric.to_owned(),
            unit,
            bar,
            judged: bar.is_some(),
        }
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) about: &'static str,
    pub(crate) work: Work,
    /// In the order in which they take turns; ours is the first, the reference the second.
    pub(crate) contenders: Vec<Contender>,
    pub(crate) figures: Vec<Figure>,
}

/// `crowds`: the numbers of idle connections to measure with, the first of them none.
pub(crate) fn all(crowds: &[u64]) -> Vec<Row> {
    use Placing::{Apart, Together};
    use Transport::{Ipc, Tcp};
    vec![
        stream("push-pull-tcp-16", Tcp, 16, 3.0),
        stream("push-pull-tcp-64", Tcp, 64, 3.0),
        stream("push-pull-tcp-256", Tcp, 256, 2.5),
        stream("push-pull-tcp-1k", Tcp, 1_024, 2.5),
        stream("push-pull-tcp-64k", Tcp, 65_536, 1.3),
        stream("push-pull-tcp-1m", Tcp, 1 << 20, 0.95),
        stream("push-pull-ipc-16", Ipc, 16, 3.0),
        inproc("push-pull-inproc-16", 16, 3.0),
        placed("req-rep-tcp-apart", Tcp, Apart),
        placed("req-rep-tcp-together", Tcp, Together),
        placed("req-rep-ipc-apart", Ipc, Apart),
        placed("req-rep-ipc-together", Ipc, Together),
        round_trip("req-rep-tcp-16", Tcp),
        round_trip("req-rep-ipc-16", Ipc),
        spinning("req-rep-spin-50us", 50),
        spinning("req-rep-spin-1ms", 1_000),
        lone("lone-tcp-16", 0.6),
        burst_tail("burst-tail"),
        fan_out("pub-32-subs-tcp-64", 32, 64, 2.0),
        many_peers("many-peers-16-1-thread", 16, 1),
        many_peers("many-peers-16-2-threads", 16, 2),
        many_peers("many-peers-1k-1-thread", 1_024, 1),
        many_peers("many-peers-1k-2-threads", 1_024, 2),
        routed_stream("dealer-router-tcp-16", 16),
        routed_round_trip("dealer-router-trip", 16),
        routed_peers("router-1000-peers", 16, 1_000),
        proxied("proxy-xsub-xpub-16", 16),
        datagrams("radio-dish-udp-64", 64),
        crowded_stream("crowd-push-pull", crowds),
        crowded_round_trip("crowd-req-rep", crowds),
        connections("connections"),
        topics("topics"),
    ]
}

fn throughput(bar: Option<f64>) -> Vec<Figure> {
    let bar = bar.map(Bar::AtLeast);
    vec![Figure::new("", "rate", Unit::PerSecond, bar)]
}

/// Only the median has a bar; the tail is there to be looked at.
fn latency(bar: f64) -> Vec<Figure> {
    vec![
        Figure::new("p50", "p50", Unit::Micros, Some(Bar::AtMost(bar))),
        Figure::new("p99", "p99", Unit::Micros, None),
        Figure::new("p99.9", "p99.9", Unit::Micros, None),
    ]
}

/// The same, with a bar that is shown and does not decide.
fn latency_unjudged(bar: f64) -> Vec<Figure> {
    let mut figures = latency(bar);
    figures.iter_mut().for_each(|figure| figure.judged = false);
    figures
}

/// A figure with each number of idle connections, and how many times worse it makes it.
fn crowded(crowds: &[u64], metric: &str, unit: Unit) -> Vec<Figure> {
    let figures = |idle: &u64| {
        let of = |metric: &str| format!("{metric}_{idle}");
        let plain = Figure::new(&format!("{idle} idle"), &of(metric), unit, None);
        let slower = Figure::new(
            &format!("{idle} slowdown"),
            &of("slowdown"),
            Unit::Times,
            None,
        );
        [Some(plain), (*idle > 0).then_some(slower)]
    };
    crowds.iter().flat_map(figures).flatten().collect()
}

fn stream(name: &str, transport: Transport, size: usize, bar: f64) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages a second, one way between two processes",
        work: Work::Stream { transport, size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(Some(bar)),
    }
}

fn inproc(name: &str, size: usize, bar: f64) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages a second between two threads of one process",
        work: Work::Inproc { size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(Some(bar)),
    }
}

/// The ratio to raw that is wanted of a round trip whose ends sleep.
const ROUND_TRIP: f64 = 1.25;

/// The bar decides where every trip wakes another processor, which is what its limit was measured with.
fn placed(name: &str, transport: Transport, placing: Placing) -> Row {
    let (about, figures) = if placing == Placing::Apart {
        let about = "a round trip that sleeps, each process on a processor of its own; raw is read and write";
        (about, latency(ROUND_TRIP))
    } else {
        let about =
            "the same with both processes on one processor; the bar is shown, and does not decide";
        (about, latency_unjudged(ROUND_TRIP))
    };
    Row {
        name: name.to_owned(),
        about,
        work: Work::RoundTrip {
            transport,
            size: 16,
            busy_poll_us: 0,
            placing,
        },
        contenders: vec![Contender::Ours, Contender::Raw],
        figures,
    }
}

fn round_trip(name: &str, transport: Transport) -> Row {
    Row {
        name: name.to_owned(),
        about: "a round trip that sleeps, wherever the scheduler puts each process, which decides most of it: \
                a comparison with libzmq, whose bar is shown and does not decide",
        work: Work::RoundTrip {
            transport,
            size: 16,
            busy_poll_us: 0,
            placing: Placing::Anywhere,
        },
        contenders: vec![Contender::Ours, Contender::Raw, Contender::Libzmq],
        figures: latency_unjudged(ROUND_TRIP),
    }
}

fn spinning(name: &str, busy_poll_us: u64) -> Row {
    Row {
        name: name.to_owned(),
        about: "a round trip with busy_poll; raw spins on a non-blocking read",
        work: Work::RoundTrip {
            transport: Transport::Tcp,
            size: 16,
            busy_poll_us,
            placing: Placing::Anywhere,
        },
        contenders: vec![Contender::Ours, Contender::RawSpin],
        figures: latency(2.0),
    }
}

fn lone(name: &str, bar: f64) -> Row {
    Row {
        name: name.to_owned(),
        about: "from send to receive, one message every millisecond",
        work: Work::Lone,
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: latency(bar),
    }
}

fn burst_tail(name: &str) -> Row {
    let figure = |part| Figure::new(part, part, Unit::Micros, None);
    Row {
        name: name.to_owned(),
        about: "bursts of 1000 messages of 16 B to a receiver that waits: from the return of the last send until \
                the last message is received; ours promises that it has left after about 100 us",
        work: Work::Bursts,
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: ["p50", "p99"].map(figure).into(),
    }
}

fn fan_out(name: &str, subscribers: usize, size: usize, bar: f64) -> Row {
    Row {
        name: name.to_owned(),
        about: "deliveries a second to 32 SUB sockets in two processes; PUB waits, so nothing is dropped",
        work: Work::FanOut { subscribers, size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(Some(bar)),
    }
}

fn many_peers(name: &str, size: usize, threads: usize) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages a second from 8 PUSH sockets in two processes to one PULL; the threads are the background \
                threads of the PULL's context",
        work: Work::ManyPeers { size, threads },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(None),
    }
}

fn routed_stream(name: &str, size: usize) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages a second from a DEALER to a ROUTER, which puts a routing id before each",
        work: Work::RoutedStream { size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(None),
    }
}

fn routed_round_trip(name: &str, size: usize) -> Row {
    let figure = |part| Figure::new(part, part, Unit::Micros, None);
    Row {
        name: name.to_owned(),
        about: "a round trip between a DEALER and a ROUTER that sleep, each process on a processor of its own",
        work: Work::RoutedRoundTrip { size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: ["p50", "p99"].map(figure).into(),
    }
}

fn routed_peers(name: &str, size: usize, peers: u64) -> Row {
    Row {
        name: name.to_owned(),
        about: "answers a second of one ROUTER to 1000 bare DEALER connections, each of which asks again when it has its \
                answer",
        work: Work::RoutedPeers { size, peers },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(None),
    }
}

fn proxied(name: &str, size: usize) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages a second from a PUB through each library's own proxy of XSUB and XPUB to a SUB, none dropped; \
                and the processor time that the proxy takes for each",
        work: Work::Proxied { size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: vec![
            Figure::new("", "rate", Unit::PerSecond, None),
            Figure::new("proxy CPU", "proxy_cpu_us_each", Unit::Micros, None),
        ],
    }
}

fn datagrams(name: &str, size: usize) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages a second that a DISH receives over udp from a RADIO that sends all it can; others are lost",
        work: Work::Datagrams { size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(None),
    }
}

fn crowded_stream(name: &str, crowds: &[u64]) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages of 16 B a second on one connection while others to the same PULL are open and silent",
        work: Work::CrowdedStream,
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: crowded(crowds, "rate", Unit::PerSecond),
    }
}

fn crowded_round_trip(name: &str, crowds: &[u64]) -> Row {
    Row {
        name: name.to_owned(),
        about: "the median round trip of 16 B while other connections to the same REP are open and silent; each \
                process on a processor of its own",
        work: Work::CrowdedRoundTrip,
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: crowded(crowds, "p50", Unit::Micros),
    }
}

fn connections(name: &str) -> Row {
    let memory = Some(Bar::Below(8.0 * 1024.0));
    let accepted = Some(Bar::AtLeast(2.0));
    Row {
        name: name.to_owned(),
        about:
            "bare connections to a PULL: memory of each while idle, and how fast they are accepted",
        work: Work::Connections,
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: vec![
            Figure::new("memory each", "bytes_each", Unit::Bytes, memory),
            Figure::new("accepted", "rate", Unit::PerSecond, accepted),
            // The caller's processor time bounds the rate; this is the listener's own.
            Figure::new("listener CPU", "receiver_cpu_us_each", Unit::Micros, None),
        ],
    }
}

fn topics(name: &str) -> Row {
    let memory = Some(Bar::Below(200.0));
    let miss = Some(Bar::Below(200.0));
    Row {
        name: name.to_owned(),
        about: "a million topics on a PUB: memory of each, and a publication that just misses one",
        work: Work::Topics,
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: vec![
            Figure::new("memory each", "bytes_each", Unit::Bytes, memory),
            Figure::new("publish, no match", "ns_each", Unit::Nanos, miss),
        ],
    }
}
