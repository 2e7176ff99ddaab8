//! The replies of a SOCKS proxy.

/// Any bytes are a proxy's replies or refused, and it makes no difference how they are split; what is behind
/// the last reply is not read.
pub fn socks(data: &[u8]) {
    crate::transport::socks::fuzz(data);
}
