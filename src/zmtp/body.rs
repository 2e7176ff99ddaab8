//! The body of a large frame, on its way into a buffer of its own.

use std::sync::Arc;

use bytes::Bytes;

/// How much more than twice what has arrived a body may reserve, so that it starts with one
/// allocation worth reading into. As much as a read of a socket usually gives at most.
pub(super) const HEADROOM: usize = 64 * 1024;

/// The most that is reserved on trust, without the bytes being there.
pub(super) const MAX_TRUST: usize = 64 * 1024 * 1024;

/// Buffers that large bodies of earlier messages had, and that are used again.
///
/// Fresh memory for each costs its receiver more than the bytes do: the system gives it page by page.
pub(crate) trait BufferPool: std::fmt::Debug + Send + Sync {
    /// An empty buffer for a body of `size` bytes: a used one that is large enough and not much too
    /// large, or one without any memory.
    fn buffer_for(&self, size: usize) -> Vec<u8>;
    /// Makes a body of a buffer, which comes back when its last reference is gone.
    fn freeze(self: Arc<Self>, body: Vec<u8>) -> Bytes;
}

/// A large body on its way.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) buffer: Vec<u8>,
    /// Invariant: `buffer.len() <= size`.
    pub(super) size: usize,
    pub(super) more: bool,
    pub(super) command: bool,
    /// The buffer is of the pool, and goes back there.
    pub(super) pooled: bool,
}

impl Body {
    pub(super) fn missing(&self) -> usize {
        self.size.saturating_sub(self.buffer.len())
    }

    /// Takes what belongs to this body off the start of `input`, and gives the rest.
    pub(super) fn take<'a>(&mut self, trust: usize, input: &'a [u8]) -> &'a [u8] {
        let here = self.missing().min(input.len());
        let (ours, rest) = input.split_at_checked(here).unwrap_or_default();
        if self.buffer.capacity() - self.buffer.len() < here {
            self.grow(trust, here);
        }
        self.buffer.extend_from_slice(ours);
        rest
    }

    /// Makes room for `coming` more bytes at least, and for what the peer may have on credit.
    pub(super) fn grow(&mut self, trust: usize, coming: usize) {
        let arrived = self.buffer.len().saturating_add(coming);
        let credit = arrived.saturating_mul(2).saturating_add(HEADROOM);
        let trust = trust
            .checked_next_power_of_two()
            .unwrap_or(MAX_TRUST)
            .min(MAX_TRUST);
        let capacity = credit.max(trust).min(self.size).max(arrived);
        // Exact, so that a full body needs no shrinking to become `Bytes`.
        self.buffer
            .reserve_exact(capacity.saturating_sub(self.buffer.len()));
    }
}

/// Where the next bytes of the connection belong, see [`Decoder::body_gap`](super::decoder::Decoder::body_gap).
#[derive(Debug)]
pub(crate) struct BodyGap<'a> {
    /// To be appended to, within its spare capacity, by at most `missing` bytes.
    pub(crate) buffer: &'a mut Vec<u8>,
    /// At least one.
    pub(crate) missing: usize,
}

impl<'a> BodyGap<'a> {
    /// The gap in a body that is being received on its own. `None`: it is whole.
    pub(super) fn of(body: &'a mut Body, trust: usize) -> Option<BodyGap<'a>> {
        let missing = body.missing();
        if missing == 0 {
            return None;
        }
        if body.buffer.len() == body.buffer.capacity() {
            body.grow(trust, 1);
        }
        Some(BodyGap {
            buffer: &mut body.buffer,
            missing,
        })
    }
}
