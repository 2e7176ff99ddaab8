//! Commands: what peers say to each other outside of messages (RFC 37, "Commands").

use bytes::Bytes;

use super::error::{peer_text, ProtocolError};
use super::frame::{self, COMMAND};
use crate::tuning;

/// The largest command that is accepted after the handshake.
///
/// Only topics make commands long, so it is the longest topic behind the longest name that goes
/// before one: what `subscribe` accepts must not be refused here. Without a bound a peer could hold
/// any amount of memory, because the limit on messages does not apply.
pub(crate) const MAX_SIZE: usize = 1 + "SUBSCRIBE".len() + tuning::MAX_TOPIC;

/// The most properties that a READY command may have.
///
/// A peer says its type and its identity, and an application adds a handful. Each costs some ninety
/// bytes beyond its text, of which 8 KiB of commands could otherwise bring more than a thousand.
const MAX_PROPERTIES: usize = 32;

/// How a peer wants to hear of subscriptions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SubscriptionForm {
    /// As SUBSCRIBE and CANCEL commands: ZMTP 3.1.
    Command,
    /// As messages, 1 or 0 before the topic: ZMTP 3.0.
    Message,
    /// As JOIN and LEAVE commands, to a RADIO.
    Group,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    Ready(Properties),
    Error(String),
    Subscribe(Bytes),
    Cancel(Bytes),
    /// A DISH joins a group (RFC 48).
    Join(Bytes),
    Leave(Bytes),
    Ping {
        /// Tenths of a second after which the sender wants to be given up; 0 is never.
        ttl: u16,
        context: PingContext,
    },
    Pong {
        context: PingContext,
    },
    /// To be ignored: later versions may add commands.
    Unknown(String),
}

/// Properties of a READY command, names as the peer wrote them.
pub(crate) type Properties = Vec<(String, Bytes)>;

/// What a PING carries and its PONG returns: at most 16 bytes (RFC 37, "Heartbeating").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PingContext {
    /// Invariant: at most `MAX`.
    len: u8,
    data: [u8; PingContext::MAX],
}

impl PingContext {
    pub(crate) const MAX: usize = 16;

    /// `None` when `bytes` are more than a context may have.
    pub(crate) fn new(bytes: &[u8]) -> Option<PingContext> {
        let mut data = [0; Self::MAX];
        data.get_mut(..bytes.len())?.copy_from_slice(bytes);
        // The cast cannot cut: the line above ends here for more than 16 bytes.
        let len = bytes.len() as u8;
        Some(PingContext { len, data })
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        self.data.get(..usize::from(self.len)).unwrap_or_default()
    }
}

impl Command {
    /// Reads the body of a command frame.
    pub(crate) fn parse(body: &[u8]) -> Result<Command, ProtocolError> {
        let (name, data) = split_name(body)?;
        match name {
            b"READY" => parse_metadata("READY", data).map(Command::Ready),
            b"ERROR" => parse_error(data).map(Command::Error),
            b"SUBSCRIBE" => Ok(Command::Subscribe(Bytes::copy_from_slice(data))),
            b"CANCEL" => Ok(Command::Cancel(Bytes::copy_from_slice(data))),
            b"JOIN" => Ok(Command::Join(Bytes::copy_from_slice(data))),
            b"LEAVE" => Ok(Command::Leave(Bytes::copy_from_slice(data))),
            b"PING" => parse_ping(data),
            b"PONG" => parse_context("PONG", data).map(|context| Command::Pong { context }),
            _ => Ok(Command::Unknown(peer_text(name))),
        }
    }

    /// Writes the whole command frame.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Command::Ready(properties) => {
                put_command(out, "READY", properties_len(properties), |out| {
                    put_properties(out, properties);
                });
            }
            Command::Error(reason) => put_error(out, reason),
            Command::Subscribe(topic) => put_subscription(out, topic, true),
            Command::Cancel(topic) => put_subscription(out, topic, false),
            Command::Join(group) => put_group(out, group, true),
            Command::Leave(group) => put_group(out, group, false),
            Command::Ping { ttl, context } => {
                let context = context.as_slice();
                put_command(out, "PING", 2 + context.len(), |out| {
                    out.extend_from_slice(&ttl.to_be_bytes());
                    out.extend_from_slice(context);
                });
            }
            Command::Pong { context } => put_whole(out, "PONG", context.as_slice()),
            Command::Unknown(name) => put_whole(out, name, b""),
        }
    }

    pub(crate) fn name(&self) -> &str {
        match self {
            Command::Ready(_) => "READY",
            Command::Error(_) => "ERROR",
            Command::Subscribe(_) => "SUBSCRIBE",
            Command::Cancel(_) => "CANCEL",
            Command::Join(_) => "JOIN",
            Command::Leave(_) => "LEAVE",
            Command::Ping { .. } => "PING",
            Command::Pong { .. } => "PONG",
            Command::Unknown(name) => name,
        }
    }
}

