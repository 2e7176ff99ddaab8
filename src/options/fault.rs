//! What is wrong with settings, in words.

use std::time::Duration;

use super::properties::property_fault;
use super::{Conflate, Options};
use crate::peer::SocketType;
use crate::tuning::LARGEST_DATAGRAM;

impl Options {
    /// What these settings change of those of an open socket and must not, in words.
    pub(crate) fn change_fault(&self, now: &Options) -> Option<String> {
        // It says where the subscriptions of peers are kept: those that are there would be lost.
        let manual = |options: &Options| options.manual || options.manual_last_value;
        let name = if manual(self) != manual(now) {
            "manual"
        } else if self.conflate != now.conflate {
            // The queues that are there are made for it, or without it.
            "conflate"
        } else if !self.security.is_like(&now.security) {
            // Connections that are there would go on without it, or with another.
            "the security mechanism"
        } else {
            return None;
        };
        Some(format!(
            "{name} cannot be changed once the socket is open; use the builder's setter"
        ))
    }

    /// The first setting that cannot be used, in words; `None` when all can.
    pub(crate) fn fault(&self) -> Option<String> {
        routing_id_fault(&self.routing_id)
            .or_else(|| property_fault(&self.properties))
            .or_else(|| self.time_fault())
            .or_else(|| self.buffer_fault())
            .or_else(|| self.datagram_fault())
            .or_else(|| self.tcp_keepalive.fault())
            .or_else(|| self.tcp_fault())
            .or_else(|| self.socks_proxy.as_ref()?.fault())
            .or_else(|| self.security.fault(self.asks()))
            .or_else(|| self.authenticator_fault())
            .or_else(|| self.conflate_fault())
    }

    fn asks(&self) -> bool {
        let authenticator = self.authenticator.as_ref();
        authenticator.is_some_and(|authenticator| authenticator.asks())
    }

    /// A client of a mechanism learns nothing of its server that could be asked about.
    fn authenticator_fault(&self) -> Option<String> {
        if self.authenticator.is_some() && self.invert_matching {
            return Some(
                "authenticator and invert_matching; a peer that may subscribe to little would get the more".into(),
            );
        }
        (self.authenticator.is_some() && self.security.is_client()).then(|| {
            let name = self.security.setting();
            format!(
                "authenticator and {name}; a client is asked, and does not ask: use one of the two"
            )
        })
    }

    fn conflate_fault(&self) -> Option<String> {
        (self.conflate == Conflate::ByPrefix(0)).then(|| {
            "conflate by a prefix of no bytes; use Conflate::Last to keep one message".into()
        })
    }

    /// The first setting that makes no sense for a type of socket, in words.
    pub(crate) fn fault_for(&self, socket_type: SocketType) -> Option<String> {
        use SocketType::{Client, Dealer, Peer, Pub, Pull, Push, Router, Server, Sub};
        let bare = matches!(socket_type, SocketType::Stream | SocketType::Dgram);
        if bare && !self.security.is_null() {
            let name = self.security.setting();
            return Some(format!(
                "{name} is not for a {socket_type}, whose peers speak no ZMTP and would be let in all the same"
            ));
        }
        if socket_type == SocketType::Stream && self.authenticator.is_some() {
            return Some("authenticator is not for a STREAM, whose peers speak no ZMTP and would be let in all the same".into());
        }
        let conflate = [Push, Pull, Pub, Sub, Dealer];
        if self.conflate.is_on() && !conflate.contains(&socket_type) {
            return Some(misplaced("conflate", socket_type, &conflate));
        }
        let messages: [(_, _, &[_]); 3] = [
            (
                "hello_message",
                &self.hello_message,
                &[Dealer, Router, Client, Server, Peer],
            ),
            (
                "disconnect_message",
                &self.disconnect_message,
                &[Router, Server, Peer],
            ),
            (
                "hiccup_message",
                &self.hiccup_message,
                &[Dealer, Client, Peer],
            ),
        ];
        for (name, message, types) in messages {
            if message.is_empty() {
                continue;
            }
            if !types.contains(&socket_type) {
                return Some(misplaced(name, socket_type, types));
            }
            if matches!(socket_type, Client | Server | Peer) && message.len() > 1 {
                return Some(format!(
                    "{name} has {} frames; the messages of a {socket_type} have one",
                    message.len()
                ));
            }
        }
        None
    }

