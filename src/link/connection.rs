//! The connection of a link: its stream, the tokens to read and to write it, and what is known of its two
//! directions.

use std::io;
use std::sync::Arc;

use super::ended::Ended;
use super::reader::Reader;
use super::writer::{Writer, Wrote};
use crate::transport::Stream;

/// What a pass of a reader found, as far as it says how the connection goes on.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The peer has sent something.
    pub(crate) heard: bool,
    /// Another pass would find something now.
    pub(crate) more: bool,
    /// The handshake does not go on before the authenticator has answered.
    pub(crate) asks: bool,
    pub(crate) ended: Option<Ended>,
}

/// See the module's text.
///
/// | Field | Changed by | What holds |
/// |---|---|---|
/// | `reader` | `take_reader`, `put_reader` | `None` while a pass is made with it, and before its first one is over |
/// | `writer` | `take_writer`, `return_writer`, `put_writer`, `dismantle` | the same |
/// | `asks` | set by `put_reader`, cleared by `take_asking_reader` | not read while it is set: nothing would be taken |
/// | `readable` | set by an event, cleared by `take_reader` | set while the reader is out: there is more than its pass may find |
/// | `hung_up` | set by an event, or a write that failed | never cleared: the connection is read until its end comes |
/// | `blocked` | set by `put_writer`, cleared by `handle_writable` | the system says by an event when it is over |
/// | `unblocked` | set by `handle_writable`, cleared by `put_writer` | only while the writer is out: that event has come already |
/// | `broken` | set by `put_writer` and `end` | never cleared: nothing is written any more, but what the peer sent before is read |
/// | `ended` | the first reason stands | with both tokens home, the connection is taken apart |
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Arc<Stream>,
    reader: Option<Box<Reader>>,
    writer: Option<Box<Writer>>,
    asks: bool,
    readable: bool,
    hung_up: bool,
    blocked: bool,
    unblocked: bool,
    broken: bool,
    ended: Option<Ended>,
}

impl Connection {
    /// One whose tokens are in its maker's hands.
    pub(crate) fn held(stream: Arc<Stream>) -> Connection {
        Connection {
            stream,
            reader: None,
            writer: None,
            asks: false,
            readable: false,
            hung_up: false,
            blocked: false,
            unblocked: false,
            broken: false,
            ended: None,
        }
    }

    /// One whose tokens are at home.
    pub(crate) fn at_home(
        stream: Arc<Stream>,
        reader: Box<Reader>,
        writer: Box<Writer>,
    ) -> Connection {
        Connection {
            reader: Some(reader),
            writer: Some(writer),
            ..Connection::held(stream)
        }
    }

    pub(crate) fn stream(&self) -> &Arc<Stream> {
        &self.stream
    }

    // ----- the reader -----

    /// Takes out the reader for a pass. `None`: it is out, and what it finds says whether there is more.
    #[inline]
    pub(crate) fn take_reader(&mut self) -> Option<Box<Reader>> {
        if self.asks {
            return None;
        }
        let reader = self.reader.take()?;
        self.readable = false;
        Some(reader)
    }

    /// Takes out the reader to which the authenticator's answer is to be told. `None`: none is waited for, or it
    /// comes too late.
    pub(crate) fn take_asking_reader(&mut self) -> Option<Box<Reader>> {
        if self.is_over() || !std::mem::take(&mut self.asks) {
            return None;
        }
        self.take_reader()
    }

    /// Whether it is not read before the authenticator has answered.
    pub(crate) fn asks(&self) -> bool {
        self.asks
    }

    /// Puts the reader back. True: another pass is due, which no event will ask for.
    pub(crate) fn put_reader(&mut self, reader: Box<Reader>, found: Found) -> bool {
        self.reader = Some(reader);
        self.asks = found.asks;
        if let Some(ended) = found.ended {
            self.ended.get_or_insert(ended);
            return false;
        }
        if self.broken && !found.heard && !found.more {
            // Writing failed before, and now there is nothing left to read or to decode.
            self.ended.get_or_insert(Ended::ByPeer);
            return false;
        }
        found.more || self.readable || self.hung_up && found.heard
    }

