//! What the application may ask of the sockets below, and how it is asked of the system.

use std::io;
use std::time::Duration;

use socket2::{Socket, TcpKeepalive};

use crate::network::Network;
use crate::options::{KeepAlive, Options};
use crate::socks::SocksProxy;

/// The options that the transports obey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct TransportOptions {
    pub(crate) keepalive: KeepAlive,
    /// Bytes; `None` leaves the size to the system, which adapts it by itself.
    pub(crate) send_buffer: Option<usize>,
    /// Bytes; `None` leaves the size to the system, which adapts it by itself.
    pub(crate) recv_buffer: Option<usize>,
    /// The byte that IPv4 calls type of service and IPv6 traffic class.
    pub(crate) tos: Option<u8>,
    pub(crate) priority: Option<u32>,
    pub(crate) user_timeout: Option<Duration>,
    pub(crate) device: Option<String>,
    /// Where callers may come from; none: from everywhere.
    pub(crate) accept_from: Vec<Network>,
    pub(crate) socks_proxy: Option<SocksProxy>,
    /// Connections that may wait to be accepted.
    pub(crate) backlog: u32,
    /// Whether names and `*` mean IPv6 addresses too.
    pub(crate) ipv6: bool,
    /// Routers that a multicast may pass, and one.
    pub(crate) multicast_hops: u8,
    /// Whether this machine gets its own multicasts.
    pub(crate) multicast_loop: bool,
}

impl From<&Options> for TransportOptions {
    fn from(options: &Options) -> Self {
        Self {
            keepalive: options.tcp_keepalive,
            send_buffer: options.send_buffer,
            recv_buffer: options.recv_buffer,
            tos: options.tos,
            priority: options.packet_priority,
            user_timeout: options.tcp_user_timeout,
            device: options.bind_to_device.clone(),
            accept_from: options.accept_from.clone(),
            socks_proxy: options.socks_proxy.clone(),
            backlog: options.backlog,
            ipv6: options.ipv6,
            multicast_hops: options.multicast_hops,
            multicast_loop: options.multicast_loop,
        }
    }
}

/// The system's defaults, and the backlog of libzmq.
#[cfg(test)]
impl Default for TransportOptions {
    fn default() -> Self {
        Self {
            keepalive: KeepAlive::default(),
            send_buffer: None,
            recv_buffer: None,
            tos: None,
            priority: None,
            user_timeout: None,
            device: None,
            accept_from: Vec::new(),
            socks_proxy: None,
            backlog: 100,
            ipv6: false,
            multicast_hops: 1,
            multicast_loop: true,
        }
    }
}

impl TransportOptions {
    /// The backlog as `listen` takes it; the system cuts it to its own limit.
    pub(super) fn backlog(&self) -> i32 {
        i32::try_from(self.backlog).unwrap_or(i32::MAX)
    }

    /// Before listening or connecting: later the window scale has been negotiated.
    pub(super) fn set_buffers(&self, socket: &Socket) -> io::Result<()> {
        // The system takes an int, and cuts it to its own limit.
        const MOST: usize = i32::MAX as usize;
        if let Some(size) = self.send_buffer {
            socket.set_send_buffer_size(size.min(MOST))?;
        }
        if let Some(size) = self.recv_buffer {
            socket.set_recv_buffer_size(size.min(MOST))?;
        }
        Ok(())
    }

    /// Everything else that a TCP socket is told, listening, accepted or calling.
    pub(super) fn set_tcp(&self, socket: &Socket, is_v6: bool) -> io::Result<()> {
        // Always: batches are ours to make, and Nagle's algorithm would hold the last one back
        // for a whole delayed acknowledgement.
        socket.set_tcp_nodelay(true)?;
        self.keepalive.set(socket)?;
        self.set_tos(socket, is_v6)?;
        self.set_linux(socket)
    }

    /// Before binding and connecting: which device the packets go over.
    pub(super) fn set_device(&self, socket: &Socket) -> io::Result<()> {
        let Some(device) = &self.device else {
            return Ok(());
        };
        bind_device(socket, device).map_err(|error| {
            let advice = match error.kind() {
                io::ErrorKind::PermissionDenied => {
                    "; bind_to_device needs the capability CAP_NET_RAW here"
                }
                _ if error.raw_os_error() == Some(libc::ENODEV) => "; there is no such device",
                _ => "",
            };
            io::Error::new(
                error.kind(),
                format!("cannot use the device {device:?}: {error}{advice}"),
            )
        })
    }

    #[cfg(any(target_os = "linux", target_os = "android"))]
    fn set_linux(&self, socket: &Socket) -> io::Result<()> {
        if let Some(timeout) = self.user_timeout {
            socket.set_tcp_user_timeout(Some(timeout))?;
        }
        let Some(priority) = self.priority else {
            return Ok(());
        };
        // Behind the type of service, which sets it too.
        socket.set_priority(priority).map_err(|error| {
            let text = format!(
                "cannot set packet_priority to {priority}: {error}; more than 6 needs CAP_NET_ADMIN"
            );
            io::Error::new(error.kind(), text)
        })
    }

