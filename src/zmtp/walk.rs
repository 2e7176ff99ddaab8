//! Where in encoded frames one message ends and the next begins.

use super::frame::Header;
use super::rope::{Cursor, Rope};

/// A position in a rope of frames that steps from one message, command or subscription to the next, by
/// reading the frame headers again: counting what a partial write has finished needs no record per
/// message while all goes well.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Walk {
    pub(super) at: Cursor,
    /// Bytes that lie behind.
    pub(super) bytes: usize,
    /// Subscriptions that lie behind.
    subscriptions: usize,
}

/// What a walk stepped over.
pub(super) struct Unit {
    pub(super) start: Cursor,
    pub(super) is_message: bool,
}

impl Walk {
    /// Steps over the next unit; `None` at the end. `subscriptions`: where among the copied bytes those message
    /// frames begin that are no messages, ascending.
    pub(super) fn step(&mut self, rope: &Rope, subscriptions: &[usize]) -> Option<Unit> {
        let mut unit = Unit {
            start: self.at,
            is_message: true,
        };
        if subscriptions.get(self.subscriptions) == Some(&self.at.buffer) {
            self.subscriptions += 1;
            unit.is_message = false;
        }
        loop {
            let header = self.step_frame(rope)?;
            unit.is_message &= !header.command;
            if !header.more {
                return Some(unit);
            }
        }
    }

    /// Gives each frame of the next unit to `visit`.
    pub(super) fn visit_frames(mut self, rope: &Rope, mut visit: impl FnMut(&[u8])) {
        loop {
            let start = self;
            let Some(header) = self.step_frame(rope) else {
                return;
            };
            let at = rope.after(start.at, header.len);
            // Copied or by reference, a body lies in one place.
            let size = self.bytes - start.bytes - header.len;
            let body = rope.piece(at).and_then(|it| it.bytes.get(..size));
            visit(body.unwrap_or_default());
            if !header.more {
                return;
            }
        }
    }

    /// Steps over one frame. Ropes hold whole frames that this side wrote, so it only fails at the end.
    pub(super) fn step_frame(&mut self, rope: &Rope) -> Option<Header> {
        let header = Header::parse(rope.copied_behind(self.at)?).ok()??;
        let size = usize::try_from(header.size).ok()?;
        self.at = rope.behind_frame(self.at, header.len, size);
        self.bytes += header.len + size;
        Some(header)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::frame::{put_header, COMMAND, MORE};
    use bytes::Bytes;

    /// A subscription as a message, a message of three frames, one of them by reference and one empty, a
    /// command, and a message of one.
    fn rope() -> Rope {
        let mut rope = Rope::default();
        let frames = [
            (0, "\u{1}topic"),
            (MORE, "a"),
            (MORE, "by reference"),
            (0, ""),
            (COMMAND, "\u{4}PING"),
            (0, "last"),
        ];
        for (flags, body) in frames {
            put_header(rope.buffer(), flags, body.len());
            match body {
                "by reference" => rope.splice(Bytes::from_static(body.as_bytes())),
                _ => rope.buffer().extend_from_slice(body.as_bytes()),
            }
        }
        rope
    }

    #[test]
    fn it_stops_behind_each_unit_and_tells_messages_from_the_rest() {
        let rope = rope();
        let mut walk = Walk::default();
        let mut seen = Vec::new();
        loop {
            let mut frames = Vec::new();
            walk.visit_frames(&rope, |body| frames.push(body.to_vec()));
            let Some(unit) = walk.step(&rope, &[0]) else {
                break;
            };
            seen.push((walk.bytes, unit.is_message, frames.concat()));
        }
        let expected = [
            (8, false, &b"\x01topic"[..]),
            (27, true, b"aby reference"),
            (34, false, b"\x04PING"),
            (40, true, b"last"),
        ];
        let expected = expected.map(|(end, message, body)| (end, message, body.to_vec()));
        assert_eq!(seen, expected);
        assert_eq!(walk.bytes, rope.bytes());
    }
}
