//! Guards the house rules of `ARCHITECTURE.md`: which file may import from which, and what has no place in
//! which layer. It reads the source as text; what it says names the file, the line and the rule.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write as _;
use std::path::Path;

/// The layers from the lowest up, and the files of each in order. A file imports only from layers
/// below its own and from files before it in its own layer.
const HOUSE: &[(&str, &[&str])] = &[
    (
        "0: types",
        &[
            "tuning",
            "peer",
            "message/shown",
            "message/error",
            "message/frame",
            "message",
            "message/inline",
            "message/pack",
            "message/ends",
            "message/received",
            "message/routed",
            "message/group",
            "message/memory",
            "message/equal",
            "message/convert",
            "message/extract",
            "message/print",
            "discard",
            "endpoint/error",
            "endpoint",
            "endpoint/display",
            "endpoint/parse",
            "endpoint/udp",
            "interest",
            "options/conflate",
            "options/keepalive",
            "options/reconnect",
            "network",
            "socks",
            "security/cipher",
            "security/z85",
            "security/keys",
            "security/certificate",
            "security/curve",
            "security/secret",
            "security/plain",
            "security/pending",
            "security/authenticator",
            "security",
            "options",
            "options/defaults",
            "options/properties",
            "options/fault",
            "error/wait",
            "error/recv",
            "error/send",
            "error/request",
            "error",
            "error/io_error",
        ],
    ),
    (
        "1: rules",
        &[
            "datagram",
            "heat",
            "waiters/change",
            "waiters/lease",
            "waiters/tasks",
            "waiters/pollers",
            "waiters/mod",
            "zmtp/error",
            "zmtp/frame",
            "zmtp/greeting",
            "zmtp/command",
            "zmtp/mechanism/metadata",
            "zmtp/mechanism/access",
            "zmtp/mechanism/null",
            "zmtp/mechanism/plain",
            "zmtp/sealing",
            "zmtp/mechanism/curve/client",
            "zmtp/mechanism/curve/server",
            "zmtp/mechanism/curve/mod",
            "zmtp/mechanism/mod",
            "zmtp/body",
            "zmtp/intake",
            "zmtp/source",
            "zmtp/small",
            "zmtp/decoder",
            "zmtp/spent",
            "zmtp/rope",
            "zmtp/walk",
            "zmtp/outbox",
            "zmtp/flight",
            "zmtp/sealed",
            "zmtp/connection/handshake",
            "zmtp/connection/heartbeat",
            "zmtp/connection/event",
            "zmtp/connection/raw",
            "zmtp/connection/opening",
            "zmtp/connection/input",
            "zmtp/connection/session",
            "zmtp/connection/mod",
            "zmtp/mod",
            "zmtp/bench_support",
            "zmtp/fuzzing",
            "pattern/types",
            "pattern/parts/links",
            "pattern/parts/balance",
            "pattern/parts/fair",
            "pattern/parts/fanout",
            "pattern/parts/blocks",
            "pattern/parts/labels",
            "pattern/parts/nodes",
            "pattern/parts/radix",
            "pattern/parts/filter",
            "pattern/parts/ids",
            "pattern/parts/directory",
            "pattern/parts/room",
            "pattern/parts/numbered",
            "pattern/parts/holders",
            "pattern/parts/seats",
            "pattern/parts/trie",
            "pattern/parts/notes",
            "pattern/parts/manual",
            "pattern/parts/shown",
            "pattern/parts/mod",
            "pattern/capabilities",
            "pattern/rules",
            "pattern/model",
            "pattern/dealer",
            "pattern/dgram",
            "pattern/dish",
            "pattern/radio",
            "pattern/pair",
            "pattern/pull",
            "pattern/push",
            "pattern/rep",
            "pattern/req",
            "pattern/requester",
            "pattern/router",
            "pattern/server",
            "pattern/stream",
            "pattern/xpub",
            "pattern/xsub",
            "pattern/mod",
            "pattern/bench_support",
        ],
    ),
    (
        "2: the system",
        &[
            "sync",
            "clock",
            "entropy",
            "certificates",
            "notifier",
            "transport/uninit",
            "transport/outq",
            "transport/settings",
            "transport/stream",
            "transport/stream/datagrams",
            "transport/stream/source",
            "transport/interfaces",
            "transport/resolve",
            "transport/tcp",
            "transport/socks",
            "transport/stale",
            "transport/ipc",
            "transport/udp",
            "transport/accept_error",
            "transport/listener",
            "transport/mod",
        ],
    ),
    (
        "3: the reactor and links",
        &[
            "reactor/timers",
            "reactor/order",
            "reactor/leases",
            "reactor/due",
            "reactor/accept",
            "reactor/resolver",
            "reactor/connect",
            "reactor/mod",
            "link/high_water",
            "link/buffer",
            "link/progress",
            "link/datagrams",
            "link/shares",
            "link/conflater",
            "link/pipe/blocks",
            "link/pipe/events",
            "link/pipe/lane",
            "link/pipe/lane/conflating",
            "link/pipe/held_back",
            "link/pipe/mod",
            "link/ended",
            "link/reader",
            "link/ending",
            "link/retry",
            "link/writer",
            "link/connection",
            "link/recv_queue",
            "link/send_queue",
            "link/mod",
            "link/leaving",
            "link/peer",
            "link/piped",
            "link/passes",
            "link/traffic",
        ],
    ),
    (
        "4: the engine",
        &[
            "stats",
            "monitor/reason",
            "monitor/event",
            "monitor/queue",
            "monitor",
            "engine/actions",
            "engine/backoff",
            "engine/helpers",
            "engine/pending",
            "engine/admission",
            "engine/jitter",
            "engine/worklist",
            "engine/ledger",
            "engine/meter",
            "engine/mod",
            "engine/conflating",
            "engine/monitors",
            "engine/peers",
            "engine/inproc",
            "engine/pipes",
            "engine/inspection",
            "engine/admitting",
            "engine/datagrams",
            "engine/heartbeat",
            "engine/raw",
            "engine/reading",
            "engine/receiving",
            "engine/requests",
            "engine/reconnect",
            "engine/endpoints",
            "engine/settings",
            "engine/sending",
            "engine/fast_path",
            "engine/subscribing",
            "engine/acknowledged",
            "engine/losses",
            "engine/teardown",
            "engine/closing",
            "engine/timers",
            "engine/waiting",
            "engine/writing",
        ],
    ),
    (
        "5: what drives it",
        &[
            "context/exporter",
            "context/member",
            "context",
            "drive/random",
            "drive/prefetched",
            "drive/questions",
            "drive/fast_path",
            "drive/core",
            "drive/logging",
            "drive/locked",
            "drive/settings",
            "drive/waiting",
            "drive/connections",
            "drive/io",
            "drive/authenticating",
            "drive/sending",
            "drive/receiving",
            "drive/requests",
            "drive/tail",
            "drive/attendance",
            "drive/tasks",
            "drive/polled",
            "drive/subscribing",
            "drive/timers",
            "drive/endpoints",
            "drive/datagrams",
            "drive/names",
            "drive/inproc",
            "drive/closing",
            "drive/died",
            "drive/handler",
            "drive/mod",
        ],
    ),
    (
        "6: sockets",
        &[
            "socket/kind",
            "socket/mod",
            "socket/endpoints",
            "socket/settings",
            "socket/send",
            "socket/recv",
            "socket/request",
            "socket/topics",
            "socket/groups",
            "socket/attendance",
            "socket/observe",
            "socket/iter",
            "socket/builder",
            "socket/builder/kinds",
            "socket/authenticator",
            "socket/zap",
            "socket/mechanisms",
            "socket/open",
            "socket/descriptor",
            "socket/task",
            "socket/readiness",
            "poller/ready_list",
            "poller/event",
            "poller/system",
            "poller/slots",
            "poller/mod",
            "poller/look",
            "poller/monitors",
            "poller/descriptors",
            "proxy/stats",
            "proxy/control",
            "proxy/orders",
            "proxy/pairs",
            "proxy/way",
            "proxy/end",
            "proxy/mod",
        ],
    ),
];