    /// A time-out of zero would end every connection before it begins. In other libraries zero means
    /// "none", so that a zero here is refused in words.
    fn time_fault(&self) -> Option<String> {
        let times = [
            (
                "connect_timeout",
                self.connect_timeout,
                "leave it to the system",
            ),
            ("handshake_timeout", self.handshake_timeout, "wait for ever"),
            ("heartbeat_interval", self.heartbeat_interval, "send none"),
            (
                "heartbeat_timeout",
                self.heartbeat_timeout,
                "wait as long as heartbeat_interval, or 3 s",
            ),
        ];
        for (name, time, none) in times {
            if time == Some(Duration::ZERO) {
                return Some(format!("{name} is zero; use None to {none}"));
            }
        }
        if self.heartbeat_ttl.is_some_and(|ttl| ttl < TTL_UNIT) {
            return Some(
                "heartbeat_ttl is below 100 ms, the unit in which it is sent; use at least \
                 100 ms, or None to ask the peer for nothing"
                    .into(),
            );
        }
        None
    }

    fn tcp_fault(&self) -> Option<String> {
        let linux_only = [
            ("packet_priority", self.packet_priority.is_some()),
            ("tcp_user_timeout", self.tcp_user_timeout.is_some()),
            ("bind_to_device", self.bind_to_device.is_some()),
        ];
        let here = cfg!(any(target_os = "linux", target_os = "android"));
        if let Some((name, _)) = linux_only.iter().find(|(_, set)| *set && !here) {
            return Some(format!("{name} is known to Linux only; leave it out here"));
        }
        let timeout = self.tcp_user_timeout.map(|timeout| timeout.as_millis());
        if timeout.is_some_and(|millis| !(1..=LONGEST_USER_TIMEOUT).contains(&millis)) {
            return Some(format!(
                "tcp_user_timeout is {:?}; use 1 to {LONGEST_USER_TIMEOUT} ms, or None to leave it to the system",
                self.tcp_user_timeout.unwrap_or_default()
            ));
        }
        let device = self.bind_to_device.as_ref()?;
        let usable = (1..=LONGEST_DEVICE).contains(&device.len()) && !device.contains('\0');
        (!usable).then(|| {
            format!("bind_to_device is {device:?}; use the name of a device, of 1 to {LONGEST_DEVICE} bytes")
        })
    }

    fn datagram_fault(&self) -> Option<String> {
        let bytes = self.max_datagram_size;
        (!(1..=LARGEST_DATAGRAM).contains(&bytes)).then(|| {
            format!("max_datagram_size is {bytes}; use 1 to {LARGEST_DATAGRAM}, or 8192 for libzmq")
        })
    }

    fn buffer_fault(&self) -> Option<String> {
        let buffers = [
            ("send_buffer", self.send_buffer),
            ("recv_buffer", self.recv_buffer),
        ];
        let (name, _) = buffers.into_iter().find(|(_, size)| *size == Some(0))?;
        Some(format!(
            "{name} is zero; use None to leave its size to the system"
        ))
    }
}

fn misplaced(name: &str, socket_type: SocketType, types: &[SocketType]) -> String {
    let types: Vec<_> = types.iter().map(|it| it.name()).collect();
    let types = types.join(", ");
    format!("{name} is not for a {socket_type}, but for {types}")
}

/// What is wrong with a routing id that a user chose, in words (RFC 28, "The ROUTER Socket Type").
pub(crate) fn routing_id_fault(id: &[u8]) -> Option<String> {
    if id.len() > 255 {
        let bytes = id.len();
        return Some(format!("routing_id has {bytes} bytes; use 1 to 255 bytes"));
    }
    if id.first() == Some(&0) {
        return Some(
            "routing_id starts with a zero byte, which ZeroMQ reserves for ids that \
             ROUTER makes up; start it with another byte"
                .into(),
        );
    }
    None
}

/// What PINGs count a time to live in (RFC 37, "Heartbeating").
const TTL_UNIT: Duration = Duration::from_millis(100);

/// Linux keeps TCP_USER_TIMEOUT in an `int`.
const LONGEST_USER_TIMEOUT: u128 = i32::MAX as u128;

/// IFNAMSIZ of Linux, without the byte that ends the name.
const LONGEST_DEVICE: usize = 15;
