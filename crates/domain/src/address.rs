//! Which addresses a stranger's name may lead to.
//!
//! A name can be made to point anywhere, also at what only this machine can reach: its own services, its neighbours,
//! the metadata service of a cloud. So only addresses that belong to the public Internet are spoken to (the registries
//! of RFC 6890, as IANA keeps them), and an IPv6 address that holds an IPv4 address counts as that.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which addresses may be spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Those of the public Internet.
    PublicOnly,
    /// Any: for tests and labs.
    Any,
}

impl Reach {
    /// Whether an address may be spoken to.
    #[must_use]
    pub fn allows(self, address: IpAddr) -> bool {
        self == Self::Any || is_public(address)
    }
}

/// Whether an address belongs to the public Internet.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// IANA IPv4 Special-Purpose Address Registry: what is not globally reachable, and what is no single host. Networks
/// by their first address and the length of their prefix.
const SPECIAL_V4: &[([u8; 4], u32)] = &[
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10), // shared by carriers (RFC 6598)
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16), // link-local, where clouds keep their metadata
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    ([224, 0, 0, 0], 3), // multicast, reserved, broadcast
];

fn is_public_v4(address: Ipv4Addr) -> bool {
    let address = u32::from(address);
    let is_in = |(first, bits): &([u8; 4], u32)| {
        (address ^ u32::from_be_bytes(*first)).leading_zeros() >= *bits
    };
    !SPECIAL_V4.iter().any(is_in)
}

/// IANA IPv6 Special-Purpose Address Registry. Of all else than global unicast (`2000::/3`) nothing is public, but for
/// translated addresses, which are as public as what they stand for.
fn is_public_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let v4 = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match segments {
        // Mapped (RFC 4291 section 2.5.5.2), and NAT64's well-known prefix (RFC 6052); the local one, 64:ff9b:1::/48,
        // is private.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            is_public_v4(v4(high, low))
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => is_public_v4(v4(high, low)),
        // Protocol assignments, Teredo among them; documentation; documentation (RFC 9637).
        [0x2001, 0..=0x1ff | 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        [first, ..] => (0x2000..=0x3fff).contains(&first),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_public_internet_may_be_spoken_to() {
        let public = [
            "1.1.1.1",
            "9.255.255.255",
            "100.63.255.255",
            "100.128.0.0",
            "172.15.0.1",
            "172.32.0.1",
            "192.0.1.1",
            "198.20.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::1",
            "2002:0808:0808::1",
            "64:ff9b::8.8.8.8",
            "::ffff:8.8.8.8",
        ];
        let others = [
            "0.0.0.0",
            "10.0.0.1",
            "100.64.0.1",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.1.2.3",
            "64:ff9b::10.0.0.1",
            "64:ff9b:1::8.8.8.8",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:0001::1",
            "3fff::1",
            "100::1",
            "fc00::1",
            "fd12:3456::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
        ];
        let parsed = |text: &str| text.parse::<IpAddr>().unwrap();
        for text in public {
            assert!(Reach::PublicOnly.allows(parsed(text)), "{text}");
        }
        for text in others {
            assert!(!Reach::PublicOnly.allows(parsed(text)), "{text}");
            assert!(Reach::Any.allows(parsed(text)), "{text}");
        }
    }
}
