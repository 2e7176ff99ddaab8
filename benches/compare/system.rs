//! What the bench asks of the system beyond the standard library: which processors a process may use, how many
//! descriptors, and a clock that two processes share.

/// The processors that this process may use. None where processes cannot be told to stay on one.
#[cfg(target_os = "linux")]
pub(crate) fn cpus() -> Vec<usize> {
    use rustix::thread::{sched_getaffinity, CpuSet};
    let allowed = sched_getaffinity(None).expect("our own processors");
    (0..CpuSet::MAX_CPU)
        .filter(|cpu| allowed.is_set(*cpu))
        .collect()
}

/// Keeps this thread, and all that it starts from now on, on one processor.
#[cfg(target_os = "linux")]
pub(crate) fn stay_on(cpu: usize) {
    use rustix::thread::{sched_setaffinity, CpuSet};
    let mut only = CpuSet::new();
    only.set(cpu);
    sched_setaffinity(None, &only).expect("a processor of ours");
}

/// How many descriptors a child may have: it raises its limit as far as the system lets it.
#[cfg(target_os = "linux")]
pub(crate) fn descriptors() -> u64 {
    use rustix::process::{getrlimit, Resource};
    getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX)
}

/// Nanoseconds of the clock that all processes share and nobody sets.
#[cfg(target_os = "linux")]
#[inline]
pub(crate) fn clock() -> u64 {
    use rustix::time::{clock_gettime, ClockId};
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn cpus() -> Vec<usize> {
    Vec::new()
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn stay_on(_: usize) {}

#[cfg(not(target_os = "linux"))]
pub(crate) fn descriptors() -> u64 {
    u64::MAX
}

/// The clock on the wall: nothing else is the same in two processes everywhere.
#[cfg(not(target_os = "linux"))]
pub(crate) fn clock() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.expect("a clock after 1970").as_nanos() as u64
}