/// Writes a SUBSCRIBE or CANCEL command frame without building a [`Command`] for it.
pub(crate) fn put_subscription(out: &mut Vec<u8>, topic: &[u8], subscribe: bool) {
    put_whole(out, if subscribe { "SUBSCRIBE" } else { "CANCEL" }, topic);
}

/// Writes a JOIN or LEAVE command frame (RFC 48).
pub(crate) fn put_group(out: &mut Vec<u8>, group: &[u8], join: bool) {
    put_whole(out, if join { "JOIN" } else { "LEAVE" }, group);
}

fn put_whole(out: &mut Vec<u8>, name: &str, data: &[u8]) {
    put_command(out, name, data.len(), |out| out.extend_from_slice(data));
}

/// Writes frame header and name; `data` writes the `len` bytes after them.
///
/// Short or long is decided on the body as it travels, with the name in it: a topic of 246 bytes
/// already needs the long form.
fn put_command(out: &mut Vec<u8>, name: &str, len: usize, data: impl FnOnce(&mut Vec<u8>)) {
    let (name, name_len) = short(name.as_bytes());
    frame::put_header(out, COMMAND, 1 + name.len() + len);
    out.push(name_len);
    out.extend_from_slice(name);
    data(out);
}

/// Writes a command of texts, of at most 255 bytes each, with their lengths before them.
#[cfg(feature = "plain")]
pub(super) fn put_texts(out: &mut Vec<u8>, name: &str, texts: &[&[u8]]) {
    let len = texts.iter().map(|text| 1 + short(text).0.len()).sum();
    put_command(out, name, len, |out| {
        for text in texts {
            let (text, len) = short(text);
            out.push(len);
            out.extend_from_slice(text);
        }
    });
}

/// Writes a command of properties.
#[cfg(feature = "plain")]
pub(super) fn put_metadata(out: &mut Vec<u8>, name: &str, properties: &[(String, Bytes)]) {
    put_command(out, name, properties_len(properties), |out| {
        put_properties(out, properties);
    });
}

fn put_error(out: &mut Vec<u8>, reason: &str) {
    let (reason, len) = short(reason.as_bytes());
    put_command(out, "ERROR", 1 + reason.len(), |out| {
        out.push(len);
        out.extend_from_slice(reason);
    });
}

/// RFC 37, "Metadata": name length (1), name, value length (4), value.
pub(super) fn put_properties(out: &mut Vec<u8>, properties: &[(String, Bytes)]) {
    for (name, value) in properties {
        let (name, name_len) = short(name.as_bytes());
        out.push(name_len);
        out.extend_from_slice(name);
        // Cannot cut: our own values are a type's name, a routing id, and properties within their bounds.
        out.extend_from_slice(&(value.len() as u32).to_be_bytes());
        out.extend_from_slice(value);
    }
}

fn properties_len(properties: &[(String, Bytes)]) -> usize {
    let each =
        |(name, value): &(String, Bytes)| 1 + short(name.as_bytes()).0.len() + 4 + value.len();
    properties.iter().map(each).sum()
}

/// As much of `text` as one byte of length can tell, and that byte.
fn short(text: &[u8]) -> (&[u8], u8) {
    match u8::try_from(text.len()) {
        Ok(len) => (text, len),
        Err(_) => (text.get(..255).unwrap_or_default(), 255),
    }
}

/// The size of a command's body, if it is within `limit`.
pub(crate) fn check_size(size: u64, limit: usize) -> Result<usize, ProtocolError> {
    usize::try_from(size)
        .ok()
        .filter(|size| *size <= limit)
        .ok_or(ProtocolError::CommandTooLarge { size, limit })
}

