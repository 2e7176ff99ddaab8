//! Runs the corpora of the fuzzers, and some inputs made of them, as a test.

use std::fs;
use std::path::{Path, PathBuf};

use super::TARGETS;

/// Inputs that are made for each target.
const MUTANTS: u64 = 400;

/// Random enough, and the same for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % n.max(1)
    }
}

/// Says which input it was that panicked.
struct Telling<'a>(&'a str, &'a str, &'a [u8]);

impl Drop for Telling<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Telling(target, name, data) = self;
            eprintln!("{target}: {name}: \"{}\"", data.escape_ascii());
        }
    }
}

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz");
    if !folder.exists() {
        eprintln!("skipped: the fuzzers' folder is not part of a published crate");
        return None;
    }
    Some(folder)
}

/// The files of a target's corpus, by name.
fn corpus(folder: &Path, target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = folder.join("corpus").join(target);
    let mut files: Vec<_> = fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|file| {
            let path = file.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    files.sort_unstable();
    files
}

/// The words of a dictionary: what stands between the quotes of each line, with `\xAB`, `\\` and `\"`
/// for bytes that cannot stand there.
fn words(folder: &Path, target: &str) -> Vec<Vec<u8>> {
    let path = folder.join(format!("dictionaries/{target}.dict"));
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let word = line
                .split_once('"')
                .and_then(|(_, rest)| rest.strip_suffix('"'));
            unescape(word.unwrap_or_else(|| panic!("{}: {line}", path.display())))
        })
        .collect()
}

fn unescape(word: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = word.as_bytes();
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'\\', [b'x', high, low, after @ ..]) => {
                let digits = [*high, *low];
                let digits = std::str::from_utf8(&digits).unwrap();
                (u8::from_str_radix(digits, 16).unwrap(), after)
            }
            (b'\\', [escaped, after @ ..]) => (*escaped, after),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

fn mutate(dice: &mut Dice, data: &mut Vec<u8>, other: &[u8], words: &[Vec<u8>]) {
    let at = dice.below(data.len() + 1);
    match dice.below(7) {
        0 => {
            if let Some(byte) = data.get_mut(at) {
                *byte ^= 1 << dice.below(8);
            }
        }
        1 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = dice.below(256) as u8;
            }
        }
        2 => data.insert(at, dice.below(256) as u8),
        3 => drop(data.drain(at..(at + dice.below(8)).min(data.len()))),
        4 => {
            let again = data[at..(at + dice.below(32)).min(data.len())].to_vec();
            data.splice(at..at, again);
        }
        5 => {
            let from = dice.below(other.len() + 1);
            data.truncate(at);
            data.extend_from_slice(&other[from..]);
        }
        _ => {
            if let Some(word) = words.get(dice.below(words.len())) {
                data.splice(at..at, word.iter().copied());
            }
        }
    }
}

fn replay(target: &str) {
    let Some(folder) = folder() else {
        return;
    };
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).unwrap();
    let corpus = corpus(&folder, target);
    let words = words(&folder, target);
    assert!(!corpus.is_empty() && !words.is_empty(), "{target}");
    for (name, data) in &corpus {
        let _telling = Telling(target, name, data);
        run(data);
    }
    for seed in 1..=MUTANTS {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        dice.below(1);
        let (name, data) = &corpus[dice.below(corpus.len())];
        let (_, other) = &corpus[dice.below(corpus.len())];
        let mut data = data.clone();
        for _ in 0..=dice.below(5) {
            mutate(&mut dice, &mut data, other, &words);
        }
        let name = format!("made of {name} with seed {seed}");
        let _telling = Telling(target, &name, &data);
        run(&data);
    }
}

/// One test a target, so that they run side by side.
macro_rules! replays {
    ($($target:ident),* $(,)?) => {
        $(#[test]
        fn $target() {
            replay(stringify!($target));
        })*

        #[test]
        fn every_target_has_a_program_and_is_replayed() {
            let replayed = [$(stringify!($target)),*];
            let targets: Vec<_> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(targets, replayed);
            let Some(folder) = folder() else {
                return;
            };
            let mut programs: Vec<_> = fs::read_dir(folder.join("fuzz_targets"))
                .unwrap()
                .map(|file| file.unwrap().path())
                .map(|path| path.file_stem().unwrap().to_string_lossy().into_owned())
                .collect();
            programs.retain(|name| cfg!(feature = "curve") || !OF_CURVE.contains(&name.as_str()));
            programs.sort_unstable();
            assert_eq!(programs, targets);
            let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
            for target in targets {
                assert!(manifest.contains(&format!("name = \"{target}\"")), "{target}");
            }
        }
    };
}

/// Those that are there with the feature only.
const OF_CURVE: [&str; 3] = ["certificate", "curve", "keys"];

#[cfg(feature = "curve")]
replays!(
    certificate,
    command,
    connection,
    curve,
    datagram,
    decoder,
    encoder,
    endpoint,
    envelopes,
    handshake,
    keys,
    message,
    passes,
    socks,
    topics
);

#[cfg(not(feature = "curve"))]
replays!(
    command, connection, datagram, decoder, encoder, endpoint, envelopes, handshake, message,
    passes, socks, topics
);
