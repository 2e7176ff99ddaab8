//! The decoder against one that needs all bytes at once.

use super::input::Input;
use crate::zmtp::fuzzing::{naive, read, Inbound, Limits};

/// What a peer sends, until the last frame: enough for one frame too many, which are two bytes each at
/// least, and a large body.
const MOST: usize = 160 * 1024;

/// A longer stream than this is not cut into single bytes.
const BYTEWISE: usize = 2048;

/// Pieces that a stream is cut into at most, so that long ones take no longer than many short ones.
const PIECES: usize = 1024;

/// Whole, in pieces, or byte by byte; with room for all messages or for few: it is what the naive
/// decoder gives, and no more is reserved than may be.
pub fn decoder(data: &[u8]) {
    let (settings, data) = data.split_last().unwrap_or((&0, data));
    let mut input = Input::new(data);
    let limits = limits(*settings, limit(&mut input));
    let room = 1 + input.below(4);
    let mut splits: Vec<_> = (0..1 + input.below(4)).map(|_| input.size()).collect();
    let wire = wire(&mut input);
    let least = 1 + wire.len() / PIECES;
    splits
        .iter_mut()
        .for_each(|size| *size = (*size).max(least));

    let expected = naive(&wire, limits);
    assert_eq!(read(&wire, [wire.len()], limits, usize::MAX), expected);
    assert_eq!(read(&wire, splits, limits, room), expected);
    if wire.len() <= BYTEWISE {
        assert_eq!(read(&wire, [1], limits, usize::MAX), expected);
    }
}

/// Half of the settings are those that are mostly so; of the others each bit pair chooses one.
pub(super) fn limits(settings: u8, message: Option<u64>) -> Limits {
    let default = Limits::from(message);
    if settings < 128 {
        return default;
    }
    let choice = |shift: u8| usize::from(settings >> shift & 3);
    Limits {
        // About a frame, some frames, more than any small message.
        held: [0, 100, 1000, 70_000][choice(0)],
        frames: [default.frames, 0, 1, 3][choice(2)],
        inbound: [
            Inbound::Messages,
            Inbound::Messages,
            Inbound::Subscriptions,
            Inbound::Nothing,
        ][choice(4)],
        ..default
    }
}

/// `max_message_size`.
pub(super) fn limit(input: &mut Input<'_>) -> Option<u64> {
    match input.below(6) {
        0..=2 => None,
        3 => Some(input.byte().into()),
        4 => Some(input.size() as u64),
        _ => Some(input.number() as u64 * 8),
    }
}

/// What a peer might send: frames mostly, some of them so large or so many that no fuzzer would come
/// to write them out.
pub(super) fn wire(input: &mut Input<'_>) -> Vec<u8> {
    let mut wire = Vec::new();
    let mut last = 0..0;
    while !input.is_empty() && wire.len() < MOST {
        let start = wire.len();
        match input.below(8) {
            0 => {
                let count = input.below(64);
                wire.extend_from_slice(input.take(count));
            }
            1 | 2 => {
                let flags = input.byte() & 0b101;
                frame(&mut wire, flags, &input.body());
            }
            // Commands that are none of the known mostly; the dictionary has the names.
            3 => {
                let size = input.below(40);
                frame(&mut wire, 0b100, input.take(size));
            }
            4 => {
                let name = [
                    &b"\x09SUBSCRIBE"[..],
                    b"\x06CANCEL",
                    b"\x04PING\0\0",
                    b"\x04PONG",
                ];
                let name = name[input.below(4)];
                frame(&mut wire, 0b100, &[name, &input.body()].concat());
            }
            // A size that nothing like it follows, or less than a long header is for.
            5 => {
                wire.push(input.byte() & 0b111 | 0b10);
                let size = (input.size() as u64) << (input.below(8) * 8);
                wire.extend_from_slice(&size.to_be_bytes());
            }
            // The last thing again and again.
            6 => {
                let times = [1, 2, 33, 300, 5_000, 65_534, 65_535, 65_536];
                let times = times[input.below(8)];
                let again = wire[last.clone()].to_vec();
                let times = times.min((MOST - wire.len()) / again.len().max(1));
                (0..times).for_each(|_| wire.extend_from_slice(&again));
            }
            _ => wire.extend_from_slice(&[input.byte() & 0b101, 0]),
        }
        last = start..wire.len();
    }
    wire
}

fn frame(wire: &mut Vec<u8>, flags: u8, body: &[u8]) {
    match u8::try_from(body.len()) {
        Ok(short) => wire.extend_from_slice(&[flags, short]),
        Err(_) => {
            wire.push(flags | 0b10);
            wire.extend_from_slice(&(body.len() as u64).to_be_bytes());
        }
    }
    wire.extend_from_slice(body);
}
