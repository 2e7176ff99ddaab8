//! Services found by name: a registry of a dozen lines, which cannot be out of date.
//!
//! ```text
//!   "square tcp://host:4711"  DEALER --+
//!   "square tcp://host:4712"  DEALER --+--  ROUTER  registry  <---  REQ client: where is "square"?
//!   "double tcp://host:4713"  DEALER --+
//! ```
//!
//! ```text
//! cargo run --example service_discovery                      # all in one go; a service is killed
//! cargo run --example service_discovery -- registry          # in one terminal
//! cargo run --example service_discovery -- service square    # in others, as many as you like
//! cargo run --example service_discovery -- service double
//! cargo run --example service_discovery -- call square 12    # in another
//! ```
//!
//! A service keeps a connection to the registry, and has its name and its endpoint for a routing id. It
//! sends nothing. The registry looks up among those that are connected: `peers()`. So a service is listed as
//! soon as it is there, and no longer when it has died: heartbeats find machines that have. If the
//! registry is started anew, its services come back by themselves.
//!
//! A client asks the registry once, and then talks to the service without it.

use std::env;
use std::error::Error;
use std::process::{Child, Command, ExitCode};
use std::thread;
use std::time::Duration;

use lexopt::prelude::{Long, Short, Value, ValueExt};
use sinew::{Context, Dealer, Frame, Rep, Req, Router, Socket};

const USAGE: &str = "\
usage: service_discovery [registry | service NAME [--bind EP] | call NAME NUMBER] [--registry EP]

Services: square, double.";

/// From one heartbeat to the next, and how long an answer to one may take.
const HEARTBEAT: Duration = Duration::from_secs(2);
const HEARTBEAT_TIMEOUT: Duration = Duration::from_secs(10);

type Result<T> = std::result::Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> ExitCode {
    match parse().map_err(Into::into).and_then(|args| run(&args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("service_discovery: {error}");
            ExitCode::FAILURE
        }
    }
}

// ---- the registry ------------------------------------------------------------------------------

/// `[client, "", name]` in, `[client, "", name, endpoint, endpoint ...]` out, until the socket is closed.
fn serve(registry: &Socket<Router>) -> Result<()> {
    for request in registry {
        let (client, mut reply) = request.split_id();
        let prefix = [reply.get(1).unwrap_or_default(), b" "].concat();
        for peer in registry.peers() {
            let id = peer.routing_id().unwrap_or_default();
            if let Some(endpoint) = id.strip_prefix(&prefix[..]) {
                reply.push_back(endpoint);
            }
        }
        registry.send(reply.routed_to(client))?;
    }
    Ok(())
}

fn open(ctx: &Context, endpoint: &str) -> Result<Socket<Router>> {
    let registry = ctx
        .socket(Router)
        .heartbeat_interval(HEARTBEAT)
        .heartbeat_timeout(HEARTBEAT_TIMEOUT)
        .bind(endpoint)?;
    Ok(registry)
}

fn registry(args: &Args) -> Result<()> {
    let ctx = Context::new();
    let registry = open(&ctx, &args.registry)?;
    println!("bound {}", registry.endpoint()?);
    serve(&registry)
}

// ---- a service ---------------------------------------------------------------------------------

fn service(args: &Args) -> Result<()> {
    let [name] = &args.words[..] else {
        return Err(USAGE.into());
    };
    let ctx = Context::new();
    let service = ctx.socket(Rep).bind(&args.bind)?;
    let _listed = ctx
        .socket(Dealer)
        .routing_id(format!("{name} {}", service.endpoint()?))
        .heartbeat_interval(HEARTBEAT)
        .heartbeat_timeout(HEARTBEAT_TIMEOUT)
        .connect(&args.registry)?;
    loop {
        let number: u64 = service.recv()?.to_str()?.parse()?;
        let answer = match name.as_str() {
            "square" => number.checked_mul(number),
            "double" => number.checked_mul(2),
            _ => return Err(USAGE.into()),
        };
        service.send(answer.map_or("too large".into(), |it| it.to_string()))?;
    }
}

