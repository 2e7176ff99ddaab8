//! What choosing the peers of a message costs, without any queue or socket.

#![allow(missing_docs, reason = "criterion_group! makes a function without any")]

use std::hint::black_box;

use criterion::{criterion_group, criterion_main, BatchSize, Criterion};
use sinew::routing_bench::{Balancer, FairQueue, Publisher};
use sinew::Message;

fn turns(c: &mut Criterion) {
    for links in [1, 32, 10_000] {
        let mut balance = Balancer::new(links);
        c.bench_function(&format!("balance/{links}"), |b| b.iter(|| balance.turn()));
        let mut fair = FairQueue::new(links);
        c.bench_function(&format!("fair/{links}"), |b| b.iter(|| fair.turn()));
    }
    let mut balance = Balancer::new(10_000);
    (1..9_999).for_each(|link| balance.set_room(link, false));
    c.bench_function("balance/10000, two with room", |b| {
        b.iter(|| balance.turn())
    });
}

fn fanout(c: &mut Criterion) {
    for links in [1, 32] {
        let mut publisher = publisher(links);
        (0..links).for_each(|link| assert!(publisher.subscribe(link, b"")));
        let mut message = Message::from("0123456789abcdef");
        assert_eq!(publisher.route(&mut message), links);
        c.bench_function(&format!("fanout/{links}"), |b| {
            b.iter(|| publisher.route(black_box(&mut message)))
        });
    }
}

fn trie(c: &mut Criterion) {
    for (name, count) in [("1 k", 1_000), ("1 M", 1_000_000)] {
        trie_of(c, name, count, "numbered", |n| {
            format!("topic/{n:014}").into_bytes()
        });
        trie_of(c, name, count, "random", |n| {
            let mut topic = scrambled(n).to_be_bytes().to_vec();
            topic.extend(scrambled(!n).to_be_bytes());
            topic.extend(b"tail");
            topic
        });
    }
}

fn trie_of(c: &mut Criterion, size: &str, count: u64, shape: &str, topic: fn(u64) -> Vec<u8>) {
    let mut publisher = publisher(2);
    (0..count).for_each(|n| assert!(publisher.subscribe(0, &topic(n))));
    let each = publisher.heap_bytes() as f64 / count as f64;
    println!("{shape}/{size}: {each:.1} bytes a subscription");
    // Many different texts, so that the caches are as cold as in life.
    let mut hits: Vec<_> = texts(|n| topic(scrambled(n) % count));
    let mut misses: Vec<_> = texts(|n| topic(count + scrambled(n) % count));
    // All but the last byte of a topic, and then something else.
    let mut near: Vec<_> = texts(|n| {
        let mut text = topic(scrambled(n) % count);
        text.pop();
        text.extend(b"x and a body");
        text
    });
    assert_eq!(publisher.route(&mut hits[0]), 1);
    assert_eq!(publisher.route(&mut misses[0]), 0);
    assert_eq!(publisher.route(&mut near[0]), 0);
    for (name, texts) in [
        ("hit", &mut hits),
        ("miss", &mut misses),
        ("near miss", &mut near),
    ] {
        let mut turn = 0;
        c.bench_function(&format!("match {name}/{shape}/{size}"), |b| {
            b.iter(|| {
                turn = (turn + 1) % texts.len();
                publisher.route(&mut texts[turn])
            })
        });
    }
    let mut elsewhere = Message::from("elsewhere");
    c.bench_function(&format!("match nothing alike/{shape}/{size}"), |b| {
        b.iter(|| publisher.route(black_box(&mut elsewhere)))
    });
    let mut next = count;
    c.bench_function(&format!("subscribe and cancel/{shape}/{size}"), |b| {
        b.iter_batched(
            || {
                next += 1;
                topic(next)
            },
            |topic| publisher.subscribe(1, &topic) && publisher.cancel(1, &topic),
            BatchSize::SmallInput,
        )
    });
}

fn publisher(links: usize) -> Publisher {
    Publisher::new(links).expect("PUB exists")
}

fn texts(text: impl Fn(u64) -> Vec<u8>) -> Vec<Message> {
    (0..65_536).map(|n| Message::from(text(n))).collect()
}

/// A spread of numbers, the same at each run.
fn scrambled(n: u64) -> u64 {
    (n + 1)
        .wrapping_mul(0x9e37_79b9_7f4a_7c15)
        .rotate_left(23)
        .wrapping_mul(0xd6e8_feb8_6659_fd93)
}

criterion_group!(benches, turns, fanout, trie);
criterion_main!(benches);
