//! Errors: what can go wrong, how to tell, and what to do about it.
//!
//! Every function of a program may return [`sinew::Result`](crate::Result): all errors of the library
//! become one [`Error`](crate::Error) with `?`.
//!
//! ```
//! use sinew::{Context, Pull, Push};
//!
//! fn main() -> sinew::Result<()> {
//!     let ctx = Context::new();
//!     let pull = ctx.socket(Pull).bind("tcp://127.0.0.1:*")?;
//!     let push = ctx.socket(Push).connect(pull.endpoint()?)?;
//!     push.send("hello")?;
//!     println!("{}", pull.recv()?.to_str()?);
//!     Ok(())
//! }
//! ```
//!
//! They convert to `std::io::Error` too, with the kind that fits, for functions that return that.
//!
//! A `main` that returns an error prints its `Debug` form, which is for programmers. For the people who
//! use your program, print the error itself: `eprintln!("{error}")`. Its text is a whole sentence, says
//! what to do where that is known, and stands only once in a chain of
//! [`source`](std::error::Error::source)s.
//!
//! | From | Error | What to match on |
//! |---|---|---|
//! | `send` and its forms | [`SendError`](crate::SendError) | its [`kind`](crate::SendError::kind) |
//! | `send_many` and its forms | [`SendManyError`](crate::SendManyError) | its [`kind`](crate::SendManyError::kind); what was not accepted is still in the vector |
//! | `recv` and its forms, monitors | [`RecvError`](crate::RecvError) | itself |
//! | parsing an endpoint | [`EndpointError`](crate::EndpointError) | its text is for people |
//! | [`Message`](crate::Message) or [`Frame`](crate::Frame) to `String` and the like | [`ConvertError`](crate::ConvertError) | its [`kind`](crate::ConvertError::kind) |
//! | `to_str`, `get_str`, `as_bytes` | [`ConvertErrorKind`](crate::ConvertErrorKind) | itself |
//! | parsing a socket type | [`UnknownSocketType`](crate::UnknownSocketType) | its text is for people |
//! | everything else | [`Error`](crate::Error) | itself |
//!
//! # Nothing is lost with an error
//!
//! A message that was not accepted, or not converted, is in the error:
//!
//! ```
//! use sinew::{Context, Push};
//!
//! let push = Context::new().socket(Push).open()?;
//! let error = push.try_send("precious").unwrap_err();
//! assert!(error.is_would_block());
//! let message = error.into_message();
//! assert_eq!(message, "precious");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Which errors are part of the work
//!
//! - **A time-out** (`is_timeout()`) and **no room, or no message, now** (`is_would_block()`): try
//!   again, or do something else first.
//! - **Closed** (`is_closed()`): the socket or its context was closed, here or in another thread.
//!   Loops that serve end with it.
//! - [`PeerGone`](crate::RecvError::PeerGone), for REQ: no reply can come; send the request again if
//!   it may be repeated.
//!
//! ```
//! use sinew::{Context, Pull};
//! use std::time::Duration;
//!
//! let pull = Context::new().socket(Pull).bind("inproc://work")?;
//! match pull.recv_timeout(Duration::from_millis(1)) {
//!     Ok(message) => println!("{message}"),
//!     Err(error) if error.is_timeout() => println!("nothing to do"),
//!     Err(error) if error.is_closed() => println!("that is all"),
//!     Err(error) => return Err(error.into()),
//! }
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # Which errors are mistakes
//!
//! REQ and REP out of turn (`MustSendFirst`, `MustReceiveFirst`), a message of more frames than a peer
//! accepts (`TooManyFrames`), a setting that cannot be used, an endpoint that cannot be read, a verb that
//! a dynamic socket does not have: the text says what is wrong and what to write instead. They change
//! nothing.
//!
//! [`ReactorDied`](crate::Error::ReactorDied) is a mistake of this library: a thread of the context has
//! panicked, and its sockets are at their end. Please report it.
//!
//! # Which errors are the system's
//!
//! [`InUse`](crate::Error::InUse): the endpoint is taken, whatever its transport.
//! [`Io`](crate::Error::Io): the system refused to bind, and the text names the endpoint.
//! [`System`](crate::Error::System): no more threads or descriptors.
//!
//! # What is no error
//!
//! A peer that is not there, goes away, or speaks nonsense fails no call: `connect` does not wait,
//! queues keep what they can, and connections are made again. What happens is told by the
//! [monitor](crate::Socket::monitor). At the end, [`close`](crate::Socket::close) tells how many
//! messages are not known to have arrived:
//!
//! ```
//! use sinew::{Context, Push};
//! use std::time::Duration;
//!
//! let ctx = Context::new();
//! let push = ctx
//!     .socket(Push)
//!     .linger(Duration::from_millis(10))
//!     .connect("inproc://nobody")?;
//! push.send("to nobody")?;
//! let undelivered = push.close().undelivered;
//! assert_eq!(undelivered, 1);
//! # Ok::<(), sinew::Error>(())
//! ```