/// Not of the house: its face, its documentation, and what only tests see.
const OUTSIDE: &[&str] = &[
    "lib",
    "guide/",
    "loom_models",
    "loom_models/",
    "fuzzing/",
    "zmtp/simulation",
    "transport/pretended",
    "reactor/stepped",
    "simulation/",
    "drive/tasks/tests",
    "zmtp/connection/joined",
    "zmtp/mechanism/curve/tests",
    "zmtp/mechanism/curve/tests/",
];

/// Files that import from one that imports from them: one type, cut into files by subject.
const PARTS: &[(&str, &str)] = &[
    ("link/pipe/held_back", "link/pipe/mod"),
    ("zmtp/mechanism/metadata", "zmtp/mechanism/mod"),
    ("zmtp/mechanism/access", "zmtp/mechanism/mod"),
    ("zmtp/mechanism/null", "zmtp/mechanism/mod"),
    ("reactor/due", "reactor/mod"),
    ("zmtp/mechanism/plain", "zmtp/mechanism/mod"),
    ("zmtp/mechanism/curve/client", "zmtp/mechanism/mod"),
    ("zmtp/mechanism/curve/client", "zmtp/mechanism/curve/mod"),
    ("zmtp/mechanism/curve/server", "zmtp/mechanism/mod"),
    ("zmtp/mechanism/curve/server", "zmtp/mechanism/curve/mod"),
    ("security/cipher", "security/keys"),
    ("reactor/accept", "reactor/mod"),
    ("reactor/connect", "reactor/mod"),
    ("reactor/resolver", "reactor/mod"),
    ("drive/fast_path", "drive/core"),
];