    /// The settings that others do not know were refused before.
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    fn set_linux(&self, _: &Socket) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn set_tos(&self, socket: &Socket, is_v6: bool) -> io::Result<()> {
        let Some(tos) = self.tos.map(u32::from) else {
            return Ok(());
        };
        if !is_v6 {
            return socket.set_tos_v4(tos);
        }
        socket.set_tclass_v6(tos)?;
        // For the IPv4 peers of a dual-stack socket. Not every system lets it be set there, and
        // the IPv6 peers have theirs.
        let _ = socket.set_tos_v4(tos);
        Ok(())
    }
}

#[cfg(any(target_os = "linux", target_os = "android"))]
fn bind_device(socket: &Socket, device: &str) -> io::Result<()> {
    socket.bind_device(Some(device.as_bytes()))
}

#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bind_device(_: &Socket, _: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

impl KeepAlive {
    fn set(&self, socket: &Socket) -> io::Result<()> {
        match self.enabled {
            None => Ok(()),
            Some(false) => socket.set_keepalive(false),
            Some(true) => socket.set_tcp_keepalive(&self.parameters()),
        }
    }

    fn parameters(&self) -> TcpKeepalive {
        let mut parameters = TcpKeepalive::new();
        if let Some(idle) = self.idle {
            parameters = parameters.with_time(whole_seconds(idle));
        }
        if let Some(interval) = self.interval {
            parameters = parameters.with_interval(whole_seconds(interval));
        }
        if let Some(retries) = self.retries {
            parameters = parameters.with_retries(retries);
        }
        parameters
    }
}

/// Rounded up and at least one: systems refuse zero.
fn whole_seconds(duration: Duration) -> Duration {
    let fraction = u64::from(duration.subsec_nanos() > 0);
    Duration::from_secs(duration.as_secs().saturating_add(fraction).max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use socket2::{Domain, Type};

    fn socket(domain: Domain) -> Socket {
        Socket::new(domain, Type::STREAM, None).unwrap()
    }

    #[test]
    fn durations_are_rounded_up_to_seconds() {
        assert_eq!(whole_seconds(Duration::ZERO), Duration::from_secs(1));
        assert_eq!(
            whole_seconds(Duration::from_millis(2001)),
            Duration::from_secs(3)
        );
        assert_eq!(whole_seconds(Duration::MAX), Duration::from_secs(u64::MAX));
    }

    #[test]
    fn what_is_asked_is_set() {
        let options = TransportOptions {
            keepalive: KeepAlive {
                enabled: Some(true),
                idle: Some(Duration::from_millis(6500)),
                interval: Some(Duration::from_secs(3)),
                retries: Some(4),
            },
            send_buffer: Some(32 * 1024),
            recv_buffer: Some(48 * 1024),
            tos: Some(0x28),
            ..TransportOptions::default()
        };
        let socket = socket(Domain::IPV4);
        options.set_buffers(&socket).unwrap();
        options.set_tcp(&socket, false).unwrap();
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), Duration::from_secs(7));
        assert_eq!(
            socket.tcp_keepalive_interval().unwrap(),
            Duration::from_secs(3)
        );
        assert_eq!(socket.tcp_keepalive_retries().unwrap(), 4);
        assert_eq!(socket.tos_v4().unwrap(), 0x28);
        // Linux doubles what it is asked for.
        assert!(socket.send_buffer_size().unwrap() >= 32 * 1024);
        assert!(socket.recv_buffer_size().unwrap() >= 48 * 1024);
    }

    #[test]
    fn nothing_but_nodelay_is_set_unasked() {
        let (ours, plain) = (socket(Domain::IPV4), socket(Domain::IPV4));
        let options = TransportOptions::default();
        options.set_buffers(&ours).unwrap();
        options.set_tcp(&ours, false).unwrap();
        assert!(ours.tcp_nodelay().unwrap());
        assert_eq!(ours.keepalive().unwrap(), plain.keepalive().unwrap());
        assert_eq!(
            ours.send_buffer_size().unwrap(),
            plain.send_buffer_size().unwrap()
        );
        assert_eq!(ours.tos_v4().unwrap(), plain.tos_v4().unwrap());
    }

    #[test]
    fn keepalive_can_be_switched_off_and_backlogs_are_bounded() {
        let socket = socket(Domain::IPV4);
        socket.set_keepalive(true).unwrap();
        let keepalive = KeepAlive {
            enabled: Some(false),
            ..KeepAlive::default()
        };
        let options = TransportOptions {
            keepalive,
            backlog: u32::MAX,
            ..TransportOptions::default()
        };
        options.set_tcp(&socket, false).unwrap();
        assert!(!socket.keepalive().unwrap());
        assert_eq!(options.backlog(), i32::MAX);
    }

    #[test]
    fn the_traffic_class_is_set_for_both_families() {
        // A machine without IPv6 has nothing to show here.
        let Ok(socket) = Socket::new(Domain::IPV6, Type::STREAM, None) else {
            return;
        };
        let options = TransportOptions {
            tos: Some(0x48),
            ..TransportOptions::default()
        };
        options.set_tcp(&socket, true).unwrap();
        assert_eq!(socket.tclass_v6().unwrap(), 0x48);
    }
}
