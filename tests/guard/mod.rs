//! How long the tests wait for what must come.

use std::time::Duration;

/// Nothing that must come takes this long, not even on a machine whose processors are all busy with
/// other things; a test that hangs fails instead. No test asserts that anything is faster.
pub(crate) const SOON: Duration = Duration::from_secs(60);
