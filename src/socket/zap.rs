//! ZAP (RFC 27): an [`Authenticator`] that asks a handler of the application's, at `inproc://zeromq.zap.01`.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use bytes::Bytes;

use super::kind::Dealer;
use super::Socket;
use crate::context::Context;
use crate::error::Error;
use crate::message::{Frame, Message};
use crate::security::authenticator::Authenticator;
use crate::security::pending::{Admission, Candidate, Pending, Refusal, Verdict};
use crate::sync::Mutex;
use crate::zmtp::command::parse_metadata;

/// Where the handler is, by RFC 27.
const HANDLER: &str = "inproc://zeromq.zap.01";

const VERSION: &str = "1.0";

/// Requests that a handler may leave unanswered: beyond it, the oldest is refused. Those of connections whose
/// handshake has timed out are among them.
const MOST: usize = 4096;

impl Authenticator {
    /// One that asks the ZAP handler of a context (RFC 27): a REP or ROUTER of the application's, bound to
    /// `inproc://zeromq.zap.01` there, as libzmq's and CZMQ's are. The handler may be busy with one request or, if
    /// it is a ROUTER, with any number, and answers when it likes.
    ///
    /// A request has the `domain`, the peer's address without port, its routing id, the mechanism, and with PLAIN
    /// the name and the password, which the handler has to check unless
    /// [`plain_server`](crate::SocketBuilder::plain_server) lists them. The user id of a reply names the user, and
    /// its metadata are the first of the peer's properties. Status 200 lets the peer in; 300 refuses it for now,
    /// 400 and 500 for good. Without a handler, or with a reply that is malformed, the peer is refused with
    /// [`ReasonKind::AuthenticatorFailed`](crate::ReasonKind::AuthenticatorFailed), as it is for 500.
    ///
    /// libzmq lets everybody in where there is a domain and no handler; this does not.
    ///
    /// ```
    /// use sinew::{Authenticator, Context, Pull, Push, Rep};
    ///
    /// let context = Context::new();
    /// let handler = context.socket(Rep).bind("inproc://zeromq.zap.01")?;
    /// std::thread::spawn(move || -> Result<(), sinew::Error> {
    ///     loop {
    ///         let request = handler.recv()?;
    ///         let id = request.get(1).unwrap_or_default();
    ///         // Version, request, status, text, user and metadata.
    ///         handler.send([&b"1.0"[..], id, b"200", b"OK", b"anna", b""])?;
    ///     }
    /// });
    /// let pull = context
    ///     .socket(Pull)
    ///     .authenticator(Authenticator::zap(&context, "global")?)
    ///     .bind("tcp://127.0.0.1:*")?;
    /// let push = context.socket(Push).connect(pull.endpoint()?)?;
    /// push.send("hello")?;
    /// assert_eq!(pull.recv()?, "hello");
    /// assert_eq!(pull.peers()[0].info.as_ref().unwrap().user.as_deref(), Some("anna"));
    /// # Ok::<(), sinew::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Option`] when the domain has more than 255 bytes; [`Error::System`] when there is no thread for the
    /// replies; [`Error::Closed`] when the context is.
    pub fn zap(context: &Context, domain: impl AsRef<[u8]>) -> Result<Authenticator, Error> {
        let domain = Bytes::copy_from_slice(domain.as_ref());
        if domain.len() > 255 {
            let bytes = domain.len();
            return Err(Error::Option(format!(
                "the ZAP domain has {bytes} bytes; use at most 255"
            )));
        }
        let client = Client::start(context, domain)?;
        let authenticator = Authenticator::new(move |pending| client.ask(pending));
        #[cfg(feature = "plain")]
        let authenticator = authenticator.checks_passwords();
        Ok(authenticator)
    }
}

/// Requests that the handler has not answered.
#[derive(Default)]
struct Waiting {
    /// The number of the next request; wraps.
    next: u64,
    pending: BTreeMap<u64, Pending>,
}

/// The side that asks.
struct Client {
    domain: Bytes,
    handler: Socket<Dealer>,
    waiting: Arc<Mutex<Waiting>>,
}

impl Client {
    fn start(context: &Context, domain: Bytes) -> Result<Client, Error> {
        // Requests are bounded by `MOST`. What has no handler is refused, and not queued.
        let handler = context
            .socket(Dealer)
            .immediate(true)
            .send_hwm(0)
            .recv_hwm(0)
            .linger(std::time::Duration::ZERO)
            .connect(HANDLER)?;
        let waiting = Arc::<Mutex<Waiting>>::default();
        let (replies, questions) = (handler.clone(), Arc::clone(&waiting));
        let client = Client {
            domain,
            handler,
            waiting,
        };
        let thread = thread::Builder::new().name("sinew-zap".into());
        thread
            .spawn(move || receive(&replies, &questions))
            .map_err(Error::System)?;
        Ok(client)
    }

