//! Read buffers: where bytes wait to be decoded, and where the bodies of a stream stay.
//!
//! A [`ReadBuffer`] comes from its socket's [`Pool`] and goes back there when it is dropped. One that
//! was read full of bodies worth sharing becomes [`Bytes`]: messages are then slices of it, and it
//! goes back when the last of them is gone. The buffers of bodies that are larger than that go the
//! same way.

use std::sync::Arc;

use bytes::Bytes;

use crate::sync::Mutex;
use crate::tuning;
use crate::zmtp::body::BufferPool;
use crate::zmtp::decoder::MIN_READ_BUFFER;

/// The read buffers of one socket that are not in use.
#[derive(Debug)]
pub(crate) struct Pool {
    free: Mutex<Free>,
}

#[derive(Debug)]
struct Free {
    buffers: Vec<Box<[u8]>>,
    /// How many are kept.
    most: usize,
    /// Buffers that messages have slices of. Invariant: at most `STREAM_BUFFERS`.
    shared: usize,
    /// Of large bodies, and the bytes they hold together.
    bodies: Vec<Vec<u8>>,
    body_bytes: usize,
    /// The most bytes of them that are kept.
    most_body_bytes: usize,
}

impl Pool {
    pub(crate) fn new() -> Arc<Pool> {
        Arc::new(Pool {
            free: Mutex::new(Free {
                buffers: Vec::new(),
                most: tuning::SPARE_BUFFERS,
                shared: 0,
                bodies: Vec::new(),
                body_bytes: 0,
                most_body_bytes: 0,
            }),
        })
    }

    /// An empty buffer.
    pub(crate) fn take(self: &Arc<Pool>) -> ReadBuffer {
        // The decoder leaves up to `MIN_READ_BUFFER` behind, and must be given more than that.
        const { assert!(tuning::READ_BUFFER > MIN_READ_BUFFER) };
        let spare = self.free.lock().buffers.pop();
        ReadBuffer {
            data: spare.unwrap_or_else(|| vec![0; tuning::READ_BUFFER].into_boxed_slice()),
            start: 0,
            end: 0,
            shared: false,
            pool: Arc::clone(self),
        }
    }

    /// A buffer is about to go out with messages: as many as a stream has under way are kept when
    /// they come back, until [`trim`](Pool::trim). False: that number is out already.
    ///
    /// A program that receives as fast as it is sent to has a few out. One that keeps messages, in
    /// its hands or in a long inbox, gets its next ones as copies, so that what it keeps is all it
    /// holds, but for these few buffers.
    fn let_out(&self) -> bool {
        let mut free = self.free.lock();
        free.most = tuning::STREAM_BUFFERS;
        let room = free.shared < tuning::STREAM_BUFFERS;
        free.shared += usize::from(room);
        room
    }

    /// The stream is over: gives memory back, now and when more buffers return.
    pub(crate) fn trim(&self) {
        let mut free = self.free.lock();
        free.most = tuning::SPARE_BUFFERS;
        free.buffers.truncate(tuning::SPARE_BUFFERS);
        free.buffers.shrink_to_fit();
        (free.most_body_bytes, free.body_bytes) = (0, 0);
        free.bodies = Vec::new();
    }

    fn give_back(&self, buffer: Box<[u8]>, shared: bool) {
        let mut free = self.free.lock();
        free.shared -= usize::from(shared);
        if free.buffers.len() < free.most {
            free.buffers.push(buffer);
        }
    }
}

impl BufferPool for Pool {
    fn buffer_for(&self, size: usize) -> Vec<u8> {
        let mut free = self.free.lock();
        free.most_body_bytes = tuning::STREAM_BODIES;
        // At most half of it is wasted.
        let fits = |body: &Vec<u8>| body.capacity() >= size && body.capacity() / 2 <= size;
        // The one that came back last is still in the processor's cache.
        match free.bodies.iter().rposition(fits) {
            Some(at) => {
                let body = free.bodies.swap_remove(at);
                free.body_bytes -= body.capacity();
                body
            }
            None => Vec::new(),
        }
    }

    fn freeze(self: Arc<Pool>, body: Vec<u8>) -> Bytes {
        Bytes::from_owner(Body { body, pool: self })
    }
}

/// A body that messages share, and where its buffer goes after them.
struct Body {
    body: Vec<u8>,
    pool: Arc<Pool>,
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let mut body = std::mem::take(&mut self.body);
        body.clear();
        let mut free = self.pool.free.lock();
        let bytes = free.body_bytes + body.capacity();
        if bytes <= free.most_body_bytes {
            free.body_bytes = bytes;
            free.bodies.push(body);
        }
    }
}

/// Bytes read and not yet decoded: `data[start..end]`.
#[derive(Debug)]
pub(crate) struct ReadBuffer {
    data: Box<[u8]>,
    /// Invariant: `start <= end <= data.len()`.
    start: usize,
    end: usize,
    /// Counted as out with messages.
    shared: bool,
    pool: Arc<Pool>,
}

impl ReadBuffer {
    pub(crate) fn bytes(&self) -> &[u8] {
        self.data.get(self.start..self.end).unwrap_or_default()
    }

