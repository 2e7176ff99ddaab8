//! [`Authenticator`]: who is let in, as the application has it, and what each may do.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::pending::{Candidate, Pending};
use crate::network::Network;

/// Decides whom a socket lets in: by lists, by a closure of the application's, or by both.
///
/// It is asked once for each connection over tcp and ipc, when the handshake has told all that there is to
/// know of the peer and before anything of it is received: of peers that call, and of those that are called.
/// Peers over inproc are within the program and are not asked about. The mechanism comes first: a peer whose
/// password is none of [`plain_server`](crate::SocketBuilder::plain_server)'s is refused without asking,
/// unless the closure [checks passwords](Self::checks_passwords) itself. Then come the lists of addresses, and
/// the closure last.
///
/// A refused peer is told by an ERROR command with a status code of ZAP (RFC 27), as by libzmq, and monitors
/// say [`HandshakeFailed`](crate::EventKind::HandshakeFailed) with a [`ReasonKind`](crate::ReasonKind) for
/// what refused it: `Address`, `Authentication`, or `AuthenticatorFailed` where the closure did not answer.
///
/// ```
/// use sinew::{Authenticator, Context, Dealer, Router};
///
/// let known = Authenticator::new(|pending| match pending.candidate().peer.routing_id.as_deref() {
///     Some(b"anna") => pending.accept_as("anna"),
///     _ => pending.refuse(),
/// });
/// let context = Context::new();
/// let router = context.socket(Router).authenticator(known).bind("tcp://127.0.0.1:*")?;
/// let dealer = context.socket(Dealer).routing_id("anna").connect(router.endpoint()?)?;
/// dealer.send("hello")?;
/// router.recv()?;
/// assert_eq!(router.peers()[0].info.as_ref().unwrap().user.as_deref(), Some("anna"));
/// # Ok::<(), sinew::Error>(())
/// ```
///
/// # The closure
///
/// It runs on a thread of the socket's own, without any lock, one question after another. It may answer there
/// and then, or keep the [`Pending`] and answer later, from any thread. If it blocks, the questions behind it
/// wait; established peers notice nothing. While it waits a connection counts as one in its handshake, for
/// [`handshake_timeout`](crate::Options#structfield.handshake_timeout) and for
/// [`max_pending_handshakes`](crate::Options#structfield.max_pending_handshakes), and is not read. A closure
/// that panics refuses that peer and nothing else.
#[derive(Clone)]
pub struct Authenticator {
    allowed: Option<Vec<Network>>,
    denied: Vec<Network>,
    checks_passwords: bool,
    decide: Option<Arc<Decide>>,
}

type Decide = dyn Fn(Pending) + Send + Sync;

impl Authenticator {
    /// One that asks `decide` about each peer that the mechanism and the lists have not refused.
    pub fn new(decide: impl Fn(Pending) + Send + Sync + 'static) -> Authenticator {
        Authenticator {
            decide: Some(Arc::new(decide)),
            ..Authenticator::lists()
        }
    }