/// Two modules of layer 1 that do not know each other.
const STRANGERS: [&str; 2] = ["zmtp/", "pattern/"];

/// What has no place in the layers of types and rules, nor in the engine: clocks, threads, locks, the system. `Instant`
/// as an argument is welcome.
const IMPURE: &[&str] = &[
    "Instant::now",
    ".elapsed()",
    "SystemTime",
    "UNIX_EPOCH",
    "std::thread",
    "thread::",
    "std::fs",
    "std::io",
    "std::env",
    "std::process",
    "std::os",
    "std::sync::Mutex",
    "std::sync::Condvar",
    "std::sync::RwLock",
    "std::sync::atomic",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "UnixListener",
    "ToSocketAddrs",
    "mio::",
    "socket2::",
    "libc::",
];

/// Exceptions from [`IMPURE`]: the file, and what it may name.
const PURE_ENOUGH: &[(&str, &str)] = &[
    // A word about what the system said.
    ("error", "std::io"),
    ("error/io_error", "std::io"),
    // Slices of bytes, with a name that lets them be handed to the system as they are.
    ("zmtp/flight", "std::io"),
    ("zmtp/bench_support", "std::io"),
    ("zmtp/fuzzing", "std::io"),
];

/// Files whose text says why they need it: what the compiler cannot check.
const UNSAFE: &[&str] = &["transport/uninit", "transport/outq"];

/// Only one file chooses between the standard library's locks and loom's.
const LOCKS: &[&str] = &[
    "std::sync::Mutex",
    "std::sync::Condvar",
    "std::sync::RwLock",
    "std::sync::atomic",
    "loom::",
];

/// What can end the program.
const PANICS: &[&str] = &[
    ".unwrap()",
    ".expect(",
    ".unwrap_err()",
    ".expect_err(",
    "panic!",
    "todo!",
    "unimplemented!",
    "unreachable!",
    "dbg!",
];

/// What is built for the crate's own benchmarks and fuzzers, and may panic.
const WORKSHOP: &[&str] = &[
    "zmtp/fuzzing",
    "zmtp/bench_support",
    "pattern/bench_support",
];

/// Lines that a file may have above its tests; one of nothing but tests, in all.
const LONGEST: usize = 350;

/// Longer ones, that were so before, and how long they may be. None may be added.
const LONGER: &[(&str, usize)] = &[];

