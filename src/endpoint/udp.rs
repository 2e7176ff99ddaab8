//! [`UdpEndpoint`]: what follows `udp://`.

use std::fmt;
use std::net::IpAddr;

use super::error::Reason;
use super::{Host, HostPort};

/// What follows `udp://`: a host or a multicast group, a port, and sometimes the interface for a group.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UdpEndpoint {
    /// The interface to join the group on, or to send to it by; if none is named, the system's choice.
    pub(crate) interface: Option<Host>,
    /// The address to receive at or to send to.
    pub(crate) target: HostPort,
}

impl UdpEndpoint {
    /// The host or group to receive at or to send to.
    pub fn host(&self) -> &Host {
        &self.target.host
    }

    /// The port; 0, also written `*`, lets the system pick one.
    pub fn port(&self) -> u16 {
        self.target.port
    }

    /// The interface before the `;`, by its name or an address of it, if one was named.
    pub fn interface(&self) -> Option<&Host> {
        self.interface.as_ref()
    }

    /// Whether the host is a multicast group: of 224.0.0.0/4, or of ff00::/8.
    pub fn is_multicast(&self) -> bool {
        self.group().is_some()
    }

    /// The multicast group, if it is one.
    pub(crate) fn group(&self) -> Option<IpAddr> {
        self.target.host.ip().filter(IpAddr::is_multicast)
    }

    pub(super) fn check_bind(&self) -> Result<(), Reason> {
        match (&self.interface, self.group()) {
            (Some(_), None) => Err(Reason::InterfaceWithoutGroup),
            (Some(Host::V4(_)), Some(IpAddr::V6(_)))
            | (Some(Host::V6 { .. }), Some(IpAddr::V4(_))) => Err(Reason::MixedVersions),
            _ => Ok(()),
        }
    }

    pub(super) fn check_connect(&self) -> Result<(), Reason> {
        match &self.target {
            HostPort {
                host: Host::Any, ..
            } => Err(Reason::ConnectToAnyHost),
            HostPort { port: 0, .. } => Err(Reason::ConnectToPortZero),
            _ => self.check_bind(),
        }
    }
}

impl fmt::Display for UdpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(interface) = &self.interface {
            write!(f, "{interface};")?;
        }
        write!(f, "{}:{}", self.target.host, self.target.port)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;

    fn udp(text: &str) -> UdpEndpoint {
        match text.parse() {
            Ok(Endpoint::Udp(udp)) => udp,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn why(text: &str) -> Reason {
        text.parse::<Endpoint>().unwrap_err().reason
    }

    #[test]
    fn the_forms_of_the_manual_are_read_and_printed() {
        for text in [
            "udp://*:5555",
            "udp://eth1:5555",
            "udp://10.0.0.1:5555",
            "udp://239.0.0.1:5555",
            "udp://eth0;239.0.0.1:5555",
            "udp://127.0.0.1;239.0.0.1:5555",
            "udp://*;239.0.0.1:5555",
            "udp://eth0;[ff02::1]:5555",
            "udp://[::1];[ff02::1]:5555",
            "udp://[ff02::1%eth0]:5555",
        ] {
            assert_eq!(format!("udp://{}", udp(text)), text);
            let endpoint: Endpoint = text.parse().unwrap();
            assert_eq!(endpoint.to_string(), text);
            assert_eq!(endpoint.transport(), "udp");
            assert_eq!(endpoint.port(), Some(5555));
            assert_eq!(endpoint.validate_bind(), Ok(()));
            assert_eq!(
                udp(text).is_multicast(),
                text.contains("239.") || text.contains("ff02")
            );
        }
        assert_eq!(
            udp("udp://eth0;239.0.0.1:5").interface(),
            Some(&Host::Name("eth0".into()))
        );
    }

    #[test]
    fn an_interface_is_for_a_group_of_its_ip_version_and_has_no_port() {
        let bind = |text| Endpoint::parse_for_bind(text).map_err(|error| error.reason);
        let connect = |text| Endpoint::parse_for_connect(text).map_err(|error| error.reason);
        for verb in [&bind as &dyn Fn(_) -> _, &connect] {
            assert_eq!(
                verb("udp://eth0;10.0.0.1:5"),
                Err(Reason::InterfaceWithoutGroup)
            );
            assert_eq!(
                verb("udp://eth0;host:5"),
                Err(Reason::InterfaceWithoutGroup)
            );
            assert_eq!(
                verb("udp://127.0.0.1;[ff02::1]:5"),
                Err(Reason::MixedVersions)
            );
            assert_eq!(verb("udp://[::1];239.0.0.1:5"), Err(Reason::MixedVersions));
        }
        assert!(bind("udp://*:*").is_ok() && bind("udp://239.0.0.1:0").is_ok());
        assert_eq!(connect("udp://*:5"), Err(Reason::ConnectToAnyHost));
        assert_eq!(
            connect("udp://eth0;239.0.0.1:0"),
            Err(Reason::ConnectToPortZero)
        );
        assert_eq!(why("udp://a;b;239.0.0.1:5"), Reason::ManyInterfaces);
        assert_eq!(why("udp://eth0:1;239.0.0.1:5"), Reason::InterfaceWithPort);
        assert_eq!(why("udp://[::1;239.0.0.1:5"), Reason::OpenBracket);
        assert_eq!(why("udp://;239.0.0.1:5"), Reason::NoHost);
        assert_eq!(why("udp://239.0.0.1"), Reason::NoPort);
    }
}
