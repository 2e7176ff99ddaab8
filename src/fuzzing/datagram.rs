//! Datagrams: what any of them is, and what any message makes.

use super::input::Input;
use crate::datagram::{decode, Draft, Form};
use crate::tuning::LARGEST_DATAGRAM;

/// Any datagram is a group and a body that make it again, or is refused for its length alone; any two frames
/// make a datagram that reads back, or none.
pub fn datagram(data: &[u8]) {
    let from = "192.0.2.1:5555".parse().unwrap();
    match (decode(Form::Group, data, from), data.split_first()) {
        (Some(message), Some((length, rest))) => {
            let (group, body) = rest.split_at(usize::from(*length));
            assert!(message == [group, body]);
            let mut draft = draft(&[group, body]);
            assert!(draft.finish(Form::Group, data.len()).unwrap().bytes == data);
            assert!(draft.finish(Form::Group, data.len() - 1).is_none());
        }
        (None, Some((length, rest))) => assert!(rest.len() < usize::from(*length)),
        (message, None) => assert!(message.is_none()),
    }
    let message = decode(Form::Bare, data, from).unwrap();
    let mut again = draft(&[&message[0], &message[1]]);
    let made = again.finish(Form::Bare, data.len()).unwrap();
    assert!(made.bytes == data && made.to == Some(from));

    // Frames of any number and size, the first perhaps an address.
    let mut input = Input::new(data);
    let mut frames: Vec<Vec<u8>> = Vec::new();
    for _ in 0..input.below(5) {
        let length = input.below(300);
        frames.push((0..length).map(|_| input.below(256) as u8).collect());
    }
    let refs: Vec<&[u8]> = frames.iter().map(Vec::as_slice).collect();
    for form in [Form::Group, Form::Bare] {
        let mut draft = draft(&refs);
        let Some(made) = draft.finish(form, LARGEST_DATAGRAM) else {
            continue;
        };
        assert_eq!(frames.len(), 2);
        let message = decode(form, made.bytes, made.to.unwrap_or(from)).unwrap();
        assert!(message[1] == frames[1][..]);
        assert!(form == Form::Bare || message[0] == frames[0][..]);
    }
}

fn draft(frames: &[&[u8]]) -> Draft {
    let mut draft = Draft::default();
    draft.clear();
    frames.iter().for_each(|frame| draft.push_frame(frame));
    draft
}
