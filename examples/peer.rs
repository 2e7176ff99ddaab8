//! A netcat for sockets: one socket, its messages on standard input and output.
//!
//! Senders send each line as a message, and a TAB splits it into frames; receivers print each
//! message as a line, its frames joined by TAB. Types that do both in any order (dealer, router, pair,
//! stream, dgram, xpub, xsub) send each line while they print what comes, or send all of it back with `--echo`. Lines are bytes:
//! they need not be text. The first frame of what a router, a stream, a server
//! or a peer prints and reads is the peer's routing id; of a radio and a dish it is the group, of a dgram the
//! address, `ip:port`.
//!
//! ```text
//! peer pull --bind 'tcp://127.0.0.1:*'                  # says: bound tcp://127.0.0.1:49152
//! echo 'hello' | peer push --connect tcp://127.0.0.1:49152
//!
//! peer rep --bind ipc:///tmp/echo --echo &
//! echo 'anybody there?' | peer req --connect ipc:///tmp/echo
//!
//! peer pair --bind ipc:///tmp/talk                       # in one terminal
//! peer pair --connect ipc:///tmp/talk                    # in another: type away
//!
//! peer router --bind ipc:///tmp/desk --escape            # prints the id of each sender first
//! peer dealer --connect ipc:///tmp/desk --identity anna  # a line of the router's for it: anna, TAB, text
//!
//! peer xpub --bind ipc:///tmp/news --escape              # prints who subscribes: \x01weather.
//! peer xsub --connect ipc:///tmp/news --subscribe weather.
//!
//! peer radio --bind ipc:///tmp/reports                    # lines of a group, TAB, text
//! peer dish --connect ipc:///tmp/reports --group oslo
//!
//! peer dish --bind 'udp://239.0.0.1:5555' --group oslo    # and over udp, to all of a network at once
//! peer radio --connect udp://239.0.0.1:5555
//! peer dgram --bind 'udp://*:5556' --echo                 # each datagram goes back to its sender
//!
//! peer sub --connect tcp://127.0.0.1:5556 --subscribe weather. --count 10 --timeout 60000
//!
//! peer pull --bind 'tcp://*:5557' --plain-server anna:secret --plain-server bert:geheim
//! peer push --connect tcp://127.0.0.1:5557 --plain anna:secret
//!
//! peer keygen                                            # prints: public KEY, and secret KEY
//! peer pull --bind 'tcp://*:5558' --curve-server SECRET --allow PUBLIC_OF_A_CLIENT
//! peer push --connect tcp://127.0.0.1:5558 --curve PUBLIC_OF_THE_SERVER,SECRET_OF_THE_CLIENT
//! ```

use std::error::Error;
use std::io::{self, BufRead, Write};
use std::process::{self, ExitCode};
use std::str::FromStr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::curve::{KeyError, KeyPair, PublicKey, SecretKey};
use sinew::{Context, DynSocket, Message, Monitor, RecvError, SendError, SocketType, Stats};

const USAGE: &str = "\
usage: peer TYPE [--bind EP]... [--connect EP]... [--subscribe PREFIX]... [--count N]
            [--timeout MS] [--linger MS] [--delay MS] [--echo] [--identity ID] [--mandatory]
            [--escape] [--heartbeat MS] [--hwm N] [--stats] [--monitor] [--group G]...
            [--plain-server USER:PASSWORD]... [--plain USER:PASSWORD]
            [--curve-server SECRETKEY [--allow PUBLICKEY]...] [--curve SERVERKEY[,SECRETKEY]]
       peer keygen

TYPE               push, pull, pub, sub, req, rep, dealer, router, pair, stream, client, server,
                   scatter, gather, peer, channel, radio, dish, dgram, xpub or xsub; from dealer on they
                   converse, but scatter and radio send as push does, and gather and dish receive
                   as pull
--bind EP          listen on tcp://, ipc://, inproc:// or udp://; says `bound EP` on standard error
--connect EP       call a peer, which need not be there yet; a dgram sends lines with an empty first frame
                   there; a peer says `connected EP as N` on standard error, which is the number for
                   its messages there
--subscribe PREFIX sub: what to receive (default: everything); xsub: the same (default: nothing; lines
                   that begin with a byte 1 subscribe, and with a byte 0 take that back)
--group G          dish: a group to join
--count N          end after N messages received (push, pub, scatter, radio: sent)
--timeout MS       give up when a message cannot be sent or does not come for so long;
                   types that converse, without --count: after the end of input, wait so long for
                   what still comes (default 1000)
