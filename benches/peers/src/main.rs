//! Compares sinew with other ZeroMQ libraries written in Rust, and with libzmq, zenoh and nng if they are asked for.
//!
//! ```text
//! cargo run --release --manifest-path benches/peers/Cargo.toml             everything, five turns each
//! cargo run --release --manifest-path benches/peers/Cargo.toml -- --quick  in two or three minutes
//! ... -- --rows push-pull --only omq-tokio,zeromq
//! cargo run --release --manifest-path benches/peers/Cargo.toml --features all -- --quick
//! ```
//!
//! The features name contenders whose build is heavy: `libzmq` (compiled from source by a C++ compiler), `nng`
//! (the same in C, with cmake), `zenoh` (some two hundred crates), `all` of them.
//!
//! The method is that of `benches/compare`: processes of their own, started anew for each measurement;
//! contenders take turns; the receiver keeps the clock and checks every message. How each library is used is
//! said in `libraries/mod.rs`. Raw results go to `target/peers.jsonl` of this package.

#[allow(dead_code, reason = "what the other bench needs of it")]
#[path = "../../compare/child.rs"]
mod child;
mod conduct;
mod libraries;
#[allow(dead_code, reason = "what the other bench needs of it")]
#[path = "../../compare/library.rs"]
mod library;
#[allow(dead_code, reason = "what the other bench needs of it")]
#[path = "../../compare/payload.rs"]
mod payload;
mod peer;
mod roles;
#[allow(dead_code, reason = "what the other bench needs of it")]
#[path = "../../compare/usage.rs"]
mod usage;

use std::env;
use std::process::ExitCode;

use crate::child::Params;

const USAGE: &str = "sinew-peers [--quick] [--turns N] [--rows NAME,..] [--only LIBRARY,..]";

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == "--role") {
        let role = args.get(1).expect("a role");
        libraries::play(role, &Params::from_args(args.iter().skip(2).cloned()));
        return ExitCode::SUCCESS;
    }
    match parse(args).and_then(|plan| conduct::compare(&plan)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(args: Vec<String>) -> Result<conduct::Plan, String> {
    let mut plan = conduct::Plan::default();
    let mut args = args.into_iter();
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or(format!("{arg} needs a value: {USAGE}"));
        let list = |text: String| text.split(',').map(str::to_owned).collect();
        match arg.as_str() {
            "--quick" => plan.make_quick(),
            "--turns" => plan.turns = value()?.parse().map_err(|_| USAGE)?,
            "--rows" => plan.rows = list(value()?),
            "--only" => plan.only = list(value()?),
            _ => return Err(format!("unknown option {arg}: {USAGE}")),
        }
    }
    Ok(plan)
}
