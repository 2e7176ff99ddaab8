//! Starts the processes of a row, gives them their cues, and collects what they measured.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::child::{Child, Metrics, Params};
use crate::rows::{Contender, Row, Transport, Work};

/// How long and how often.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) pairs: usize,
    pub(crate) warm_up_ms: u64,
    pub(crate) duration_ms: u64,
    /// Lone messages, one every millisecond.
    pub(crate) lone: u64,
    pub(crate) connections: u64,
    pub(crate) topics: u64,
}

impl Plan {
    pub(crate) const FULL: Plan = Plan {
        pairs: 5,
        warm_up_ms: 300,
        duration_ms: 2_000,
        lone: 2_000,
        connections: 2_000,
        topics: 1_000_000,
    };
    pub(crate) const QUICK: Plan = Plan {
        pairs: 3,
        warm_up_ms: 100,
        duration_ms: 300,
        lone: 300,
        connections: 1_000,
        topics: 200_000,
    };
}

/// One measurement.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub(crate) contender: Contender,
    pub(crate) pair: usize,
    pub(crate) metrics: Metrics,
}

/// Measures each contender in turn, again and again.
pub(crate) fn run(
    row: &Row,
    plan: &Plan,
    mut record: impl FnMut(&Run) -> Result<(), String>,
) -> Result<Vec<Run>, String> {
    let mut runs = Vec::new();
    for pair in 0..plan.pairs {
        for &contender in &row.contenders {
            let metrics = measure(row.work, contender, plan)
                .map_err(|error| format!("{}, {}: {error}", row.name, contender.name()))?;
            let run = Run {
                contender,
                pair,
                metrics,
            };
            record(&run)?;
            runs.push(run);
        }
    }
    Ok(runs)
}

fn measure(work: Work, contender: Contender, plan: &Plan) -> Result<Metrics, String> {
    let params = Params::default()
        .with("library", contender.name())
        .with("warm-up", plan.warm_up_ms)
        .with("duration", plan.duration_ms);
    match work {
        Work::Stream { transport, size } => stream(params.with("size", size), transport),
        Work::Inproc { size } => Child::start("inproc", &params.with("size", size)).finish(),
        Work::RoundTrip {
            transport,
            size,
            busy_poll_us,
        } => {
            let params = params.with("size", size).with("busy-poll", busy_poll_us);
            round_trip(params, transport, contender)
        }
        Work::Lone => lone(params.with("count", plan.lone)),
        Work::FanOut { subscribers, size } => fan_out(params.with("size", size), subscribers),
        Work::Connections => connections(params.with("connections", plan.connections)),
        Work::Topics => topics(params.with("topics", plan.topics)),
    }
}

/// Where to bind. An ipc file is removed in the end, whoever made it.
struct Place {
    endpoint: String,
    file: Option<PathBuf>,
}

impl Place {
    fn new(transport: Transport) -> Place {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        if transport == Transport::Tcp {
            return Place {
                endpoint: "tcp://127.0.0.1:0".to_owned(),
                file: None,
            };
        }
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("sinew-compare-{}-{number}.sock", std::process::id());
        let file = std::env::temp_dir().join(name);
        Place {
            endpoint: format!("ipc://{}", file.display()),
            file: Some(file),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(file) = &self.file {
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Starts the one who binds, and completes the parameters for those who connect.
fn start(role: &str, params: &Params, place: &Place) -> Result<(Child, Params), String> {
    let binder = Child::start(role, &params.clone().with("endpoint", &place.endpoint));
    let params = params.clone().with("endpoint", binder.wait_for("ready")?);
    Ok((binder, params))
}

fn stream(params: Params, transport: Transport) -> Result<Metrics, String> {
    let place = Place::new(transport);
    let (receiver, params) = start("pull", &params, &place)?;
    let mut sender = Child::start("push", &params);
    receiver.wait_for("measured")?;
    sender.tell("stop")?;
    let mut metrics = receiver.finish()?;
    metrics.merge(sender.finish()?);
    Ok(metrics)
}

fn round_trip(
    params: Params,
    transport: Transport,
    contender: Contender,
) -> Result<Metrics, String> {
    let place = Place::new(transport);
    let (answers, asks) = match contender {
        Contender::Ours | Contender::Libzmq => ("rep", "req"),
        Contender::Raw | Contender::RawSpin => ("raw-pong", "raw-ping"),
    };
    let params = params.with("spin", u8::from(contender == Contender::RawSpin));
    let (answering, params) = start(answers, &params, &place)?;
    let mut metrics = Child::start(asks, &params).finish()?;
    metrics.merge(answering.finish()?);
    Ok(metrics)
}

fn lone(params: Params) -> Result<Metrics, String> {
    let place = Place::new(Transport::Tcp);
    let (receiver, params) = start("lone-pull", &params, &place)?;
    let sender = Child::start("lone-push", &params);
    let mut metrics = receiver.finish()?;
    metrics.merge(sender.finish()?);
    Ok(metrics)
}

fn fan_out(params: Params, subscribers: usize) -> Result<Metrics, String> {
    const PROCESSES: usize = 2;
    let place = Place::new(Transport::Tcp);
    let (mut publisher, params) = start("pub", &params, &place)?;
    let params = params.with("sockets", subscribers / PROCESSES);
    let receivers = [(); PROCESSES].map(|()| Child::start("subs", &params));
    for receiver in &receivers {
        receiver.wait_for("heard")?;
    }
    publisher.tell("go")?;
    for receiver in &receivers {
        receiver.wait_for("measured")?;
    }
    publisher.tell("stop")?;
    let mut metrics = Metrics::default();
    for receiver in receivers {
        let mut both = receiver.finish()?;
        for sum in ["rate", "receiver_cpu_seconds", "receiver_switches"] {
            let values = [&both, &metrics].map(|part| part.get(sum).unwrap_or(0.0));
            both.set(sum, values.iter().sum());
        }
        metrics.merge(both);
    }
    metrics.merge(publisher.finish()?);
    Ok(metrics)
}

fn connections(params: Params) -> Result<Metrics, String> {
    let place = Place::new(Transport::Tcp);
    let (listener, params) = start("accept", &params, &place)?;
    let mut peers = Child::start("raw-connections", &params);
    listener.wait_for("go")?;
    peers.tell("go")?;
    let mut metrics = listener.finish()?;
    metrics.merge(peers.finish()?);
    Ok(metrics)
}

fn topics(params: Params) -> Result<Metrics, String> {
    let place = Place::new(Transport::Tcp);
    let (mut publisher, params) = start("pub-many-topics", &params, &place)?;
    let subscriber = Child::start("raw-topics", &params);
    subscriber.wait_for("heard")?;
    publisher.tell("heard")?;
    let mut metrics = publisher.finish()?;
    metrics.merge(subscriber.finish()?);
    Ok(metrics)
}