--linger MS        at the end, wait so long for peers to take what was sent (default 30000)
--delay MS         wait before the first message is sent
--echo             rep, and types that converse: send each message back to its sender; no input is read
--identity ID      req, dealer, router: the routing id announced to router peers
--mandatory        router: fail when a message cannot be routed, instead of dropping it
--escape           print bytes that are not printable ASCII, and \\, as \\xHH, and read them so
--heartbeat MS     ask peers so often whether they live, and give up those that do not say so
--hwm N            messages queued for each peer, and from each (default 1000)
--stats            at the end a line of totals on standard error: `stats: sent N,
                   received N, dropped N, undelivered N`
--monitor          events on standard error as they come, `monitor: EVENT`
--plain-server USER:PASSWORD
                   let in only peers with the name and password of one of these users
--plain USER:PASSWORD
                   the name and password that servers are told
--curve-server SECRETKEY
                   prove to have this key, and encrypt; keys are 40 characters of Z85
--allow PUBLICKEY  let in only clients with one of these keys (default: with any)
--curve SERVERKEY[,SECRETKEY]
                   talk only to servers with this public key, encrypted, and prove to have that secret
                   key (default: a new one)
keygen             prints a new pair of keys as two lines, `public KEY` and `secret KEY`

Exit status: 0 success, 1 a messaging error or a time-out, 2 bad usage.";

/// The command line.
#[derive(Default)]
struct Args {
    bind: Vec<String>,
    connect: Vec<String>,
    subscribe: Vec<Vec<u8>>,
    count: Option<u64>,
    timeout: Option<Duration>,
    linger: Option<Duration>,
    delay: Option<Duration>,
    echo: bool,
    identity: Vec<u8>,
    mandatory: bool,
    escape: bool,
    heartbeat: Option<Duration>,
    hwm: Option<usize>,
    stats: bool,
    monitor: bool,
    group: Vec<Vec<u8>>,
    plain_server: Vec<(String, String)>,
    plain: Option<(String, String)>,
    curve_server: Option<SecretKey>,
    allow: Vec<PublicKey>,
    curve: Option<(PublicKey, Option<SecretKey>)>,
}

fn main() -> ExitCode {
    if std::env::args_os().skip(1).eq(["keygen"]) {
        return keygen();
    }
    let (kind, args) = match parse() {
        Ok(Some(parsed)) => parsed,
        Ok(None) => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(2, &format!("{error} (try --help)")),
    };
    match run(kind, args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_usage(&*error) => fail(2, &error.to_string()),
        Err(error) => fail(1, &error.to_string()),
    }
}

/// Prints a new pair of keys.
fn keygen() -> ExitCode {
    match KeyPair::generate() {
        Ok(pair) => {
            println!(
                "public {}\nsecret {}",
                pair.public(),
                pair.secret().to_z85()
            );
            ExitCode::SUCCESS
        }
        Err(error) => fail(1, &error.to_string()),
    }
}

fn fail(code: u8, reason: &str) -> ExitCode {
    eprintln!("peer: {reason}");
    ExitCode::from(code)
}