    /// The system may have bytes of the peer's. `ended`: and they are its last.
    pub(crate) fn handle_readable(&mut self, ended: bool) {
        self.readable = true;
        self.hung_up |= ended;
    }

    /// Whether something of the peer's may wait to be read, or be under way through a reader.
    pub(crate) fn is_unread(&self) -> bool {
        self.readable || self.reader.is_none()
    }

    /// What is read from now on is thrown away, if the reader is home.
    pub(crate) fn discard_input(&mut self) {
        if let Some(reader) = &mut self.reader {
            reader.discard_input();
        }
    }

    // ----- the writer -----

    /// Whether the system may take something, as far as is known.
    #[inline]
    pub(crate) fn is_writable(&self) -> bool {
        !self.blocked && !self.broken
    }

    /// Whether nothing will be written any more.
    #[inline]
    pub(crate) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Takes out the writer, if something may be written.
    #[inline]
    pub(crate) fn take_writer(&mut self) -> Option<Box<Writer>> {
        if !self.is_writable() {
            return None;
        }
        self.writer.take()
    }

    /// Puts a writer back with which nothing was done.
    #[inline]
    pub(crate) fn return_writer(&mut self, writer: Box<Writer>) {
        self.writer = Some(writer);
    }

    /// Puts the writer back after a pass. Gives the error with which the system refused.
    #[inline]
    pub(crate) fn put_writer(&mut self, writer: Box<Writer>, wrote: Wrote) -> Option<io::Error> {
        self.writer = Some(writer);
        match wrote {
            Wrote::All | Wrote::Turn => None,
            Wrote::Blocked => {
                // The event that says so may have come before the writer was back.
                self.blocked = !std::mem::take(&mut self.unblocked);
                None
            }
            Wrote::Failed(error) => {
                self.broken = true;
                self.hung_up = true;
                Some(error)
            }
        }
    }

    /// The system takes more again. True: what is queued may be written now.
    pub(crate) fn handle_writable(&mut self) -> bool {
        if std::mem::take(&mut self.blocked) {
            return true;
        }
        self.unblocked = self.writer.is_none();
        false
    }

    /// The writer, while it is home.
    pub(crate) fn writer(&self) -> Option<&Writer> {
        self.writer.as_deref()
    }

    /// The same, to be changed without taking it out.
    pub(crate) fn writer_mut(&mut self) -> Option<&mut Writer> {
        self.writer.as_deref_mut()
    }

    /// Whether the writer is home and has written all that it took.
    pub(crate) fn is_idle(&self) -> bool {
        self.writer().is_some_and(Writer::is_idle)
    }

    /// Whether the peer was never sent a message: there is none that it could have still to read.
    pub(crate) fn was_silent(&self) -> bool {
        self.writer().is_some_and(|writer| !writer.has_spoken())
    }

    // ----- the end -----

    /// It is over, for this reason; what the peer sent before is still read if a token is out, and kept.
    pub(crate) fn end(&mut self, ended: Ended) {
        self.ended.get_or_insert(ended);
        self.broken = true;
    }

