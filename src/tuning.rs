//! The constants that trade one cost for another, with what each bounds and how it was chosen. What only
//! one file knows of (a format, the size of a block) is a constant of that file.

use std::time::Duration;

/// Messages a queue holds for one peer before its socket blocks or drops: libzmq's default.
pub(crate) const HWM: usize = 1000;

/// Bytes a queue holds for one peer before its socket blocks or drops.
///
/// libzmq has no such bound, so that a thousand messages of some megabytes each exhaust the
/// memory. A quarter of a gigabyte is out of the way of every normal use (a thousand messages of
/// 256 KiB) and still stops a runaway.
pub(crate) const HWM_BYTES: usize = 256 << 20;

/// How long closing waits for peers to take what was accepted.
///
/// libzmq waits for ever, so that a program whose peer never returns never exits. Half a minute
/// outlasts a restarting peer and a reconnect back-off.
pub(crate) const LINGER: Duration = Duration::from_secs(30);

/// After this long a socket that still lingers says so in the log: a program that seems to hang at its
/// end has a line to be found by, and one that ends as it should has none.
#[cfg(any(feature = "log", feature = "tracing"))]
pub(crate) const LINGER_NOTICE: Duration = Duration::from_secs(1);

/// First pause before a connection is tried again: libzmq's default.
pub(crate) const RECONNECT_INTERVAL: Duration = Duration::from_millis(100);

/// Longest pause between two tries to connect.
///
/// libzmq does not back off by default, so a thousand clients of a dead server try it ten thousand
/// times a second. Two seconds keep a returning peer's gap short.
pub(crate) const RECONNECT_INTERVAL_MAX: Duration = Duration::from_secs(2);

/// How long greeting and mechanism together may take: libzmq's default.
pub(crate) const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(30);

/// The shortest pause between two PINGs, and the shortest time to wait for an answer: what a poll can
/// count. Anything shorter keeps the reactor busy with nothing else.
pub(crate) const HEARTBEAT_LEAST: Duration = Duration::from_millis(1);

/// Least time that a peer has to answer a PING unless another is set. libzmq gives it one interval,
/// whatever that is; but a program may wait for its turn of a processor for a second and more where there
/// is more to do than processors, and the end of its connection would be one more thing to do.
pub(crate) const HEARTBEAT_PATIENCE: Duration = Duration::from_secs(3);

/// The largest datagram, unless set otherwise: libzmq receives into a buffer of that size, and would take
/// the beginning of a larger one for the whole.
pub(crate) const MAX_DATAGRAM_SIZE: usize = 8192;

/// The most bytes of a datagram over IPv4: what is left of 65,535 by its header and UDP's.
pub(crate) const LARGEST_DATAGRAM: usize = 65_507;

/// What a datagram counts for at least in a pass, which ends after a [`TURN`]: a system call costs
/// about what copying this much does.
pub(crate) const DATAGRAM: usize = 2 * 1024;

/// Connections that the kernel queues for a listener.
///
/// libzmq asks for 100; a burst of a thousand clients then waits a second for its SYNs to be
/// repeated. The kernel cuts this to its own limit (4096 on today's Linux).
pub(crate) const BACKLOG: u32 = 4096;

/// Bytes one read asks the kernel for, and the size of the shared read buffers.
///
/// Larger reads gain nothing over loopback and spill the second-level cache.
pub(crate) const READ_BUFFER: usize = 64 * 1024;

/// Read buffers that a socket keeps for its next reads; more than a handful of threads never read at
/// once.
pub(crate) const SPARE_BUFFERS: usize = 2;

/// The same while a stream goes on whose messages share buffers: two megabytes, twice what the
/// default high-water mark holds in messages of 1 KiB.
pub(crate) const STREAM_BUFFERS: usize = 32;

/// Bytes of large bodies' buffers that a socket keeps for the next bodies of a stream: a dozen
/// megabyte messages on their way through a program.
pub(crate) const STREAM_BODIES: usize = 12 << 20;

/// Most bytes of small frames handed to the kernel in one write.
///
/// A packet on the loopback carries 65,483 bytes (an MTU of 64 KiB without the headers). A write of
/// just more than that becomes a full packet and a tiny one, which halves what the kernel gets
/// through: measured on Linux 6.18, 2.2 GB/s with writes of 65,536 bytes, 5.5 with 60 KiB. What a real
/// network carries is cut by the card, so that it does not matter there.
pub(crate) const WRITE: usize = 60 * 1024;

