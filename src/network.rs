//! [`Network`]: a range of IP addresses, for listeners that accept callers from some of them only.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of IP addresses: those whose first bits are as given. See
/// [`Options::accept_from`](crate::Options::accept_from).
///
/// Written as an address and, behind `/`, how many of its bits count; without that, all of them. Bits
/// that do not count are ignored, and printed as zeros. An IPv4 address that came over an IPv6
/// listener is an IPv4 address.
///
/// ```
/// use sinew::Network;
///
/// let office: Network = "192.0.2.77/24".parse()?;
/// assert!(office.contains([192, 0, 2, 1].into()));
/// assert!(!office.contains([192, 0, 3, 1].into()));
/// assert_eq!(office.to_string(), "192.0.2.0/24");
/// assert_eq!("::1".parse::<Network>()?.to_string(), "::1/128");
/// assert!("192.0.2.0/33".parse::<Network>().is_err());
/// # Ok::<(), sinew::NetworkError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Network {
    /// The first address of the range.
    first: IpAddr,
    /// How many bits count: at most 32 or 128.
    bits: u8,
}

impl Network {
    /// The addresses that begin as `address` does for so many bits; `None` when it has not so many.
    pub fn new(address: IpAddr, bits: u8) -> Option<Network> {
        let first = match address {
            IpAddr::V4(v4) => {
                let mask = mask(u32::MAX.into(), 32_u8.checked_sub(bits)?) as u32;
                Ipv4Addr::from(u32::from(v4) & mask).into()
            }
            IpAddr::V6(v6) => {
                let mask = mask(u128::MAX, 128_u8.checked_sub(bits)?);
                Ipv6Addr::from(u128::from(v6) & mask).into()
            }
        };
        Some(Network { first, bits })
    }

    /// Whether the address is one of them.
    pub fn contains(&self, address: IpAddr) -> bool {
        let same = Network::new(address.to_canonical(), self.bits);
        same.is_some_and(|it| it.first == self.first)
    }
}

/// Ones, but for the lowest `zeros` bits.
fn mask(ones: u128, zeros: u8) -> u128 {
    u128::MAX.checked_shl(zeros.into()).unwrap_or(0) & ones
}

impl From<IpAddr> for Network {
    /// That address alone.
    fn from(address: IpAddr) -> Network {
        let bits = if address.is_ipv4() { 32 } else { 128 };
        Network {
            first: address,
            bits,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.bits)
    }
}

/// The text is no [`Network`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no network; write an IP address, and behind `/` how many of its bits count")]
pub struct NetworkError(String);

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Network, NetworkError> {
        let parsed = match text.split_once('/') {
            None => text.parse::<IpAddr>().ok().map(Network::from),
            // No sign, and no empty text, which `parse` refuses too.
            Some((address, bits)) if bits.bytes().all(|it| it.is_ascii_digit()) => address
                .parse()
                .ok()
                .zip(bits.parse().ok())
                .and_then(|(address, bits)| Network::new(address, bits)),
            Some(_) => None,
        };
        parsed.ok_or_else(|| NetworkError(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(text: &str) -> Network {
        text.parse().unwrap()
    }

    #[test]
    fn zero_bits_are_all_addresses_of_the_family() {
        assert!(network("0.0.0.0/0").contains([255; 4].into()));
        assert!(!network("0.0.0.0/0").contains([0xffff; 8].into()));
        assert!(network("::/0").contains([0xffff; 8].into()));
    }

    #[test]
    fn a_mapped_address_is_the_one_that_is_mapped() {
        let mapped = Ipv4Addr::new(10, 1, 2, 3).to_ipv6_mapped();
        assert!(network("10.0.0.0/8").contains(mapped.into()));
        assert!(!network("::/0").contains(mapped.into()));
    }

    #[test]
    fn what_is_no_network_is_named() {
        for text in [
            "",
            "/",
            "/8",
            "10.0.0.0/",
            "10.0.0.0/+8",
            "10.0.0/8",
            "::/129",
            "a/8",
        ] {
            let error = text.parse::<Network>().unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn an_address_belongs_if_its_first_bits_are_the_same(
            a in any::<u32>(), flip in 0..32u32, bits in 0..=32u8,
        ) {
            let network = Network::new(Ipv4Addr::from(a).into(), bits).unwrap();
            let other = Ipv4Addr::from(a ^ (1 << flip));
            // Bit 0 is the last that counts.
            prop_assert_eq!(network.contains(other.into()), 31 - flip >= u32::from(bits));
            prop_assert_eq!(network.to_string().parse::<Network>().unwrap(), network);
        }

        #[test]
        fn and_so_for_ipv6(a in any::<u128>(), flip in 0..128u32, bits in 0..=128u8) {
            let a = a | 1 << 127;
            let network = Network::new(Ipv6Addr::from(a).into(), bits).unwrap();
            let other = Ipv6Addr::from(a ^ (1 << flip));
            prop_assert_eq!(network.contains(other.into()), 127 - flip >= u32::from(bits));
            prop_assert_eq!(network.to_string().parse::<Network>().unwrap(), network);
        }
    }
}
