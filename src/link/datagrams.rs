//! What a link without a connection does in a pass: datagrams become messages, and messages datagrams,
//! one each.
//!
//! A pass is bounded whatever comes: by the messages that there is room for, and by what it read or sent,
//! where each datagram counts for [`tuning::DATAGRAM`] bytes at least, also one that is thrown away.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use crate::datagram::{self, Draft, Form};
use crate::message::Message;
use crate::transport::Stream;
use crate::tuning;
use crate::zmtp::flight::Flight;

/// Errors that a pass steps over: more than systems keep for a socket, which is one, or one of each kind.
const MOST_ERRORS: usize = 8;

/// What a pass received.
#[derive(Debug, Default)]
pub(super) struct Received {
    /// Bytes, of all datagrams.
    pub(super) read: usize,
    /// Datagrams that were discarded: too large, or not of the form.
    pub(super) malformed: u64,
    /// Datagrams at all.
    pub(super) any: bool,
    /// There may be more.
    pub(super) more: bool,
}

/// The receiving half.
#[derive(Debug)]
pub(crate) struct Receiver {
    /// `None`: whatever comes is discarded.
    form: Option<Form>,
    most: usize,
    /// One byte longer than the longest datagram, which shows those that are longer.
    buffer: Vec<u8>,
}

impl Receiver {
    /// For datagrams of at most `most` bytes. Without a form all that comes is discarded.
    pub(crate) fn new(form: Option<Form>, most: usize) -> Receiver {
        let space = match form {
            Some(_) => most + 1,
            None => 1,
        };
        Receiver {
            form,
            most,
            buffer: Vec::with_capacity(space),
        }
    }

    pub(super) fn discard(&mut self) {
        self.form = None;
    }

    /// Receives what there is, at most `room` messages.
    pub(super) fn pass(
        &mut self,
        stream: &Arc<Stream>,
        room: usize,
        messages: &mut VecDeque<Message>,
    ) -> Received {
        let mut received = Received::default();
        let (mut turn, mut errors) = (0, 0);
        while turn < tuning::TURN && messages.len() < room {
            self.buffer.clear();
            let from = match stream.recv_datagram(&mut self.buffer) {
                Ok(from) => from,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return received,
                // What the system has to say of what was sent before, such as that nobody receives it. It
                // has said so now, and datagrams that others sent may be behind it. An error that stays is
                // left alone until an event comes.
                Err(_) if errors < MOST_ERRORS => {
                    errors += 1;
                    continue;
                }
                Err(_) => return received,
            };
            received.any = true;
            received.read += self.buffer.len();
            turn += self.buffer.len().max(tuning::DATAGRAM);
            let Some(form) = self.form else {
                continue;
            };
            let whole = self.buffer.len() <= self.most;
            match datagram::decode(form, &self.buffer, from).filter(|_| whole) {
                Some(message) => messages.push_back(message),
                None => received.malformed += 1,
            }
        }
        received.more = true;
        received
    }
}

/// How a pass that sent has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sent {
    /// Everything is with the system.
    All,
    /// The turn is over; there is more.
    Turn,
    /// The system takes no more now.
    Blocked,
}

/// The sending half.
#[derive(Debug)]
pub(crate) struct Sender {
    form: Form,
    most: usize,
    draft: Draft,
    /// Messages that the system did not take and will not, since they were asked for last.
    unsent: u64,
}

impl Sender {
    /// For datagrams of at most `most` bytes.
    pub(crate) fn new(form: Form, most: usize) -> Sender {
        Sender {
            form,
            most,
            draft: Draft::default(),
            unsent: 0,
        }
    }

