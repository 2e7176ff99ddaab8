//! A message is not what it was asked to be.

/// Why a message is not what it was asked to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConvertErrorKind {
    /// The message has another number of frames.
    #[error("the message has {}, not {expected}", count(.frames))]
    FrameCount {
        /// How many frames were asked for.
        expected: usize,
        /// How many there are.
        frames: usize,
    },
    /// There is no frame of that number.
    #[error("no frame {index}, counted from zero: the message has {}", count(.frames))]
    NoSuchFrame {
        /// The frame that was asked for, counted from zero.
        index: usize,
        /// How many there are.
        frames: usize,
    },
    /// The frame is not text.
    #[error("the frame is not UTF-8")]
    NotUtf8,
}

fn count(frames: &usize) -> String {
    match frames {
        1 => "1 frame".to_owned(),
        more => format!("{more} frames"),
    }
}
