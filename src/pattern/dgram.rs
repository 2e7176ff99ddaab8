//! DGRAM: datagrams to and from whatever has an address, without connections.
//!
//! Messages have two frames, the address of the other end and the body. No RFC; libzmq's `zmq_socket(3)`
//! describes it.

use std::net::SocketAddr;

use super::capabilities::Capabilities;
use super::parts::fair::Fair;
use super::rules::Rules;
use super::types::{LinkId, PatternSettings, Refusal, Route};
use crate::datagram;
use crate::message::Message;

#[derive(Debug, Default)]
pub(crate) struct Dgram {
    most_bytes: usize,
    /// The one endpoint, and where it sends what has no address.
    endpoint: Option<(LinkId, Option<SocketAddr>)>,
    room: bool,
    fair: Fair,
}

impl Rules for Dgram {
    const CAN: Capabilities = Capabilities {
        sends: true,
        receives: true,
        prefetches: true,
        udp: true,
        datagrams: true,
        ..Capabilities::NONE
    };

    fn new(settings: &PatternSettings) -> Dgram {
        Dgram {
            most_bytes: settings.max_datagram_size,
            ..Dgram::default()
        }
    }

    fn configure(&mut self, settings: &PatternSettings) {
        self.most_bytes = settings.max_datagram_size;
    }

    fn begin_datagrams(&mut self, link: LinkId, to: Option<SocketAddr>) {
        self.endpoint = Some((link, to));
    }

    fn retire(&mut self, link: LinkId) {
        if self.endpoint.is_some_and(|(own, _)| own == link) {
            self.endpoint = None;
        }
    }

    fn detach(&mut self, link: LinkId) {
        self.retire(link);
        self.fair.detach(link);
    }

    fn set_room(&mut self, link: LinkId, room: bool) {
        if self.endpoint.is_none_or(|(own, _)| own == link) {
            self.room = room;
        }
    }

    fn set_readable(&mut self, link: LinkId, readable: bool) {
        self.fair.set_readable(link, readable);
    }

    fn has_room(&self) -> bool {
        self.endpoint.is_some() && self.room
    }

    /// The first frame is an address, or empty where `connect` has named one; behind it is one frame. What
    /// fits in no datagram is refused rather than cut.
    fn route(&mut self, message: &mut Message) -> Route<'_> {
        let address = message.first();
        let (known, default) = match self.endpoint {
            Some((_, to)) => (true, to),
            None => (false, None),
        };
        let named = datagram::address_in(address).is_some();
        // Without an endpoint there is none that could be the default yet: that is waited for.
        if message.len() != 2 || !named && !(address.is_empty() && (default.is_some() || !known)) {
            return Route::Refused(Refusal::Unroutable);
        }
        if message.byte_len() - address.len() > self.most_bytes {
            return Route::Refused(Refusal::TooLarge);
        }
        match self.endpoint {
            Some((link, _)) if self.room => Route::To(link),
            _ => Route::Wait,
        }
    }

    fn next(&mut self) -> Option<LinkId> {
        self.fair.next()
    }

    fn return_turn(&mut self, link: LinkId) {
        self.fair.return_turn(link);
    }

    fn is_alone(&self, link: LinkId) -> bool {
        self.fair.is_alone(link)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dgram(to: Option<&str>) -> Dgram {
        let mut dgram = Dgram::new(&PatternSettings {
            max_datagram_size: 10,
            ..PatternSettings::default()
        });
        dgram.attach(3);
        dgram.set_room(3, true);
        dgram.begin_datagrams(3, to.map(|to| to.parse().unwrap()));
        dgram
    }

    #[test]
    fn a_message_is_an_address_and_a_body() {
        let mut dgram = dgram(None);
        let unroutable = Route::Refused(Refusal::Unroutable);
        for address in ["10.0.0.1:5", "[::1]:5", "[fe80::1%3]:5"] {
            assert_eq!(dgram.route(&mut [address, "body"].into()), Route::To(3));
            assert_eq!(dgram.route(&mut [address, ""].into()), Route::To(3));
            assert_eq!(dgram.route(&mut address.into()), unroutable);
            assert_eq!(dgram.route(&mut [address, "a", "b"].into()), unroutable);
        }
        for address in ["", "host:5", "10.0.0.1", "udp://10.0.0.1:5", "10.0.0.1:5\0"] {
            assert_eq!(dgram.route(&mut [address, "body"].into()), unroutable);
        }
    }

    #[test]
    fn without_an_address_it_goes_where_connect_has_said() {
        let mut dgram = dgram(Some("10.0.0.1:5"));
        assert_eq!(dgram.route(&mut ["", "body"].into()), Route::To(3));
        assert_eq!(
            dgram.route(&mut ["10.0.0.2:5", "body"].into()),
            Route::To(3)
        );
    }

    #[test]
    fn what_fits_in_no_datagram_is_refused() {
        let mut dgram = dgram(None);
        let mut message = Message::from(["10.0.0.1:5", "0123456789"]);
        assert_eq!(dgram.route(&mut message), Route::To(3));
        let mut message = Message::from(["10.0.0.1:5", "0123456789a"]);
        assert_eq!(dgram.route(&mut message), Route::Refused(Refusal::TooLarge));
        assert_eq!(message, ["10.0.0.1:5", "0123456789a"], "as it was");
        dgram.configure(&PatternSettings {
            max_datagram_size: 11,
            ..PatternSettings::default()
        });
        assert_eq!(dgram.route(&mut message), Route::To(3));
    }

    #[test]
    fn room_and_an_endpoint_are_waited_for() {
        let mut dgram = dgram(None);
        let mut message = Message::from(["10.0.0.1:5", "body"]);
        dgram.set_room(3, false);
        assert_eq!(dgram.route(&mut message), Route::Wait);
        assert!(!dgram.has_room());
        dgram.set_room(3, true);
        assert!(dgram.has_room());
        dgram.retire(3);
        assert_eq!(dgram.route(&mut message), Route::Wait);
        assert!(!dgram.has_room());
        assert_eq!(dgram.route(&mut ["", "body"].into()), Route::Wait);
        dgram.detach(3);
        dgram.attach(0);
        dgram.begin_datagrams(0, None);
        dgram.set_room(0, true);
        assert_eq!(dgram.route(&mut message), Route::To(0));
    }
}
