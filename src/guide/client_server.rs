//! CLIENT and SERVER, SCATTER and GATHER, PEER, CHANNEL: messages of one frame
//! ([RFC 41](https://rfc.zeromq.org/spec/41/), [49](https://rfc.zeromq.org/spec/49/),
//! [51](https://rfc.zeromq.org/spec/51/), [52](https://rfc.zeromq.org/spec/52/)).
//!
//! A [`Client`](crate::Client) sends to one of its servers, in turn; a [`Server`](crate::Server) knows each
//! client by a number that it makes up, which [`routing_id`](crate::Message::routing_id) tells of each message
//! received. A message goes to the client whose number it has: one that is sent back goes back.
//!
//! ```
//! use sinew::{Client, Context, Message, Server};
//!
//! let ctx = Context::new();
//! let server = ctx.socket(Server).bind("tcp://127.0.0.1:*")?;
//! let client = ctx.socket(Client).connect(server.endpoint()?)?;
//! client.send("one")?;
//! client.send("two")?;
//!
//! server.recv()?;
//! let request = server.recv()?;
//! let number = request.routing_id().expect("a server's message has one");
//! server.send(Message::from("for two").with_routing_id(number))?;
//! assert_eq!(client.recv()?, "for two");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! There are no turns to take, and no frames to mind. A number is good for as long as the connection; a
//! message for a client that is gone is given back with `Unroutable`, and while the queue of one that is there
//! is full, `send` waits.
//!
//! | Sockets | As | But |
//! |---|---|---|
//! | [`Client`](crate::Client) | [`Dealer`](crate::Dealer) | its peers are SERVERs |
//! | [`Server`](crate::Server) | [`Router`](crate::Router) with `mandatory` | the id is a number beside the message |
//! | [`Scatter`](crate::Scatter), [`Gather`](crate::Gather) | [`Push`](crate::Push), [`Pull`](crate::Pull) | |
//! | [`Peer`](crate::Peer) | `Server` at both ends | [`connect_for_id`](crate::Socket::connect_for_id) tells the number of the one it connects to |
//! | [`Channel`](crate::Channel) | [`Pair`](crate::Pair) | |
//!
//! A message of several frames is refused by `send`, with
//! [`Multipart`](crate::SendErrorKind::Multipart), and discarded when a peer sends one. libzmq calls these types
//! drafts: it has them only where it was built with them.
