//! Which socket do I need? Questions that lead to a type.
//!
//! ```text
//! Does the program at the other end speak ZMTP, as every ZeroMQ program does?
//! ├─ no:  STREAM over tcp, DGRAM over udp
//! └─ yes: which peers shall have a message?
//!    │
//!    ├─ ONE OF SEVERAL, and it does not matter which
//!    │  ├─ and does not answer ................................  PUSH to PULL
//!    │  ├─ and answers, and I wait for that ...................  REQ to REP
//!    │  └─ and answers, while I ask on
//!    │     ├─ it takes one request at a time ..................  DEALER to REP
//!    │     └─ it takes many, and answers in any order .........  DEALER to ROUTER
//!    │
//!    ├─ ALL that want it .......................................  PUB to SUB
//!    │  └─ and I want to see what they want, or to decide it,
//!    │     or to stand between publishers and subscribers .....  XPUB, XSUB
//!    │
//!    ├─ A CERTAIN ONE of several, which I know by name ........  ROUTER to DEALER
//!    │
//!    └─ THE ONLY ONE there is .................................  PAIR to PAIR
//! ```
//!
//! | I want to | Take | Not | Because |
//! |---|---|---|---|
//! | share work out among workers | [`Push`](crate::Push), [`Pull`](crate::Pull): [`pipeline`](super::pipeline) | PUB | each worker would do all of it |
//! | share out pieces that take unequally long | ROUTER, and REQ or DEALER workers that ask: [`router_dealer`](super::router_dealer) | PUSH | it deals in turn, also to a worker that is not done yet |
//! | tell many what happens | [`Pub`](crate::Pub), [`Sub`](crate::Sub): [`pub_sub`](super::pub_sub) | PUSH | each message would reach one of them |
//! | miss nothing of what is published | the same, with numbers, and a snapshot over [`Dealer`](crate::Dealer) and [`Router`](crate::Router) | PUB alone | a subscriber that is not there or is too slow misses it |
//! | hear at once how things stand | [`Xpub`](crate::Xpub) with [`manual_last_value`](crate::Options::manual_last_value): [`xpub_xsub`](super::xpub_xsub) | PUB | it tells what comes, not what was |
//! | collect from many | [`Pull`](crate::Pull), which binds, and a PUSH in each | SUB | its publishers drop what it does not fetch in time |
//! | call a server | [`Req`](crate::Req), [`Rep`](crate::Rep): [`req_rep`](super::req_rep) | PAIR | it has room for one client |
//! | call a server with many questions at once | [`Dealer`](crate::Dealer): [`dealer_pair`](super::dealer_pair) | REQ | it asks one after the other |
//! | call a server from many threads, each for its own reply | [`Requester`](crate::Requester): [`req_rep`](super::req_rep) | REQ | its threads would fight over the turn |
//! | serve many clients with several threads, or slowly | [`Router`](crate::Router): [`router_dealer`](super::router_dealer) | REP | it serves one request after the other |
//! | send to one client that I choose | [`Router`](crate::Router) | DEALER | it chooses itself, in turn |
//! | connect two threads | [`Pair`](crate::Pair) over `inproc`: [`dealer_pair`](super::dealer_pair) | | |
//! | the same with messages of one frame, and sockets that threads may share also in libzmq | [`Client`](crate::Client), [`Server`](crate::Server), [`Scatter`](crate::Scatter), [`Gather`](crate::Gather), [`Peer`](crate::Peer), [`Channel`](crate::Channel): [`client_server`](super::client_server) | | |
//! | tell all of a network at once, and it may be lost | [`Radio`](crate::Radio), [`Dish`](crate::Dish) over `udp`: [`client_server`](super::client_server#over-udp-radio-dish-and-dgram) | PUB | it sends each subscriber a copy of its own |
//! | speak another protocol over UDP | [`Dgram`](crate::Dgram): [`client_server`](super::client_server#over-udp-radio-dish-and-dgram) | | |
//! | speak another protocol over TCP | [`Stream`](crate::Stream): [`router_dealer`](super::router_dealer#stream) | | |
//!
//! # Which types talk to each other
//!
//! | | Peers |
//! |---|---|
//! | PUSH | PULL |
//! | PUB, XPUB | SUB, XSUB |
//! | REQ | REP, ROUTER |
//! | REP | REQ, DEALER |
//! | DEALER | REP, DEALER, ROUTER |
//! | ROUTER | REQ, DEALER, ROUTER |
//! | PAIR, PEER, CHANNEL | each its own kind |
//! | CLIENT; SCATTER; RADIO | SERVER; GATHER; DISH |
//! | STREAM; DGRAM | none: programs that speak TCP; UDP |
//!
//! Which may also be asked:
//!
//! ```
//! use sinew::SocketType::{Dealer, Pub, Push, Router, Sub};
//!
//! assert!(Dealer.talks_to(Router) && Pub.talks_to(Sub));
//! assert!(!Push.talks_to(Sub));
//! ```
//!
//! # Which end binds?
//!
//! Either, for each type; messages flow the same way. Let the end bind whose address is known and that
//! stays: the server, the sink, the publisher that all know. The ends that come and go connect. A socket
//! may do both, several times. See [`transports`](super::transports).
//!
//! # What happens when the other end is slow
//!
//! | | `send` |
//! |---|---|
//! | PUSH, REQ, DEALER, PAIR, CLIENT, SCATTER, CHANNEL | waits, unless another peer has room; `try_send` says so |
//! | PUB, XPUB, RADIO | drops the message for this peer, and counts that; with [`no_drop`](crate::Options::no_drop) waits |
//! | ROUTER | drops the message, and counts that; with [`mandatory`](crate::Options::mandatory) waits |
//! | STREAM, SERVER, PEER | waits; if the peer is gone, the message is given back |
//! | DGRAM | waits until this system takes it; what is lost on the way nobody is told |
//! | REP | drops the answer, and counts that |
//!
//! In all cases a queue is bounded, in messages and in bytes: see [`options`](super::options).