/// An endpoint that cannot be read is bad usage; one that cannot be bound is a messaging error.
fn is_usage(error: &(dyn Error + 'static)) -> bool {
    matches!(error.downcast_ref(), Some(sinew::Error::Endpoint(_)))
}

fn run(kind: SocketType, args: Args) -> Result<(), Box<dyn Error>> {
    let ctx = Context::new();
    let mut builder = ctx
        .socket(kind)
        .routing_id(args.identity.clone())
        .mandatory(args.mandatory);
    if let Some(linger) = args.linger {
        builder = builder.linger(linger);
    }
    if let Some(hwm) = args.hwm {
        builder = builder.send_hwm(hwm).recv_hwm(hwm);
    }
    if let Some(interval) = args.heartbeat {
        builder = builder.heartbeat_interval(interval);
    }
    if let Some((name, password)) = &args.plain {
        builder = builder.plain_client(name, password);
    }
    if !args.plain_server.is_empty() {
        builder = builder.plain_server(args.plain_server.clone());
    }
    if let Some((server, secret)) = &args.curve {
        let own = match secret {
            Some(secret) => KeyPair::from(secret.clone()),
            None => KeyPair::generate()?,
        };
        builder = builder.curve_client(*server, own);
    }
    if let Some(secret) = &args.curve_server {
        builder = builder.curve_server(secret.clone());
        builder = if args.allow.is_empty() {
            builder.allow_any_key()
        } else {
            builder.allow(args.allow.iter().copied())
        };
    }
    let socket = builder.open()?;
    let monitor = args.monitor.then(|| socket.monitor());
    for prefix in &args.subscribe {
        socket.subscribe(prefix)?;
    }
    for group in &args.group {
        socket.join(group)?;
    }
    for endpoint in &args.bind {
        eprintln!("bound {}", socket.bind(endpoint)?);
    }
    for endpoint in &args.connect {
        if kind == SocketType::Peer {
            eprintln!(
                "connected {endpoint} as {}",
                socket.connect_for_id(endpoint)?
            );
        } else {
            socket.connect(endpoint)?;
        }
    }
    let monitor = monitor.map(print_events);

    let peer = Peer {
        socket,
        count: args.count.unwrap_or(u64::MAX),
        timeout: args.timeout,
        escape: args.escape,
    };
    let outcome = peer.talk(kind, &args);
    let before = peer.socket.stats();
    if let Err(error) = outcome {
        // At once: to linger after a time-out would be to wait once more.
        print_totals(&args, before, 0);
        eprintln!("peer: {error}");
        process::exit(1);
    }
    let undelivered = peer.socket.close().undelivered;
    print_totals(&args, before, undelivered);
    if let Some(monitor) = monitor {
        // It ends with the socket.
        let _ = monitor.join();
    }
    match undelivered {
        0 => Ok(()),
        n => Err(format!("{n} messages could not be delivered").into()),
    }
}

/// --stats: what was done, and what of it was in vain.
fn print_totals(args: &Args, stats: Stats, undelivered: u64) {
    if args.stats {
        eprintln!(
            "stats: sent {}, received {}, dropped {}, undelivered {undelivered}",
            stats.sent, stats.received, stats.dropped
        );
    }
}

/// --monitor: a thread that prints events as they come, until the socket is closed.
fn print_events(monitor: Monitor) -> JoinHandle<()> {
    thread::spawn(move || {
        for event in &monitor {
            eprintln!("monitor: {event}");
        }
    })
}

/// The socket, and how much and how long to use it.
struct Peer {
    socket: DynSocket,
    count: u64,
    timeout: Option<Duration>,
    escape: bool,
}

impl Peer {
    fn talk(&self, kind: SocketType, args: &Args) -> Result<(), Box<dyn Error>> {
        match kind {
            SocketType::Push | SocketType::Pub | SocketType::Scatter | SocketType::Radio => {
                self.send_lines(args.delay)
            }
            SocketType::Req => self.ask(args.delay),
            _ if args.echo => self.echo(args.delay),
            SocketType::Rep => self.answer(args.delay),
            SocketType::Pull | SocketType::Sub | SocketType::Gather | SocketType::Dish => {
                self.print_all()
            }
            _ => self.converse(args.delay, args.count.is_some()),
        }
    }

    /// push, pub, scatter, radio: each line is a message.
    fn send_lines(&self, mut delay: Option<Duration>) -> Result<(), Box<dyn Error>> {
        for _ in 0..self.count {
            let Some(message) = next_line(self.escape)? else {
                break;
            };
            let message = self.addressed(message)?;
            self.send(message, &mut delay)?;
        }
        Ok(())
    }

    /// Sends each line, to the end of input.
    fn send_to_end(&self, delay: &mut Option<Duration>) -> io::Result<()> {
        while let Some(line) = next_line(self.escape)? {
            let message = self.addressed(line)?;
            self.send(message, delay)?;
        }
        Ok(())
    }

    /// pull, sub, gather, dish: each message is a line.
    fn print_all(&self) -> Result<(), Box<dyn Error>> {
        for _ in 0..self.count {
            print(&self.recv()?, self.escape)?;
        }
        Ok(())
    }

    /// req: sends a line, prints the reply.
    fn ask(&self, mut delay: Option<Duration>) -> Result<(), Box<dyn Error>> {
        for _ in 0..self.count {
            let Some(message) = next_line(self.escape)? else {
                break;
            };
            self.send(message, &mut delay)?;
            print(&self.recv()?, self.escape)?;
        }
        Ok(())
    }

    /// --echo: prints each message and sends it back, a router to whom it came from.
    fn echo(&self, mut delay: Option<Duration>) -> Result<(), Box<dyn Error>> {
        for _ in 0..self.count {
            let request = self.recv()?;
            print(&request, self.escape)?;
            // Of a stream that is the word that a peer came or went.
            if request.len() == 2 && request[1].is_empty() && self.is_stream() {
                continue;
            }
            self.send(request, &mut delay)?;
        }
        Ok(())
    }

    /// rep: prints each request and answers it with the next line.
    ///
    /// A thread of its own reads the lines, so that the end of input is noticed while no request
    /// comes: the thread then closes the socket, and `recv` returns.
    fn answer(&self, mut delay: Option<Duration>) -> Result<(), Box<dyn Error>> {
        let (line_to, lines) = mpsc::sync_channel(0);
        let (sent_to, sent) = mpsc::sync_channel(1);
        let (socket, escaped) = (self.socket.clone(), self.escape);
        let reader = thread::spawn(move || {
            let outcome = hand_out_lines(line_to, sent, escaped);
            let _ = socket.close();
            outcome
        });
        let end_of_input = || match reader.join() {
            Ok(outcome) => outcome,
            Err(_) => Err(io::Error::other("the thread that reads lines panicked")),
        };

        for _ in 0..self.count {
            let request = match self.recv() {
                Err(RecvError::Closed) => return Ok(end_of_input()?),
                received => received?,
            };
            print(&request, self.escape)?;
            let Ok(line) = lines.recv() else {
                return Ok(end_of_input()?);
            };
            self.send(line, &mut delay)?;
            // Fails only if the reader is gone, which the next round notices.
            let _ = sent_to.send(());
        }
        Ok(())
    }

    /// dealer, router, pair, xpub, xsub: sends each line, and prints what comes meanwhile.
    ///
    /// A thread of its own sends the lines. Without `--count` the end of input ends it all, once
    /// nothing has come for a while.
    fn converse(&self, delay: Option<Duration>, counts: bool) -> Result<(), Box<dyn Error>> {
        let at_end = Arc::new(AtomicBool::new(false));
        let sender = self.send_lines_apart(delay, Arc::clone(&at_end));
        let quiet = self.timeout.unwrap_or(Duration::from_millis(1000));
        let mut left = self.count;
        while left > 0 {
            // Asked before the wait: the whole of it must lie behind the end of input.
            let last = at_end.load(Ordering::Acquire);
            let received = if counts {
                self.recv()
            } else {
                self.socket.recv_timeout(quiet)
            };
            match received {
                Ok(message) => {
                    print(&message, self.escape)?;
                    left -= 1;
                }
                Err(RecvError::TimedOut) if last && !counts => break,
                Err(RecvError::TimedOut) if !counts => {}
                Err(RecvError::Closed) => {
                    return match sender.join() {
                        Ok(outcome) => Ok(outcome?),
                        Err(_) => Err("the thread that sends lines panicked".into()),
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Sends each line in a thread of its own, and says when it has sent the last. Where that fails
    /// it closes the socket, so that `recv` does not wait for ever.
    fn send_lines_apart(
        &self,
        mut delay: Option<Duration>,
        at_end: Arc<AtomicBool>,
    ) -> JoinHandle<io::Result<()>> {
        let peer = Peer {
            socket: self.socket.clone(),
            ..*self
        };
        thread::spawn(move || {
            let outcome = peer.send_to_end(&mut delay);
            match outcome {
                Ok(()) => at_end.store(true, Ordering::Release),
                Err(_) => drop(peer.socket.close()),
            }
            outcome
        })
    }

    fn send(&self, message: Message, delay: &mut Option<Duration>) -> Result<(), SendError> {
        if let Some(delay) = delay.take() {
            thread::sleep(delay);
        }
        match self.timeout {
            None => self.socket.send(message),
            Some(timeout) => self.socket.send_timeout(message, timeout),
        }
    }

    /// A line of input as a message: of a server and a peer the first frame is the number of the peer that
    /// it goes to, of a radio the group.
    fn addressed(&self, line: Message) -> io::Result<Message> {
        use SocketType::{Peer, Radio, Server};
        if self.socket.socket_type() == Radio {
            let (group, message) = line.split_id();
            return Ok(message.in_group(group));
        }
        if !matches!(self.socket.socket_type(), Server | Peer) {
            return Ok(line);
        }
        let (id, message) = line.split_id();
        let number = id.to_str().ok().and_then(|id| id.parse().ok());
        let bad = || io::Error::new(io::ErrorKind::InvalidData, "a line without a peer's number");
        Ok(message.with_routing_id(number.ok_or_else(bad)?))
    }

    fn is_stream(&self) -> bool {
        self.socket.socket_type() == SocketType::Stream
    }

    fn recv(&self) -> Result<Message, RecvError> {
        match self.timeout {
            None => self.socket.recv(),
            Some(timeout) => self.socket.recv_timeout(timeout),
        }
    }
}

/// Reads a line, hands it out, waits until it has been sent; and so on to the end of input.
fn hand_out_lines(
    line_to: SyncSender<Message>,
    sent: Receiver<()>,
    escaped: bool,
) -> io::Result<()> {
    while let Some(line) = next_line(escaped)? {
        if line_to.send(line).is_err() || sent.recv().is_err() {
            break;
        }
    }
    Ok(())
}

/// The next line of input as a message, split into frames at TABs; `None` at the end.
fn next_line(escaped: bool) -> io::Result<Option<Message>> {
    let mut line = Vec::new();
    if io::stdin().lock().read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    }
    let frames = line.split(|&byte| byte == b'\t');
    if !escaped {
        return Ok(Some(frames.collect()));
    }
    let frames: Option<Vec<_>> = frames.map(unescape).collect();
    let bad = || {
        io::Error::new(
            io::ErrorKind::InvalidData,
            "a \\ that is not followed by xHH",
        )
    };
    Ok(Some(frames.ok_or_else(bad)?.into_iter().collect()))
}

/// The bytes of which `escape` made this; `None` if it did not.
fn unescape(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some((&first, behind)) = rest.split_first() {
        rest = behind;
        if first != b'\\' {
            bytes.push(first);
            continue;
        }
        let (digits, behind) = rest.strip_prefix(b"x")?.split_at_checked(2)?;
        bytes.push(u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?);
        rest = behind;
    }
    Some(bytes)
}

/// Printable ASCII as it is, but for `\`; any other byte as `\xHH`.
fn escape(frame: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    for &byte in frame {
        if (b' '..=b'~').contains(&byte) && byte != b'\\' {
            text.push(byte);
        } else {
            text.extend_from_slice(format!("\\x{byte:02x}").as_bytes());
        }
    }
    text
}

/// Prints a message as a line, its frames joined by TABs, at once.
fn print(message: &Message, escaped: bool) -> io::Result<()> {
    let frames = message.group().into_iter().chain(message.frames());
    let frames = frames.map(|frame| {
        if escaped {
            escape(frame)
        } else {
            frame.to_vec()
        }
    });
    let number = message.routing_id().map(|id| id.to_string().into_bytes());
    let frames = number.into_iter().chain(frames);
    let mut line = frames.collect::<Vec<_>>().join(&b'\t');
    line.push(b'\n');
    let mut out = io::stdout().lock();
    out.write_all(&line)?;
    out.flush()
}

/// The command line, or `None` when it asks for help.
fn parse() -> Result<Option<(SocketType, Args)>, lexopt::Error> {
    let mut kind = None;
    let mut args = Args::default();
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("bind") => args.bind.push(parser.value()?.string()?),
            Long("connect") => args.connect.push(parser.value()?.string()?),
            Long("subscribe") => {
                args.subscribe
                    .push(parser.value()?.as_encoded_bytes().to_vec());
            }
            Long("count") => args.count = Some(parser.value()?.parse()?),
            Long("timeout") => args.timeout = Some(milliseconds(&mut parser)?),
            Long("linger") => args.linger = Some(milliseconds(&mut parser)?),
            Long("delay") => args.delay = Some(milliseconds(&mut parser)?),
            Long("echo") => args.echo = true,
            Long("identity") => args.identity = parser.value()?.as_encoded_bytes().to_vec(),
            Long("mandatory") => args.mandatory = true,
            Long("group") => {
                args.group.push(parser.value()?.as_encoded_bytes().to_vec());
            }
            Long("escape") => args.escape = true,
            Long("heartbeat") => args.heartbeat = Some(milliseconds(&mut parser)?),
            Long("hwm") => args.hwm = Some(parser.value()?.parse()?),
            Long("stats") => args.stats = true,
            Long("monitor") => args.monitor = true,
            Long("plain-server") => args.plain_server.push(user(&mut parser)?),
            Long("plain") => args.plain = Some(user(&mut parser)?),
            Long("curve-server") => {
                args.curve_server = Some(key("--curve-server", &parser.value()?.string()?)?);
            }
            Long("allow") => args.allow.push(key("--allow", &parser.value()?.string()?)?),
            Long("curve") => {
                let text = parser.value()?.string()?;
                let (server, own) = match text.split_once(',') {
                    Some((server, own)) => (server, Some(key("--curve", own)?)),
                    None => (text.as_str(), None),
                };
                args.curve = Some((key("--curve", server)?, own));
            }
            Long("help") | Short('h') => return Ok(None),
            Value(name) if kind.is_none() => kind = Some(socket_type(&name.string()?)?),
            _ => return Err(arg.unexpected()),
        }
    }

    let kind = kind.ok_or("which TYPE of socket?")?;
    if args.bind.is_empty() && args.connect.is_empty() {
        return Err("give at least one --bind or --connect".into());
    }
    use SocketType::{
        Dealer, Dish, Gather, Pub, Pull, Push, Radio, Req, Router, Scatter, Sub, Xsub,
    };
    if !args.subscribe.is_empty() && !matches!(kind, Sub | Xsub) {
        return Err("--subscribe is for sub and xsub".into());
    }
    if !args.group.is_empty() && kind != Dish {
        return Err("--group is for dish".into());
    }
    let one_way = matches!(
        kind,
        Push | Pull | Pub | Sub | Req | Scatter | Gather | Radio | Dish
    );
    if args.echo && one_way {
        return Err("--echo is for rep, and types that converse".into());
    }
    if !args.identity.is_empty() && !matches!(kind, Req | Dealer | Router) {
        return Err("--identity is for req, dealer and router".into());
    }
    let mechanisms = [
        args.plain.is_some(),
        !args.plain_server.is_empty(),
        args.curve.is_some(),
        args.curve_server.is_some(),
    ];
    if mechanisms.into_iter().filter(|given| *given).count() > 1 {
        return Err(
            "--plain, --plain-server, --curve and --curve-server exclude each other".into(),
        );
    }
    if !args.allow.is_empty() && args.curve_server.is_none() {
        return Err("--allow is for --curve-server".into());
    }
    if args.mandatory && kind != Router {
        return Err("--mandatory is for router".into());
    }
    if kind == Sub && args.subscribe.is_empty() {
        args.subscribe.push(Vec::new());
    }
    Ok(Some((kind, args)))
}

/// A key in Z85, which the error does not show: it may be a secret one.
fn key<K: FromStr<Err = KeyError>>(option: &str, text: &str) -> Result<K, lexopt::Error> {
    text.parse()
        .map_err(|error| format!("{option}: {error}").into())
}

/// `USER:PASSWORD`; there may be further colons in the password.
fn user(parser: &mut lexopt::Parser) -> Result<(String, String), lexopt::Error> {
    let text = parser.value()?.string()?;
    let (name, password) = text
        .split_once(':')
        .ok_or("a user is given as USER:PASSWORD")?;
    Ok((name.to_owned(), password.to_owned()))
}

fn milliseconds(parser: &mut lexopt::Parser) -> Result<Duration, lexopt::Error> {
    Ok(Duration::from_millis(parser.value()?.parse()?))
}

fn socket_type(name: &str) -> Result<SocketType, lexopt::Error> {
    match name {
        "push" => Ok(SocketType::Push),
        "pull" => Ok(SocketType::Pull),
        "pub" => Ok(SocketType::Pub),
        "sub" => Ok(SocketType::Sub),
        "req" => Ok(SocketType::Req),
        "rep" => Ok(SocketType::Rep),
        "dealer" => Ok(SocketType::Dealer),
        "router" => Ok(SocketType::Router),
        "pair" => Ok(SocketType::Pair),
        "stream" => Ok(SocketType::Stream),
        "client" => Ok(SocketType::Client),
        "server" => Ok(SocketType::Server),
        "scatter" => Ok(SocketType::Scatter),
        "gather" => Ok(SocketType::Gather),
        "peer" => Ok(SocketType::Peer),
        "channel" => Ok(SocketType::Channel),
        "radio" => Ok(SocketType::Radio),
        "dish" => Ok(SocketType::Dish),
        "dgram" => Ok(SocketType::Dgram),
        "xpub" => Ok(SocketType::Xpub),
        "xsub" => Ok(SocketType::Xsub),
        _ => Err(format!("no such TYPE: {name}").into()),
    }
}