#[test]
fn files_import_from_below() {
    let house = House::read();
    house.report(|file, faults| {
        for (line, target) in house.imports(file) {
            let Some(place) = house.place(&target) else {
                faults.add(line, format!("imports from {target}, which is in no layer"));
                continue;
            };
            let excused = PARTS.contains(&(file.name.as_str(), target.as_str()));
            if !excused && Some(place) > house.place(&file.name) {
                let layer = HOUSE[place.0].0;
                faults.add(
                    line,
                    format!("imports from {target}, which comes later (layer {layer})"),
                );
            }
            let [a, b] = STRANGERS;
            let (from, to) = (file.name.as_str(), target.as_str());
            if from.starts_with(a) && to.starts_with(b) || from.starts_with(b) && to.starts_with(a)
            {
                faults.add(line, format!("{a} and {b} never meet"));
            }
        }
    });
}

#[test]
fn every_file_has_its_place() {
    let house = House::read();
    house.report(|file, faults| {
        if house.place(&file.name).is_none() {
            faults.add(0, "has no place in the table of tests/house.rs".into());
        }
    });
    for (_, files) in HOUSE {
        for name in *files {
            let path = source().join(format!("{name}.rs"));
            assert!(path.exists(), "the table names {name}, which is not there");
        }
    }
}

/// The comments in `lib.rs` say in which layer a module is, and so does the table.
#[test]
fn lib_rs_shows_the_layers() {
    let text = std::fs::read_to_string(source().join("lib.rs")).unwrap();
    let mut layer = None;
    let mut shown: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("// layer ") {
            layer = rest.split(':').next().and_then(|digit| digit.parse().ok());
        } else if let Some(module) = line.strip_prefix("mod ") {
            if let Some(layer) = layer {
                shown
                    .entry(layer)
                    .or_default()
                    .push(module.trim_end_matches(';'));
            }
        } else if line.starts_with("#[cfg") {
            layer = None;
        }
    }
    for (layer, (title, files)) in HOUSE.iter().enumerate() {
        let mut modules: Vec<_> = files
            .iter()
            .filter_map(|file| file.split('/').next())
            .collect();
        modules.sort_unstable();
        modules.dedup();
        let mut there = shown.remove(&layer).unwrap_or_default();
        there.sort_unstable();
        assert_eq!(
            there, modules,
            "src/lib.rs and the table differ on layer {title}"
        );
    }
}

/// What `ARCHITECTURE.md` calls by a path, of a file or of an item, is there; and its list of the layers has
/// every file.
#[test]
fn the_architecture_names_what_is_there() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = std::fs::read_to_string(path).unwrap();
    let house = House::read();
    let mut missing = Vec::new();
    for name in text.split('`').skip(1).step_by(2) {
        let is_path = |separator: &str, most: fn(char) -> bool| {
            name.contains(separator) && name.split(separator).all(|part| part.chars().all(most))
        };
        if is_path("/", |c| c.is_ascii_lowercase() || c == '_') {
            let file = name.strip_prefix("src/").unwrap_or(name);
            let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join(name);
            let at = source().join(file.trim_end_matches('/'));
            if !at.exists() && !at.with_extension("rs").exists() && !beside.exists() {
                missing.push(format!("the file {name}"));
            }
        } else if is_path("::", |c| is_word(Some(c))) {
            let known = |word: &str| house.0.iter().any(|file| file.code.contains(word));
            if !name.split("::").all(known) {
                missing.push(format!("the item {name}"));
            }
        }
    }
    let list = text
        .split("```")
        .find(|block| block.starts_with("text\nlayer 0"));
    let list = list.expect("ARCHITECTURE.md has a list of the layers");
    for (layer, (_, files)) in HOUSE.iter().enumerate() {
        let start = list.find(&format!("\nlayer {layer} ")).unwrap();
        let end = list.find(&format!("\nlayer {} ", layer + 1));
        let here = &list[start..end.unwrap_or(list.len())];
        for file in *files {
            let plain = file.trim_end_matches("/mod");
            let last = plain.rsplit('/').next().unwrap();
            let told = !matches!(last, "error" | "fuzzing" | "bench_support");
            if told && plain.contains('/') && find_words(here, last).next().is_none() {
                missing.push(format!("{file}, in the list of layer {layer}"));
            }
        }
    }
    assert!(missing.is_empty(), "ARCHITECTURE.md: {missing:#?}");
}

