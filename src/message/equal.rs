//! What a message and a frame are equal to, and their order.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::hash::{Hash, Hasher};

use bytes::Bytes;

use super::frame::Frame;
use super::Message;

impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len() && self.frames().eq(other.frames())
    }
}

impl Eq for Message {}

impl PartialEq<Frame> for Message {
    /// True for a message of just this frame.
    fn eq(&self, other: &Frame) -> bool {
        *self == **other
    }
}

impl PartialEq<Message> for Frame {
    fn eq(&self, other: &Message) -> bool {
        *other == *self
    }
}

impl PartialOrd for Message {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Message {
    /// Frame by frame, each by its bytes.
    fn cmp(&self, other: &Self) -> Ordering {
        self.frames().cmp(other.frames())
    }
}

impl Hash for Message {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_usize(self.len());
        for frame in self.frames() {
            frame.hash(state);
        }
    }
}

/// So that a map with frames for keys is asked with bytes.
impl Borrow<[u8]> for Frame {
    fn borrow(&self) -> &[u8] {
        self
    }
}

/// A message equals bytes or text when it has one frame with just these; so does a frame.
macro_rules! equals_bytes {
    ($([$($params:tt)*] $kind:ty),* $(,)?) => {$(
        impl<$($params)*> PartialEq<$kind> for Message {
            /// True for a message of one frame with these bytes.
            fn eq(&self, other: &$kind) -> bool {
                let bytes: &[u8] = other.as_ref();
                self.as_bytes() == Ok(bytes)
            }
        }

        impl<$($params)*> PartialEq<Message> for $kind {
            fn eq(&self, other: &Message) -> bool {
                *other == *self
            }
        }

        impl<$($params)*> PartialEq<$kind> for Frame {
            fn eq(&self, other: &$kind) -> bool {
                let bytes: &[u8] = other.as_ref();
                **self == *bytes
            }
        }

        impl<$($params)*> PartialEq<Frame> for $kind {
            fn eq(&self, other: &Frame) -> bool {
                *other == *self
            }
        }
    )*};
}

equals_bytes! {
    [] [u8],
    [] &[u8],
    [const N: usize] [u8; N],
    [const N: usize] &[u8; N],
    [] str,
    [] &str,
    [] String,
    [] Vec<u8>,
    [] Bytes,
}

/// A message equals an array when it has just these frames.
macro_rules! equals_frames {
    ($($kind:ty),*) => {$(
        impl<const N: usize> PartialEq<[$kind; N]> for Message {
            /// True for a message of just these frames.
            fn eq(&self, other: &[$kind; N]) -> bool {
                let others = other.iter().map(AsRef::<[u8]>::as_ref);
                self.len() == N && self.frames().eq(others)
            }
        }

        impl<const N: usize> PartialEq<Message> for [$kind; N] {
            fn eq(&self, other: &Message) -> bool {
                *other == *self
            }
        }
    )*};
}

equals_frames!(&str, &[u8], String, Vec<u8>, Bytes, Frame);

#[cfg(test)]
mod tests {
    use std::hash::DefaultHasher;

    use super::*;

    #[test]
    fn messages_and_frames_are_ordered_and_found_by_their_bytes() {
        let ordered = [
            Message::new(),
            Message::from(""),
            Message::from(["", "z"]),
            Message::from("a"),
            Message::from(["a", ""]),
            Message::from(vec![b'a'; 100]),
            Message::from("b"),
        ];
        assert!(ordered.is_sorted() && ordered.windows(2).all(|two| two[0] != two[1]));
        let (frame, alone) = (Frame::from("a"), Message::from("a"));
        assert_eq!(alone, frame);
        assert_eq!(frame, alone);
        assert_ne!(Message::from(["a", "b"]), frame);
        let seats = std::collections::HashMap::from([(Frame::from("topic"), 7)]);
        assert_eq!(seats.get(&b"topic"[..]), Some(&7));
    }

    #[test]
    fn equal_messages_hash_alike_however_they_are_stored() {
        fn hash(message: &Message) -> u64 {
            let mut hasher = DefaultHasher::new();
            message.hash(&mut hasher);
            hasher.finish()
        }
        let packed = Message::from(["a", "b"]);
        let mut popped = Message::from((vec![0; 100], "x", "a", "b"));
        popped.pop_front();
        popped.pop_front();
        assert_eq!(packed, popped);
        assert_eq!(hash(&packed), hash(&popped));
        // Where one frame ends counts.
        assert_ne!(hash(&packed), hash(&Message::from("ab")));
    }
}
