//! [`SocksProxy`]: whom to ask for connections that this machine cannot make itself.

use std::fmt;
use std::str::FromStr;

use crate::endpoint::{Endpoint, EndpointError, Host};

/// A SOCKS 5 proxy (RFC 1928); see [`Options::socks_proxy`](crate::Options::socks_proxy).
///
/// Made from its `tcp` endpoint:
///
/// ```
/// use sinew::{Context, Push, SocksProxy};
///
/// let proxy: SocksProxy = "tcp://127.0.0.1:1080".parse()?;
/// let push = Context::new()
///     .socket(Push)
///     .socks_proxy(proxy.credentials("user", "password"))
///     .connect("tcp://inside.example:5555")?;
/// # Ok::<(), sinew::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocksProxy {
    endpoint: Endpoint,
    credentials: Option<SocksCredentials>,
}

/// A name and a password, each of 1 to 255 bytes (RFC 1929).
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct SocksCredentials {
    pub(crate) user: String,
    pub(crate) password: String,
}

impl SocksProxy {
    /// The proxy at a `tcp` endpoint. Any other is refused when the socket is made.
    pub fn new(endpoint: Endpoint) -> SocksProxy {
        SocksProxy {
            endpoint,
            credentials: None,
        }
    }

    /// What to say to a proxy that asks who calls: a name and a password, of 1 to 255 bytes each. They go
    /// over the network as they are.
    #[must_use = "they are in what is returned"]
    pub fn credentials(
        mut self,
        user: impl Into<String>,
        password: impl Into<String>,
    ) -> SocksProxy {
        self.credentials = Some(SocksCredentials {
            user: user.into(),
            password: password.into(),
        });
        self
    }

    /// Where it is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    pub(crate) fn known_as(&self) -> Option<&SocksCredentials> {
        self.credentials.as_ref()
    }

    /// Where to call instead of `endpoint`, and from where; `None` when that is not for a proxy.
    pub(crate) fn instead_of(&self, endpoint: &Endpoint) -> Option<Endpoint> {
        match (endpoint, &self.endpoint) {
            (Endpoint::Tcp(wanted), Endpoint::Tcp(proxy)) => {
                let mut proxy = proxy.clone();
                proxy.source.clone_from(&wanted.source);
                Some(Endpoint::Tcp(proxy))
            }
            _ => None,
        }
    }

    /// What is wrong with it, in words.
    pub(crate) fn fault(&self) -> Option<String> {
        if !matches!(self.endpoint, Endpoint::Tcp(_)) {
            let endpoint = &self.endpoint;
            return Some(format!("socks_proxy is {endpoint}; use a tcp endpoint"));
        }
        if let Err(error) = self.endpoint.validate_connect() {
            return Some(format!("socks_proxy: {error}"));
        }
        let known = self.credentials.as_ref()?;
        [("name", &known.user), ("password", &known.password)]
            .into_iter()
            .find(|(_, text)| !(1..=255).contains(&text.len()))
            .map(|(what, text)| {
                let bytes = text.len();
                format!("the {what} of socks_proxy has {bytes} bytes; use 1 to 255")
            })
    }

    /// Why it cannot be asked for this endpoint, in words.
    pub(crate) fn fault_for(&self, endpoint: &Endpoint) -> Option<&'static str> {
        match endpoint.host()? {
            Host::Name(name) if name.len() > 255 => {
                Some("a SOCKS proxy takes host names of at most 255 bytes")
            }
            _ => None,
        }
    }
}

impl From<Endpoint> for SocksProxy {
    fn from(endpoint: Endpoint) -> SocksProxy {
        SocksProxy::new(endpoint)
    }
}

impl FromStr for SocksProxy {
    type Err = EndpointError;

    fn from_str(endpoint: &str) -> Result<SocksProxy, EndpointError> {
        endpoint.parse().map(SocksProxy::new)
    }
}

/// Without the password.
impl fmt::Debug for SocksCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SocksCredentials")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(endpoint: &str) -> SocksProxy {
        endpoint.parse().unwrap()
    }

    #[test]
    fn what_cannot_be_used_is_told_in_words() {
        let long = "x".repeat(256);
        for (proxy, part) in [
            (proxy("ipc://there"), "use a tcp endpoint"),
            (proxy("tcp://*:1080"), "socks_proxy"),
            (proxy("tcp://there:1080").credentials("", "pw"), "0 bytes"),
            (
                proxy("tcp://there:1080").credentials("me", long.as_str()),
                "256 bytes",
            ),
        ] {
            let fault = proxy.fault().unwrap();
            assert!(fault.contains(part), "{fault}");
        }
        assert_eq!(
            proxy("tcp://there:1080").credentials("me", "pw").fault(),
            None
        );
    }

    #[test]
    fn the_password_is_not_printed() {
        let proxy = proxy("tcp://there:1080").credentials("me", "secret");
        let printed = format!("{proxy:?}");
        assert!(
            printed.contains("me") && !printed.contains("secret"),
            "{printed}"
        );
    }

    #[test]
    fn only_tcp_goes_by_a_proxy_and_it_is_called_from_where_the_peer_would_be() {
        let it = proxy("tcp://there:1080");
        let instead = |text: &str| {
            it.instead_of(&text.parse().unwrap())
                .map(|it| it.to_string())
        };
        assert_eq!(instead("tcp://inside:5555").unwrap(), "tcp://there:1080");
        let from = instead("tcp://192.0.2.1:0;inside:5555").unwrap();
        assert_eq!(from, "tcp://192.0.2.1:0;there:1080");
        assert_eq!(instead("ipc://inside"), None);
    }
}
