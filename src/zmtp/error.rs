//! What a peer can do wrong.

use crate::peer::SocketType;
use crate::security::pending::Refusal;

/// A peer broke the protocol, or cannot talk to this socket; the connection has to be closed.
///
/// Every sentence says what the peer did. None of these is ever caused by the local application,
/// except that it may have connected two sockets that cannot talk to each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ProtocolError {
    #[error("peer speaks ZMTP {version}; sinew needs 3.0 or newer")]
    UnsupportedVersion { version: &'static str },
    #[error("peer uses the security mechanism {peer:?}, this side uses {ours}")]
    MechanismMismatch { ours: &'static str, peer: String },
    #[cfg(feature = "curve")]
    #[error("there were no random numbers for this connection, or no key that could be used with the peer's")]
    NoKeys,
    #[cfg(feature = "curve")]
    #[error("peer sent a {name} that is not sealed for this side and this connection, or was changed on its way")]
    BoxNotOpened { name: &'static str },
    #[cfg(feature = "curve")]
    #[error("peer sent a nonce again, or a smaller one: it is replayed, or out of order")]
    NonceNotIncreased,
    #[cfg(feature = "curve")]
    #[error("peer sent what is not sealed, on a connection on which everything is")]
    NotSealed,
    #[error("peer is a {mechanism} server, as this side is; one of the two has to be a client")]
    TwoServers { mechanism: &'static str },
    #[error("{0}")]
    Refused(Refusal),
    #[error("peer refused who this side says it is (status {reason})")]
    AuthenticationRefused { reason: String },
    #[error("peer is a {peer} socket, which a {ours} socket cannot talk to")]
    SocketTypeMismatch { ours: SocketType, peer: String },
    #[error("peer did not say its socket type")]
    MissingSocketType,
    #[error("peer announced an invalid routing id: {fault}")]
    InvalidRoutingId { fault: &'static str },
    #[error("peer refused the connection: {reason:?}")]
    PeerError { reason: String },
    #[error("peer sent a message before the handshake was over")]
    UnexpectedMessage,
    #[error("peer sent the command {name:?} where it has no place")]
    UnexpectedCommand { name: String },
    #[error("peer set reserved bits in the frame flags {flags:#04x}")]
    ReservedFlags { flags: u8 },
    #[error("peer set the MORE flag on a command")]
    CommandWithMore,
    #[error("peer sent a malformed {name} command: {fault}")]
    MalformedCommand {
        name: &'static str,
        fault: &'static str,
    },
    #[error("peer announced a command of {size} bytes; {limit} are allowed")]
    CommandTooLarge { size: u64, limit: usize },
    #[error("peer announced a frame of {size} bytes, more than ZMTP can express (2^63 - 1)")]
    FrameSizeOverflow { size: u64 },
    #[error("peer sends a message of at least {size} bytes; {limit} are allowed")]
    MessageTooLarge { size: u64, limit: u64 },
    #[error(
        "peer sends a message that takes at least {size} bytes of memory; recv_hwm_bytes allows {limit}"
    )]
    MessageOverHwm { size: u64, limit: u64 },
    #[error("peer sends a message of more than {limit} frames")]
    TooManyFrames { limit: usize },
}

/// What of a peer's text is worth keeping in an error: enough to recognise, too little to flood.
const SHOWN: usize = 255;

/// Text that a peer sent, made safe to keep and to print: cut, lossy, without control characters.
pub(crate) fn peer_text(bytes: &[u8]) -> String {
    let cut = bytes.get(..SHOWN).unwrap_or(bytes);
    String::from_utf8_lossy(cut)
        .chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_peer_is_cut_and_made_printable() {
        assert_eq!(
            peer_text(b"no\n\x1b[2Jway\xff"),
            "no\u{fffd}\u{fffd}[2Jway\u{fffd}"
        );
        assert_eq!(peer_text(&[b'x'; 10_000]).len(), SHOWN);
    }

    #[test]
    fn sentences_say_what_the_peer_did() {
        let old = ProtocolError::UnsupportedVersion { version: "2.0" };
        assert_eq!(
            old.to_string(),
            "peer speaks ZMTP 2.0; sinew needs 3.0 or newer"
        );
        let flags = ProtocolError::ReservedFlags { flags: 0x88 };
        assert_eq!(
            flags.to_string(),
            "peer set reserved bits in the frame flags 0x88"
        );
    }
}
