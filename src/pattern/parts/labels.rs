//! The byte strings at the nodes of a radix tree, in one flat arena.

use super::blocks::grow;

/// Bytes that may lie unused before they are collected, beside one a label and as many as are in use:
/// enough that a small tree never bothers.
const SPARE: usize = 4096;

/// More bytes than this cannot be numbered.
const MOST: usize = u32::MAX as usize;

/// Where a string lies. Labels of equal bytes may share them; see [`Labels::join`].
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Label {
    start: u32,
    len: u32,
}

#[derive(Debug, Default)]
pub(super) struct Labels {
    bytes: Vec<u8>,
    /// The sum of the lengths of all labels that were given out and not given back.
    used: usize,
}

impl Label {
    #[inline]
    pub(super) fn is_empty(self) -> bool {
        self.len == 0
    }
}

impl Labels {
    #[inline]
    pub(super) fn get(&self, label: Label) -> &[u8] {
        &self.bytes[label.start as usize..][..label.len as usize]
    }

    /// Whether a string of this length certainly can be put in.
    pub(super) fn has_space(&self, len: usize) -> bool {
        self.bytes.len().saturating_add(len) < MOST
    }

    pub(super) fn push(&mut self, string: &[u8]) -> Label {
        self.used += string.len();
        self.append(string)
    }

    fn append(&mut self, string: &[u8]) -> Label {
        let start = self.bytes.len() as u32;
        grow(&mut self.bytes, string.len());
        self.bytes.extend_from_slice(string);
        let len = string.len() as u32;
        Label { start, len }
    }

    /// Cuts a label in two, and takes the byte between them, at `at`, out.
    pub(super) fn split(&mut self, label: Label, at: usize) -> (Label, u8, Label) {
        let cut = label.start as usize + at;
        self.used -= 1;
        let upper = Label {
            start: label.start,
            len: at as u32,
        };
        let lower = Label {
            start: cut as u32 + 1,
            len: label.len - at as u32 - 1,
        };
        (upper, self.bytes[cut], lower)
    }

    /// Makes one label of two, with a byte between them. `None`: there is no space for it, and the two
    /// stay.
    pub(super) fn join(&mut self, upper: Label, first: u8, lower: Label) -> Option<Label> {
        let len = upper.len + 1 + lower.len;
        if !self.has_space(len as usize) {
            return None;
        }
        self.used += 1;
        let between = upper.start as usize + upper.len as usize;
        // Mostly they still stand in a row, from before they were split. An empty label lies anywhere, so
        // the byte between may be another label's; it is the right byte, and nothing overwrites it.
        if between + 1 == lower.start as usize && self.bytes[between] == first {
            let start = upper.start;
            return Some(Label { start, len });
        }
        let joined = [self.get(upper), &[first], self.get(lower)].concat();
        Some(self.append(&joined))
    }

    /// A label is no more.
    pub(super) fn free(&mut self, label: Label) {
        self.used -= label.len as usize;
    }

    /// Whether most of what is held is unused, when there are about `labels` of them: a pass over all of
    /// them, by [`collect`](Labels::collect), is then paid for by at least as many bytes that became unused
    /// since the last.
    pub(super) fn want_collecting(&self, labels: usize) -> bool {
        self.bytes.len() > 2 * self.used + labels + SPARE
    }

    /// Gives the memory of unused bytes back. To be given all labels that are there.
    pub(super) fn collect<'a>(&mut self, labels: impl Iterator<Item = &'a mut Label>) {
        let old = std::mem::take(self);
        self.bytes.reserve_exact(old.used);
        for label in labels {
            *label = self.push(old.get(*label));
        }
    }

    /// The heap bytes held, used or not.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn heap_bytes(&self) -> usize {
        self.bytes.capacity()
    }

    /// Bytes that labels have, those that they share counted for each, and bytes that are there.
    #[cfg(test)]
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.used, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_that_was_cut_is_joined_where_it_lies() {
        let mut labels = Labels::default();
        labels.push(b"other");
        let whole = labels.push(b"abcdef");
        for at in 0..6 {
            let (upper, first, lower) = labels.split(whole, at);
            let parts = (labels.get(upper), first, labels.get(lower));
            let text = &b"abcdef"[..];
            assert_eq!(parts, (&text[..at], text[at], &text[at + 1..]));
            assert_eq!(labels.counts(), (10, 11));
            let joined = labels.join(upper, first, lower).unwrap();
            assert_eq!(labels.get(joined), text);
            assert_eq!(labels.counts(), (11, 11));
        }
    }

    #[test]
    fn labels_that_lie_apart_are_copied_together() {
        let mut labels = Labels::default();
        let (lower, upper) = (labels.push(b"lower"), labels.push(b"upper"));
        let joined = labels.join(upper, b'-', lower).unwrap();
        assert_eq!(labels.get(joined), b"upper-lower");
        assert_eq!(labels.counts(), (11, 21));
    }

    #[test]
    fn unused_bytes_are_collected_once_they_are_the_most() {
        let mut labels = Labels::default();
        let mut stays = [
            labels.push(b"first"),
            Label::default(),
            labels.push(b"last"),
        ];
        while !labels.want_collecting(stays.len()) {
            let goes = labels.push(b"comes and goes");
            labels.free(goes);
        }
        labels.collect(stays.iter_mut());
        assert_eq!(
            stays.map(|label| labels.get(label)),
            [&b"first"[..], b"", b"last"]
        );
        assert_eq!((labels.counts(), labels.heap_bytes()), ((9, 9), 9));
    }
}
