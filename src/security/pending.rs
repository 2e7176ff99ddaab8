//! [`Pending`]: a peer that waits for an authenticator's answer, and what can be answered.

use std::fmt;
use std::net::IpAddr;
#[cfg(feature = "plain")]
use std::sync::Arc;

use bytes::Bytes;

#[cfg(feature = "curve")]
use super::keys::PublicKey;
#[cfg(feature = "plain")]
use super::plain::Credentials;
use crate::peer::PeerInfo;

/// A peer that an [`Authenticator`](crate::Authenticator) is asked about.
#[derive(Clone)]
#[non_exhaustive]
pub struct Candidate {
    /// Where the peer is, as in monitors' events: address and port with tcp, the endpoint with ipc.
    pub address: String,
    /// Its IP address with tcp; `None` with ipc.
    pub ip: Option<IpAddr>,
    /// The security mechanism: `"NULL"`, `"PLAIN"` or `"CURVE"`.
    pub mechanism: &'static str,
    /// Its type, routing id and properties, of which nothing is proved. The
    /// [`user`](PeerInfo#structfield.user) is, unless there is a [`password`](Candidate::password).
    pub peer: PeerInfo,
    /// With PLAIN.
    #[cfg(feature = "plain")]
    pub(crate) said: Option<Arc<Credentials>>,
    /// What it has said is not what a list of this side's has.
    #[cfg(feature = "plain")]
    pub(crate) unproved: bool,
    /// With CURVE: the key that it has proved to have the secret of, which `user` has as text.
    #[cfg(feature = "curve")]
    pub(crate) key: Option<PublicKey>,
}

impl Candidate {
    /// The password that the peer has said, if nothing has checked it: see
    /// [`checks_passwords`](crate::Authenticator::checks_passwords). Compare it in constant time, or by a hash.
    #[cfg(feature = "plain")]
    pub fn password(&self) -> Option<&[u8]> {
        let said = self.said.as_ref().filter(|_| self.unproved)?;
        Some(said.password())
    }
}

impl fmt::Debug for Candidate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Candidate")
            .field("address", &self.address)
            .field("mechanism", &self.mechanism)
            .field("peer", &self.peer)
            .finish_non_exhaustive()
    }
}

/// A peer that waits for an [`Authenticator`](crate::Authenticator)'s answer, and the right to give it: once, from any thread, now
/// or later. Dropped without an answer, it refuses.
///
/// An answer for a connection that is gone meanwhile changes nothing.
///
/// ```
/// use sinew::{Authenticator, Context, Pull, Push};
/// use std::sync::mpsc;
///
/// let (ask, questions) = mpsc::channel();
/// let later = Authenticator::new(move |pending| drop(ask.send(pending)));
/// let context = Context::new();
/// let pull = context.socket(Pull).authenticator(later).bind("tcp://127.0.0.1:*")?;
/// let push = context.socket(Push).connect(pull.endpoint()?)?;
/// push.send("hello")?;
/// let pending = questions.recv()?;
/// assert_eq!(pending.candidate().mechanism, "NULL");
/// pending.accept_as("the one that asked first");
/// assert_eq!(pull.recv()?, "hello");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[must_use = "dropped without an answer, it refuses the peer"]
pub struct Pending {
    candidate: Candidate,
    /// `None` once it is answered.
    reply: Option<Reply>,
}

/// What takes the answer to a question.
pub(crate) type Reply = Box<dyn FnOnce(Verdict) + Send + Sync>;

impl Pending {
    pub(crate) fn new(candidate: Candidate, reply: Reply) -> Pending {
        Pending {
            candidate,
            reply: Some(reply),
        }
    }

    /// The peer.
    pub fn candidate(&self) -> &Candidate {
        &self.candidate
    }

    /// Lets it in as who it is: its user is the one that it has proved to be, or whose password it said.
    pub fn accept(self) {
        self.settle(Verdict::Admit(Admission::default()));
    }

    /// Lets it in as a user, whose name is then in its [`PeerInfo`], or with whatever else an [`Admission`] says.
    pub fn accept_as(self, admission: impl Into<Admission>) {
        self.settle(Verdict::Admit(admission.into()));
    }

    /// Refuses it: status 400, after which libzmq does not call again.
    pub fn refuse(self) {
        self.settle(Verdict::Refuse(Refusal::Refused));
    }

    /// Refuses it for now: its connection is closed without a word (status 300), and it may call again.
    pub fn refuse_for_now(self) {
        self.settle(Verdict::Refuse(Refusal::NotNow));
    }

    pub(crate) fn settle(mut self, verdict: Verdict) {
        if let Some(reply) = self.reply.take() {
            reply(verdict);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if let Some(reply) = self.reply.take() {
            reply(Verdict::Refuse(Refusal::Unanswered));
        }
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Pending").field(&self.candidate).finish()
    }
}

/// As what a peer is let in; see [`Pending::accept_as`]. From a text: as that user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Admission {
    pub(crate) user: Option<String>,
    pub(crate) topics: Option<Vec<Bytes>>,
    pub(crate) properties: Vec<(String, Bytes)>,
}

impl Admission {
    /// As who it is, without limits.
    pub fn new() -> Admission {
        Admission::default()
    }

    /// As a user of that name.
    #[must_use = "the name is in what is returned"]
    pub fn user(mut self, name: impl Into<String>) -> Self {
        self.user = Some(name.into());
        self
    }

