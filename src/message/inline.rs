//! One small frame inside the message itself. What becomes of several: `pack`.

use bytes::Bytes;

use super::{Message, Repr, INLINE};

impl Message {
    /// A message of one frame holding a copy of `body`.
    ///
    /// Bodies of up to 69 bytes need no allocation.
    #[inline]
    pub fn copy_from_slice(body: &[u8]) -> Self {
        if body.len() <= INLINE {
            let mut data = [0; INLINE];
            copy_small(&mut data, body);
            // The cast cannot cut: INLINE fits a byte.
            Message {
                repr: Repr::Inline {
                    frames: 1,
                    len: body.len() as u8,
                    data,
                },
            }
        } else {
            Message {
                repr: Repr::One(Bytes::copy_from_slice(body)),
            }
        }
    }

    /// Makes this a message of a single frame: the first `size` bytes of `window`, or as much of them
    /// as fits.
    ///
    /// For the decoder, which writes messages where they stay. All of the window is copied, a few
    /// moves, where a copy of just `size` bytes is a call; what lies behind the frame is never
    /// looked at again.
    #[inline(always)]
    pub(crate) fn fill_from_window(&mut self, window: &[u8; INLINE], size: u8) {
        self.repr = Repr::Inline {
            frames: 1,
            // Cannot cut: INLINE fits a byte.
            len: size.min(INLINE as u8),
            data: *window,
        };
    }

    /// The only frame, if it lives inline: the whole inline space, and how much of that it is.
    #[inline]
    pub(crate) fn window(&self) -> Option<(&[u8; INLINE], u8)> {
        match &self.repr {
            Repr::Inline {
                frames: 1,
                len,
                data,
            } => Some((data, *len)),
            _ => None,
        }
    }
}

/// Copies a body that fits, most sizes in two moves that may overlap: a copy whose size the compiler
/// does not know is a call, which costs as much as all else that a small message needs.
#[inline]
fn copy_small(to: &mut [u8; INLINE], body: &[u8]) {
    match body.len() {
        8..=16 => copy_ends::<8>(to, body),
        17..=32 => copy_ends::<16>(to, body),
        33..=64 => copy_ends::<32>(to, body),
        size => to[..size].copy_from_slice(body),
    }
}

/// Copies a body of `N` to `2 * N` bytes.
#[inline]
fn copy_ends<const N: usize>(to: &mut [u8; INLINE], body: &[u8]) {
    if let (Some(first), Some(last)) = (body.first_chunk::<N>(), body.last_chunk::<N>()) {
        to[..N].copy_from_slice(first);
        to[body.len() - N..body.len()].copy_from_slice(last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_of_every_size_are_copied_whole() {
        let body: Vec<u8> = (1..=200).collect();
        for size in 0..=body.len() {
            let message = Message::copy_from_slice(&body[..size]);
            assert_eq!(message, body[..size]);
            assert_eq!(message.byte_len(), size);
        }
    }

    #[test]
    fn a_window_shows_the_only_frame_and_makes_the_same_message_again() {
        for size in 0..=INLINE {
            let body: Vec<u8> = (1..=size as u8).collect();
            let message = Message::copy_from_slice(&body);
            let (window, len) = message.window().unwrap();
            let mut again = Message::new();
            again.fill_from_window(window, len);
            assert_eq!(again, message);
        }
        let large = Message::from(vec![1; INLINE + 1]);
        let several = Message::from(["a", "b"]);
        assert!(large.window().is_none() && several.window().is_none());
    }
}
