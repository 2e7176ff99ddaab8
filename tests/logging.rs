//! With the feature `log`, what happens to sockets is said through the `log` facade.

#![cfg(feature = "log")]

use std::sync::mpsc::{channel, Sender};
use std::sync::Mutex;
use std::time::Duration;

use sinew::{Context, Push};

/// Nothing here takes this long; a test that hangs fails instead.
const PATIENCE: Duration = Duration::from_secs(60);

/// Hands every line at info level or above to a test.
struct Lines(Mutex<Sender<String>>);

impl log::Log for Lines {
    fn enabled(&self, metadata: &log::Metadata<'_>) -> bool {
        metadata.level() <= log::Level::Info
    }

    fn log(&self, record: &log::Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = format!("{}: {}", record.target(), record.args());
            let _ = self.0.lock().unwrap().send(line);
        }
    }

    fn flush(&self) {}
}

/// A program that sent to a server that never came seems to hang at its end: the log says why.
#[test]
fn a_socket_that_still_lingers_after_a_second_says_so() {
    let (line_to, lines) = channel();
    let logger = Box::leak(Box::new(Lines(Mutex::new(line_to))));
    log::set_logger(logger).unwrap();
    log::set_max_level(log::LevelFilter::Info);

    let ctx = Context::new();
    let push = ctx
        .socket(Push)
        .linger(Duration::from_secs(3))
        .connect("ipc:///nowhere/nobody.sock")
        .unwrap();
    push.send("hello?").unwrap();
    push.send("anybody?").unwrap();
    drop(push);

    let line = lines.recv_timeout(PATIENCE).unwrap();
    assert!(line.starts_with("sinew: PUSH "), "{line}");
    for part in [
        "lingers, at most 3s",
        "2 messages",
        "ipc:///nowhere/nobody.sock",
    ] {
        assert!(line.contains(part), "{line}");
    }
}
