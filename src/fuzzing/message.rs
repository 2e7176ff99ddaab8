//! Messages against vectors of vectors.

use bytes::Bytes;

use super::input::Input;
use crate::message::{Frame, Message};

/// Frames that a message has at most here; with more nothing new happens.
const MOST: usize = 40;

/// Whatever is done to a message, it is what a vector of frames would be.
pub fn message(data: &[u8]) {
    let mut input = Input::new(data);
    let first = input.body();
    let (mut message, mut model) = (one(&mut input, &first), vec![first]);
    while !input.is_empty() {
        change(&mut input, &mut message, &mut model);
        assert_same(&message, &model);
    }
    assert_conversions(message, model);
}

/// A message of one frame, made in one of the ways there are.
fn one(input: &mut Input<'_>, body: &[u8]) -> Message {
    match input.below(5) {
        0 => Message::copy_from_slice(body),
        1 => Message::from(body.to_vec()),
        2 => Message::from(Bytes::copy_from_slice(body)),
        3 => Message::from(Frame::from(body)),
        _ => [body].into_iter().collect(),
    }
}

fn change(input: &mut Input<'_>, message: &mut Message, model: &mut Vec<Vec<u8>>) {
    match input.below(8) {
        0 | 1 if model.len() < MOST => {
            let frame = input.body();
            message.push_back(frame.clone());
            model.push(frame);
        }
        2 if model.len() < MOST => {
            let frame = input.body();
            message.push_front(frame.clone());
            model.insert(0, frame);
        }
        3 if model.len() < MOST => {
            let frame = input.body();
            message.push_back_slice(&frame);
            model.push(frame);
        }
        4 => {
            let popped = message.pop_front().map(|frame| frame.to_vec());
            let expected = (!model.is_empty()).then(|| model.remove(0));
            assert_eq!(popped, expected);
        }
        5 => *message = Message::from(model.clone()),
        6 => {
            let body = input.body();
            *message = one(input, &body);
            *model = vec![body];
        }
        // A clone shares what it may, and is changed without the original.
        _ => {
            let mut clone = message.clone();
            clone.push_front("before");
            clone.push_back("after");
            assert_ne!(clone, *message);
            assert_eq!(clone.len(), model.len() + 2);
        }
    }
}

fn assert_same(message: &Message, model: &[Vec<u8>]) {
    assert_eq!(message.len(), model.len());
    assert_eq!(message.is_empty(), model.is_empty());
    assert!(message.frames().eq(model.iter().map(|frame| &frame[..])));
    let total: usize = model.iter().map(Vec::len).sum();
    assert_eq!(message.byte_len(), total);
    let first = model.first().map_or(&[][..], |first| &first[..]);
    assert_eq!(message.first(), first);
    assert_eq!(message.get(model.len()), None);
    if let Some((last, before)) = model.split_last() {
        assert_eq!(message.get(before.len()), Some(&last[..]));
        assert_eq!(message[before.len()], last[..]);
    }
    assert_eq!(*message == *first, model.len() == 1);
    // Without a frame it is sent as one empty one.
    let mut sent = model.iter().map(|frame| &frame[..]).collect::<Vec<_>>();
    if sent.is_empty() {
        sent.push(&[]);
    }
    let mut visited = 0;
    message.for_each_frame(|frame, shared, more| {
        assert_eq!(frame, sent[visited]);
        assert!(shared.is_none_or(|shared| shared == frame));
        visited += 1;
        assert_eq!(more, visited < sent.len());
    });
    assert_eq!(visited, sent.len());
    if let Some((bytes, len)) = message.window() {
        assert_eq!(bytes[..usize::from(len)], *first);
    }
}

fn assert_conversions(message: Message, model: Vec<Vec<u8>>) {
    assert!(format!("{message:?}").len() < 100 + 400 * model.len());
    assert_eq!(message, Message::from(model.clone()));
    let collected: Message = model.iter().map(|frame| &frame[..]).collect();
    assert_eq!(message, collected);
    let only = match &model[..] {
        [only] => Some(&only[..]),
        _ => None,
    };
    assert_eq!(message.as_bytes().ok(), only);
    let text = only.and_then(|only| std::str::from_utf8(only).ok());
    assert_eq!(message.to_str().ok(), text);
    let first = model.first().and_then(|it| std::str::from_utf8(it).ok());
    assert_eq!(message.get_str(0).ok(), first);

    // What cannot be converted is given back as it was.
    match Bytes::try_from(message.clone()) {
        Ok(bytes) => assert_eq!(Some(&bytes[..]), only),
        Err(error) => assert!(only.is_none() && error.into_message() == message),
    }
    match Vec::<u8>::try_from(message.clone()) {
        Ok(bytes) => assert_eq!(Some(&bytes[..]), only),
        Err(error) => assert!(only.is_none() && error.into_message() == message),
    }
    match String::try_from(message.clone()) {
        Ok(string) => assert_eq!(Some(&string[..]), text),
        Err(error) => assert!(text.is_none() && error.into_message() == message),
    }
    match <[Frame; 2]>::try_from(message.clone()) {
        Ok(two) => assert!(two.iter().map(|frame| &frame[..]).eq(message.frames())),
        Err(error) => assert!(model.len() != 2 && error.into_message() == message),
    }
    assert_eq!(Vec::<Vec<u8>>::from(message.clone()), model);
    let mut reversed: Vec<_> = message.clone().into_frames().rev().collect();
    reversed.reverse();
    assert_eq!(Message::from(reversed), message);
}