    fn ask(&self, pending: Pending) {
        let candidate = pending.candidate().clone();
        let (id, oldest) = {
            let mut waiting = self.waiting.lock();
            let id = waiting.next;
            waiting.next = id.wrapping_add(1);
            waiting.pending.insert(id, pending);
            let full = waiting.pending.len() > MOST;
            (id, full.then(|| waiting.pending.pop_first()).flatten())
        };
        if let Some((_, oldest)) = oldest {
            oldest.settle(Verdict::Refuse(Refusal::Overloaded));
        }
        if self.handler.try_send(self.request(id, &candidate)).is_err() {
            let pending = self.waiting.lock().pending.remove(&id);
            if let Some(pending) = pending {
                pending.settle(Verdict::Refuse(Refusal::NoHandler));
            }
        }
    }

    fn request(&self, id: u64, candidate: &Candidate) -> Message {
        let address = match candidate.ip {
            Some(ip) => ip.to_string(),
            None => candidate.address.clone(),
        };
        let mut request = Message::new();
        let mut push = |frame: Frame| request.push_back(frame);
        push(Frame::default());
        push(VERSION.into());
        push(id.to_string().into());
        push(Frame::from(self.domain.clone()));
        push(address.into());
        push(Frame::from(
            candidate.peer.routing_id.clone().unwrap_or_default(),
        ));
        push(candidate.mechanism.into());
        #[cfg(feature = "plain")]
        if let Some(said) = &candidate.said {
            push(Frame::from(Bytes::copy_from_slice(said.name())));
            push(Frame::from(Bytes::copy_from_slice(said.password())));
        }
        #[cfg(feature = "curve")]
        if let Some(key) = &candidate.key {
            push(Frame::from(Bytes::copy_from_slice(key.as_bytes())));
        }
        request
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        // Ends the thread that waits for replies, and with it what waits for an answer is refused.
        let _ = self.handler.clone().close();
    }
}

fn receive(handler: &Socket<Dealer>, waiting: &Mutex<Waiting>) {
    while let Ok(reply) = handler.recv() {
        let Some(id) = id_of(&reply) else { continue };
        // A reply to a request that was given up, or that was answered before, is for nobody.
        let pending = waiting.lock().pending.remove(&id);
        if let Some(pending) = pending {
            pending.settle(verdict_of(&reply));
        }
    }
    let left = std::mem::take(&mut waiting.lock().pending);
    drop(left);
}

/// The number of the request that a reply answers. Without one, it is no reply, and its peer is refused by the
/// handshake's time-out.
fn id_of(reply: &Message) -> Option<u64> {
    std::str::from_utf8(reply.get(2)?).ok()?.parse().ok()
}

/// What a reply says (RFC 27, "Replies"): an empty frame, version, request id, status, text, user id, metadata.
fn verdict_of(reply: &Message) -> Verdict {
    let frames: Vec<&[u8]> = reply.frames().collect();
    let &[b"", version, _, status, _, user, metadata] = &frames[..] else {
        return Verdict::Refuse(Refusal::BadReply);
    };
    let properties = parse_metadata("ZAP reply", metadata);
    match (status, properties) {
        _ if version != VERSION.as_bytes() => Verdict::Refuse(Refusal::BadReply),
        (b"200", Ok(properties)) => {
            let user = Some(user).filter(|user| !user.is_empty());
            Verdict::Admit(Admission {
                user: user.map(|user| String::from_utf8_lossy(user).into_owned()),
                properties,
                ..Admission::default()
            })
        }
        (b"300", _) => Verdict::Refuse(Refusal::NotNow),
        (b"400", _) => Verdict::Refuse(Refusal::Refused),
        (b"500", _) => Verdict::Refuse(Refusal::HandlerFailed),
        _ => Verdict::Refuse(Refusal::BadReply),
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    fn verdict(frames: &[&[u8]]) -> String {
        let mut reply = Message::new();
        for frame in frames {
            reply.push_back(Frame::from(Bytes::copy_from_slice(frame)));
        }
        match verdict_of(&reply) {
            Verdict::Admit(it) => format!("{:?} {}", it.user, it.properties.len()),
            Verdict::Refuse(it) => format!("{it:?}"),
        }
    }

    #[test]
    fn a_reply_lets_in_only_if_all_of_it_is_as_it_should_be() {
        let meta = b"\x06X-Role\0\0\0\x01a";
        let good: [&[u8]; 7] = [b"", b"1.0", b"1", b"200", b"OK", b"anna", meta];
        assert_eq!(verdict(&good), "Some(\"anna\") 1");
        for (at, with, expected) in [
            (0, &b"x"[..], "BadReply"),
            (1, b"1.1", "BadReply"),
            (3, b"300", "NotNow"),
            (3, b"400", "Refused"),
            (3, b"500", "HandlerFailed"),
            (3, b"201", "BadReply"),
            (3, b"", "BadReply"),
            (3, b"2000", "BadReply"),
            (4, b"", "Some(\"anna\") 1"),
            (5, b"", "None 1"),
            (6, b"", "Some(\"anna\") 0"),
            (6, b"\x06X-Role\0\0\0\x02a", "BadReply"),
            (6, b"\0\0\0\0\0", "BadReply"),
        ] {
            let mut frames = good;
            frames[at] = with;
            assert_eq!(verdict(&frames), expected, "{at} {with:?}");
        }
        assert_eq!(verdict(&good[..6]), "BadReply");
        assert_eq!(verdict(&[&good[..], &[b""]].concat()), "BadReply");
        assert_eq!(verdict(&[]), "BadReply");
    }
}