#[test]
fn types_rules_and_the_engine_are_pure() {
    let house = House::read();
    house.report(|file, faults| {
        let low = house.place(&file.name).is_some_and(|place| place.0 <= 1);
        if !low && !file.name.starts_with("engine/") {
            return;
        }
        for word in IMPURE {
            if !PURE_ENOUGH.contains(&(file.name.as_str(), word)) {
                for line in file.lines_with(word) {
                    faults.add(
                        line,
                        format!("names {word}; time and I/O are arguments here"),
                    );
                }
            }
        }
    });
}

/// A simulation pretends the clock of all that drives a socket.
#[test]
fn what_drives_asks_one_clock() {
    House::read().report(|file, faults| {
        // Waiting awake takes as long as it takes.
        let spins = file.name == "drive/waiting";
        let drives = file.name.starts_with("drive/") || file.name.starts_with("reactor/");
        if drives && !spins {
            for word in ["Instant::now", ".elapsed()"] {
                for line in file.lines_with(word) {
                    faults.add(line, format!("names {word}; ask crate::clock"));
                }
            }
        }
    });
}

#[test]
fn only_one_file_chooses_the_locks() {
    House::read().report(|file, faults| {
        if file.name == "sync" {
            return;
        }
        for word in LOCKS {
            for line in file.lines_with(word) {
                faults.add(line, format!("names {word}; take it from crate::sync"));
            }
        }
    });
}

#[test]
fn unsafe_code_stays_in_its_files() {
    House::read().report(|file, faults| {
        if !UNSAFE.contains(&file.name.as_str()) {
            for line in file.lines_with("unsafe") {
                faults.add(
                    line,
                    "has unsafe code, and is not a file named for it".into(),
                );
            }
        }
    });
}

#[test]
fn nothing_panics_by_design() {
    House::read().report(|file, faults| {
        if WORKSHOP.contains(&file.name.as_str()) {
            return;
        }
        for word in PANICS {
            for line in file.lines_with(word) {
                faults.add(line, format!("{word} can end the program"));
            }
        }
        for word in ["assert!", "assert_eq!", "assert_ne!"] {
            for line in file.lines_with(word) {
                if !file.line(line).contains("const {") {
                    faults.add(line, format!("{word} can end the program"));
                }
            }
        }
    });
}

/// Each thing is one file that is read at one sitting.
#[test]
fn no_file_is_too_long() {
    let mut faults = Vec::new();
    for File { name, lines, .. } in &House::read().0 {
        let longer = LONGER.iter().find(|(longer, _)| longer == name);
        match longer {
            None if *lines > LONGEST => faults.push(format!(
                "src/{name}.rs has {lines} lines above its tests; {LONGEST} are enough"
            )),
            Some((_, most)) if *lines > *most => {
                faults.push(format!("src/{name}.rs has grown to {lines} lines"));
            }
            Some(_) if *lines <= LONGEST => {
                faults.push(format!("src/{name}.rs needs its line in LONGER no more"));
            }
            _ => {}
        }
    }
    for (name, _) in LONGER {
        if !source().join(format!("{name}.rs")).exists() {
            faults.push(format!("LONGER names {name}, which is not there"));
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

// ----- reading -----

fn source() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))
}

struct File {
    /// Without `src/` and `.rs`.
    name: String,
    /// Without comments, literals and tests, but with all line ends.
    code: String,
    /// Those above its tests, or all of one that only tests see.
    lines: usize,
}

#[derive(Default)]
struct Faults(Vec<(usize, String)>);

impl Faults {
    fn add(&mut self, line: usize, what: String) {
        self.0.push((line, what));
    }
}

