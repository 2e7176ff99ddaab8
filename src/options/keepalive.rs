//! [`KeepAlive`]: what the system does to find out whether a TCP peer is still there.

use std::time::Duration;

/// MAX_TCP_KEEPIDLE and MAX_TCP_KEEPINTVL of Linux.
const LONGEST_KEEPALIVE: Duration = Duration::from_secs(32_767);

/// MAX_TCP_KEEPCNT of Linux.
const MOST_KEEPALIVE_RETRIES: u32 = 127;

/// TCP keep-alive settings; every field left alone means what the system does.
///
/// ```
/// use std::time::Duration;
/// let keepalive = sinew::KeepAlive::on().idle(Duration::from_secs(60));
/// assert_eq!(keepalive.enabled, Some(true));
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct KeepAlive {
    /// Whether probes are sent at all (SO_KEEPALIVE). Default: what the system does.
    pub enabled: Option<bool>,
    /// Quiet time before the first probe (TCP_KEEPIDLE): 1 to 32,767 seconds, rounded up to whole
    /// ones. Without effect unless `enabled` is `Some(true)`, like the other two.
    pub idle: Option<Duration>,
    /// Pause between two probes (TCP_KEEPINTVL): 1 to 32,767 seconds, rounded up to whole ones.
    pub interval: Option<Duration>,
    /// Unanswered probes before the connection is given up (TCP_KEEPCNT): 1 to 127.
    pub retries: Option<u32>,
}

impl KeepAlive {
    /// Keep-alive on, with the system's times.
    pub fn on() -> KeepAlive {
        KeepAlive {
            enabled: Some(true),
            ..KeepAlive::default()
        }
    }

    /// Keep-alive off.
    pub fn off() -> KeepAlive {
        KeepAlive {
            enabled: Some(false),
            ..KeepAlive::default()
        }
    }

    /// Sets the quiet time before the first probe.
    #[must_use = "the setting is in what is returned"]
    pub fn idle(mut self, idle: Duration) -> KeepAlive {
        self.idle = Some(idle);
        self
    }

    /// Sets the pause between two probes.
    #[must_use = "the setting is in what is returned"]
    pub fn interval(mut self, interval: Duration) -> KeepAlive {
        self.interval = Some(interval);
        self
    }

    /// What systems refuse, in words. The bounds are Linux's, the narrowest of those we know.
    pub(super) fn fault(&self) -> Option<String> {
        for (name, time) in [("idle", self.idle), ("interval", self.interval)] {
            if time.is_some_and(|time| time.is_zero() || time > LONGEST_KEEPALIVE) {
                return Some(format!(
                    "the {name} of tcp_keepalive is {:?}; use 1 to {} seconds, or leave it out",
                    time.unwrap_or_default(),
                    LONGEST_KEEPALIVE.as_secs()
                ));
            }
        }
        let retries = self.retries?;
        if (1..=MOST_KEEPALIVE_RETRIES).contains(&retries) {
            return None;
        }
        Some(format!(
            "the retries of tcp_keepalive are {retries}; use 1 to {MOST_KEEPALIVE_RETRIES}, or leave \
             them out"
        ))
    }

    /// Sets how many probes go unanswered before the connection is given up.
    #[must_use = "the setting is in what is returned"]
    pub fn retries(mut self, retries: u32) -> KeepAlive {
        self.retries = Some(retries);
        self
    }
}
