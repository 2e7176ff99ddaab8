//! Several small frames inside the message itself: each is one length byte and its bytes.

use super::frame::Frame;
use super::{Message, Repr, INLINE};

impl Message {
    /// [`first`](Message::first) of what is neither one inline frame nor one plain buffer.
    #[inline(never)]
    pub(super) fn first_of_uncommon(&self) -> &[u8] {
        self.frames().next().unwrap_or_default()
    }

    /// The inline frames, to be changed; there is at least one.
    fn inline_mut(&mut self) -> Option<(&mut u8, &mut u8, &mut [u8; INLINE])> {
        match &mut self.repr {
            Repr::Inline { frames, len, data } => Some((frames, len, data)),
            _ => None,
        }
    }

    /// Takes the first of several inline frames off, without making anything of it; false when there
    /// are not several.
    pub(super) fn skip_front(&mut self) -> bool {
        self.cut_front(|_| ()).is_some()
    }

    /// Takes the first of several inline frames off.
    pub(super) fn unpack_front(&mut self) -> Option<Frame> {
        self.cut_front(|first| Frame::from(first))
    }

    fn cut_front<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let (frames, len, data) = self.inline_mut()?;
        let (packed, _) = data.split_at_checked(usize::from(*len))?;
        let (size, rest) = packed.split_first()?;
        let (first, rest) = rest.split_at_checked(usize::from(*size))?;
        let first = take(first);
        // A frame that is alone stands without its length.
        let gone = packed.len() - rest.len() + usize::from(*frames == 2);
        data.copy_within(gone..usize::from(*len), 0);
        *frames -= 1;
        // Cannot cut: it is less than `len` was.
        *len -= gone as u8;
        Some(first)
    }

    /// Packs one more frame behind the inline ones; false when it does not fit.
    pub(super) fn pack_back(&mut self, frame: &[u8]) -> bool {
        let Some((frames, len, data)) = self.inline_mut() else {
            return false;
        };
        let used = usize::from(*len);
        // Going from one frame to two, the first one gets its length byte too.
        let first = usize::from(*frames == 1);
        let total = used + first + 1 + frame.len();
        if total > INLINE {
            return false;
        }
        if first == 1 {
            data.copy_within(..used, 1);
            data[0] = *len;
        }
        let at = used + first;
        data[at] = frame.len() as u8;
        data[at + 1..total].copy_from_slice(frame);
        *frames += 1;
        *len = total as u8;
        true
    }

    /// Packs one more frame before the inline ones; false when it does not fit.
    pub(super) fn pack_front(&mut self, frame: &[u8]) -> bool {
        let Some((frames, len, data)) = self.inline_mut() else {
            return false;
        };
        let used = usize::from(*len);
        let first = usize::from(*frames == 1);
        let ahead = 1 + frame.len() + first;
        let total = used + ahead;
        if total > INLINE {
            return false;
        }
        data.copy_within(..used, ahead);
        if first == 1 {
            data[ahead - 1] = *len;
        }
        data[0] = frame.len() as u8;
        data[1..1 + frame.len()].copy_from_slice(frame);
        *frames += 1;
        *len = total as u8;
        true
    }
}
