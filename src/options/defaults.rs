//! What a setting is that nobody set; the reasons are in `tuning`.

use std::time::Duration;

use bytes::Bytes;

use super::{Conflate, KeepAlive, Options, ReconnectStop};
use crate::message::Message;
use crate::security::Security;
use crate::tuning;

impl Default for Options {
    fn default() -> Options {
        Options {
            send_hwm: tuning::HWM,
            recv_hwm: tuning::HWM,
            send_hwm_bytes: tuning::HWM_BYTES,
            recv_hwm_bytes: tuning::HWM_BYTES,
            linger: Some(tuning::LINGER),
            max_message_size: None,
            max_message_frames: tuning::MAX_MESSAGE_FRAMES,
            max_connections: tuning::MAX_CONNECTIONS,
            max_pending_handshakes: tuning::PENDING_HANDSHAKES,
            reconnect_interval: tuning::RECONNECT_INTERVAL,
            reconnect_interval_max: tuning::RECONNECT_INTERVAL_MAX,
            reconnect_attempts: None,
            connect_timeout: None,
            handshake_timeout: Some(tuning::HANDSHAKE_TIMEOUT),
            heartbeat_interval: None,
            heartbeat_timeout: None,
            heartbeat_ttl: None,
            immediate: false,
            hello_message: Message::new(),
            disconnect_message: Message::new(),
            hiccup_message: Message::new(),
            reconnect_stop: ReconnectStop::default(),
            routing_id: Bytes::new(),
            properties: Vec::new(),
            message_metadata: false,
            backlog: tuning::BACKLOG,
            ipv6: false,
            max_datagram_size: tuning::MAX_DATAGRAM_SIZE,
            multicast_hops: 1,
            multicast_loop: true,
            tcp_keepalive: KeepAlive::default(),
            send_buffer: None,
            recv_buffer: None,
            tos: None,
            packet_priority: None,
            tcp_user_timeout: None,
            bind_to_device: None,
            accept_from: Vec::new(),
            socks_proxy: None,
            busy_poll: Duration::ZERO,
            conflate: Conflate::Off,
            no_drop: false,
            mandatory: false,
            handover: false,
            probe_router: false,
            invert_matching: false,
            verbose: false,
            verboser: false,
            manual: false,
            manual_last_value: false,
            welcome_message: Message::new(),
            verbose_unsubscribe: false,
            stream_notify: true,
            relaxed: false,
            correlate: false,
            security: Security::Null,
            authenticator: None,
        }
    }
}
