//! What happens to a socket, said through the facades `log` and `tracing`, each if its feature is on.

use super::core::Core;
use crate::monitor::Event;

impl Core {
    /// Something happened to a connection.
    pub(super) fn log(&self, event: &Event) {
        #[cfg(feature = "log")]
        log::debug!(target: "sinew", "{} {event}", self.socket_type);
        #[cfg(feature = "tracing")]
        tracing::debug!(
            target: "sinew",
            socket_type = self.socket_type.name(),
            endpoint = %event.endpoint,
            peer = event.peer_address.as_deref(),
            peer_type = event.socket_type().map(|it| it.name()),
            event = event.kind.name(),
            "{}",
            event.kind
        );
    }

    /// The socket is closed, and still lingers: why, and for how long.
    pub(super) fn log_linger(&self, text: &str) {
        #[cfg(feature = "log")]
        log::info!(target: "sinew", "{} {text}", self.socket_type);
        #[cfg(feature = "tracing")]
        tracing::info!(
            target: "sinew",
            socket_type = self.socket_type.name(),
            event = "Lingering",
            "{text}"
        );
    }
}