/// Most bytes of a write with bodies above 4 KiB in it, which go out from where they lie.
///
/// Each write ends with a packet that is not full, so that what one costs is spread over what it
/// carries: bodies of 1 MiB go 1.4 times as fast whole as in pieces of 60 KiB, with 0.7 of the processor
/// time of both ends, and four times that in one write is no faster. A mebibyte of bodies, with their
/// headers and some small frames: also how far a write may go beyond [`TURN`].
pub(crate) const WRITE_BODIES: usize = (1 << 20) + 4 * 1024;

/// Bytes a sender of a stream queues before it writes them itself: with one more message of the usual
/// sizes, a single write.
pub(crate) const WRITE_BATCH: usize = 56 * 1024;

/// The same, where bodies that go out from where they lie are among them: see [`WRITE_BODIES`]. Half of
/// what the kernel holds at least of a connection that moves much, so that the peer has something to do
/// meanwhile.
pub(crate) const WRITE_BATCH_BODIES: usize = 256 * 1024;

/// Bytes after which a link that is read or written makes way for the next one, so that a busy peer
/// starves no other; the call that reaches them is finished.
pub(crate) const TURN: usize = 256 * 1024;

/// Two sends on one link closer together than this, measured from the end of the first one's
/// write, count as a burst.
///
/// A tight loop comes back in well under a microsecond; a round trip over loopback, even one that
/// spins, takes at least five.
pub(crate) const BURST_GAP: Duration = Duration::from_micros(2);

/// This many sends in a burst make a socket hot: its senders then queue, and the sweep writes.
pub(crate) const BURST_SENDS: u8 = 3;

/// Pause between two sweeps over the hot sockets: bounds how long the tail of a burst waits.
///
/// Timer slack adds about 50 microseconds on Linux, so the tail leaves within about 80.
pub(crate) const SWEEP: Duration = Duration::from_micros(25);

/// Sweeps that find a socket with nothing to write before it is cold again.
pub(crate) const COOL_SWEEPS: u8 = 4;

/// How long a caller that left keeps the socket's poll before the reactor takes it back.
///
/// Long enough that a ping-pong never touches the reactor, short enough that a PING or a
/// subscription that arrives while the application is away is answered promptly.
pub(crate) const LEASE: Duration = Duration::from_millis(5);

/// Reactor threads of one context at most. Each costs a thread and three descriptors, and all of them
/// start with the first connection; on the largest machines a few dozen move what memory can.
pub(crate) const MOST_REACTORS: usize = 64;

/// Readiness events taken from the kernel in one go.
pub(crate) const EVENTS: usize = 256;

/// How long after a stream its buffers are kept: long enough that the pauses between bursts do not
/// cost an allocation each, short enough that ten thousand connections do not hold on to it.
pub(crate) const TRIM: Duration = Duration::from_secs(1);

/// Messages of several talkers that a receiver takes with one lock: enough that the lock no longer
/// counts, few enough that what comes meanwhile has its turn soon.
pub(crate) const TURNS: usize = 64;

/// How long a waiter stays awake for its inproc peers before it sleeps, when that has paid lately: what
/// putting a thread to sleep and waking it again takes, on a virtual machine.
pub(crate) const AWAKE: Duration = Duration::from_micros(50);

/// Looks of one spin: some microseconds. Between two spins the processor is offered to others, which may be
/// the ones that are waited for.
pub(crate) const SPINS: u32 = 16;

/// Looks of a receiver that has used up what there was of a stream: ten microseconds or more, in which the
/// sender fills a block where it needs 80 nanoseconds a message. A receiver that gives up before, and is the
/// faster end, asks for every block before it is full: at a quarter of this a stream of small messages
/// was less than half as fast.
pub(crate) const GATHER: u32 = 64;

/// Processor pauses between two such looks.
pub(crate) const PAUSES: u32 = 10;

/// Looks of a `busy_poll` between two offers of the processor to others: about ten microseconds, so
/// that the offer costs little, and a peer that waits for this very processor waits no longer.
pub(crate) const LOOKS_A_TURN: u32 = 32;

