//! SOCKS 5 (RFC 1928), the caller's side: how a proxy is asked to call somebody, with or without a name and
//! a password (RFC 1929).
//!
//! A machine without I/O. It says how many bytes it wants next, and never more than the reply that it
//! waits for has: what comes behind that is the peer's, and not the proxy's to say.

use crate::endpoint::{Host, HostPort};
use crate::socks::SocksCredentials;

/// The version of the protocol, and that of the negotiation of a name and a password.
const VERSION: u8 = 5;
const PASSWORD_VERSION: u8 = 1;

const NO_AUTHENTICATION: u8 = 0;
const PASSWORD: u8 = 2;
const NOTHING_ACCEPTABLE: u8 = 0xff;

const CONNECT: u8 = 1;

const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;

/// Why a proxy did not make a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SocksError {
    #[error("the SOCKS proxy wants a name and a password")]
    WantsPassword,
    #[error("the SOCKS proxy accepts neither a name and a password nor going without")]
    NothingAcceptable,
    #[error("the SOCKS proxy refuses the name and the password")]
    PasswordRefused,
    #[error("the SOCKS proxy cannot connect: {}", reply_text(*.0))]
    Refused(u8),
    #[error("the SOCKS proxy does not speak SOCKS 5: {0}")]
    Protocol(&'static str),
}

/// RFC 1928, section 6.
fn reply_text(code: u8) -> &'static str {
    match code {
        1 => "it failed",
        2 => "its rules do not allow it",
        3 => "the network is unreachable",
        4 => "the host is unreachable",
        5 => "the connection was refused",
        6 => "the time to live was over",
        7 => "it does not know CONNECT",
        8 => "it does not know this type of address",
        _ => "for a reason that SOCKS 5 does not know",
    }
}

impl SocksError {
    /// Whether the proxy says that nobody listens at the place.
    pub(crate) fn is_connection_refused(self) -> bool {
        self == SocksError::Refused(5)
    }
}

/// The state of a negotiation: the reply that is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Awaits {
    Method,
    Verdict,
    /// The reply to CONNECT as far as the first byte of its address, which says how long that is.
    Head,
    /// The rest of it: so many bytes.
    Rest(usize),
    Nothing,
}

/// One negotiation with a proxy.
#[derive(Debug)]
pub(crate) struct Socks {
    target: HostPort,
    credentials: Option<SocksCredentials>,
    awaits: Awaits,
    /// What came of the reply that is waited for.
    held: Vec<u8>,
}

impl Socks {
    /// Begins, and writes what is said first to `out`.
    pub(crate) fn start(
        target: HostPort,
        credentials: Option<SocksCredentials>,
        out: &mut Vec<u8>,
    ) -> Socks {
        // Without a name and a password the proxy may not choose to ask for them.
        match &credentials {
            Some(_) => out.extend_from_slice(&[VERSION, 2, NO_AUTHENTICATION, PASSWORD]),
            None => out.extend_from_slice(&[VERSION, 1, NO_AUTHENTICATION]),
        }
        Socks {
            target,
            credentials,
            awaits: Awaits::Method,
            held: Vec::new(),
        }
    }

    /// How many bytes are wanted at least and at most: to read more would take what is the peer's. Zero:
    /// the connection stands.
    pub(crate) fn wants(&self) -> usize {
        let size = match self.awaits {
            Awaits::Method | Awaits::Verdict => 2,
            Awaits::Head => 5,
            Awaits::Rest(size) => size,
            Awaits::Nothing => 0,
        };
        size.saturating_sub(self.held.len())
    }

