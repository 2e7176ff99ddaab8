//! What a message costs between the application's value and the bytes of a connection.
//!
//! `cargo bench --features internals --bench codec`

#![allow(missing_docs, reason = "criterion generates public functions")]

use std::hint::black_box;

use criterion::{criterion_group, criterion_main, BenchmarkId, Criterion, Throughput};
use sinew::codec_bench::{Decoder, Encoder};
use sinew::Message;

/// Bodies inline, in the buffer, on both sides of the copying edge, and large.
const SIZES: [usize; 7] = [0, 16, 64, 256, 4096, 4097, 1 << 20];

/// About a read buffer full, so that what is measured is not the memory.
fn batch(size: usize) -> usize {
    (64 * 1024 / (size + 2)).clamp(1, 1000)
}

fn encode(c: &mut Criterion) {
    let mut group = c.benchmark_group("encode");
    for size in SIZES {
        let count = batch(size);
        let messages = vec![Message::from(vec![7; size]); count];
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(size), |b| {
            let mut encoder = Encoder::default();
            b.iter(|| {
                for message in &messages {
                    encoder.push(black_box(message));
                }
                encoder.write()
            });
        });
    }
}

fn decode(c: &mut Criterion) {
    let mut group = c.benchmark_group("decode");
    for size in SIZES {
        let count = batch(size);
        bench_decode(
            &mut group,
            &size.to_string(),
            &vec![Message::from(vec![7; size]); count],
        );
    }
    let topic = Message::from([&b"topic"[..], &[7; 16]]);
    bench_decode(&mut group, "topic+16", &vec![topic; 1000]);
}

fn bench_decode(
    group: &mut criterion::BenchmarkGroup<'_, criterion::measurement::WallTime>,
    name: &str,
    messages: &[Message],
) {
    let mut encoder = Encoder::default();
    for message in messages {
        encoder.push(message);
    }
    let bytes = encoder.take();
    group.throughput(Throughput::Elements(messages.len() as u64));
    group.bench_function(name, |b| {
        let mut decoder = Decoder::new();
        b.iter(|| {
            let messages = decoder.decode(black_box(&bytes)).expect("valid input");
            let count = messages.len();
            messages.clear();
            count
        });
    });
}

criterion_group!(benches, encode, decode);
criterion_main!(benches);
