//! Builds libzmq the way a Linux distribution does, whatever profile the tests themselves use; with its draft
//! socket types, which add to what the others do and change nothing of it.

use std::env;

/// What libzmq's own configure step finds on any Linux of the last ten years. Without these it falls back
/// to slower ways (a socket pair instead of an eventfd, no cache-line alignment of its queues), which would
/// make every comparison with it unfair.
const LINUX: &[&str] = &[
    "HAVE_ACCEPT4",
    "HAVE_CLOCK_GETTIME",
    "HAVE_FORK",
    "HAVE_IF_NAMETOINDEX",
    "HAVE_MKDTEMP",
    "HAVE_POSIX_MEMALIGN",
    "ZMQ_CACHELINE_SIZE=64",
    "ZMQ_HAVE_EVENTFD",
    "ZMQ_HAVE_EVENTFD_CLOEXEC",
    "ZMQ_HAVE_IFADDRS",
    "ZMQ_HAVE_O_CLOEXEC",
    "ZMQ_HAVE_PPOLL",
    "ZMQ_HAVE_PTHREAD_SETNAME_2",
    "ZMQ_HAVE_PTHREAD_SET_AFFINITY",
    "ZMQ_HAVE_SOCK_CLOEXEC",
    "ZMQ_HAVE_SO_BINDTODEVICE",
    "ZMQ_HAVE_SO_KEEPALIVE",
    "ZMQ_HAVE_SO_PEERCRED",
    "ZMQ_HAVE_TCP_KEEPCNT",
    "ZMQ_HAVE_TCP_KEEPIDLE",
    "ZMQ_HAVE_TCP_KEEPINTVL",
    "ZMQ_IOTHREAD_POLLER_USE_EPOLL_CLOEXEC",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");

    // `cc` takes its optimisation level from these; a dev build would compile libzmq at -O0, and a release
    // build at -O3, which is not what its users run.
    env::set_var("OPT_LEVEL", "2");
    env::set_var("DEBUG", "false");

    if env::var("CARGO_CFG_TARGET_OS").as_deref() == Ok("linux") {
        let mut flags = env::var("CXXFLAGS").unwrap_or_default();
        for name in LINUX {
            let value = if name.contains('=') { "" } else { "=1" };
            flags.push_str(&format!(" -D{name}{value}"));
        }
        env::set_var("CXXFLAGS", flags);
    }

    let mut build = zeromq_src::Build::new();
    build.enable_draft(true);
    if env::var_os("CARGO_FEATURE_CURVE").is_some() {
        let place = |name| env::var(name).expect("libsodium says where it is");
        let (lib, include) = (place("DEP_SODIUM_LIB"), place("DEP_SODIUM_INCLUDE"));
        build.with_libsodium(Some(zeromq_src::LibLocation::new(lib, include)));
    }
    build.build();
}
