//! CLIENT and SERVER, SCATTER and GATHER, PEER, CHANNEL, RADIO and DISH: messages of one frame
//! ([RFC 41](https://rfc.zeromq.org/spec/41/), [48](https://rfc.zeromq.org/spec/48/), [49](https://rfc.zeromq.org/spec/49/),
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
//!
//! # RADIO and DISH
//!
//! A [`Radio`](crate::Radio) sends each message to a *group*, and every [`Dish`](crate::Dish) that has joined it
//! receives it. The group is a field of the message, not a frame: [`in_group`](crate::Message::in_group) sets it,
//! [`group`](crate::Message::group) tells it.
//!
//! ```
//! use std::time::Duration;
//! use sinew::{Context, Dish, Message, Radio};
//!
//! let ctx = Context::new();
//! let radio = ctx.socket(Radio).bind("tcp://127.0.0.1:*")?;
//! let dish = ctx.socket(Dish).join("oslo").connect(radio.endpoint()?)?;
//! radio.wait_for_subscribers("oslo", 1, Duration::from_secs(60))?;
//!
//! radio.send(Message::from("rain").in_group("oslo/fjord"))?;
//! radio.send(Message::from("sun").in_group("oslo"))?;
//! let report = dish.recv()?;
//! assert_eq!(report.group(), Some(&b"oslo"[..]));
//! assert_eq!(report, "sun");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! They are PUB and SUB but for this:
//!
//! | | PUB and SUB | RADIO and DISH |
//! |---|---|---|
//! | A message is wanted when | its first frame begins with a topic | its group *is* one that was joined |
//! | Up to | 65,536 bytes of topic | 255 bytes of group; more is refused by `join` and by `send` |
//! | Twice the same | counts: it takes as many `unsubscribe` | [`AlreadyJoined`](crate::Error::AlreadyJoined) |
//! | Taken back without having it | nothing happens | [`NotJoined`](crate::Error::NotJoined) |
//! | A message without | has a first frame, if an empty one | [`NoGroup`](crate::SendErrorKind::NoGroup) |
//!
//! A peer that is full loses messages, which are counted, or with [`no_drop`](crate::Options::no_drop) is waited
//! for; a DISH that reconnects joins its groups again; what comes of a group that was left meanwhile is not
//! received. Transports are `tcp`, `ipc` and `inproc`; there is no `udp`.