/// Waits without a spin after spinning was in vain, or occasions to ask for help after help came too
/// late; grows to this while it stays so.
///
/// Bounds what spinning costs where it never pays, and how long a stream that was made to sleep once
/// goes on sleeping.
pub(crate) const BACKOFF: u8 = 16;

/// Peers to which the fast path leads at once. It is opened anew after each batch, at a cost that grows
/// with them: a few hundred nanoseconds for these, for a batch of at least some dozens of messages each.
pub(crate) const FAST_PEERS: usize = 64;

/// Pause after `accept` ran out of descriptors or memory, before it is tried again.
pub(crate) const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Accepted connections of a socket at once.
///
/// As many as a program with the usual limits has descriptors for, and more than most ever see; each
/// costs a kilobyte or two while it is idle.
pub(crate) const MAX_CONNECTIONS: usize = 65_536;

/// Accepted connections of a socket that may be in their handshake at once; more wait in the kernel.
///
/// Bounds what peers that connect and say nothing can make a socket hold.
pub(crate) const PENDING_HANDSHAKES: usize = 1024;

/// Frames of a message.
///
/// Each costs its owner some fifty bytes beyond its body, and the shortest takes only two on the
/// wire. This bounds what an endless message of empty frames can hold to a few MiB; real ones have
/// a handful.
pub(crate) const MAX_MESSAGE_FRAMES: usize = 65_536;

/// Names that are looked up at once for one context. A look-up blocks a thread for as long as a name
/// server is silent, and a server that is asked more at once answers no sooner.
pub(crate) const RESOLVERS: usize = 4;

/// How often at most a socket tells its monitors why it does not accept.
pub(crate) const SHUT_EVENTS: Duration = Duration::from_secs(1);

/// Bytes of events that a monitor holds for a reader that does not come, next to their number.
pub(crate) const MONITOR_BYTES: usize = 256 * 1024;

/// Events a monitor holds for a reader that does not come; then the oldest goes.
pub(crate) const MONITOR_EVENTS: usize = 1024;

/// How long a peer that was told that no more comes has at least to end its side of the connection.
///
/// One that has read everything does so within a round trip. After this time the connection is closed
/// as soon as the peer's system has acknowledged all of it, because then closing loses nothing. A peer
/// that sends heartbeats is stayed with until its end or the end of linger: its next PING would meet a
/// closed connection, and a peer whose connection is reset may not read what its system still has.
pub(crate) const HALF_CLOSED: Duration = Duration::from_secs(2);

/// First pause between two looks at what the peer's system has acknowledged, for which there is no
/// event; doubles up to `HALF_CLOSED_LOOK_MAX`.
///
/// Bounds how old the count is of what a peer that resets its connection took with it, and how long
/// closing waits after the last byte was acknowledged.
pub(crate) const HALF_CLOSED_LOOK: Duration = Duration::from_millis(25);

/// See `HALF_CLOSED_LOOK`.
pub(crate) const HALF_CLOSED_LOOK_MAX: Duration = Duration::from_millis(200);

/// Connections that a peer may end within the same message before that is dropped.
///
/// A peer that restarts does so once, and a second time if it comes to grief; three in a row within
/// one message, with none delivered in between, are a refusal.
pub(crate) const REFUSALS: u8 = 3;

/// Bytes that wait for each hand at one socket's connections before another reactor is asked to help.
///
/// Two full read buffers. To read and decode them takes some 100 microseconds; waking a thread costs
/// the thread that asks about five, and the helper comes within 50.
pub(crate) const HELP: usize = 128 * 1024;

/// What a read or write costs whatever it moves, in such bytes: one small message to each of 32
/// subscribers is worth one helper.
pub(crate) const HELP_CALL: usize = 4 * 1024;

/// The longest topic: what `subscribe` takes, what a command may carry and what a publisher keeps.
///
/// Users subscribe to names, which stay below a few hundred bytes. 64 KiB is far beyond them, and
/// what one command can make a publisher store stays small.
pub(crate) const MAX_TOPIC: usize = 64 * 1024;

/// PONGs that wait for a peer to read them before no more of its PINGs are read: more than any
/// peer has on their way that means to read the answers.
pub(crate) const PONGS: usize = 64;