impl File {
    /// Lines, from one, that have `word` as a word of its own.
    fn lines_with<'a>(&'a self, word: &'a str) -> impl Iterator<Item = usize> + 'a {
        find_words(&self.code, word).map(|at| line_of(&self.code, at))
    }

    fn line(&self, number: usize) -> &str {
        self.code.lines().nth(number - 1).unwrap_or_default()
    }

    /// The module that the file is, as a path below `src`.
    fn module(&self) -> Vec<&str> {
        let mut path: Vec<_> = self.name.split('/').collect();
        if path.last() == Some(&"mod") {
            path.pop();
        }
        path
    }
}

struct House(Vec<File>);

impl House {
    fn read() -> House {
        let mut files = Vec::new();
        read_folder(source(), "", &mut files);
        assert!(files.len() > 20, "where is the source?");
        House(files)
    }

    /// Layer, and place in it.
    fn place(&self, name: &str) -> Option<(usize, usize)> {
        HOUSE.iter().enumerate().find_map(|(layer, (_, files))| {
            let place = files.iter().position(|file| *file == name)?;
            Some((layer, place))
        })
    }

    /// Looks at every file of the house, and fails with all that was found.
    fn report(&self, mut look: impl FnMut(&File, &mut Faults)) {
        let mut text = String::new();
        for file in &self.0 {
            let outside = |name: &&str| file.name == *name || file.name.starts_with(&**name);
            if OUTSIDE.iter().any(outside) {
                continue;
            }
            let mut faults = Faults::default();
            look(file, &mut faults);
            for (line, what) in faults.0 {
                let _ = write!(text, "\nsrc/{}.rs", file.name);
                if line > 0 {
                    let _ = write!(text, ":{line}");
                }
                let _ = write!(text, ": {what}");
            }
        }
        assert!(text.is_empty(), "house rules are broken:{text}");
    }

    /// Files that a file imports from, and the line where it does.
    fn imports(&self, file: &File) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        let mut seen = HashSet::new();
        for (line, path, exported) in paths(&file.code) {
            let Some(target) = self.resolve(file, &path) else {
                continue;
            };
            // A module shows what its own files have.
            let own = format!("{}/", file.module().join("/"));
            let shows = exported && file.name.ends_with("/mod") && target.starts_with(&own);
            if target != file.name && !shows && seen.insert((line, target.clone())) {
                found.push((line, target));
            }
        }
        found
    }

    /// The file that a path from within `file` leads to; `None` for other crates and for the file's
    /// own items.
    fn resolve(&self, file: &File, path: &[String]) -> Option<String> {
        let mut at = file.module();
        let mut rest = path;
        match path.first()?.as_str() {
            "crate" => {
                at.clear();
                rest = &path[1..];
            }
            "self" => rest = &path[1..],
            "super" => {
                while rest.first().is_some_and(|word| word == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            child => {
                let is_child = file.name.ends_with("/mod") && {
                    at.push(child);
                    let is_file = self.file_of(&at).is_some();
                    at.pop();
                    is_file
                };
                if !is_child {
                    return None;
                }
            }
        }
        for word in rest {
            at.push(word);
            if self.file_of(&at).is_none() {
                at.pop();
                break;
            }
        }
        match at.is_empty() {
            true => Some("lib".to_owned()),
            false => self.file_of(&at),
        }
    }

    fn file_of(&self, module: &[&str]) -> Option<String> {
        let plain = module.join("/");
        let module = format!("{plain}/mod");
        let names = self.0.iter().map(|file| &file.name);
        names
            .into_iter()
            .find(|name| **name == plain || **name == module)
            .cloned()
    }
}

fn read_folder(folder: &Path, prefix: &str, files: &mut Vec<File>) {
    let mut entries: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|e| e.unwrap())
        .collect();
    entries.sort_by_key(|entry| entry.file_name());
    for entry in entries {
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            read_folder(&entry.path(), &format!("{prefix}{name}/"), files);
        } else if let Some(stem) = name.strip_suffix(".rs") {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            let bare = without_text(&text);
            let code = without_tests(&bare);
            let last = code.trim_end().len();
            files.push(File {
                name: format!("{prefix}{stem}"),
                lines: line_of(&code, last),
                code,
            });
        }
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn is_word(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_alphanumeric() || c == '_')
}