    /// Of a publisher's peer: it may subscribe only to topics, and join only groups, that begin with one of these;
    /// more with each call. Without a call, to anything; an empty list is nothing at all.
    ///
    /// What it may not is not applied, and monitors say
    /// [`SubscriptionRefused`](crate::EventKind::SubscriptionRefused); the connection stays. `""` is the
    /// beginning of every topic, and a subscription to it asks for all of them.
    ///
    /// ```
    /// use sinew::{Admission, Authenticator, Context, EventKind, Pub};
    ///
    /// let limits = Authenticator::new(|pending| {
    ///     pending.accept_as(Admission::new().user("anna").topics(["public.", "anna."]))
    /// });
    /// let context = Context::new();
    /// let publisher = context.socket(Pub).authenticator(limits).bind("tcp://127.0.0.1:*")?;
    /// let monitor = publisher.monitor();
    /// let sub = context.socket(sinew::Sub).subscribe("secret.").connect(publisher.endpoint()?)?;
    /// let refused = |kind: &EventKind| matches!(kind, EventKind::SubscriptionRefused { topic } if topic == "secret.");
    /// assert!(monitor.iter().any(|event| refused(&event.kind)));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    #[must_use = "the limit is in what is returned"]
    pub fn topics<T: Into<Bytes>>(mut self, beginnings: impl IntoIterator<Item = T>) -> Self {
        let topics = self.topics.get_or_insert_with(Vec::new);
        topics.extend(beginnings.into_iter().map(Into::into));
        self
    }

    /// With a property that is then in its [`PeerInfo`], before those that it has announced itself: of a name that
    /// is there twice, this is the first.
    #[must_use = "the property is in what is returned"]
    pub fn property(mut self, name: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.properties.push((name.into(), value.into()));
        self
    }
}

impl From<&str> for Admission {
    fn from(name: &str) -> Admission {
        Admission::new().user(name)
    }
}

impl From<String> for Admission {
    fn from(name: String) -> Admission {
        Admission::new().user(name)
    }
}

/// The answer to a question.
#[derive(Debug)]
pub(crate) enum Verdict {
    Admit(Admission),
    Refuse(Refusal),
}

/// Why a peer is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("peer calls from an address that this side does not let in")]
    Address,
    /// What it says of itself to the mechanism is not true.
    #[cfg(any(feature = "curve", feature = "plain"))]
    #[error("peer is none of those that this server lets in, or cannot prove that it is")]
    Unproved,
    #[error("peer was refused by the authenticator")]
    Refused,
    #[error("peer was refused by the authenticator for now")]
    NotNow,
    #[error("peer was refused, because the authenticator did not answer")]
    Unanswered,
    #[error("peer was refused, because too many wait for the authenticator")]
    Overloaded,
    #[error("peer was refused, because there is no ZAP handler at inproc://zeromq.zap.01")]
    NoHandler,
    #[error("peer was refused, because the reply of the ZAP handler is malformed")]
    BadReply,
    #[error("peer was refused, because the ZAP handler could not find out (status 500)")]
    HandlerFailed,
}

impl Refusal {
    /// The status of ZAP (RFC 27) that tells the peer so: 300 is temporary, 400 that it is not accepted, 500
    /// that this side could not find out.
    pub(crate) fn status(self) -> &'static str {
        match self {
            #[cfg(any(feature = "curve", feature = "plain"))]
            Refusal::Unproved => "400",
            Refusal::Address | Refusal::Refused => "400",
            Refusal::NotNow => "300",
            Refusal::Unanswered
            | Refusal::Overloaded
            | Refusal::NoHandler
            | Refusal::BadReply
            | Refusal::HandlerFailed => "500",
        }
    }
}

#[cfg(test)]
mod tests {
    #[cfg(not(feature = "plain"))]
    use std::sync::Arc;
    use std::sync::Mutex;

    use super::*;
    use crate::peer::SocketType;

    fn candidate() -> Candidate {
        Candidate {
            address: "192.0.2.1:5".into(),
            ip: None,
            mechanism: "NULL",
            peer: PeerInfo::new(SocketType::Push),
            #[cfg(feature = "plain")]
            said: Some(Arc::new(Credentials::new(b"anna", b"tr0ub4dor"))),
            #[cfg(feature = "plain")]
            unproved: true,
            #[cfg(feature = "curve")]
            key: None,
        }
    }

    #[test]
    fn a_question_is_answered_once_and_dropped_it_refuses() {
        let answers = Arc::new(Mutex::new(Vec::new()));
        let pending = || {
            let answers = Arc::clone(&answers);
            let reply = move |verdict| answers.lock().unwrap().push(format!("{verdict:?}"));
            Pending::new(candidate(), Box::new(reply))
        };
        pending().accept_as("anna");
        pending().refuse();
        drop(pending());
        let answers = answers.lock().unwrap();
        assert_eq!(answers.len(), 3);
        assert!(answers[0].contains("anna"), "{answers:?}");
        assert_eq!(answers[1..], ["Refuse(Refused)", "Refuse(Unanswered)"]);
    }

    #[cfg(feature = "plain")]
    #[test]
    fn passwords_are_not_shown() {
        let pending = Pending::new(candidate(), Box::new(|_| ()));
        let shown = format!("{pending:?} {:?}", pending.candidate());
        assert!(!shown.contains("tr0"), "{shown}");
    }
}