// ---- a client ----------------------------------------------------------------------------------

/// Where the services of a name are now.
fn find(registry: &Socket<Req>, name: &str) -> Result<Vec<Frame>> {
    registry.send(name)?;
    Ok(registry.recv()?.into_frames().skip(1).collect())
}

/// Calls any service of a name. Waits until there is one; asks another if it dies.
fn call(ctx: &Context, registry: &Socket<Req>, name: &str, number: u64) -> Result<String> {
    loop {
        // `immediate`: no request is queued for a service that cannot be reached.
        let service = ctx.socket(Req).immediate(true).open()?;
        for endpoint in find(registry, name)? {
            service.connect(endpoint.to_str()?)?;
        }
        let soon = Duration::from_secs(1);
        let answer = match service.send_timeout(number.to_string(), soon) {
            Ok(()) => service.recv_timeout(soon).ok(),
            Err(_) => None,
        };
        match answer {
            Some(answer) => return Ok(answer.to_str()?.to_owned()),
            None => eprintln!("no service {name:?} answers: looking again"),
        }
    }
}

fn client(args: &Args) -> Result<()> {
    let [name, number] = &args.words[..] else {
        return Err(USAGE.into());
    };
    let ctx = Context::new();
    let registry = ctx.socket(Req).connect(&args.registry)?;
    println!("{}", call(&ctx, &registry, name, number.parse()?)?);
    Ok(())
}

// ---- all of them -------------------------------------------------------------------------------

/// The registry and a client here, three services as processes, of which one is killed.
fn all() -> Result<()> {
    let ctx = Context::new();
    let router = open(&ctx, "tcp://127.0.0.1:*")?;
    let endpoint = router.endpoint()?.to_string();
    let mut services = Vec::new();
    for name in ["square", "square", "double"] {
        let mut command = Command::new(env::current_exe()?);
        command.args(["service", name, "--registry", &endpoint]);
        services.push(Running(command.spawn()?));
    }
    router.wait_for_peers(services.len(), Duration::from_secs(60))?;
    let server = thread::spawn(move || serve(&router));

    let registry = ctx.socket(Req).connect(&endpoint)?;
    let check = |name: &str, number: u64, expected: &str| -> Result<()> {
        let answer = call(&ctx, &registry, name, number)?;
        println!("{name} {number} is {answer}");
        if answer == expected {
            Ok(())
        } else {
            Err(format!("it is {expected}").into())
        }
    };
    println!("square is at {:?}", find(&registry, "square")?);
    check("square", 12, "144")?;
    check("double", 12, "24")?;

    drop(services.remove(0));
    println!("one of them is killed");
    while find(&registry, "square")?.len() > 1 {
        thread::yield_now();
    }
    println!("square is at {:?}", find(&registry, "square")?);
    check("square", 13, "169")?;
    ctx.shutdown();
    server.join().map_err(|_| "the registry has panicked")?
}

/// A process that is killed when this value goes.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Fails only if it has ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn run(args: &Args) -> Result<()> {
    match args.role.as_deref() {
        Some("registry") => registry(args),
        Some("service") => service(args),
        Some("call") => client(args),
        None => all(),
        Some(_) => Err(USAGE.into()),
    }
}

struct Args {
    role: Option<String>,
    words: Vec<String>,
    registry: String,
    bind: String,
}

fn parse() -> std::result::Result<Args, lexopt::Error> {
    let mut args = Args {
        role: None,
        words: Vec::new(),
        registry: "tcp://127.0.0.1:5555".to_owned(),
        bind: "tcp://127.0.0.1:*".to_owned(),
    };
    let mut parser = lexopt::Parser::from_env();
    while let Some(arg) = parser.next()? {
        match arg {
            Long("registry") => args.registry = parser.value()?.string()?,
            Long("bind") => args.bind = parser.value()?.string()?,
            Long("help") | Short('h') => return Err(USAGE.into()),
            Value(role) if args.role.is_none() => args.role = Some(role.string()?),
            Value(word) => args.words.push(word.string()?),
            _ => return Err(arg.unexpected()),
        }
    }
    Ok(args)
}
