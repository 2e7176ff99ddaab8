//! Several sockets at once: a poller for any number of them, and a proxy between two.
//!
//! One socket may bind and connect to any number of endpoints, which often makes both unnecessary. And a
//! thread for each socket is often simplest: they are cheap to wait in, see the end of this page.
//!
//! # A poller
//!
//! [`Poller`](crate::Poller) waits for as many sockets as you like, and for descriptors of yours. Each has
//! a key; an enum reads well.
//!
//! ```
//! use sinew::{Context, Interest, Poller, Pull, Push, Sub};
//! use std::time::Duration;
//!
//! #[derive(Clone, Copy)]
//! enum Input {
//!     Jobs,
//!     News,
//! }
//!
//! let ctx = Context::new();
//! let jobs = ctx.socket(Pull).bind("inproc://jobs")?;
//! let news = ctx.socket(Sub).subscribe("").connect("inproc://news")?;
//!
//! let mut poller = Poller::new()?;
//! poller.add(&jobs, Input::Jobs, Interest::READABLE)?;
//! poller.add(&news, Input::News, Interest::READABLE)?;
//!
//! ctx.socket(Push).connect("inproc://jobs")?.send("job")?;
//! let mut done = 0;
//! while done == 0 {
//!     for event in poller.wait(Duration::from_secs(10))? {
//!         match event.key {
//!             Input::Jobs => {
//!                 assert_eq!(jobs.try_recv()?, "job");
//!                 done += 1;
//!             }
//!             Input::News => println!("{}", news.try_recv()?),
//!         }
//!     }
//! }
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! - It is level-triggered: what was not received is told again.
//! - Ask for [`WRITABLE`](crate::Interest::WRITABLE) only while you have something to send that found no
//!   room: most sockets have room most of the time.
//! - If other threads receive from the same sockets, [`try_recv`](crate::Socket::try_recv) may find nothing.
//! - A closed socket is told once, and has left the poller.
//! - It watches monitors too ([`add_monitor`](crate::Poller::add_monitor)): events and messages in one loop.
//! - What a wait costs depends on how many are ready, not on how many there are: ten thousand sockets are
//!   fine, and take no descriptors of their own for it.
//!
//! # Sending when there is room
//!
//! ```
//! use sinew::{Context, Interest, Poller, Pull, Push};
//!
//! let ctx = Context::new();
//! let push = ctx.socket(Push).send_hwm(1).bind("inproc://narrow")?;
//! let pull = ctx.socket(Pull).recv_hwm(1).connect("inproc://narrow")?;
//! let mut poller = Poller::new()?;
//! poller.add(&push, (), Interest::WRITABLE)?;
//! std::thread::spawn(move || pull.iter().for_each(drop));
//!
//! let mut left = 100;
//! while left > 0 {
//!     poller.wait(None)?;
//!     while left > 0 && push.try_send("message").is_ok() {
//!         left -= 1;
//!     }
//! }
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # A proxy
//!
//! [`proxy`](crate::proxy()) forwards between two sockets, so that programs which come and go need to know
//! one fixed place only: `ROUTER` and `DEALER` make a queue for requests, `XSUB` and `XPUB` a forwarder
//! for news, `PULL` and `PUSH` a streamer; [`Forwards`](crate::Forwards) lists them all. It has no queue of
//! its own: what cannot be sent on is not received.
//!
//! [`Proxy`](crate::Proxy) is the same with a handle, and may have a capture and a control socket:
//!
//! ```
//! use sinew::{Context, Proxy, Pub, Pull, Sub, Xpub, Xsub};
//! use std::thread;
//!
//! let ctx = Context::new();
//! let publishers = ctx.socket(Xsub).bind("inproc://publishers")?;
//! let subscribers = ctx.socket(Xpub).bind("inproc://subscribers")?;
//! let mut proxy = Proxy::new(&publishers, &subscribers)?;
//! let handle = proxy.handle();
//! let thread = thread::spawn(move || proxy.run());
//!
//! let publisher = ctx.socket(Pub).open()?;
//! let monitor = publisher.monitor();
//! publisher.connect("inproc://publishers")?;
//! let sub = ctx.socket(Sub).subscribe("news").connect("inproc://subscribers")?;
//! // The subscription has travelled through the proxy.
//! while publisher.topics() == 0 {
//!     monitor.recv()?;
//! }
//! publisher.send("news of today")?;
//! assert_eq!(sub.recv()?, "news of today");
//!
//! handle.pause();
//! handle.resume();
//! println!("{}", handle.stats());
//! handle.terminate();
//! assert_eq!(thread.join().unwrap()?.backend.sent.messages, 1);
//! # Ok::<(), sinew::Error>(())
//! ```
//!
//! # A thread for each socket
//!
//! All of them send into one channel:
//!
//! ```
//! use sinew::{Context, Message, Pull, Push, Sub};
//! use std::sync::mpsc;
//! use std::thread;
//!
//! enum Input {
//!     Job(Message),
//!     News(Message),
//! }
//!
//! let ctx = Context::new();
//! let jobs = ctx.socket(Pull).bind("inproc://jobs")?;
//! let news = ctx.socket(Sub).subscribe("").connect("inproc://news")?;
//! let (inputs, next) = mpsc::sync_channel(100);
//! let other = inputs.clone();
//! let threads = [
//!     thread::spawn(move || jobs.iter().try_for_each(|it| inputs.send(Input::Job(it)))),
//!     thread::spawn(move || news.iter().try_for_each(|it| other.send(Input::News(it)))),
//! ];
//!
//! ctx.socket(Push).connect("inproc://jobs")?.send("job")?;
//! match next.recv().unwrap() {
//!     Input::Job(job) => assert_eq!(job, "job"),
//!     Input::News(news) => println!("{news}"),
//! }
//! ctx.shutdown();
//! for thread in threads {
//!     thread.join().unwrap().unwrap();
//! }
//! # Ok::<(), sinew::Error>(())
//! ```