fn find_words<'a>(text: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    let starts = is_word(word.chars().next());
    let ends = is_word(word.chars().next_back());
    text.match_indices(word)
        .map(|(at, _)| at)
        .filter(move |&at| {
            let before = text[..at].chars().next_back();
            let after = text[at + word.len()..].chars().next();
            !(starts && is_word(before) || ends && is_word(after))
        })
}

/// Blanks comments, and what is in quotes.
fn without_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let bytes: Vec<char> = text.chars().collect();
    let mut at = 0;
    let blank = |from: usize, to: usize, out: &mut String| {
        for c in &bytes[from..to.min(bytes.len())] {
            out.push(if *c == '\n' { '\n' } else { ' ' });
        }
    };
    while at < bytes.len() {
        let end = match (bytes[at], bytes.get(at + 1)) {
            ('/', Some('/')) => (at..bytes.len()).find(|&i| bytes[i] == '\n'),
            ('/', Some('*')) => (at + 2..bytes.len())
                .find(|&i| bytes[i] == '/' && bytes[i - 1] == '*')
                .map(|i| i + 1),
            ('r', Some('"' | '#')) if !is_word(at.checked_sub(1).map(|i| bytes[i])) => {
                raw_string_end(&bytes, at)
            }
            ('"', _) => string_end(&bytes, at),
            ('\'', _) => char_end(&bytes, at),
            _ => Some(at),
        };
        let end = end.unwrap_or(bytes.len());
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            blank(at, end, &mut out);
            at = end;
        }
    }
    out
}

fn string_end(text: &[char], start: usize) -> Option<usize> {
    let mut at = start + 1;
    while *text.get(at)? != '"' {
        at += if text[at] == '\\' { 2 } else { 1 };
    }
    Some(at + 1)
}

/// `start` itself for what is no raw string.
fn raw_string_end(text: &[char], start: usize) -> Option<usize> {
    let hashes = text[start + 1..].iter().take_while(|c| **c == '#').count();
    let quote = start + 1 + hashes;
    if text.get(quote) != Some(&'"') {
        return Some(start);
    }
    let closes = |&i: &usize| {
        text[i] == '"'
            && text[i + 1..]
                .iter()
                .take(hashes)
                .filter(|c| **c == '#')
                .count()
                == hashes
    };
    (quote + 1..text.len()).find(closes).map(|i| i + 1 + hashes)
}

/// `start` itself for a lifetime.
fn char_end(text: &[char], start: usize) -> Option<usize> {
    match (text.get(start + 1)?, text.get(start + 2)?) {
        ('\\', _) => (start + 3..text.len())
            .find(|&i| text[i] == '\'')
            .map(|i| i + 1),
        (_, '\'') => Some(start + 3),
        _ => Some(start),
    }
}

/// Blanks items that only tests see.
fn without_tests(code: &str) -> String {
    let mut out = code.to_owned();
    for (start, _) in code.match_indices("#[cfg(") {
        let Some(end) = code[start..].find(")]").map(|end| start + end + 2) else {
            continue;
        };
        let condition = &code[start..end];
        let about_tests = find_words(condition, "test").next().is_some();
        if !about_tests || condition.contains("not(test)") {
            continue;
        }
        let stop = item_end(code, end);
        let blank: String = code[start..stop]
            .chars()
            .map(|c| if c == '\n' { '\n' } else { ' ' })
            .collect();
        out.replace_range(start..stop, &blank);
    }
    out
}

/// Where the item that starts at `at` ends: at its closing brace, or at a semicolon.
fn item_end(code: &str, at: usize) -> usize {
    let mut depth = 0usize;
    for (i, c) in code[at..].char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 && c == '}' {
                    return at + i + 1;
                }
            }
            ';' if depth == 0 => return at + i + 1,
            _ => {}
        }
    }
    code.len()
}