    /// One without a closure: whom the mechanism lets in, and no list refuses, is let in.
    ///
    /// ```
    /// use sinew::{Authenticator, Context, Rep};
    ///
    /// let office = Authenticator::lists().allow_from(["192.0.2.0/24".parse()?]);
    /// let rep = Context::new().socket(Rep).authenticator(office).bind("tcp://127.0.0.1:*")?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn lists() -> Authenticator {
        Authenticator {
            allowed: None,
            denied: Vec::new(),
            checks_passwords: false,
            decide: None,
        }
    }

    /// Lets in, over tcp, only peers in one of these networks; more with each call. An empty list lets in none.
    ///
    /// [`accept_from`](crate::Options#structfield.accept_from) closes a stranger's connection without a word;
    /// this one tells the peer why. ipc has no addresses, and is not asked for one.
    #[must_use = "the list is in what is returned"]
    pub fn allow_from(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.allowed.get_or_insert_with(Vec::new).extend(networks);
        self
    }

    /// Refuses, over tcp, peers in one of these networks, whatever else speaks for them; more with each call.
    #[must_use = "the list is in what is returned"]
    pub fn deny_from(mut self, networks: impl IntoIterator<Item = Network>) -> Self {
        self.denied.extend(networks);
        self
    }

    /// Has the closure asked, too, about peers with a name and a password that are none of
    /// [`plain_server`](crate::SocketBuilder::plain_server)'s: **it has to check the
    /// [`password`](Candidate::password)**, against a hash or a directory, say. Nothing else has.
    ///
    /// ```
    /// use sinew::{Authenticator, Context, Rep, Req};
    ///
    /// # fn verify(_hash: &str, password: &[u8]) -> bool { password == b"secret" }
    /// // A slow hash, of a crate of your choice.
    /// let hashes = [("anna", "$argon2id$...")];
    /// let users = Authenticator::new(move |pending| {
    ///     let candidate = pending.candidate();
    ///     let (name, password) = (candidate.peer.user.as_deref(), candidate.password());
    ///     let hash = hashes.iter().find(|(user, _)| Some(*user) == name);
    ///     match (hash, password) {
    ///         (Some((_, hash)), Some(password)) if verify(hash, password) => pending.accept(),
    ///         _ => pending.refuse(),
    ///     }
    /// });
    /// let context = Context::new();
    /// let nobody: [(&str, &str); 0] = [];
    /// let rep = context
    ///     .socket(Rep)
    ///     .plain_server(nobody)
    ///     .authenticator(users.checks_passwords())
    ///     .bind("tcp://127.0.0.1:*")?;
    /// let req = context.socket(Req).plain_client("anna", "secret").connect(rep.endpoint()?)?;
    /// req.send("let me in")?;
    /// assert_eq!(rep.recv()?, "let me in");
    /// # Ok::<(), sinew::Error>(())
    /// ```
    #[cfg(feature = "plain")]
    #[must_use = "the setting is in what is returned"]
    pub fn checks_passwords(mut self) -> Self {
        self.checks_passwords = true;
        self
    }

    /// Whether a closure decides on passwords that no list has.
    #[cfg(feature = "plain")]
    pub(crate) fn decides_on_passwords(&self) -> bool {
        self.checks_passwords && self.decide.is_some()
    }

    /// Whether the lists have nothing against an address; `None` is that of a transport that has none.
    pub(crate) fn takes_address(&self, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return true };
        let within = |networks: &[Network]| networks.iter().any(|it| it.contains(address));
        !within(&self.denied) && self.allowed.as_deref().is_none_or(within)
    }

    /// Whether there is a closure to ask.
    pub(crate) fn asks(&self) -> bool {
        self.decide.is_some()
    }

    /// Asks the closure: the user's code.
    pub(crate) fn decide(&self, pending: Pending) {
        if let Some(decide) = &self.decide {
            decide(pending);
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authenticator")
            .field("allow_from", &self.allowed)
            .field("deny_from", &self.denied)
            .field("checks_passwords", &self.checks_passwords)
            .field("asks", &self.asks())
            .finish()
    }
}

impl PartialEq for Authenticator {
    /// Closures are the same when one is a clone of the other.
    fn eq(&self, other: &Authenticator) -> bool {
        let same = match (&self.decide, &other.decide) {
            (Some(ours), Some(theirs)) => Arc::ptr_eq(ours, theirs),
            (ours, theirs) => ours.is_none() && theirs.is_none(),
        };
        same && self.allowed == other.allowed
            && self.denied == other.denied
            && self.checks_passwords == other.checks_passwords
    }
}

impl Eq for Authenticator {}

/// A candidate on its way to the authenticator that decides on it.
#[derive(Debug)]
pub(crate) struct Question {
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) candidate: Candidate,
}

/// Of a connection, what an authenticator decides by.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    pub(crate) authenticator: Arc<Authenticator>,
    pub(crate) address: String,
    pub(crate) ip: Option<IpAddr>,
    /// The peer called.
    pub(crate) accepted: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(texts: &[&str]) -> Vec<Network> {
        texts.iter().map(|it| it.parse().unwrap()).collect()
    }

    #[test]
    fn denied_is_stronger_than_allowed_and_no_list_of_allowed_is_all() {
        let ip = |text: &str| Some(text.parse().unwrap());
        let all = Authenticator::lists();
        assert!(all.takes_address(ip("192.0.2.1")) && all.takes_address(None));
        let some = all.allow_from(networks(&["192.0.2.0/24", "::1"]));
        assert!(some.takes_address(ip("192.0.2.1")) && some.takes_address(ip("::1")));
        assert!(some.takes_address(ip("::ffff:192.0.2.1")), "as IPv4");
        assert!(!some.takes_address(ip("192.0.3.1")));
        let fewer = some.deny_from(networks(&["192.0.2.128/25"]));
        assert!(fewer.takes_address(ip("192.0.2.1")));
        assert!(!fewer.takes_address(ip("192.0.2.129")));
        let none = Authenticator::lists().allow_from([]);
        assert!(!none.takes_address(ip("192.0.2.1")));
    }
}
