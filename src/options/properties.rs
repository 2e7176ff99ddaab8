//! The properties that an application adds to what a socket says of itself (RFC 37, "Metadata"), and that it says
//! nothing of others.

use bytes::Bytes;

use super::Options;
use crate::message::Frame;

/// The most properties that a socket may have: of the 32 that a peer of this library takes, its type and
/// its routing id are two, and some are left for what mechanisms and transports may come to say.
const COUNT: usize = 24;

/// The most bytes that they may take in the command that tells them. A peer of this library takes a command of 8 KiB:
/// what is left is for its name, the type, the longest routing id, and what CURVE puts around them.
const BYTES: usize = 7 * 1024;

/// What one takes in a command beside name and value: the lengths of both (RFC 37, "Metadata").
const LENGTHS: usize = 1 + 4;

impl Options {
    /// A property to be announced to peers, such as `X-Role`; one of the same name is replaced.
    ///
    /// Adds to [`properties`](Options#structfield.properties).
    #[must_use = "the setting is in what is returned"]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Frame>) -> Self {
        let (name, value) = (name.into(), value.into());
        self.properties
            .retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        self.properties.push((name, Bytes::from(value)));
        self
    }

    /// The same, whose messages are no one's: a program may have received them.
    pub(crate) fn without_peers(mut self) -> Options {
        for message in [
            &mut self.hello_message,
            &mut self.disconnect_message,
            &mut self.hiccup_message,
            &mut self.welcome_message,
        ] {
            message.clear_peer();
        }
        self
    }
}

/// What is wrong with properties, in words.
pub(super) fn property_fault(properties: &[(String, Bytes)]) -> Option<String> {
    for (index, (name, _)) in properties.iter().enumerate() {
        if let Some(fault) = name_fault(name) {
            return Some(format!("the property {name:?} {fault}"));
        }
        let mut before = properties.iter().take(index);
        if before.any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Some(format!(
                "the property {name:?} is there twice; the case of a name has no meaning"
            ));
        }
    }
    if properties.len() > COUNT {
        let count = properties.len();
        return Some(format!("{count} properties; use at most {COUNT}"));
    }
    let sizes = properties
        .iter()
        .map(|(name, value)| LENGTHS + name.len() + value.len());
    let bytes: usize = sizes.sum();
    (bytes > BYTES)
        .then(|| format!("the properties take {bytes} bytes together; use at most {BYTES}"))
}

/// RFC 23 has the characters, RFC 37 the length, and that those for applications begin with `X-`.
fn name_fault(name: &str) -> Option<&'static str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    match name.strip_prefix("X-") {
        None => Some("does not begin with X-, as those of an application do"),
        Some("") => Some("has no name behind its X-"),
        _ if name.len() > 255 => Some("has a name of more than 255 bytes"),
        _ if !name.bytes().all(known) => {
            Some("has other characters in its name than A-Z, a-z, 0-9, -, _, . and +")
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(options: &Options) -> String {
        property_fault(&options.properties).expect("a fault")
    }

    #[test]
    fn a_property_of_the_same_name_in_any_case_is_replaced() {
        let options = Options::new()
            .property("X-Role", "one")
            .property("X-Other", vec![0, 255])
            .property("X-ROLE", "two");
        let expected = [
            ("X-Other".to_owned(), Bytes::from_static(&[0, 255])),
            ("X-ROLE".to_owned(), Bytes::from_static(b"two")),
        ];
        assert_eq!(options.properties, expected);
        assert_eq!(property_fault(&options.properties), None);
        // Those that were not put there by the setter.
        let mut twice = options;
        twice.properties.push(("X-other".into(), Bytes::new()));
        assert!(fault(&twice).contains("twice"));
    }

    #[test]
    fn names_have_the_form_that_the_standard_says() {
        let longest = format!("X-{}", "n".repeat(253));
        for name in ["X-a", "X-Az09-_.+", "X--", &longest] {
            let options = Options::new().property(name, "");
            assert_eq!(property_fault(&options.properties), None, "{name}");
        }
        let too_long = format!("{longest}n");
        for (name, what) in [
            ("", "begin with X-"),
            ("Role", "begin with X-"),
            ("Socket-Type", "begin with X-"),
            ("Identity", "begin with X-"),
            ("x-role", "begin with X-"),
            ("X", "begin with X-"),
            ("X-", "no name"),
            ("X-a b", "other characters"),
            ("X-a:b", "other characters"),
            ("X-\u{e9}", "other characters"),
            ("X-a\0", "other characters"),
            (&too_long, "more than 255"),
        ] {
            let text = fault(&Options::new().property(name, ""));
            assert!(text.contains(what), "{name}: {text}");
        }
    }

    #[test]
    fn count_and_size_have_bounds() {
        let number = |options: Options, n: usize| options.property(format!("X-{n:02}"), "");
        let most = (0..COUNT).fold(Options::new(), number);
        assert_eq!(property_fault(&most.properties), None);
        assert!(fault(&number(most, COUNT)).contains("25 properties"));

        let large = |size: usize| Options::new().property("X-n", vec![0; size]);
        let most = BYTES - 5 - 3;
        assert_eq!(property_fault(&large(most).properties), None);
        assert!(fault(&large(most + 1)).contains("7169 bytes"));
    }
}
