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
//! received. They are also the two that `udp` is for.
//!
//! # Over udp: RADIO, DISH and DGRAM
//!
//! A RADIO connects to an address or a multicast group, a DISH binds it, and each message is one datagram.
//! There are no connections, and so nothing of what connections give: a RADIO does not know who is there,
//! sends every group, and never waits for a peer; a DISH takes out what it joined. What is lost on the way is
//! lost, and nobody is told. In return one `send` reaches all members of a group, however many.
//!
//! ```
//! use std::time::Duration;
//! use sinew::{Context, Dish, Message, Radio};
//!
//! let ctx = Context::new();
//! let dish = ctx.socket(Dish).join("oslo").bind("udp://127.0.0.1:*")?;
//! let radio = ctx.socket(Radio).connect(dish.endpoint()?)?; // or udp://239.0.0.1:5555
//! radio.send(Message::from("sun").in_group("oslo"))?;
//! assert_eq!(dish.recv_timeout(Duration::from_secs(60))?, "sun");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! A [`Dgram`](crate::Dgram) sends to whatever has an address, and receives from it, also programs that know
//! nothing of ZeroMQ: the bytes of a datagram are the body and nothing else. Messages have two frames, the address
//! of the other end, `ip:port`, and the body. A DGRAM that was connected sends there what has an empty first frame.
//! It has one endpoint at a time, and no transport but `udp`.
//!
//! ```
//! use sinew::{Context, Dgram, Message};
//! use std::net::UdpSocket;
//!
//! let dgram = Context::new().socket(Dgram).bind("udp://127.0.0.1:*")?;
//! let other = UdpSocket::bind("127.0.0.1:0").unwrap();
//! other.send_to(b"time?", dgram.endpoint()?.socket_addr().unwrap()).unwrap();
//!
//! let (from, question) = dgram.recv()?.split_id();
//! assert_eq!(question, "time?");
//! dgram.send(Message::from("noon").routed_to(from))?;
//! let mut answer = [0; 4];
//! other.recv(&mut answer).unwrap();
//! assert_eq!(&answer, b"noon");
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! | | |
//! |---|---|
//! | A datagram | has 8192 bytes at most, [`max_datagram_size`](crate::Options::max_datagram_size); of a RADIO with the group and a byte. `send` gives back what is larger ([`TooLarge`](crate::SendErrorKind::TooLarge)) |
//! | What is none of theirs | is discarded and counted: [`Drops::malformed`](crate::Drops::malformed) |
//! | When this system takes no more | messages queue up to `send_hwm`; then a DGRAM waits, and a RADIO drops |
//! | What this system refuses | is dropped and counted: [`Drops::unsent`](crate::Drops::unsent) |
//! | When the inbox is full | the rest waits in the system ([`recv_buffer`](crate::Options::recv_buffer)), which then drops |
//! | Closing | waits only until this system has taken what was sent |
//! | Monitors | say `Listening` or `Connected`, and `Closed`; there is no handshake |
//! | [`peers`](crate::Socket::peers) | are the endpoints, whatever is behind them |
//! | Multicast | [`multicast_hops`](crate::Options::multicast_hops), [`multicast_loop`](crate::Options::multicast_loop); the interface stands in the endpoint, `udp://eth0;239.0.0.1:5555` |
//!
//! `connect` and `bind` of `udp` are done when they return: an interface that is not there is their error. Nothing
//! of it is encrypted, and the address that a datagram says it is from can be made up by its sender.
