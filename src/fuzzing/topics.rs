//! Subscriptions: the publisher's trie and the subscriber's filter against lists.

use std::collections::BTreeSet;

use super::input::Input;
use crate::pattern::parts::filter::Filter;
use crate::pattern::parts::trie::{Joined, Trie};
use crate::pattern::MAX_TOPIC;

/// Links of the publisher.
const LINKS: usize = 5;

/// A trie and a filter match what lists of topics would, whatever was put in and taken out.
pub fn topics(data: &[u8]) {
    let mut input = Input::new(data);
    let (mut trie, mut filter) = (Trie::default(), Filter::default());
    let mut subscribed: BTreeSet<(usize, Vec<u8>)> = BTreeSet::new();
    let mut wanted: Vec<Vec<u8>> = Vec::new();
    while !input.is_empty() {
        let choice = input.below(16);
        let link = input.below(LINKS);
        let topic = topic(&mut input);
        match choice {
            0..=4 => {
                let added = trie.subscribe(link, &topic);
                if topic.len() > MAX_TOPIC {
                    assert!(added.is_err());
                } else {
                    let new = subscribed.insert((link, topic.clone()));
                    assert_eq!(added.map(|joined| joined != Joined::Again), Ok(new));
                }
            }
            5..=8 => {
                let removed = subscribed.remove(&(link, topic.clone()));
                assert_eq!(trie.unsubscribe(link, &topic).is_some(), removed);
            }
            9 => {
                trie.drop_link(link);
                subscribed.retain(|(other, _)| *other != link);
            }
            10..=12 => {
                assert_eq!(filter.add(&topic), Ok(()));
                wanted.push(topic.clone());
            }
            13 | 14 => {
                let at = wanted.iter().position(|other| *other == topic);
                let last = at.is_some_and(|at| {
                    wanted.swap_remove(at);
                    !wanted.contains(&topic)
                });
                assert_eq!(filter.remove(&topic), last);
            }
            _ => {}
        }
        let mut matching = Vec::new();
        trie.matching(&topic, |link| matching.push(link));
        matching.sort_unstable();
        let prefixes = |(_, prefix): &&(usize, Vec<u8>)| topic.starts_with(prefix);
        let expected = subscribed.iter().filter(prefixes).map(|(link, _)| *link);
        assert!(expected.eq(matching));
        let expected = wanted.iter().any(|prefix| topic.starts_with(prefix));
        assert_eq!(filter.matches(&topic), expected);
    }
    let mut told = Vec::new();
    filter.for_each(|topic| told.push(topic.to_vec()));
    told.sort_unstable();
    wanted.sort_unstable();
    wanted.dedup();
    assert_eq!(told, wanted);
}

/// Topics that begin as others do: of few letters, of any, or very long.
fn topic(input: &mut Input<'_>) -> Vec<u8> {
    let shape = input.byte();
    let mut topic = match shape % 8 {
        7 => vec![0; input.size() % (MAX_TOPIC + 2)],
        _ => Vec::new(),
    };
    let tail = input.take(usize::from(shape / 8) % 8);
    match shape % 2 {
        0 => topic.extend(tail.iter().map(|byte| byte % 3)),
        _ => topic.extend(tail),
    }
    topic
}