    /// Whether it is over: it is taken apart once both tokens are home.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.ended.is_some()
    }

    /// Whether both tokens are home.
    #[inline]
    pub(crate) fn is_home(&self) -> bool {
        self.reader.is_some() && self.writer.is_some()
    }

    /// Takes out what is to be known of it once it is over: why, and the writer with what it has left.
    pub(crate) fn dismantle(&mut self) -> (Ended, Option<Box<Writer>>) {
        let ended = self.ended.take().unwrap_or(Ended::ByUs);
        (ended, self.writer.take())
    }
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;
    use crate::zmtp::connection::Input;

    /// One with both tokens home, and the other end.
    fn connection() -> (Connection, socket2::Socket) {
        let (stream, other) = Stream::pair().unwrap();
        let stream = Arc::new(stream);
        let mut connection = Connection::held(Arc::clone(&stream));
        assert!(!connection.is_home() && connection.is_unread());
        let reader = Box::new(Reader::new(Arc::clone(&stream), Input::open_raw()));
        assert!(!connection.put_reader(reader, Found::default()));
        connection.return_writer(Box::new(Writer::new(stream)));
        assert!(connection.is_home() && connection.is_idle() && connection.was_silent());
        (connection, other)
    }

    const HEARD: Found = Found {
        heard: true,
        more: false,
        asks: false,
        ended: None,
    };

    #[test]
    fn an_event_while_the_reader_is_out_has_it_read_again() {
        let (mut connection, _other) = connection();
        connection.handle_readable(false);
        let reader = connection.take_reader().unwrap();
        assert!(connection.take_reader().is_none());
        assert!(!connection.put_reader(reader, HEARD), "what came was read");
        let reader = connection.take_reader().unwrap();
        connection.handle_readable(false);
        assert!(connection.put_reader(reader, HEARD));
        let reader = connection.take_reader().unwrap();
        let more = Found {
            more: true,
            ..HEARD
        };
        assert!(connection.put_reader(reader, more));
    }

    #[test]
    fn what_asks_is_not_read_before_the_answer_which_comes_once() {
        let (mut connection, _other) = connection();
        assert!(connection.take_asking_reader().is_none());
        let reader = connection.take_reader().unwrap();
        let asks = || Found {
            asks: true,
            more: true,
            ..HEARD
        };
        connection.put_reader(reader, asks());
        assert!(connection.asks() && connection.take_reader().is_none());
        let reader = connection.take_asking_reader().unwrap();
        assert!(!connection.asks() && connection.take_asking_reader().is_none());
        connection.put_reader(reader, asks());
        connection.end(Ended::HandshakeTimeout);
        assert!(connection.take_asking_reader().is_none(), "too late");
    }

    #[test]
    fn a_peer_that_hung_up_is_read_until_nothing_comes() {
        let (mut connection, _other) = connection();
        connection.handle_readable(true);
        for heard in [true, true, false] {
            let reader = connection.take_reader().unwrap();
            let found = Found { heard, ..HEARD };
            assert_eq!(connection.put_reader(reader, found), heard);
        }
        assert!(!connection.is_over(), "the end itself is read too");
    }

    #[test]
    fn room_that_came_while_the_writer_was_out_is_not_waited_for() {
        let (mut connection, _other) = connection();
        let writer = connection.take_writer().unwrap();
        assert!(connection.put_writer(writer, Wrote::Blocked).is_none());
        assert!(!connection.is_writable() && connection.take_writer().is_none());
        assert!(connection.handle_writable());
        assert!(!connection.handle_writable(), "said once");
        let writer = connection.take_writer().unwrap();
        assert!(!connection.handle_writable());
        assert!(connection.put_writer(writer, Wrote::Blocked).is_none());
        let writer = connection.take_writer().unwrap();
        assert!(connection.put_writer(writer, Wrote::Blocked).is_none());
        assert!(
            !connection.is_writable(),
            "that event was for the one before"
        );
    }

    #[test]
    fn a_write_that_failed_ends_the_connection_when_all_that_came_is_read() {
        let (mut connection, _other) = connection();
        let writer = connection.take_writer().unwrap();
        let error = Wrote::Failed(io::ErrorKind::BrokenPipe.into());
        assert!(connection.put_writer(writer, error).is_some());
        assert!(connection.is_broken() && !connection.is_over());
        assert!(connection.take_writer().is_none());
        let reader = connection.take_reader().unwrap();
        assert!(connection.put_reader(reader, HEARD));
        let reader = connection.take_reader().unwrap();
        assert!(!connection.put_reader(reader, Found::default()));
        let (ended, writer) = connection.dismantle();
        assert!(matches!(ended, Ended::ByPeer) && writer.is_some());
    }

    #[test]
    fn the_first_reason_stands_and_the_end_of_what_is_read_leaves_an_answer_to_be_written() {
        let (mut connection, _other) = connection();
        let reader = connection.take_reader().unwrap();
        let found = Found {
            ended: Some(Ended::OnGreeting),
            ..HEARD
        };
        assert!(!connection.put_reader(reader, found));
        assert!(connection.is_over() && connection.is_writable());
        connection.end(Ended::Linger);
        assert!(!connection.is_writable());
        assert!(matches!(connection.dismantle().0, Ended::OnGreeting));
    }
}
