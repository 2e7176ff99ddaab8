//! What a message takes in memory, and how to keep one that shares none.

use bytes::Bytes;

use super::frame::Frame;
use super::{Message, Received, Repr, FRAME};

impl Message {
    /// The only frame, if it is a shareable buffer.
    #[inline]
    pub(crate) fn shared(&self) -> Option<&Bytes> {
        match &self.repr {
            Repr::One(body) | Repr::Routed(body, _) | Repr::Grouped(body, _) => Some(body),
            _ => None,
        }
    }

    /// The bytes of memory that it takes: itself, what does not fit inside it, and for several frames
    /// that do not fit together a place for each. What high-water marks in bytes count.
    #[inline]
    pub(crate) fn memory(&self) -> usize {
        let beyond = match &self.repr {
            Repr::Blank | Repr::Inline { .. } => 0,
            Repr::One(body) | Repr::Routed(body, _) => body.len(),
            Repr::Grouped(body, group) => body.len() + group.len(),
            Repr::Many(frames) => frames.iter().map(|frame| FRAME + frame.len()).sum(),
            Repr::Received(it) => {
                size_of::<Received>() - size_of::<Message>() + it.message.memory()
            }
        };
        size_of::<Message>() + beyond
    }

    /// This message with its larger frames copied, so that none of them shares memory with anything.
    ///
    /// A frame of more than 69 bytes that was received may be a slice of the buffer of 64 KiB that it
    /// came in, or lie in a buffer of up to twice its size; the buffer stays as long as any of its
    /// frames. A socket lets at most 32 of the former out at a time, and copies what comes while
    /// they are out. A program that keeps messages of a stream for long, in a cache for instance,
    /// gets rid of that rest too by keeping copies. Costs an allocation and a copy for each frame
    /// that is not inside the message, whether it was shared or not.
    ///
    /// ```
    /// let buffer = bytes::Bytes::from(vec![7; 1000]);
    /// let message = sinew::Message::from(buffer.slice(..100));
    /// let kept = message.into_owned();
    /// assert_eq!(kept, buffer[..100]);
    /// assert!(buffer.is_unique());
    /// ```
    #[must_use = "the copy is what is returned"]
    pub fn into_owned(self) -> Message {
        match &self.repr {
            Repr::Blank | Repr::Inline { .. } => self,
            Repr::One(body) => Message::copy_from_slice(body),
            Repr::Routed(body, id) => Message {
                repr: Repr::Routed(Bytes::copy_from_slice(body), *id),
            },
            Repr::Grouped(body, group) => Message {
                repr: Repr::Grouped(Bytes::copy_from_slice(body), Bytes::copy_from_slice(group)),
            },
            Repr::Many(frames) => Message {
                repr: Repr::Many(frames.iter().map(|frame| Frame::from(&frame[..])).collect()),
            },
            Repr::Received(_) => self.map_received(Message::into_owned),
        }
    }
}

impl Clone for Repr {
    /// Programs clone in their innermost loops: there the copy of a small message belongs, and no more.
    #[inline]
    fn clone(&self) -> Repr {
        match self {
            Repr::Inline { frames, len, data } => Repr::Inline {
                frames: *frames,
                len: *len,
                data: *data,
            },
            larger => larger.share(),
        }
    }
}

impl Repr {
    #[inline(never)]
    fn share(&self) -> Repr {
        match self {
            Repr::Blank => Repr::Blank,
            Repr::Inline { frames, len, data } => Repr::Inline {
                frames: *frames,
                len: *len,
                data: *data,
            },
            Repr::One(body) => Repr::One(body.clone()),
            Repr::Routed(body, id) => Repr::Routed(body.clone(), *id),
            Repr::Grouped(body, group) => Repr::Grouped(body.clone(), group.clone()),
            Repr::Many(frames) => Repr::Many(frames.clone()),
            Repr::Received(it) => Repr::Received(it.clone()),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::message::INLINE;

    #[test]
    fn what_has_no_bytes_takes_memory_too() {
        assert_eq!(Message::new().memory(), 72);
        assert_eq!(Message::from(vec![1; INLINE]).memory(), 72);
        assert_eq!(Message::from(vec![1; 1000]).memory(), 1072);
        let empty: Message = (0..1000).map(|_| "").collect();
        assert_eq!(empty.memory(), 72 + 1000 * FRAME);
    }

    #[test]
    fn an_owned_message_is_the_same_and_shares_nothing() {
        let buffer = Bytes::from(vec![7; 1000]);
        let shared = [
            Message::from(buffer.slice(..70)),
            Message::from([buffer.slice(..70), buffer.slice(1..3), Bytes::new()]),
            Message::from("inline"),
            Message::new(),
        ];
        let owned = shared.clone().map(Message::into_owned);
        assert_eq!(owned, shared);
        drop(shared);
        assert!(buffer.is_unique());
        drop(owned);
    }
}