    /// Takes what came, at most as much as was [wanted](Self::wants), and writes what is to be said next to
    /// `out`. After an error it is of no more use.
    pub(crate) fn handle_input(
        &mut self,
        input: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<(), SocksError> {
        let input = input.get(..self.wants()).unwrap_or(input);
        self.held.extend_from_slice(input);
        // The version is refused with the first byte: a peer that speaks something else may never
        // send a second one.
        let version = match self.awaits {
            Awaits::Verdict => PASSWORD_VERSION,
            _ => VERSION,
        };
        let is_head = !matches!(self.awaits, Awaits::Rest(_) | Awaits::Nothing);
        if is_head && self.held.first().is_some_and(|first| *first != version) {
            return Err(SocksError::Protocol("its reply is of another version"));
        }
        if self.wants() > 0 || self.awaits == Awaits::Nothing {
            return Ok(());
        }
        let reply = std::mem::take(&mut self.held);
        self.awaits = match (self.awaits, &reply[..]) {
            (Awaits::Method, &[_, method]) => self.method_chosen(method, out)?,
            (Awaits::Verdict, &[_, 0]) => self.connect(out),
            (Awaits::Verdict, _) => return Err(SocksError::PasswordRefused),
            (Awaits::Head, &[_, code, reserved, kind, first]) => {
                if code != 0 {
                    return Err(SocksError::Refused(code));
                }
                if reserved != 0 {
                    return Err(SocksError::Protocol("a byte that must be zero is not"));
                }
                // The first byte of the address has come; the port follows it.
                match kind {
                    IPV4 => Awaits::Rest(4 - 1 + 2),
                    IPV6 => Awaits::Rest(16 - 1 + 2),
                    NAME => Awaits::Rest(usize::from(first) + 2),
                    _ => return Err(SocksError::Protocol("it has a type of address of its own")),
                }
            }
            // Where the proxy calls from: nothing to us.
            _ => Awaits::Nothing,
        };
        Ok(())
    }

    fn method_chosen(&self, method: u8, out: &mut Vec<u8>) -> Result<Awaits, SocksError> {
        match (method, &self.credentials) {
            (NO_AUTHENTICATION, _) => Ok(self.connect(out)),
            (PASSWORD, Some(credentials)) => {
                out.push(PASSWORD_VERSION);
                put_short(out, credentials.user.as_bytes());
                put_short(out, credentials.password.as_bytes());
                Ok(Awaits::Verdict)
            }
            (NOTHING_ACCEPTABLE, None) => Err(SocksError::WantsPassword),
            (NOTHING_ACCEPTABLE, Some(_)) => Err(SocksError::NothingAcceptable),
            _ => Err(SocksError::Protocol("it chose what it was not offered")),
        }
    }

    /// Asks for the connection. A name is the proxy's to look up.
    fn connect(&self, out: &mut Vec<u8>) -> Awaits {
        out.extend_from_slice(&[VERSION, CONNECT, 0]);
        match &self.target.host {
            Host::V4(address) => {
                out.push(IPV4);
                out.extend_from_slice(&address.octets());
            }
            Host::V6 { address, .. } => {
                out.push(IPV6);
                out.extend_from_slice(&address.octets());
            }
            Host::Name(name) => {
                out.push(NAME);
                put_short(out, name.as_bytes());
            }
            // Not to be connected to; the proxy would say so.
            Host::Any => {
                out.push(IPV4);
                out.extend_from_slice(&[0; 4]);
            }
        }
        out.extend_from_slice(&self.target.port.to_be_bytes());
        Awaits::Head
    }
}

/// What a byte of length can tell, behind it. Settings and endpoints are checked for that before.
fn put_short(out: &mut Vec<u8>, text: &[u8]) {
    let text = text.get(..255).unwrap_or(text);
    // Cannot cut.
    out.push(text.len() as u8);
    out.extend_from_slice(text);
}

/// Any bytes as the replies of a proxy, whole and byte by byte: it ends the same, never wants what
/// is behind the reply, and never asks for a connection twice.
#[cfg(any(test, fuzzing))]
pub(crate) fn fuzz(data: &[u8]) {
    let Some((choice, replies)) = data.split_first() else {
        return;
    };
    let credentials = (choice & 1 != 0).then(|| SocksCredentials {
        user: "user".to_owned(),
        password: "secret".to_owned(),
    });
    let host = match choice & 6 {
        0 => Host::Name("name.example".to_owned()),
        2 => Host::V6 {
            address: std::net::Ipv6Addr::LOCALHOST,
            scope: None,
        },
        _ => Host::V4(std::net::Ipv4Addr::LOCALHOST),
    };
    let target = HostPort { host, port: 5555 };
    let run = |most: usize| {
        let (mut out, mut rest) = (Vec::new(), replies);
        let mut socks = Socks::start(target.clone(), credentials.clone(), &mut out);
        loop {
            let wanted = socks.wants().min(most);
            let Some((now, later)) = rest.split_at_checked(wanted).filter(|_| wanted > 0) else {
                return (out, socks.wants(), rest.len(), None);
            };
            rest = later;
            if let Err(error) = socks.handle_input(now, &mut out) {
                assert!(!error.to_string().is_empty());
                return (out, 0, 0, Some(error));
            }
        }
    };
    let (out, wants, _, error) = run(1);
    assert!(out.len() < 300, "it says each thing once");
    let whole = run(usize::MAX);
    // Given whole, the last reply may be cut off.
    if whole.1 == 0 && whole.3.is_none() {
        assert_eq!((out, wants, error), (whole.0, whole.1, whole.3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named() -> HostPort {
        HostPort {
            host: Host::Name("inside.example".to_owned()),
            port: 5555,
        }
    }

    fn credentials() -> Option<SocksCredentials> {
        Some(SocksCredentials {
            user: "me".to_owned(),
            password: "pw".to_owned(),
        })
    }

    const ASKS: &[u8] = b"\x05\x01\x00\x03\x0einside.example\x15\xb3";
    const DONE: &[u8] = b"\x05\x00\x00\x01\x0a\x00\x00\x01\x00\x50";

    /// Gives the replies one by one; what it said, and how it ended.
    fn talk(
        credentials: Option<SocksCredentials>,
        replies: &[&[u8]],
    ) -> (Vec<Vec<u8>>, Result<usize, SocksError>) {
        let mut out = Vec::new();
        let mut socks = Socks::start(named(), credentials, &mut out);
        let mut said = vec![std::mem::take(&mut out)];
        for reply in replies {
            for byte in reply.iter() {
                assert!(socks.wants() > 0);
                if let Err(error) = socks.handle_input(&[*byte], &mut out) {
                    return (said, Err(error));
                }
            }
            said.push(std::mem::take(&mut out));
        }
        (said, Ok(socks.wants()))
    }

    #[test]
    fn a_proxy_that_asks_for_nothing_is_asked_for_the_name_itself() {
        let (said, end) = talk(None, &[b"\x05\x00", DONE]);
        assert_eq!(said, [b"\x05\x01\x00", ASKS, b""]);
        assert_eq!(end, Ok(0));
    }

    #[test]
    fn a_name_and_a_password_are_given_when_they_are_asked_for() {
        let (said, end) = talk(credentials(), &[b"\x05\x02", b"\x01\x00", DONE]);
        assert_eq!(
            said,
            [b"\x05\x02\x00\x02", &b"\x01\x02me\x02pw"[..], ASKS, b""]
        );
        assert_eq!(end, Ok(0));
        let (said, _) = talk(credentials(), &[b"\x05\x00"]);
        assert_eq!(said[1], ASKS, "not unasked");
    }

    #[test]
    fn whatever_address_the_reply_has_it_is_read_to_its_end_and_no_further() {
        let name = [&b"\x05\x00\x00\x03\x04"[..], b"host\x00\x50"].concat();
        let nameless = b"\x05\x00\x00\x03\x00\x00\x50".to_vec();
        let v6 = [&b"\x05\x00\x00\x04"[..], &[7; 16], b"\x00\x50"].concat();
        for reply in [name, nameless, v6] {
            assert_eq!(talk(None, &[b"\x05\x00", &reply]).1, Ok(0));
            let cut = &reply[..reply.len() - 1];
            assert_eq!(talk(None, &[b"\x05\x00", cut]).1, Ok(1));
        }
    }

    #[test]
    fn what_a_proxy_refuses_is_told_in_words() {
        use SocksError::*;
        for (given, replies, expected) in [
            (None, &[&b"\x05\xff"[..]][..], WantsPassword),
            (credentials(), &[b"\x05\xff"], NothingAcceptable),
            (credentials(), &[b"\x05\x02", b"\x01\x01"], PasswordRefused),
            (None, &[b"\x05\x00", b"\x05\x05\x00\x01\x00"], Refused(5)),
            (None, &[b"\x05\x00", b"\x05\xee\x00\x01\x00"], Refused(0xee)),
        ] {
            let (_, end) = talk(given, replies);
            assert_eq!(end, Err(expected));
            assert!(expected.to_string().contains("the SOCKS proxy"));
        }
        assert!(Refused(5).is_connection_refused());
    }

    #[test]
    fn what_is_not_socks_5_is_refused_at_its_first_byte() {
        for replies in [
            &[&b"H"[..]][..],
            &[b"\x04"],
            &[b"\x05\x02"],
            &[b"\x05\x01"],
            &[b"\x05\x00", b"\x04"],
            &[b"\x05\x00", b"\x05\x00\x01\x01\x00"],
            &[b"\x05\x00", b"\x05\x00\x00\x02\x00"],
        ] {
            let (_, end) = talk(None, replies);
            assert!(
                matches!(end, Err(SocksError::Protocol(_))),
                "{replies:?}: {end:?}"
            );
        }
        let (_, end) = talk(credentials(), &[b"\x05\x02", b"\x05"]);
        assert!(matches!(end, Err(SocksError::Protocol(_))));
    }

    proptest! {
        #[test]
        fn any_bytes_end_the_same_however_they_are_split(data in prop::collection::vec(any::<u8>(), 0..40)) {
            fuzz(&data);
        }

        #[test]
        fn and_so_do_those_of_a_proxy(
            choice in any::<u8>(),
            parts in prop::collection::vec(
                prop::sample::select(vec![&b"\x05\x00"[..], b"\x05\x02", b"\x01\x00", DONE, b"\xff\x00"]), 0..6),
        ) {
            fuzz(&[&[choice][..], &parts.concat()].concat());
        }
    }
}
