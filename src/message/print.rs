//! A message for a human.

use std::fmt;

use super::shown::show_frames;
use super::Message;

impl fmt::Display for Message {
    /// The frames with `|` between them: text as it is, other bytes escaped, cut to a readable
    /// length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show_frames(f, self.frames(), " | ", fmt::Display::fmt)
    }
}

impl fmt::Debug for Message {
    /// The frames in quotes, escaped, and cut to a readable length.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Message[")?;
        show_frames(f, self.frames(), ", ", fmt::Debug::fmt)?;
        f.write_str("]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printing_is_readable_and_bounded() {
        let large = Message::from(vec![b'x'; 1_000_000]);
        assert!(format!("{large:?}").len() < 200);
        assert!(large.to_string().len() < 200);
        let many: Message = (0..100_000).map(|n| n.to_string()).collect();
        assert!(format!("{many:?}").len() < 200);
        assert!(many.to_string().len() < 200, "{many}");

        let message = Message::from(("naïve \"it's\"\n", [0u8, 0xff], ""));
        assert_eq!(message.to_string(), r#"naïve "it's"\n | \0\xff | "#);
        let quoted = r#"Message["naïve \"it's\"\n", "\0\xff", ""]"#;
        assert_eq!(format!("{message:?}"), quoted);
        // A letter of several bytes is not cut in two.
        let letters = Message::from("é".repeat(100));
        assert!(!letters.to_string().contains("\\x"), "{letters}");
        let letters = Message::from(format!("x{}", "é".repeat(100)));
        assert!(!letters.to_string().contains("\\x"), "{letters}");
    }
}
