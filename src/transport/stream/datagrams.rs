//! Datagrams of a UDP socket.

use std::io;
use std::net::SocketAddr;

use super::{canonical, retry, Peer, Stream, SEND_FLAGS};
use crate::transport::uninit;

impl Stream {
    /// Receives one datagram into the spare capacity of `buffer`, and says where it came from. What does not
    /// fit is lost: one that fills the buffer may have been longer.
    pub(crate) fn recv_datagram(&self, buffer: &mut Vec<u8>) -> io::Result<SocketAddr> {
        let (_, from) = retry(|| uninit::recv_from(&self.socket, buffer))?;
        let from = from.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
        Ok(canonical(from))
    }

    /// Sends one datagram, whole or not at all: to an address, or where all go.
    pub(crate) fn send_datagram(&self, bytes: &[u8], to: Option<SocketAddr>) -> io::Result<()> {
        let usual = match self.peer {
            Peer::Udp(usual) => usual,
            _ => None,
        };
        let to = to.or(usual).ok_or(io::ErrorKind::InvalidInput)?;
        let sent = retry(|| {
            self.socket
                .send_to_with_flags(bytes, &to.into(), SEND_FLAGS)
        });
        match (sent, to) {
            // A socket of both IP versions knows the others' addresses as mapped ones.
            (Err(error), SocketAddr::V4(v4))
                if error.raw_os_error() == Some(libc::EAFNOSUPPORT) =>
            {
                let mapped = SocketAddr::from((v4.ip().to_ipv6_mapped(), v4.port()));
                retry(|| {
                    self.socket
                        .send_to_with_flags(bytes, &mapped.into(), SEND_FLAGS)
                })
            }
            (sent, _) => sent,
        }
        .map(|_| ())
    }
}
