//! Processes that end, or fork, in the middle of things.
//!
//! The tests run themselves again as a child: it is told by its environment what to do.

#![cfg(target_os = "linux")]
#![allow(unsafe_code, reason = "fork and its like are unsafe to call")]

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

mod guard;

use guard::SOON;
use sinew::{Context, Pull, Push, RecvError};

/// What the child is to do, and where its peer is.
const ROLE: &str = "SINEW_TEST_ROLE";
const PEER: &str = "SINEW_TEST_PEER";

fn spawn(role: &str, peer: &str) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(PEER, peer)
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits for a child, but not for ever.
#[track_caller]
fn await_exit(mut child: Child) -> ExitStatus {
    let (done, wait) = mpsc::channel();
    let id = child.id();
    thread::spawn(move || done.send(child.wait().unwrap()));
    wait.recv_timeout(SOON).unwrap_or_else(|_| {
        // Safe enough: no other code knows the child.
        let _ = Command::new("kill").arg(id.to_string()).status();
        panic!("the child hangs");
    })
}

/// The child's part; nothing when the tests are run as such.
#[test]
fn child() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let peer = std::env::var(PEER).unwrap();
    let ctx = Context::new();
    let push = ctx.socket(Push).connect(&peer).unwrap();
    match role.as_str() {
        // The sockets are dropped at the end, and linger.
        "return" => {
            for n in 0..1000 {
                push.send(n.to_string()).unwrap();
            }
        }
        "exit" => {
            push.send("x").unwrap();
            let pull = ctx.socket(Pull).bind("ipc://*").unwrap();
            let blocked = pull.clone();
            thread::spawn(move || blocked.recv());
            std::process::exit(7);
        }
        "linger" => {
            let short = Duration::from_millis(50);
            let away = ctx.socket(Push).linger(short).connect(&peer).unwrap();
            away.send("nobody takes it").unwrap();
            drop(push);
        }
        other => panic!("{other}?"),
    }
}

#[test]
fn a_process_that_returns_from_main_delivers_what_it_sent() {
    for endpoint in ["tcp://127.0.0.1:*", "ipc://*"] {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).recv_hwm(10).bind(endpoint).unwrap();
        let child = spawn("return", &pull.endpoint().unwrap().to_string());
        for n in 0..1000 {
            assert_eq!(pull.recv_timeout(SOON).unwrap(), n.to_string().as_str());
        }
        assert_eq!(pull.try_recv(), Err(RecvError::WouldBlock));
        assert!(await_exit(child).success());
    }
}

#[test]
fn a_process_that_exits_with_open_sockets_does_not_hang() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let status = await_exit(spawn("exit", &pull.endpoint().unwrap().to_string()));
    assert_eq!(status.code(), Some(7));
}

#[test]
fn a_process_whose_peer_never_comes_ends_with_linger() {
    assert!(await_exit(spawn("linger", "tcp://127.0.0.1:9")).success());
}

/// Forks; the child does `what` and exits with 0 unless that fails.
fn fork(what: impl FnOnce()) -> libc::pid_t {
    // SAFETY: the child runs on a copy of this thread alone. It allocates, which glibc makes safe
    // after a fork, takes no lock of this test, and leaves by `_exit`.
    let pid = unsafe { libc::fork() };
    assert!(pid >= 0);
    if pid == 0 {
        let fine = std::panic::catch_unwind(std::panic::AssertUnwindSafe(what)).is_ok();
        // SAFETY: ends the process, without what the parent had planned for its own exit.
        unsafe { libc::_exit(i32::from(!fine)) };
    }
    pid
}

/// Waits for a forked child: it holds the other end for as long as it lives.
#[track_caller]
fn await_fork(pid: libc::pid_t, mut alive: UnixStream) {
    let (done, wait) = mpsc::channel();
    thread::spawn(move || done.send(alive.read_to_end(&mut Vec::new())));
    let ended = wait.recv_timeout(SOON);
    let mut status = 0;
    // SAFETY: `pid` is this process's own child, and `status` outlives the call.
    unsafe {
        if ended.is_err() {
            libc::kill(pid, libc::SIGKILL);
        }
        libc::waitpid(pid, &mut status, 0);
    }
    assert!(ended.is_ok(), "the forked child hangs");
    assert_eq!(status, 0);
}

#[test]
fn a_forked_child_that_drops_its_copies_disturbs_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let ipc = format!("ipc://{}/forked", dir.path().display());
    for endpoint in ["tcp://127.0.0.1:*", &ipc, "inproc://forked"] {
        let ctx = Context::new();
        let pull = ctx.socket(Pull).bind(endpoint).unwrap();
        let at = pull.endpoint().unwrap().to_string();
        let push = ctx.socket(Push).connect(&at).unwrap();
        push.send("before").unwrap();
        assert_eq!(pull.recv_timeout(SOON).unwrap(), "before");
        let monitor = pull.monitor();
        for close in [false, true] {
            let mut copies = Some((ctx.clone(), pull.clone(), push.clone()));
            let (alive, held) = UnixStream::pair().unwrap();
            // The child gets all there is of the handles, so that its drop is the last one.
            let (pull_ref, push_ref) = (&pull, &push);
            let pid = fork(|| {
                let (ctx, pull, push) = copies.take().unwrap();
                if close {
                    ctx.shutdown();
                    let _ = pull.close();
                    let _ = push.close();
                } else {
                    // SAFETY: only in the child, which never touches the originals again.
                    unsafe {
                        drop(std::ptr::read(pull_ref));
                        drop(std::ptr::read(push_ref));
                    }
                    drop((pull, push, ctx));
                }
            });
            drop(held);
            await_fork(pid, alive);
            push.send("after").unwrap();
            assert_eq!(pull.recv_timeout(SOON).unwrap(), "after", "{endpoint}");
            let other = ctx.socket(Push).connect(&at).unwrap();
            other.send("still bound").unwrap();
            assert_eq!(pull.recv_timeout(SOON).unwrap(), "still bound");
        }
        drop(monitor);
    }
}

/// Ends the threads of a test, also when it fails.
struct AtTheEnd<'a>(&'a AtomicBool);

impl Drop for AtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn a_forked_child_closes_its_copies_though_other_threads_were_inside_them() {
    let ctx = Context::new();
    let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*").unwrap();
    let at = pull.endpoint().unwrap().to_string();
    let push = ctx.socket(Push).connect(&at).unwrap();
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let _over = AtTheEnd(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                push.send("on and on").unwrap();
            }
        });
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                let _ = pull.recv_timeout(Duration::from_millis(1));
            }
        });
        for _ in 0..40 {
            let mut copies = Some((ctx.clone(), pull.clone(), push.clone()));
            let (alive, held) = UnixStream::pair().unwrap();
            let pid = fork(|| {
                let (ctx, pull, push) = copies.take().unwrap();
                let _ = pull.close();
                let _ = push.close();
                ctx.shutdown();
            });
            drop(held);
            await_fork(pid, alive);
        }
    });
}
