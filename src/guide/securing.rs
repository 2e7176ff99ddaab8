//! Securing a socket: who is let in, as whom, and to what.
//!
//! Without a mechanism and without an [`Authenticator`](crate::Authenticator) every program that can reach an endpoint
//! is a peer. This page is about the two; what a peer that was let in may cost is the page on
//! [networks that you do not trust](super::untrusted).
//!
//! # Two questions
//!
//! *Who is it?* is the **mechanism's**: a socket has one, both ends have the same, and a peer with another is refused on
//! its greeting, so that there is no way down to a weaker one. *Is it let in?* is the **authenticator's**: it is asked
//! when the mechanism is satisfied, and before anything of the peer is received.
//!
//! | Setting | Who is let in |
//! |---|---|
//! | neither | everybody |
//! | [`plain_server`] with users | those that say the name and password of one of them, **in clear** |
//! | [`plain_server`] without users | nobody |
//! | [`Authenticator::lists`] | those of the mechanism, at the addresses that the lists allow |
//! | [`Authenticator::new`] | those, if the closure says so |
//! | the same with [`checks_passwords`] | those of the mechanism or with any password, if the closure says so |
//! | [`Authenticator::zap`] | those that the ZAP handler lets in |
//!
//! Whatever fails, refuses: a closure that panics or drops the question, a ZAP handler that is not there or
//! answers nonsense, an answer that does not come within
//! [`handshake_timeout`](crate::Options#structfield.handshake_timeout). Peers over inproc are in the same program and are
//! not asked; udp has no handshake, and sockets that are to be secured refuse it.
//!
//! # Names and passwords
//!
//! ```
//! use sinew::{Context, Rep, Req};
//!
//! let context = Context::new();
//! let rep = context
//!     .socket(Rep)
//!     .plain_server([("anna", "secret"), ("bert", "geheim")])
//!     .bind("tcp://127.0.0.1:0")?;
//! let req = context.socket(Req).plain_client("anna", "secret").connect(rep.endpoint()?)?;
//! req.send("who am I?")?;
//! rep.recv()?;
//! assert_eq!(rep.peers()[0].info.as_ref().unwrap().user.as_deref(), Some("anna"));
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! To keep hashes in the place of passwords, check them in a closure: the example of [`checks_passwords`] does. A hash
//! that is meant to be slow may be: the closure has a thread of its own.
//!
//! # Addresses
//!
//! ```
//! use sinew::{Authenticator, Context, Pull};
//!
//! let office = Authenticator::lists()
//!     .allow_from(["192.0.2.0/24".parse()?, "127.0.0.1".parse()?])
//!     .deny_from(["192.0.2.66".parse()?]);
//! let pull = Context::new().socket(Pull).authenticator(office).bind("tcp://127.0.0.1:0")?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # A decision of one's own, now or later
//!
//! A closure sees the address, the mechanism, and what the peer says of itself: its type, routing id and properties, of
//! which nothing is proved. It gets a [`Pending`], answers it there and then, or sends it to whatever decides.
//!
//! ```
//! use sinew::{Authenticator, Context, Pending, Pull, Push};
//! use std::sync::mpsc;
//!
//! let (ask, questions) = mpsc::channel::<Pending>();
//! std::thread::spawn(move || {
//!     // Asks a directory on the network, say. What it drops is refused.
//!     for pending in questions {
//!         let local = pending.candidate().ip.is_some_and(|ip| ip.is_loopback());
//!         match local {
//!             true => pending.accept_as("someone at home"),
//!             false => pending.refuse(),
//!         }
//!     }
//! });
//! let context = Context::new();
//! let pull = context
//!     .socket(Pull)
//!     .authenticator(Authenticator::new(move |pending| drop(ask.send(pending))))
//!     .bind("tcp://127.0.0.1:0")?;
//! let push = context.socket(Push).connect(pull.endpoint()?)?;
//! push.send("hello")?;
//! assert_eq!(pull.recv()?, "hello");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Topics
//!
//! An answer may say what a subscriber may subscribe to: [`Admission::topics`], with an example. What it may not is not
//! applied, monitors say [`SubscriptionRefused`](crate::EventKind::SubscriptionRefused), and the connection stays.
//!
//! # ZAP
//!
//! Programs that have a handler for RFC 27 keep it: [`Authenticator::zap`], with an example. It is asked about every
//! peer of the socket, also with NULL, and without it nobody is let in.
//!
//! # What each side hears of a refusal
//!
//! The peer gets an ERROR command with a status of ZAP: 400, or 500 when nothing could decide; libzmq's monitors say
//! HANDSHAKE_FAILED_AUTH. (With PLAIN they say so of a wrong password alone. An authenticator is asked when all is known of
//! the peer, which with PLAIN is late in the handshake; libzmq's client expects no ERROR there, and says
//! HANDSHAKE_FAILED_PROTOCOL.) [`Pending::refuse_for_now`] closes without a word, after which a peer calls again. Monitors
//! of the socket say [`HandshakeFailed`](crate::EventKind::HandshakeFailed) with a
//! [`ReasonKind`](crate::ReasonKind): `Authentication`, `Address`, `AuthenticatorFailed`, `Mechanism`, or
//! `HandshakeTimeout` where no answer came.
//!
//! [`plain_server`]: crate::SocketBuilder::plain_server
//! [`Authenticator::lists`]: crate::Authenticator::lists
//! [`Authenticator::new`]: crate::Authenticator::new
//! [`Authenticator::zap`]: crate::Authenticator::zap
//! [`checks_passwords`]: crate::Authenticator::checks_passwords
//! [`Admission::topics`]: crate::Admission::topics
//! [`Pending`]: crate::Pending
//! [`Pending::refuse_for_now`]: crate::Pending::refuse_for_now