/// All paths that may lead to another file: those of `use`, taken apart, and those that begin with
/// `crate`, `super` or `self` elsewhere. With each, its line, and whether it is shown to others.
fn paths(code: &str) -> Vec<(usize, Vec<String>, bool)> {
    let mut found = Vec::new();
    let mut covered = Vec::new();
    for at in find_words(code, "use") {
        let Some(end) = code[at..].find(';').map(|end| at + end) else {
            continue;
        };
        let start = code[..at].rfind([';', '}', '{', ']']).map_or(0, |i| i + 1);
        let exported = code[start..at].contains("pub");
        let mut flat = Vec::new();
        take_apart(&code[at + 3..end], &[], &mut flat);
        let line = line_of(code, at);
        found.extend(flat.into_iter().map(|path| (line, path, exported)));
        covered.push(at..end);
    }
    for root in ["crate", "super", "self"] {
        for at in find_words(code, root) {
            if covered.iter().any(|range| range.contains(&at))
                || !code[at + root.len()..].starts_with("::")
            {
                continue;
            }
            // `super` within a path that began earlier.
            if code[..at].ends_with("::") {
                continue;
            }
            let path = code[at..]
                .split(|c: char| !(is_word(Some(c)) || c == ':'))
                .next()
                .unwrap_or_default();
            let path = path.split("::").map(str::to_owned).collect();
            found.push((line_of(code, at), path, false));
        }
    }
    found
}

/// `a::{b, c::{d, e}}` becomes `a::b`, `a::c::d` and `a::c::e`.
fn take_apart(tree: &str, before: &[String], out: &mut Vec<Vec<String>>) {
    let tree = tree.trim();
    let Some(open) = tree.find('{') else {
        let mut path = before.to_vec();
        let plain = tree.split(" as ").next().unwrap_or_default();
        path.extend(plain.split("::").map(|word| word.trim().to_owned()));
        // `a::{self}` is `a`.
        if before.is_empty() || plain.trim() != "self" {
            out.push(path);
        } else {
            out.push(before.to_vec());
        }
        return;
    };
    let mut path = before.to_vec();
    let words = tree[..open].split("::").map(str::trim);
    path.extend(words.filter(|word| !word.is_empty()).map(str::to_owned));
    let inside = tree[open + 1..].trim_end().trim_end_matches('}');
    let inside = match tree[open + 1..].rfind('}') {
        Some(close) => &tree[open + 1..open + 1 + close],
        None => inside,
    };
    let mut depth = 0;
    let mut start = 0;
    for (i, c) in inside.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                take_apart(&inside[start..i], &path, out);
                start = i + 1;
            }
            _ => {}
        }
    }
    if !inside[start..].trim().is_empty() {
        take_apart(&inside[start..], &path, out);
    }
}

// ----- the tests of this test -----

#[test]
fn grouped_imports_are_taken_apart() {
    let code = "pub(crate) use a::{self, b, c::{d as x, e}};\nfn f() { crate::g::h(); }\n";
    let found: Vec<_> = paths(code)
        .into_iter()
        .map(|(line, path, shown)| format!("{line} {} {shown}", path.join("::")))
        .collect();
    let expected = [
        "1 a true",
        "1 a::b true",
        "1 a::c::d true",
        "1 a::c::e true",
        "2 crate::g::h false",
    ];
    assert_eq!(found, expected);
}

#[test]
fn comments_literals_and_tests_do_not_count() {
    let code = concat!(
        "fn f<'a>() -> &'a str { \"panic!\\\"\" } // todo!\n",
        "const C: char = '\"'; const R: &str = r#\"unsafe \"# ;\n",
        "#[cfg(not(test))] fn g() { kept() }\n",
        "#[cfg(all(test, not(loom)))]\nmod tests { fn h() { x.unwrap() } }\n",
    );
    let bare = without_tests(&without_text(code));
    for gone in ["panic", "todo", "unsafe", "unwrap", "mod tests"] {
        assert!(!bare.contains(gone), "{gone}: {bare}");
    }
    assert!(bare.contains("kept()"));
    assert_eq!(bare.lines().count(), code.lines().count());
}
