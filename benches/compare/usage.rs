//! What a process has cost so far, from `/proc`: CPU time, voluntary context switches, resident memory.
//! Where there is no `/proc`, everything is zero.

use std::fs;
use std::ops::Sub;

use crate::child::Metrics;

#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Usage {
    cpu_seconds: f64,
    switches: f64,
}

impl Usage {
    /// Of all threads of this process.
    pub(crate) fn now() -> Usage {
        let mut usage = Usage::default();
        let Ok(threads) = fs::read_dir("/proc/self/task") else {
            return usage;
        };
        for thread in threads.flatten() {
            let read = |name| fs::read_to_string(thread.path().join(name)).unwrap_or_default();
            // Nanoseconds on a CPU, before the time spent waiting for one.
            let on_cpu = read("schedstat");
            let nanoseconds = on_cpu.split(' ').next().and_then(|word| word.parse().ok());
            usage.cpu_seconds += nanoseconds.unwrap_or(0.0) / 1e9;
            usage.switches += field(&read("status"), "voluntary_ctxt_switches");
        }
        usage
    }

    /// What `count` messages or round trips cost each, as metrics with this prefix.
    pub(crate) fn per(self, count: u64, who: &str, metrics: &mut Metrics) {
        let count = count.max(1) as f64;
        metrics.set(&format!("{who}_cpu_seconds"), self.cpu_seconds);
        metrics.set(&format!("{who}_switches"), self.switches);
        metrics.set(
            &format!("{who}_cpu_us_each"),
            self.cpu_seconds * 1e6 / count,
        );
        metrics.set(&format!("{who}_switches_each"), self.switches / count);
    }
}

impl Sub for Usage {
    type Output = Usage;

    fn sub(self, before: Usage) -> Usage {
        Usage {
            cpu_seconds: self.cpu_seconds - before.cpu_seconds,
            switches: self.switches - before.switches,
        }
    }
}

/// Resident memory of this process, in bytes.
pub(crate) fn resident_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    field(&status, "VmRSS") * 1024.0
}

fn field(status: &str, name: &str) -> f64 {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let word = line.and_then(|line| line.split_whitespace().next());
    word.and_then(|word| word.parse().ok()).unwrap_or(0.0)
}
