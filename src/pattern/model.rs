//! Links as a naive model has them: what the properties of the patterns are compared with.

use std::collections::BTreeMap;

use super::rules::Rules;
use super::types::LinkId;

/// The links that are attached.
#[derive(Debug, Default)]
pub(super) struct Links(BTreeMap<LinkId, Link>);

#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) room: bool,
    pub(super) readable: bool,
}

impl Links {
    /// Lets a thing happen to a link, here and to the pattern, if it can: steps 0 to 5. `false` if the step
    /// is another.
    pub(super) fn happens(&mut self, pattern: &mut impl Rules, step: u8, link: LinkId) -> bool {
        match (step, self.0.get_mut(&link)) {
            (0, None) => {
                pattern.attach(link);
                let new = Link {
                    room: true,
                    readable: false,
                };
                self.0.insert(link, new);
            }
            (1, Some(_)) => {
                pattern.detach(link);
                self.0.remove(&link);
            }
            (2 | 3, Some(known)) => {
                known.room = step == 2;
                pattern.set_room(link, known.room);
            }
            (4 | 5, Some(known)) => {
                known.readable = step == 4;
                pattern.set_readable(link, known.readable);
            }
            _ => {}
        }
        step <= 5
    }

    pub(super) fn get(&self, link: LinkId) -> Option<Link> {
        self.0.get(&link).copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (LinkId, Link)> + '_ {
        self.0.iter().map(|(link, known)| (*link, *known))
    }

    /// The first that can, behind the one that had the last turn; else the first of all.
    pub(super) fn in_turn(
        &self,
        last: &mut Option<LinkId>,
        can: fn(&Link) -> bool,
    ) -> Option<LinkId> {
        let mut able = self
            .0
            .iter()
            .filter(|(_, known)| can(known))
            .map(|(link, _)| *link);
        let first = able.clone().next();
        let next = able
            .find(|link| last.is_none_or(|last| *link > last))
            .or(first);
        *last = next.or(*last);
        next
    }
}
