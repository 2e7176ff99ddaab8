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
    },
    Lone,
    FanOut {
        subscribers: usize,
        size: usize,
    },
    Connections,
    Topics,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    PerSecond,
    Micros,
    Nanos,
    Bytes,
}

/// What a figure of ours must reach, against the row's reference or by itself.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Bar {
    AtLeast(f64),
    AtMost(f64),
    Below(f64),
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Figure {
    /// Follows the row's name in the table.
    pub(crate) label: &'static str,
    pub(crate) metric: &'static str,
    pub(crate) unit: Unit,
    pub(crate) bar: Option<Bar>,
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

pub(crate) fn all() -> Vec<Row> {
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
        round_trip("req-rep-tcp-16", Tcp, 0),
        round_trip("req-rep-ipc-16", Ipc, 0),
        spinning("req-rep-spin-50us", 50),
        spinning("req-rep-spin-1ms", 1_000),
        lone("lone-tcp-16", 0.6),
        fan_out("pub-32-subs-tcp-64", 32, 64, 2.0),
        connections("connections"),
        topics("topics"),
    ]
}

fn throughput(bar: f64) -> Vec<Figure> {
    let bar = Some(Bar::AtLeast(bar));
    vec![Figure {
        label: "",
        metric: "rate",
        unit: Unit::PerSecond,
        bar,
    }]
}

/// Only the median has a bar; the tail is there to be looked at.
fn latency(bar: f64) -> Vec<Figure> {
    let figure = |label, metric, bar| Figure {
        label,
        metric,
        unit: Unit::Micros,
        bar,
    };
    vec![
        figure("p50", "p50", Some(Bar::AtMost(bar))),
        figure("p99", "p99", None),
        figure("p99.9", "p99.9", None),
    ]
}

fn stream(name: &str, transport: Transport, size: usize, bar: f64) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages a second, one way between two processes",
        work: Work::Stream { transport, size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(bar),
    }
}

fn inproc(name: &str, size: usize, bar: f64) -> Row {
    Row {
        name: name.to_owned(),
        about: "messages a second between two threads of one process",
        work: Work::Inproc { size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(bar),
    }
}

fn round_trip(name: &str, transport: Transport, busy_poll_us: u64) -> Row {
    Row {
        name: name.to_owned(),
        about:
            "a round trip between two processes that sleep while they wait; raw is read and write",
        work: Work::RoundTrip {
            transport,
            size: 16,
            busy_poll_us,
        },
        contenders: vec![Contender::Ours, Contender::Raw, Contender::Libzmq],
        figures: latency(1.25),
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

fn fan_out(name: &str, subscribers: usize, size: usize, bar: f64) -> Row {
    Row {
        name: name.to_owned(),
        about: "deliveries a second to 32 SUB sockets in two processes; PUB waits, so nothing is dropped",
        work: Work::FanOut { subscribers, size },
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: throughput(bar),
    }
}

fn connections(name: &str) -> Row {
    Row {
        name: name.to_owned(),
        about:
            "bare connections to a PULL: memory of each while idle, and how fast they are accepted",
        work: Work::Connections,
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: vec![
            Figure {
                label: "memory each",
                metric: "bytes_each",
                unit: Unit::Bytes,
                bar: Some(Bar::Below(8.0 * 1024.0)),
            },
            Figure {
                label: "accepted",
                metric: "rate",
                unit: Unit::PerSecond,
                bar: Some(Bar::AtLeast(2.0)),
            },
        ],
    }
}

fn topics(name: &str) -> Row {
    Row {
        name: name.to_owned(),
        about: "a million topics on a PUB: memory of each, and a publication that just misses one",
        work: Work::Topics,
        contenders: vec![Contender::Ours, Contender::Libzmq],
        figures: vec![
            Figure {
                label: "memory each",
                metric: "bytes_each",
                unit: Unit::Bytes,
                bar: Some(Bar::Below(200.0)),
            },
            Figure {
                label: "publish, no match",
                metric: "ns_each",
                unit: Unit::Nanos,
                bar: Some(Bar::Below(200.0)),
            },
        ],
    }
}
