//! Peers that do not choose their routing ids: what STREAM, SERVER and PEER have in common.

use bytes::Bytes;

use super::directory::Directory;
use super::fair::Fair;
use super::room::Room;
use crate::pattern::types::{LinkId, Refusal};

/// The links of such a socket: each has an id from the moment it is known, made up here or given with the
/// `connect` that leads to it, and a message waits while the link that it names has no room.
#[derive(Debug)]
pub(crate) struct Numbered {
    pub(crate) directory: Directory,
    pub(crate) fair: Fair,
    pub(crate) room: Room,
}

impl Numbered {
    /// Made-up ids count from `seed`.
    pub(crate) fn new(seed: u32) -> Numbered {
        Numbered {
            directory: Directory::new(seed),
            fair: Fair::default(),
            room: Room::default(),
        }
    }

    /// Gives a link that has no id one of those that `make_up` makes.
    pub(crate) fn name(&mut self, link: LinkId, make_up: impl FnOnce(&mut Directory) -> Bytes) {
        if self.directory.id_of(link).is_none() {
            let id = make_up(&mut self.directory);
            self.directory.enter(link, id);
        }
    }

    /// Gives a link an id of the user's.
    pub(crate) fn give_id(&mut self, link: LinkId, id: &[u8]) -> Result<(), Refusal> {
        if self.directory.find(id).is_some() {
            return Err(Refusal::RoutingIdTaken);
        }
        self.directory.enter(link, Bytes::copy_from_slice(id));
        Ok(())
    }

    /// Nothing goes to a link any more; what it had to say is still known by its id.
    pub(crate) fn retire(&mut self, link: LinkId) {
        self.room.set(link, false);
        self.directory.strike(link);
        self.room.look_again();
    }

    /// A link is no more.
    pub(crate) fn detach(&mut self, link: LinkId) {
        self.room.set(link, false);
        self.fair.detach(link);
        self.directory.remove(link);
        self.room.look_again();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_keeps_its_id_to_the_end_and_a_given_one_is_given_once() {
        let mut peers = Numbered::new(7);
        peers.name(0, Directory::make_up);
        let id = peers.directory.id_of(0).cloned().unwrap();
        peers.name(0, Directory::make_up);
        assert_eq!(peers.directory.id_of(0), Some(&id));
        assert_eq!(peers.give_id(1, &id), Err(Refusal::RoutingIdTaken));
        peers.give_id(1, b"one").unwrap();

        peers.room.wait();
        peers.retire(0);
        assert!(peers.room.is_worth_a_try());
        assert_eq!(peers.directory.find(&id), None);
        assert_eq!(peers.directory.id_of(0), Some(&id));
        peers.detach(0);
        assert_eq!(peers.directory.id_of(0), None);
    }
}