    /// Sends until all is gone, the system is full, or the turn is over. Each message that the system
    /// refuses otherwise is dropped: it would do so again, and nobody waits for it.
    pub(super) fn pass(&mut self, stream: &Stream, flight: &mut Flight) -> (Sent, usize) {
        let (mut turn, mut written) = (0, 0);
        while !flight.is_empty() {
            if turn >= tuning::TURN {
                return (Sent::Turn, written);
            }
            self.draft.clear();
            let draft = &mut self.draft;
            // It is never without a message, and if it were, the rest of it would be none.
            let taken = flight.next_message(|frame| draft.push_frame(frame));
            let taken = taken.unwrap_or(flight.bytes());
            let sent = match self.draft.finish(self.form, self.most) {
                Some(datagram) => stream.send_datagram(datagram.bytes, datagram.to),
                None => Err(io::ErrorKind::InvalidInput.into()),
            };
            match sent {
                Ok(()) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return (Sent::Blocked, written);
                }
                Err(_) => self.unsent += 1,
            }
            flight.advance(taken);
            written += taken;
            turn += taken.max(tuning::DATAGRAM);
        }
        (Sent::All, written)
    }

    /// How many messages were dropped since this was asked.
    pub(super) fn take_unsent(&mut self) -> u64 {
        std::mem::take(&mut self.unsent)
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::net::UdpSocket;
    use std::time::Duration;

    use super::*;
    use crate::endpoint::{Endpoint, UdpEndpoint};
    use crate::options::Options;
    use crate::transport::{udp, TransportOptions};
    use crate::zmtp::outbox::Outbox;

    fn bound() -> (Arc<Stream>, UdpEndpoint) {
        let Ok(Endpoint::Udp(any)) = "udp://127.0.0.1:*".parse() else {
            panic!()
        };
        let options = TransportOptions::from(&Options::default());
        let (stream, endpoint) = udp::bind(&any, &options).unwrap();
        (Arc::new(stream), endpoint)
    }

    fn plain() -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let long = Some(Duration::from_secs(60));
        socket.set_read_timeout(long).unwrap();
        socket
    }

    #[test]
    fn what_is_too_large_or_not_of_the_form_is_counted_and_ignored() {
        let (stream, endpoint) = bound();
        let peer = plain();
        let send = |bytes: &[u8]| {
            let to = ("127.0.0.1", endpoint.port());
            assert_eq!(peer.send_to(bytes, to).unwrap(), bytes.len());
        };
        let mut receiver = Receiver::new(Some(Form::Group), 10);
        let (mut messages, mut malformed) = (VecDeque::new(), 0);
        let hostile: [&[u8]; 6] = [b"", b"\x02g", b"\xff", &[0; 11], &[0; 60_000], b"\x05abcd"];
        for bytes in hostile {
            send(bytes);
        }
        send(b"\x01g01234567");
        while messages.is_empty() {
            let received = receiver.pass(&stream, 100, &mut messages);
            malformed += received.malformed;
            assert!(!received.more, "a pass takes them all");
        }
        assert_eq!(malformed, hostile.len() as u64);
        assert_eq!(messages, [Message::from(["g", "01234567"])]);
    }

    #[test]
    fn a_pass_takes_as_many_as_there_is_room_for_and_a_turn_of_what_it_throws_away() {
        let (stream, endpoint) = bound();
        let peer = plain();
        let send = |bytes: &[u8]| {
            peer.send_to(bytes, ("127.0.0.1", endpoint.port())).unwrap();
        };
        let mut receiver = Receiver::new(Some(Form::Bare), 10);
        for _ in 0..3 {
            send(b"x");
        }
        let mut messages = VecDeque::new();
        while messages.len() < 2 {
            receiver.pass(&stream, 2, &mut messages);
        }
        assert!(receiver.pass(&stream, 2, &mut messages).more);
        assert_eq!(messages.len(), 2, "the third is left with the system");
        messages.clear();
        while messages.is_empty() {
            receiver.pass(&stream, 2, &mut messages);
        }
        assert_eq!(messages.len(), 1);
        // None of the others is of the form, and room never ends.
        let mut receiver = Receiver::new(Some(Form::Group), 10);
        let most = (tuning::TURN / tuning::DATAGRAM) as u64;
        let (sent, mut seen) = (most + 10, 0);
        for _ in 0..sent {
            send(b"");
        }
        while seen < sent {
            let received = receiver.pass(&stream, 2, &mut messages);
            assert!(received.malformed <= most);
            seen += received.malformed;
        }
        receiver.discard();
        send(b"\x01g");
        while !receiver.pass(&stream, 2, &mut messages).any {}
        assert_eq!(messages.len(), 1, "it is discarded");
    }

    #[test]
    fn what_the_system_refuses_is_dropped_and_what_is_behind_it_goes() {
        let (stream, _) = bound();
        let peer = plain();
        let to = peer.local_addr().unwrap().to_string();
        let mut outbox = Outbox::new();
        let large = "x".repeat(70_000);
        for frames in [
            [&to[..], "one"],
            // Port zero is nobody's, and a frame that is no address goes nowhere.
            ["127.0.0.1:0", "refused"],
            ["nowhere", "refused"],
            [&to[..], &large],
            [&to[..], "two"],
        ] {
            outbox.push(&Message::from(frames));
        }
        let bytes = outbox.bytes();
        let mut flight = Flight::default();
        flight.load(&mut outbox);
        let mut sender = Sender::new(Form::Bare, 100_000);
        let mut written = 0;
        loop {
            let (sent, taken) = sender.pass(&stream, &mut flight);
            written += taken;
            if sent == Sent::All {
                break;
            }
        }
        assert_eq!((sender.take_unsent(), sender.take_unsent()), (3, 0));
        assert_eq!((written, flight.is_empty()), (bytes, true));
        let mut buffer = [0; 9];
        for body in [b"one", b"two"] {
            let (count, _) = peer.recv_from(&mut buffer).unwrap();
            assert_eq!(&buffer[..count], body);
        }
    }
}