/// RFC 37, "Commands": a length byte, that many bytes of name, and the rest is data.
pub(super) fn split_name(body: &[u8]) -> Result<(&[u8], &[u8]), ProtocolError> {
    match split_short(body) {
        Some((name, data)) if !name.is_empty() => Ok((name, data)),
        Some(_) => Err(malformed("nameless", "the name is empty")),
        None => Err(malformed("nameless", "the name is cut off")),
    }
}

/// The properties of a command of this name.
pub(crate) fn parse_metadata(
    command: &'static str,
    mut data: &[u8],
) -> Result<Properties, ProtocolError> {
    let mut properties = Vec::new();
    while !data.is_empty() {
        if properties.len() == MAX_PROPERTIES {
            return Err(malformed(command, "it has more than 32 properties"));
        }
        let (property, rest) = parse_property(command, data)?;
        properties.push(property);
        data = rest;
    }
    Ok(properties)
}

/// RFC 37, "Metadata": names have 1 to 255 bytes, values at most 2^31 - 1.
fn parse_property<'a>(
    command: &'static str,
    data: &'a [u8],
) -> Result<((String, Bytes), &'a [u8]), ProtocolError> {
    let fault = |fault| malformed(command, fault);
    let (name, rest) = split_short(data).ok_or(fault("a property's name is cut off"))?;
    if name.is_empty() {
        return Err(fault("a property has no name"));
    }
    let (size, rest) = rest
        .split_first_chunk()
        .ok_or(fault("a property's size is cut off"))?;
    let size = u32::from_be_bytes(*size);
    if size > i32::MAX as u32 {
        return Err(fault("a property's value is larger than 2^31 - 1 bytes"));
    }
    let (value, rest) = usize::try_from(size)
        .ok()
        .and_then(|size| rest.split_at_checked(size))
        .ok_or(fault("a property's value is cut off"))?;
    Ok(((peer_text(name), Bytes::copy_from_slice(value)), rest))
}

pub(super) fn parse_error(data: &[u8]) -> Result<String, ProtocolError> {
    match split_short(data) {
        Some((reason, _)) => Ok(peer_text(reason)),
        None => Err(malformed("ERROR", "the reason is cut off")),
    }
}

/// RFC 37, "Heartbeating": two bytes of time to live, then the context.
fn parse_ping(data: &[u8]) -> Result<Command, ProtocolError> {
    let Some((ttl, context)) = data.split_first_chunk() else {
        return Err(malformed("PING", "the time to live is cut off"));
    };
    let ttl = u16::from_be_bytes(*ttl);
    parse_context("PING", context).map(|context| Command::Ping { ttl, context })
}

fn parse_context(name: &'static str, data: &[u8]) -> Result<PingContext, ProtocolError> {
    PingContext::new(data).ok_or(malformed(name, "the context is longer than 16 bytes"))
}

/// What one byte of length announces, and the rest.
pub(super) fn split_short(data: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = data.split_first()?;
    rest.split_at_checked(usize::from(*len))
}

