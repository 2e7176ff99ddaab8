//! Numbers that tie an answer to its request.

/// The four bytes before the delimiter of a request.
pub(crate) type RequestId = [u8; 4];

/// Hands out request ids: a counter from a start that the caller drew at random, so that an answer
/// meant for an earlier life of this program is not taken for one of now.
#[derive(Debug)]
pub(crate) struct RequestIds {
    next: u32,
}

impl RequestIds {
    pub(crate) fn new(seed: u32) -> RequestIds {
        RequestIds { next: seed }
    }

    /// A number that is not given again for four billion requests. Its bytes mean nothing to the
    /// peer, which sends them back as they came.
    pub(crate) fn next(&mut self) -> RequestId {
        let id = self.next;
        self.next = id.wrapping_add(1);
        id.to_be_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_from_the_seed_and_wraps() {
        let mut ids = RequestIds::new(u32::MAX);
        assert_eq!(ids.next(), [0xff; 4]);
        assert_eq!(ids.next(), [0; 4]);
        assert_eq!(ids.next(), [0, 0, 0, 1]);
    }
}
