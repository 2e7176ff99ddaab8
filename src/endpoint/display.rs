//! The canonical strings of endpoints.

use std::fmt;

use super::{Endpoint, Host, InprocEndpoint, IpcEndpoint, IpcName, TcpEndpoint};

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.transport())?;
        match self {
            Self::Tcp(tcp) => tcp.fmt(f),
            Self::Ipc(ipc) => ipc.fmt(f),
            Self::Inproc(inproc) => inproc.fmt(f),
            Self::Udp(udp) => udp.fmt(f),
        }
    }
}

impl fmt::Display for TcpEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = &self.source {
            write!(f, "{}:{};", source.host, source.port)?;
        }
        write!(f, "{}:{}", self.target.host, self.target.port)
    }
}

impl fmt::Display for InprocEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("*"),
            Self::V4(address) => address.fmt(f),
            Self::V6 {
                address,
                scope: None,
            } => write!(f, "[{address}]"),
            Self::V6 {
                address,
                scope: Some(scope),
            } => write!(f, "[{address}%{scope}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for IpcEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            IpcName::Any => f.write_str("*"),
            IpcName::Path(path) => f.write_str(path),
            IpcName::Abstract(name) => write!(f, "@{name}"),
        }
    }
}
