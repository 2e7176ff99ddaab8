//! Starts the processes of a row, gives them their cues, and collects what they measured.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use crate::child::{Child, Metrics, Params};
use crate::roles::quantiles;
use crate::rows::{Contender, Placing, Row, Transport, Work};
use crate::system;

/// How long and how often.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) pairs: usize,
    pub(crate) warm_up_ms: u64,
    pub(crate) duration_ms: u64,
    /// Lone messages, one every millisecond.
    pub(crate) lone: u64,
    pub(crate) bursts: usize,
    /// Numbers of silent connections, from none to many.
    pub(crate) crowds: &'static [u64],
    pub(crate) connections: u64,
    pub(crate) topics: u64,
}

impl Plan {
    pub(crate) const FULL: Plan = Plan {
        pairs: 5,
        warm_up_ms: 300,
        duration_ms: 2_000,
        lone: 2_000,
        bursts: 200,
        crowds: &[0, 1_000, 10_000],
        connections: 2_000,
        topics: 1_000_000,
    };
    pub(crate) const QUICK: Plan = Plan {
        pairs: 3,
        warm_up_ms: 100,
        duration_ms: 300,
        lone: 300,
        bursts: 100,
        crowds: &[0, 1_000],
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

/// Why this machine cannot do such work, if it cannot.
pub(crate) fn obstacle(work: Work, plan: &Plan) -> Option<String> {
    // Standard streams, polls, wakers, the listener.
    const OTHERS: u64 = 64;
    match work {
        Work::RoundTrip { placing, .. } => match (placing, system::cpus().len()) {
            (Placing::Anywhere, _) | (Placing::Together, 1..) | (_, 2..) => None,
            (_, 1) => Some("it takes two processors, and this process may use one".to_owned()),
            _ => Some("processes cannot be kept on a processor here".to_owned()),
        },
        Work::CrowdedStream | Work::CrowdedRoundTrip | Work::RoutedPeers { .. } => {
            let crowd = match work {
                Work::RoutedPeers { peers, .. } => peers,
                _ => plan.crowds.iter().copied().max().unwrap_or(0),
            };
            let wanted = crowd + OTHERS;
            let granted = system::descriptors();
            (granted < wanted).then(|| {
                format!("it takes {wanted} descriptors a process, and {granted} are granted")
            })
        }
        _ => None,
    }
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
        Work::Stream { transport, size } => {
            stream(params.with("size", size), transport, ["pull", "push"])
        }
        Work::RoutedStream { size } => {
            let roles = ["router-pull", "dealer-push"];
            stream(params.with("size", size), Transport::Tcp, roles)
        }
        Work::RoutedRoundTrip { size } => {
            let params = params.with("size", size);
            asked(["router", "dealer"], params, Transport::Tcp, Placing::Apart)
        }
        Work::RoutedPeers { size, peers } => {
            let params = params.with("size", size).with("peers", peers);
            asked(
                ["router", "raw-dealers"],
                params,
                Transport::Tcp,
                Placing::Anywhere,
            )
        }
        Work::Datagrams { size } => datagrams(params.with("size", size)),
        Work::Proxied { size } => proxied(params.with("size", size)),
        Work::Inproc { size } => Child::start("inproc", &params.with("size", size)).finish(),
        Work::RoundTrip {
            transport,
            size,
            busy_poll_us,
            placing,
        } => {
            let params = params.with("size", size).with("busy-poll", busy_poll_us);
            round_trip(params, transport, placing, contender)
        }
        Work::Lone => lone(params.with("count", plan.lone)),
        Work::Bursts => bursts(params, plan.bursts),
        Work::FanOut { subscribers, size } => fan_out(params.with("size", size), subscribers),
        Work::ManyPeers { size, threads } => {
            many_peers(params.with("size", size).with("threads", threads))
        }
        Work::CrowdedStream => crowded_stream(params.with("size", 16), plan.crowds),
        Work::CrowdedRoundTrip => crowded_round_trip(params.with("size", 16), plan.crowds),
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

fn stream(
    params: Params,
    transport: Transport,
    [receives, sends]: [&str; 2],
) -> Result<Metrics, String> {
    let place = Place::new(transport);
    let (receiver, params) = start(receives, &params, &place)?;
    let mut sender = Child::start(sends, &params);
    receiver.wait_for("measured")?;
    sender.tell("stop")?;
    let mut metrics = receiver.finish()?;
    metrics.merge(sender.finish()?);
    Ok(metrics)
}

fn round_trip(
    params: Params,
    transport: Transport,
    placing: Placing,
    contender: Contender,
) -> Result<Metrics, String> {
    let roles = match contender {
        Contender::Ours | Contender::Libzmq => ["rep", "req"],
        Contender::Raw | Contender::RawSpin => ["raw-pong", "raw-ping"],
    };
    let params = params.with("spin", u8::from(contender == Contender::RawSpin));
    asked(roles, params, transport, placing)
}

/// One answers, the other asks and keeps the time.
fn asked(
    [answers, asks]: [&str; 2],
    params: Params,
    transport: Transport,
    placing: Placing,
) -> Result<Metrics, String> {
    let place = Place::new(transport);
    let [asker, answerer] = cpus(placing);
    let (answering, params) = start(answers, &on(answerer, &params), &place)?;
    let mut metrics = Child::start(asks, &on(asker, &params)).finish()?;
    metrics.merge(answering.finish()?);
    Ok(metrics)
}

/// Where two processes go. Nowhere in particular if there are too few processors for it.
fn cpus(placing: Placing) -> [Option<usize>; 2] {
    let cpus = system::cpus();
    let first = cpus.first().copied();
    match placing {
        Placing::Anywhere => [None; 2],
        Placing::Together => [first; 2],
        Placing::Apart if cpus.len() > 1 => [first, cpus.get(1).copied()],
        Placing::Apart => [None; 2],
    }
}

fn on(cpu: Option<usize>, params: &Params) -> Params {
    match cpu {
        Some(cpu) => params.clone().with("cpu", cpu),
        None => params.clone(),
    }
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
    let sums = ["rate", "receiver_cpu_seconds", "receiver_switches"];
    let mut metrics = finish_all(receivers, &sums)?;
    metrics.merge(publisher.finish()?);
    Ok(metrics)
}

/// The one who receives keeps the time; what it does not get it cannot miss.
fn datagrams(params: Params) -> Result<Metrics, String> {
    // A port that was free a moment ago: only one of the two libraries says which it was given.
    let free = std::net::UdpSocket::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
    let free = free.map_err(|error| error.to_string())?;
    let params = params.with("endpoint", format!("udp://{free}"));
    let receiver = Child::start("dish", &params);
    receiver.wait_for("ready")?;
    let mut sender = Child::start("radio", &params);
    receiver.wait_for("measured")?;
    sender.tell("stop")?;
    let mut metrics = receiver.finish()?;
    metrics.merge(sender.finish()?);
    Ok(metrics)
}

/// A publisher, a proxy in the middle, and a subscriber. The proxy's cost is all that it used while it ran, for each
/// message that was sent to it.
fn proxied(params: Params) -> Result<Metrics, String> {
    let mut proxy = Child::start("proxy", &params);
    let ready = proxy.wait_for("ready")?;
    let (front, back) = ready.split_once(' ').ok_or("a proxy without a back")?;
    let mut publisher = Child::start("pub", &params.clone().with("proxy", front));
    let params = params.with("sockets", 1).with("endpoint", back);
    let subscriber = Child::start("subs", &params);
    subscriber.wait_for("heard")?;
    publisher.tell("go")?;
    subscriber.wait_for("measured")?;
    publisher.tell("stop")?;
    let mut metrics = subscriber.finish()?;
    metrics.merge(publisher.finish()?);
    proxy.tell("stop")?;
    metrics.merge(proxy.finish()?);
    let of = |name| metrics.get(name).unwrap_or(f64::NAN);
    let each = of("proxy_cpu_seconds") * 1e6 / of("sent");
    metrics.set("proxy_cpu_us_each", each);
    Ok(metrics)
}

/// What several of a kind measured: some figures are sums, the others those of one of them.
fn finish_all(children: impl IntoIterator<Item = Child>, sums: &[&str]) -> Result<Metrics, String> {
    let mut metrics = Metrics::default();
    for child in children {
        let mut both = child.finish()?;
        for sum in sums {
            let values = [&both, &metrics].map(|part| part.get(sum).unwrap_or(0.0));
            both.set(sum, values.iter().sum());
        }
        metrics.merge(both);
    }
    Ok(metrics)
}

fn many_peers(params: Params) -> Result<Metrics, String> {
    const PROCESSES: u64 = 2;
    const SOCKETS: u64 = 4;
    let params = params.with("senders", PROCESSES * SOCKETS);
    let place = Place::new(Transport::Tcp);
    let (receiver, params) = start("pull-many", &params, &place)?;
    let params = params.with("sockets", SOCKETS);
    let mut senders: Vec<_> = (0..PROCESSES)
        .map(|number| params.clone().with("first", number * SOCKETS))
        .map(|params| Child::start("push-many", &params))
        .collect();
    receiver.wait_for("measured")?;
    for sender in &mut senders {
        sender.tell("stop")?;
    }
    let mut metrics = receiver.finish()?;
    metrics.merge(finish_all(
        senders,
        &["sender_cpu_seconds", "sender_switches"],
    )?);
    Ok(metrics)
}

/// The sender notes when each burst has left its hands, the receiver when it was there; they have one clock.
fn bursts(params: Params, bursts: usize) -> Result<Metrics, String> {
    /// The connection and all threads are warm after so many.
    const WARM_UP: usize = 5;
    let params = params.with("bursts", bursts);
    let place = Place::new(Transport::Tcp);
    let (receiver, params) = start("burst-pull", &params, &place)?;
    let sender = Child::start("burst-push", &params);
    let (sent, received) = (times(&sender)?, times(&receiver)?);
    if [sent.len(), received.len()] != [bursts; 2] {
        return Err("a burst without a time".to_owned());
    }
    // Less than nothing if the last send took part in the delivery.
    let late = |(sent, received): (u64, u64)| Duration::from_nanos(received.saturating_sub(sent));
    let late: Vec<_> = sent.into_iter().zip(received).map(late).collect();
    let mut metrics = quantiles(late.into_iter().skip(WARM_UP).collect());
    metrics.merge(receiver.finish()?);
    metrics.merge(sender.finish()?);
    Ok(metrics)
}

fn times(child: &Child) -> Result<Vec<u64>, String> {
    let line = child.wait_for("times")?;
    let parse = |word: &str| word.parse().map_err(|_| format!("{word} is no time"));
    line.split_whitespace().map(parse).collect()
}

fn crowded_stream(params: Params, crowds: &[u64]) -> Result<Metrics, String> {
    let place = Place::new(Transport::Tcp);
    let (mut receiver, params) = start("pull-in-crowd", &params, &place)?;
    let mut sender = Child::start("push", &params);
    let crowd = Child::start("raw-crowd", &params.with("socket-type", "PUSH"));
    let crowd = grow(crowd, crowds, &mut receiver)?;
    sender.tell("stop")?;
    crowd.finish()?;
    let mut metrics = receiver.finish()?;
    sender.finish()?;
    compare_crowds(&mut metrics, crowds, "rate", |alone, among| alone / among);
    Ok(metrics)
}

fn crowded_round_trip(params: Params, crowds: &[u64]) -> Result<Metrics, String> {
    // Where the scheduler puts them would change more than the crowd does.
    let [asker, answerer] = cpus(Placing::Apart);
    let place = Place::new(Transport::Tcp);
    let params = params.with("busy-poll", 0);
    let (answering, bound) = start("rep", &on(answerer, &params), &place)?;
    let params = params.with("endpoint", bound.text("endpoint"));
    let mut asking = Child::start("req-in-crowd", &on(asker, &params));
    let crowd = Child::start("raw-crowd", &params.with("socket-type", "REQ"));
    let crowd = grow(crowd, crowds, &mut asking)?;
    crowd.finish()?;
    let mut metrics = asking.finish()?;
    metrics.merge(answering.finish()?);
    compare_crowds(&mut metrics, crowds, "p50", |alone, among| among / alone);
    Ok(metrics)
}

/// Has one measured with each number of silent connections.
fn grow(mut crowd: Child, crowds: &[u64], measuring: &mut Child) -> Result<Child, String> {
    // A first measurement is slower than a second one, whatever the crowd. So that without one is taken twice, and
    // replaced by the second.
    for count in crowds.iter().take(1).chain(crowds) {
        crowd.tell(count)?;
        crowd.wait_for("there")?;
        measuring.tell(count)?;
        measuring.wait_for("measured")?;
    }
    Ok(crowd)
}

/// How many times worse each figure is than the one without a crowd.
fn compare_crowds(
    metrics: &mut Metrics,
    crowds: &[u64],
    name: &str,
    worse: impl Fn(f64, f64) -> f64,
) {
    let figure = |metrics: &Metrics, count: u64| metrics.get(&format!("{name}_{count}"));
    let Some(alone) = figure(metrics, 0) else {
        return;
    };
    for &count in crowds {
        if let Some(among) = figure(metrics, count) {
            metrics.set(&format!("slowdown_{count}"), worse(alone, among));
        }
    }
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