    pub(crate) fn consume(&mut self, bytes: usize) {
        self.start = self.start.saturating_add(bytes).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// The free part, after making it as large as it gets.
    pub(crate) fn free(&mut self) -> &mut [u8] {
        if self.start > 0 {
            self.data.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        self.data.get_mut(self.end..).unwrap_or_default()
    }

    /// A number of bytes were read into the free part.
    pub(crate) fn filled(&mut self, bytes: usize) {
        self.end = self.end.saturating_add(bytes).min(self.data.len());
    }

    /// Starts with a copy of what an earlier buffer had left, which is less than fits.
    pub(crate) fn refill(&mut self, rest: &[u8]) {
        if let Some(space) = self.data.get_mut(..rest.len()) {
            space.copy_from_slice(rest);
            (self.start, self.end) = (0, rest.len());
        }
    }

    /// Whether enough of it is full that messages may keep it: all of them together never hold
    /// more than a few times their own size.
    pub(crate) fn is_worth_sharing(&self) -> bool {
        self.end - self.start >= tuning::READ_BUFFER / 4
    }

    /// What is not yet decoded, to be shared; this buffer again, when messages keep too many.
    pub(crate) fn share(mut self) -> Result<Bytes, ReadBuffer> {
        self.shared = self.pool.let_out();
        if self.shared {
            Ok(Bytes::from_owner(self))
        } else {
            Err(self)
        }
    }
}

impl AsRef<[u8]> for ReadBuffer {
    fn as_ref(&self) -> &[u8] {
        self.bytes()
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        let data = std::mem::take(&mut self.data);
        self.pool.give_back(data, self.shared);
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn filled(pool: &Arc<Pool>, bytes: usize) -> ReadBuffer {
        let mut buffer = pool.take();
        buffer.free()[..bytes].fill(7);
        buffer.filled(bytes);
        buffer
    }

    fn spare(pool: &Pool) -> usize {
        pool.free.lock().buffers.len()
    }

    #[test]
    fn a_shared_buffer_comes_back_with_the_last_of_its_slices() {
        let pool = Pool::new();
        let mut buffer = filled(&pool, 40_000);
        assert!(buffer.is_worth_sharing());
        buffer.consume(10);
        let shared = buffer.share().unwrap();
        assert_eq!(shared.len(), 39_990);
        let slice = shared.slice(100..200);
        drop(shared);
        assert_eq!(spare(&pool), 0);
        assert_eq!(slice[..], [7; 100]);
        drop(slice);
        assert_eq!(spare(&pool), 1);
    }

    /// The worst that a program can do: keep the smallest body that shares, of every buffer.
    #[test]
    fn what_messages_keep_of_buffers_is_bounded_whatever_is_kept() {
        let pool = Pool::new();
        let mut kept = Vec::new();
        for _ in 0..1000 {
            match filled(&pool, tuning::READ_BUFFER).share() {
                Ok(shared) => kept.push(shared.slice(..70)),
                Err(buffer) => assert_eq!(buffer.bytes().len(), tuning::READ_BUFFER),
            }
        }
        assert_eq!(kept.len(), tuning::STREAM_BUFFERS);
        // One that is let go makes room for one.
        kept.pop();
        assert!(filled(&pool, 20_000).share().is_ok());
    }

    #[test]
    fn what_a_stream_needed_is_given_back_after_it() {
        let pool = Pool::new();
        let out: Vec<_> = (0..100).map(|_| filled(&pool, 20_000).share()).collect();
        drop(out);
        assert_eq!(spare(&pool), tuning::STREAM_BUFFERS);
        assert_eq!(pool.free.lock().shared, 0);
        let late: Vec<_> = (0..10).map(|_| filled(&pool, 20_000).share()).collect();
        pool.trim();
        assert_eq!(spare(&pool), tuning::SPARE_BUFFERS);
        drop(late);
        assert_eq!(spare(&pool), tuning::SPARE_BUFFERS);
    }

    #[test]
    fn the_buffers_of_large_bodies_are_used_again_while_the_stream_goes_on() {
        let pool = Pool::new();
        let stock = || Arc::clone(&pool);
        let mut body = stock().buffer_for(100_000);
        assert_eq!(body.capacity(), 0);
        body.resize(100_000, 7);
        let at = body.as_ptr();
        let bytes = stock().freeze(body);
        assert_eq!(bytes.as_ptr(), at);
        drop(bytes);
        assert_eq!(stock().buffer_for(40_000).capacity(), 0, "much too large");
        assert_eq!(stock().buffer_for(200_000).capacity(), 0, "too small");
        let body = stock().buffer_for(90_000);
        assert_eq!((body.as_ptr(), body.len()), (at, 0));
        let late = stock().freeze(body);
        pool.trim();
        drop(late);
        assert_eq!(stock().buffer_for(90_000).capacity(), 0, "given back");
    }

    #[test]
    fn the_buffer_that_came_back_last_is_used_first() {
        let pool = Pool::new();
        assert!(pool.buffer_for(1).is_empty());
        let bodies: Vec<_> = (0..3).map(|n| vec![n; 100_000]).collect();
        let at: Vec<_> = bodies.iter().map(|body| body.as_ptr()).collect();
        for body in bodies {
            drop(Arc::clone(&pool).freeze(body));
        }
        for expected in at.into_iter().rev() {
            let body = pool.buffer_for(100_000);
            assert_eq!(body.as_ptr(), expected);
        }
    }

    #[test]
    fn no_more_of_large_bodies_is_kept_than_a_stream_needs() {
        let pool = Pool::new();
        assert!(pool.buffer_for(1).is_empty());
        let all: Vec<_> = (0..9)
            .map(|_| Arc::clone(&pool).freeze(Vec::with_capacity(tuning::STREAM_BODIES / 4)))
            .collect();
        drop(all);
        assert_eq!(pool.free.lock().body_bytes, tuning::STREAM_BODIES);
    }

    #[test]
    fn a_buffer_that_is_hardly_used_is_not_shared() {
        let pool = Pool::new();
        assert!(!filled(&pool, tuning::READ_BUFFER / 4 - 1).is_worth_sharing());
        assert!(filled(&pool, tuning::READ_BUFFER / 4).is_worth_sharing());
    }
}
