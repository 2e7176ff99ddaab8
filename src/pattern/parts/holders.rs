//! Which subscribers have a topic, as a number that a tree can hold beside the topic.

/// The top bit of a number: the rest of it is an index into the groups.
const GROUP: u32 = 1 << 31;

/// Seats that there may be, and groups: what a number below the top bit tells apart.
const MOST: usize = GROUP as usize - 2;

/// The sets of seats that topics have. A topic has one number: 0 is no seat, a number below the top bit a
/// seat and one more, as almost all topics have, and one with the top bit a group.
#[derive(Debug, Default)]
pub(super) struct Holders {
    /// The seats of each topic that has several: sorted, and at least two. Free ones are empty.
    groups: Vec<Vec<u32>>,
    free: Vec<u32>,
}

/// The seats behind a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held<'a> {
    Nobody,
    One(u32),
    /// In rising order.
    Several(&'a [u32]),
}

/// A number, taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    One(u32),
    Group(usize),
}

impl Holders {
    /// Whether one more topic may have several seats, and a seat of this number any.
    pub(super) fn has_space(&self, seat: usize) -> bool {
        seat < MOST && self.groups.len() < MOST
    }

    /// The seats behind a number.
    #[inline]
    pub(super) fn get(&self, holders: u32) -> Held<'_> {
        match Holder::from_number(holders) {
            Holder::Nobody => Held::Nobody,
            Holder::One(seat) => Held::One(seat),
            Holder::Group(group) => {
                Held::Several(self.groups.get(group).map_or(&[], Vec::as_slice))
            }
        }
    }

    /// Whether a seat is among those behind a number.
    pub(super) fn holds(&self, holders: u32, seat: u32) -> bool {
        match Holder::from_number(holders) {
            Holder::Nobody => false,
            Holder::One(other) => other == seat,
            Holder::Group(group) => self.groups[group].binary_search(&seat).is_ok(),
        }
    }

    /// Adds a seat. Returns the number of them all, which takes the place of the old one.
    pub(super) fn join(&mut self, holders: u32, seat: u32) -> u32 {
        let holder = match Holder::from_number(holders) {
            Holder::Nobody => Holder::One(seat),
            Holder::One(other) if other == seat => return holders,
            Holder::One(other) => Holder::Group(self.new_group(seat.min(other), seat.max(other))),
            Holder::Group(group) => {
                let seats = &mut self.groups[group];
                if let Err(at) = seats.binary_search(&seat) {
                    seats.insert(at, seat);
                }
                return holders;
            }
        };
        holder.into_number()
    }

    /// Takes a seat out. Returns the number of those that are left; `None` when it was not among them.
    pub(super) fn leave(&mut self, holders: u32, seat: u32) -> Option<u32> {
        match Holder::from_number(holders) {
            Holder::One(other) if other == seat => Some(Holder::Nobody.into_number()),
            Holder::Group(group) => {
                let seats = &mut self.groups[group];
                let at = seats.binary_search(&seat).ok()?;
                seats.remove(at);
                let [last] = seats[..] else {
                    return Some(holders);
                };
                *seats = Vec::new();
                self.free.push(group as u32);
                Some(Holder::One(last).into_number())
            }
            _ => None,
        }
    }

    fn new_group(&mut self, low: u32, high: u32) -> usize {
        let seats = vec![low, high];
        if let Some(group) = self.free.pop() {
            self.groups[group as usize] = seats;
            return group as usize;
        }
        self.groups.push(seats);
        self.groups.len() - 1
    }

    /// The heap bytes held, used or not.
    #[cfg(any(test, feature = "internals"))]
    pub(super) fn heap_bytes(&self) -> usize {
        let seats: usize = self.groups.iter().map(|seats| seats.capacity() * 4).sum();
        seats + self.groups.capacity() * size_of::<Vec<u32>>() + self.free.capacity() * 4
    }
}

impl Holder {
    #[inline]
    fn from_number(number: u32) -> Holder {
        if number & GROUP != 0 {
            Holder::Group((number & !GROUP) as usize)
        } else {
            number.checked_sub(1).map_or(Holder::Nobody, Holder::One)
        }
    }

    fn into_number(self) -> u32 {
        match self {
            Holder::Nobody => 0,
            Holder::One(seat) => seat + 1,
            Holder::Group(group) => group as u32 | GROUP,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn seats(holders: &Holders, number: u32) -> Vec<u32> {
        match holders.get(number) {
            Held::Nobody => vec![],
            Held::One(seat) => vec![seat],
            Held::Several(seats) => seats.to_vec(),
        }
    }

    #[test]
    fn what_a_group_took_is_used_again() {
        let mut holders = Holders::default();
        for _ in 0..100 {
            let one = holders.join(0, 7);
            let two = holders.join(one, 3);
            assert_eq!(seats(&holders, two), [3, 7]);
            let one = holders.leave(two, 7).unwrap();
            assert_eq!(seats(&holders, one), [3]);
            assert_eq!(holders.leave(one, 7), None);
            assert_eq!(holders.leave(one, 3), Some(0));
        }
        assert_eq!(holders.groups.len(), 1);
    }

    proptest! {
        /// Any number of topics, whatever joins and leaves them.
        #[test]
        fn each_number_is_a_set(
            steps in prop::collection::vec((any::<bool>(), 0..4usize, 0..5u32), 0..100)
        ) {
            let mut holders = Holders::default();
            let mut numbers = [0; 4];
            let mut naive = vec![BTreeSet::new(); 4];
            for (join, topic, seat) in steps {
                if join {
                    numbers[topic] = holders.join(numbers[topic], seat);
                    naive[topic].insert(seat);
                } else {
                    let left = holders.leave(numbers[topic], seat);
                    prop_assert_eq!(left.is_some(), naive[topic].remove(&seat));
                    numbers[topic] = left.unwrap_or(numbers[topic]);
                }
                for (number, naive) in numbers.iter().zip(&naive) {
                    let expected: Vec<_> = naive.iter().copied().collect();
                    prop_assert_eq!(seats(&holders, *number), expected);
                    prop_assert_eq!(*number == 0, naive.is_empty());
                    prop_assert!((0..5).all(|seat| holders.holds(*number, seat) == naive.contains(&seat)));
                }
            }
        }
    }
}
