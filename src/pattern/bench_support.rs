//! Doors through which `benches/routing.rs` reaches the parts. Not part of the library's promise.

use super::parts::balance::Balance;
use super::parts::fair::Fair;
use super::{Pattern, PatternSettings, Route};
use crate::message::Message;
use crate::peer::SocketType;

/// Sends in turn over `links` links.
#[derive(Debug, Default)]
pub struct Balancer(Balance);

impl Balancer {
    /// All links have room.
    pub fn new(links: usize) -> Balancer {
        let mut balance = Balance::default();
        (0..links).for_each(|link| balance.attach(link));
        Balancer(balance)
    }

    /// Says that a link is full, or no longer.
    pub fn set_room(&mut self, link: usize, room: bool) {
        self.0.set_room(link, room);
    }

    /// One turn.
    pub fn turn(&mut self) -> Option<usize> {
        self.0.next()
    }
}

/// Receives in turn from `links` links.
#[derive(Debug, Default)]
pub struct FairQueue(Fair);

impl FairQueue {
    /// All links are readable.
    pub fn new(links: usize) -> FairQueue {
        let mut fair = Fair::default();
        (0..links).for_each(|link| fair.set_readable(link, true));
        FairQueue(fair)
    }

    /// One turn.
    pub fn turn(&mut self) -> Option<usize> {
        self.0.next()
    }
}

/// A PUB pattern.
#[derive(Debug)]
pub struct Publisher(Pattern);

impl Publisher {
    /// With `links` attached links; `None` if there were no PUB.
    pub fn new(links: usize) -> Option<Publisher> {
        let mut pattern = Pattern::new(SocketType::Pub, &PatternSettings::default())?;
        (0..links).for_each(|link| pattern.attach(link));
        Some(Publisher(pattern))
    }

    /// Subscribes a link; false when that was too much.
    pub fn subscribe(&mut self, link: usize, topic: &[u8]) -> bool {
        self.0.handle_subscription(link, topic, true).is_ok()
    }

    /// Cancels a subscription.
    pub fn cancel(&mut self, link: usize, topic: &[u8]) -> bool {
        self.0.handle_subscription(link, topic, false).is_ok()
    }

    /// Detaches a link and attaches it again.
    pub fn renew(&mut self, link: usize) {
        self.0.detach(link);
        self.0.attach(link);
    }

    /// The heap bytes that subscriptions hold.
    pub fn heap_bytes(&self) -> usize {
        match &self.0 {
            Pattern::Pub(publisher) => publisher.heap_bytes(),
            _ => 0,
        }
    }

    /// How many links get a message.
    pub fn route(&mut self, message: &mut Message) -> usize {
        match self.0.route(message) {
            Route::ToMany { links, .. } => links.len(),
            _ => 0,
        }
    }
}
