//! Bytes for a human: escaped, and cut, so that a log line stays one.

use std::fmt::{self, Write};

/// Bytes of one frame that are shown: as much as fits a line of a terminal beside the rest.
const BYTES: usize = 64;

/// Frames of one message that are shown.
const FRAMES: usize = 8;

/// One frame. `{}` shows text as it is and escapes what is no text or would move the cursor; `{:?}`
/// puts it in quotes.
pub(super) struct Shown<'a>(pub(super) &'a [u8]);

impl<'a> Shown<'a> {
    /// What is shown, cut where a character ends.
    fn head(&self) -> &'a [u8] {
        let mut end = self.0.len().min(BYTES);
        // A character has at most four bytes; those after the first begin with the bits 10.
        for _ in 0..3 {
            if self.0.get(end).is_some_and(|byte| byte & 0xc0 == 0x80) {
                end = end.saturating_sub(1);
            }
        }
        &self.0[..end]
    }

    fn escape(&self, f: &mut fmt::Formatter<'_>, quoted: bool) -> fmt::Result {
        for chunk in self.head().utf8_chunks() {
            for char in chunk.valid().chars() {
                match char {
                    '\'' => f.write_char(char)?,
                    '"' | '\\' if !quoted => f.write_char(char)?,
                    _ => write!(f, "{}", char.escape_debug())?,
                }
            }
            write!(f, "{}", chunk.invalid().escape_ascii())?;
        }
        Ok(())
    }

    fn say_size(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() > BYTES {
            write!(f, "... ({} bytes)", self.0.len())?;
        }
        Ok(())
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.escape(f, false)?;
        self.say_size(f)
    }
}

impl fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        self.escape(f, true)?;
        f.write_char('"')?;
        self.say_size(f)
    }
}

/// Shows the first frames, with `between` them, and how many there are if that is more.
pub(super) fn show_frames<'a>(
    f: &mut fmt::Formatter<'_>,
    frames: impl ExactSizeIterator<Item = &'a [u8]>,
    between: &str,
    show: impl Fn(&Shown<'a>, &mut fmt::Formatter<'_>) -> fmt::Result,
) -> fmt::Result {
    let count = frames.len();
    // Long frames leave less room for the others.
    let mut left = 2 * BYTES;
    for (index, frame) in frames.enumerate() {
        if index == FRAMES || left == 0 {
            return write!(f, "{between}... ({count} frames)");
        }
        if index > 0 {
            f.write_str(between)?;
        }
        left = left.saturating_sub(frame.len());
        show(&Shown(frame), f)?;
    }
    Ok(())
}
