//! RADIO and DISH: what a DISH gets is of the groups that it is in, in order and once; and all of it, once
//! the RADIO knows of them.

use std::collections::BTreeSet;
use std::time::Duration;

use super::orders;
use crate::{Dish, Message, Radio, Socket};

const AT: &str = "tcp://10.0.0.1:5000";
/// One is a prefix of another, and one is empty.
const GROUPS: [&str; 4] = ["", "a", "ab", "b"];

/// A DISH, the groups that it is in, and the number of the last message that it received.
struct Member {
    dish: Socket<Dish>,
    groups: BTreeSet<&'static str>,
    last: Option<u32>,
}

impl Member {
    /// Receives what there is, and gives the groups of it.
    fn receive(&mut self) -> Vec<String> {
        let mut received = Vec::new();
        while let Ok(message) = self.dish.try_recv() {
            let group = String::from_utf8(message.group().unwrap().to_vec()).unwrap();
            assert!(
                self.groups.contains(&*group),
                "of a group that it is not in"
            );
            let number = u32::from_be_bytes(message[0].try_into().unwrap());
            assert!(
                self.last.is_none_or(|last| last < number),
                "twice or out of order"
            );
            self.last = Some(number);
            received.push(group);
        }
        received
    }
}

#[test]
fn a_dish_gets_what_is_of_its_groups_once_and_in_order() {
    orders(100, |world| {
        let cuts = world.dice.once_in(2);
        let radio = world.socket(Radio).bind(AT).unwrap();
        let mut members: Vec<_> = (0..1 + world.dice.below(3))
            .map(|_| Member {
                dish: world.socket(Dish).connect(AT).unwrap(),
                groups: BTreeSet::new(),
                last: None,
            })
            .collect();
        let mut sent = 0_u32;
        let mut send = |group: &str| {
            let message = Message::from(sent.to_be_bytes()).in_group(group);
            radio.try_send(message).unwrap();
            sent += 1;
        };
        for _ in 0..300 {
            let at = world.dice.below(members.len());
            let member = &mut members[at];
            let group = GROUPS[world.dice.below(GROUPS.len())];
            match world.dice.below(6) {
                0 => {
                    let joined = member.dish.join(group);
                    assert_eq!(joined.is_ok(), member.groups.insert(group));
                }
                1 => {
                    let left = member.dish.leave(group);
                    assert_eq!(left.is_ok(), member.groups.remove(group));
                }
                2 => send(group),
                3 => drop(member.receive()),
                _ => world.nudge(),
            }
            if cuts && world.dice.once_in(60) {
                world.cut_one();
                world.wait(Duration::from_millis(50));
            }
        }
        // All are connected again, and the RADIO knows of all groups.
        world.pass(Duration::from_secs(10));
        world.settle();
        members.iter_mut().for_each(|member| drop(member.receive()));
        let all = [GROUPS, GROUPS].concat();
        all.iter().for_each(|group| send(group));
        world.settle();
        for member in &mut members {
            let wanted = all.iter().filter(|group| member.groups.contains(*group));
            let wanted: Vec<_> = wanted.map(|group| (*group).to_owned()).collect();
            assert_eq!(member.receive(), wanted);
        }
    });
}
