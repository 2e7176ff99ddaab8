//! How many messages the last bytes of a connection were: what the system tells in bytes, a
//! `CloseReport` tells in messages.

/// Points that are kept. Each is 16 bytes, and they are only there once something was written.
///
/// Enough for all distances from that of a small message to the horizon: 18 bytes times 4/3 to the
/// fiftieth, and two points each.
const MOST: usize = 128;

/// When points have to go, no two become neighbours that are more than this part of their distance from
/// the end apart.
const SHARE: u64 = 3;

/// No system holds as much of one connection; what lies further back needs no points.
const HORIZON: u64 = 64 << 20;

/// What a connection has written so far, and how far it was at some earlier points.
///
/// The further back, the fewer points are kept: the distance between two of them stays a part of their
/// distance from the end, however much is written.
#[derive(Debug, Default)]
pub(crate) struct Progress {
    /// Ascending, at most [`MOST`], the last of them the newest.
    points: Vec<Point>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Point {
    /// Bytes written up to here.
    bytes: u64,
    /// Messages written to their last byte up to here.
    messages: u64,
}

impl Progress {
    /// To be told how far the connection is. A point that brings no new message is not worth keeping.
    pub(crate) fn reached(&mut self, bytes: u64, messages: u64) {
        if messages <= self.points.last().map_or(0, |last| last.messages) {
            return;
        }
        if self.points.len() == MOST {
            self.thin();
        }
        self.points.push(Point { bytes, messages });
    }

    /// Messages that were written.
    pub(crate) fn messages(&self) -> u64 {
        self.points.last().map_or(0, |last| last.messages)
    }

    /// At most how many of the messages lie, whole or in part, behind the first `bytes` bytes: never
    /// fewer than do, and more only by what lies between two points.
    pub(crate) fn messages_after(&self, bytes: u64) -> u64 {
        let behind = self.points.partition_point(|point| point.bytes <= bytes);
        let known = behind.checked_sub(1).and_then(|at| self.points.get(at));
        self.messages() - known.map_or(0, |point| point.messages)
    }

    /// Drops those points that stand closest together for their distance from the end.
    fn thin(&mut self) {
        let end = self.points.last().map_or(0, |last| last.bytes);
        let beyond = self
            .points
            .partition_point(|point| end - point.bytes > HORIZON);
        self.points.drain(..beyond.saturating_sub(1));
        let (mut kept, mut stay) = (0, 0);
        for at in 0..self.points.len() {
            let point = self.points[at];
            let close = self
                .points
                .get(at + 1)
                .is_some_and(|next| next.bytes - kept <= (end - next.bytes) / SHARE);
            if !close {
                kept = point.bytes;
                self.points[stay] = point;
                stay += 1;
            }
        }
        self.points.truncate(stay);
        if self.points.len() >= MOST {
            self.points.remove(0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_few_points_are_told_exactly() {
        let mut progress = Progress::default();
        assert_eq!(progress.messages_after(0), 0);
        // The greeting.
        progress.reached(64, 0);
        for n in 1..=40 {
            progress.reached(64 + n * 100, n);
        }
        assert_eq!(progress.messages(), 40);
        assert_eq!(progress.messages_after(0), 40);
        assert_eq!(progress.messages_after(64 + 99), 40);
        assert_eq!(progress.messages_after(64 + 100), 39);
        assert_eq!(progress.messages_after(64 + 3999), 1);
        assert_eq!(progress.messages_after(64 + 4000), 0);
    }

    proptest! {
        #[test]
        fn never_fewer_than_there_are_and_hardly_more(
            steps in prop::collection::vec((1..70_000u64, 1..50u64), 1..3000),
            share in 0.0..1.0f64,
        ) {
            let mut progress = Progress::default();
            let mut all = vec![Point::default()];
            for (bytes, messages) in steps {
                let last = all[all.len() - 1];
                let (bytes, messages) = (last.bytes + bytes, last.messages + messages);
                progress.reached(bytes, messages);
                all.push(Point { bytes, messages });
            }
            prop_assert!(progress.points.len() <= MOST);
            let end = all[all.len() - 1];
            let acknowledged = end.bytes - (HORIZON.min(end.bytes) as f64 * share) as u64;
            let exact = all[all.partition_point(|point| point.bytes <= acknowledged) - 1];
            let told = progress.messages_after(acknowledged);
            prop_assert!(told >= end.messages - exact.messages);
            let used = all.iter().find(|point| point.messages == end.messages - told).unwrap();
            let spare = (end.bytes - exact.bytes) / SHARE;
            prop_assert!(exact.bytes - used.bytes <= spare, "{used:?} for {exact:?} of {end:?}");
        }
    }
}
