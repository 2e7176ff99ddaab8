//! A connection without ZMTP: bytes as they come.

use std::collections::VecDeque;

use crate::message::Message;
use crate::peer::{PeerInfo, SocketType};

/// Makes a message of whatever bytes are there: no handshake, no frames.
#[derive(Debug, Default)]
pub(super) struct Raw {
    begun: bool,
}

impl Raw {
    /// The peer is there with the first call, with bytes or without.
    pub(super) fn handle_input(
        &mut self,
        bytes: &[u8],
        room: usize,
        messages: &mut VecDeque<Message>,
        established: &mut Option<PeerInfo>,
    ) -> usize {
        if !std::mem::replace(&mut self.begun, true) {
            *established = Some(PeerInfo {
                // No version of ZMTP: such a peer knows neither PING nor PONG.
                version: (0, 0),
                ..PeerInfo::new(SocketType::Stream)
            });
        }
        if bytes.is_empty() || messages.len() >= room {
            return 0;
        }
        messages.push_back(Message::copy_from_slice(bytes));
        bytes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peer_is_there_at_once_and_its_bytes_are_messages_while_there_is_room() {
        let (mut raw, mut messages, mut peer) = (Raw::default(), VecDeque::new(), None);
        assert_eq!(raw.handle_input(b"", 1, &mut messages, &mut peer), 0);
        assert_eq!(peer.take().unwrap().socket_type, SocketType::Stream);
        assert!(messages.is_empty());
        let bytes = b"\xff\0\0";
        assert_eq!(raw.handle_input(bytes, 1, &mut messages, &mut peer), 3);
        assert_eq!(raw.handle_input(b"more", 1, &mut messages, &mut peer), 0);
        assert_eq!(messages, [Message::copy_from_slice(bytes)]);
        assert!(peer.is_none());
    }
}