pub(super) fn malformed(name: &'static str, fault: &'static str) -> ProtocolError {
    ProtocolError::MalformedCommand { name, fault }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::zmtp::fuzzing;
    use proptest::prelude::*;

    fn encoded(command: &Command) -> Vec<u8> {
        let mut bytes = Vec::new();
        command.encode(&mut bytes);
        bytes
    }

    fn context(bytes: &[u8]) -> PingContext {
        PingContext::new(bytes).unwrap()
    }

    #[test]
    fn commands_have_the_bytes_of_the_standard() {
        let ping = Command::Ping {
            ttl: 0x0102,
            context: context(b"hi"),
        };
        let ready = Command::Ready(vec![("Socket-Type".into(), Bytes::from_static(b"XPUB"))]);
        let frames: [(Command, &[u8]); 9] = [
            (ping, b"\x04\x09\x04PING\x01\x02hi"),
            (
                Command::Pong {
                    context: context(b"hi"),
                },
                b"\x04\x07\x04PONGhi",
            ),
            (
                Command::Subscribe(Bytes::from_static(b"A")),
                b"\x04\x0b\x09SUBSCRIBEA",
            ),
            (
                Command::Cancel(Bytes::from_static(b"A")),
                b"\x04\x08\x06CANCELA",
            ),
            (Command::Error("no".into()), b"\x04\x09\x05ERROR\x02no"),
            (ready, b"\x04\x1a\x05READY\x0bSocket-Type\0\0\0\x04XPUB"),
            (
                Command::Join(Bytes::from_static(b"A")),
                b"\x04\x06\x04JOINA",
            ),
            (
                Command::Leave(Bytes::from_static(b"A")),
                b"\x04\x07\x05LEAVEA",
            ),
            (Command::Unknown("LATER".into()), b"\x04\x06\x05LATER"),
        ];
        for (command, bytes) in frames {
            assert_eq!(encoded(&command), bytes, "{command:?}");
            assert_eq!(Command::parse(&bytes[2..]), Ok(command));
        }
    }

    fn fault(body: &[u8]) -> (&'static str, &'static str) {
        match Command::parse(body) {
            Err(ProtocolError::MalformedCommand { name, fault }) => (name, fault),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn malformed_commands_are_faults() {
        let faults: [(&[u8], &str, &str); 15] = [
            (b"", "nameless", "the name is cut off"),
            (b"\x05READ", "nameless", "the name is cut off"),
            (b"\x00", "nameless", "the name is empty"),
            (b"\x04PING", "PING", "the time to live is cut off"),
            (b"\x04PING\x00", "PING", "the time to live is cut off"),
            (
                b"\x04PING\x00\x000123456789abcdefX",
                "PING",
                "the context is longer than 16 bytes",
            ),
            (
                b"\x04PONG0123456789abcdefX",
                "PONG",
                "the context is longer than 16 bytes",
            ),
            (b"\x05ERROR", "ERROR", "the reason is cut off"),
            (b"\x05ERROR\x03no", "ERROR", "the reason is cut off"),
            (
                b"\x05READY\x05Name",
                "READY",
                "a property's name is cut off",
            ),
            (b"\x05READY\x00\0\0\0\0", "READY", "a property has no name"),
            (
                b"\x05READY\x01N\0\0\0",
                "READY",
                "a property's size is cut off",
            ),
            (
                b"\x05READY\x01N\0\0\0\x02v",
                "READY",
                "a property's value is cut off",
            ),
            (
                b"\x05READY\x01N\x80\0\0\0v",
                "READY",
                "a property's value is larger than 2^31 - 1 bytes",
            ),
            (
                b"\x05READY\x01N\x7f\xff\xff\xffv",
                "READY",
                "a property's value is cut off",
            ),
        ];
        for (body, name, what) in faults {
            assert_eq!(fault(body), (name, what), "{}", body.escape_ascii());
        }
    }

    #[test]
    fn names_have_up_to_255_bytes() {
        let name = "n".repeat(255);
        let command = Command::Ready(vec![(name, Bytes::new())]);
        assert_eq!(Command::parse(&encoded(&command)[9..]), Ok(command));
        // Longer ones cannot be said; they are cut rather than break the frame.
        let command = Command::Error("r".repeat(300));
        let Ok(Command::Error(reason)) = Command::parse(&encoded(&command)[9..]) else {
            panic!("not an error")
        };
        assert_eq!(reason.len(), 255);
    }

    #[test]
    fn the_longest_topic_fits_the_largest_command() {
        let topic = Bytes::from(vec![b't'; tuning::MAX_TOPIC]);
        for command in [Command::Subscribe(topic.clone()), Command::Cancel(topic)] {
            let bytes = encoded(&command);
            let body = &bytes[9..];
            assert!(check_size(body.len() as u64, MAX_SIZE).is_ok());
            assert_eq!(Command::parse(body), Ok(command));
        }
        assert!(check_size(MAX_SIZE as u64 + 1, MAX_SIZE).is_err());
    }

    #[test]
    fn ready_has_at_most_32_properties() {
        let ready = |count| {
            let property = ("x".to_owned(), Bytes::new());
            encoded(&Command::Ready(vec![property; count]))
        };
        assert!(Command::parse(&ready(MAX_PROPERTIES)[2..]).is_ok());
        let many = ready(MAX_PROPERTIES + 1);
        assert_eq!(
            fault(&many[2..]),
            ("READY", "it has more than 32 properties")
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_harm(
            name in prop::sample::select(vec![
                &b"\x05READY"[..], b"\x05ERROR", b"\x04PING", b"\x04PONG", b"\x04JOIN", b"\x05LEAVE",
                b"\x09SUBSCRIBE", b"\x06CANCEL", b"",
            ]),
            data in prop::collection::vec(prop_oneof![0..4u8, any::<u8>()], 0..600),
        ) {
            fuzzing::command(&[name, &data].concat());
        }
    }
}
