//! Instructions of the pure modules, counted by callgrind: the same on a noisy machine as on a quiet one.
//!
//! `.ci/instructions` runs this and compares with the counts in `benches/instructions.json`.
#![allow(
    missing_docs,
    unused_qualifications,
    reason = "the macros of gungraun expand to both"
)]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use sinew::codec_bench::{Decoder, Encoder};
use sinew::routing_bench::{Balancer, FairQueue, Publisher};
use sinew::Message;

/// Enough that what happens once does not show.
const ROUNDS: usize = 1_000;

fn messages(size: usize) -> Vec<Message> {
    vec![Message::from(vec![7; size]); ROUNDS]
}

/// An encoder whose buffers have grown already.
fn encoder(size: usize) -> (Encoder, Vec<Message>) {
    let messages = messages(size);
    let mut encoder = Encoder::default();
    messages.iter().for_each(|message| encoder.push(message));
    encoder.write();
    (encoder, messages)
}

#[library_benchmark]
#[bench::inline_16(encoder(16))]
#[bench::inline_64(encoder(64))]
#[bench::copied_1k(encoder(1_024))]
#[bench::by_reference_16k(encoder(16_384))]
fn encode(
    (mut encoder, messages): (Encoder, Vec<Message>),
) -> (usize, usize, Encoder, Vec<Message>) {
    for message in &messages {
        encoder.push(black_box(message));
    }
    let (bytes, slices) = encoder.write();
    (bytes, slices, encoder, messages)
}

fn encoded(size: usize) -> (Decoder, Vec<u8>) {
    let mut encoder = Encoder::default();
    messages(size)
        .iter()
        .for_each(|message| encoder.push(message));
    let bytes = encoder.take();
    let mut decoder = Decoder::new();
    // The queue grows here, and is measured at its full length.
    decoder.decode(&bytes).expect("valid input").clear();
    (decoder, bytes)
}

#[library_benchmark]
#[bench::inline_16(encoded(16))]
#[bench::inline_64(encoded(64))]
#[bench::owned_1k(encoded(1_024))]
fn decode((mut decoder, bytes): (Decoder, Vec<u8>)) -> (usize, Decoder, Vec<u8>) {
    let count = decoder
        .decode(black_box(&bytes))
        .map_or(0, |queue| queue.len());
    assert_eq!(count, ROUNDS);
    (count, decoder, bytes)
}

#[library_benchmark]
#[bench::one(Balancer::new(1))]
#[bench::many(Balancer::new(1_000))]
fn balance(mut balancer: Balancer) -> (usize, Balancer) {
    let sum = (0..ROUNDS).filter_map(|_| balancer.turn()).sum();
    (sum, balancer)
}

#[library_benchmark]
#[bench::one(FairQueue::new(1))]
#[bench::many(FairQueue::new(1_000))]
fn fair(mut queue: FairQueue) -> (usize, FairQueue) {
    let sum = (0..ROUNDS).filter_map(|_| queue.turn()).sum();
    (sum, queue)
}

/// All links get everything.
fn publisher(links: usize) -> (Publisher, Message) {
    let mut publisher = Publisher::new(links).expect("PUB exists");
    (0..links).for_each(|link| assert!(publisher.subscribe(link, b"")));
    (publisher, Message::from("0123456789abcdef"))
}

#[library_benchmark]
#[bench::one(publisher(1))]
#[bench::thirty_two(publisher(32))]
fn fan_out((mut publisher, mut message): (Publisher, Message)) -> (usize, Publisher) {
    let links = (0..ROUNDS)
        .map(|_| publisher.route(black_box(&mut message)))
        .sum();
    (links, publisher)
}

const TOPICS: usize = 10_000;

fn topic(number: usize) -> Vec<u8> {
    format!("topic/{number:08}").into_bytes()
}

fn subscribed() -> Publisher {
    let mut publisher = Publisher::new(2).expect("PUB exists");
    (0..TOPICS).for_each(|number| assert!(publisher.subscribe(0, &topic(number))));
    publisher
}

fn with_texts(first: usize) -> (Publisher, Vec<Message>) {
    let texts = (0..ROUNDS).map(|number| Message::from(topic(first + number * 7)));
    (subscribed(), texts.collect())
}

#[library_benchmark]
#[bench::hit(with_texts(0))]
#[bench::miss(with_texts(TOPICS))]
fn match_topic(
    (mut publisher, mut texts): (Publisher, Vec<Message>),
) -> (usize, Publisher, Vec<Message>) {
    let links = texts
        .iter_mut()
        .map(|text| publisher.route(black_box(text)))
        .sum();
    (links, publisher, texts)
}

fn with_new_topics() -> (Publisher, Vec<Vec<u8>>) {
    (
        subscribed(),
        (0..ROUNDS).map(|number| topic(TOPICS + number)).collect(),
    )
}

#[library_benchmark]
#[bench::ten_thousand(with_new_topics())]
fn subscribe_and_cancel((mut publisher, topics): (Publisher, Vec<Vec<u8>>)) -> (bool, Publisher) {
    let mut done = true;
    for topic in &topics {
        done &= publisher.subscribe(1, black_box(topic));
    }
    for topic in &topics {
        done &= publisher.cancel(1, black_box(topic));
    }
    (done, publisher)
}

library_benchmark_group!(name = codec; benchmarks = encode, decode);
library_benchmark_group!(name = routing; benchmarks = balance, fair, fan_out);
library_benchmark_group!(name = trie; benchmarks = match_topic, subscribe_and_cancel);
main!(library_benchmark_groups = codec, routing, trie);
