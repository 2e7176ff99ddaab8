//! A fuzzer's bytes, read as a list of choices.

/// Sizes at which the library does something else: what fits inline, short frames, bodies by
/// reference, bodies with a buffer of their own, read buffers, the longest topic and command; each
/// with its neighbours.
const EDGES: [usize; 10] = [
    69, 255, 1024, 4096, 8192, 16_384, 32_768, 65_527, 65_536, 131_072,
];

/// Choices that are left. When there are none, each is the first one, or nothing.
pub(super) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    pub(super) fn new(data: &'a [u8]) -> Input<'a> {
        Input(data)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn byte(&mut self) -> u8 {
        let Some((&first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        first
    }

    pub(super) fn flag(&mut self) -> bool {
        self.byte() & 1 != 0
    }

    /// A number below `n`, which is at most 256.
    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::from(self.byte()) % n
    }

    pub(super) fn number(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    /// The next `n` bytes, or what is left.
    pub(super) fn take(&mut self, n: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(n.min(self.0.len()));
        self.0 = rest;
        taken
    }

    /// A size of a body or a read: mostly small, often near an edge, sometimes any.
    pub(super) fn size(&mut self) -> usize {
        match self.byte() {
            small @ 0..=127 => usize::from(small) % 80,
            edge @ 128..=239 => {
                let edge = usize::from(edge) - 128;
                EDGES[edge % EDGES.len()] - 2 + edge / EDGES.len() % 5
            }
            _ => self.number(),
        }
    }

    /// A body of such a size: a few bytes of choice, and then more of the same.
    pub(super) fn body(&mut self) -> Vec<u8> {
        let size = self.size();
        let mut body = self.take(size.min(4)).to_vec();
        body.resize(size, size as u8);
        body
    }
}
