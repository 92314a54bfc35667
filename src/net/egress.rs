//! Where a probe may go: decided on the resolved address, in any spelling of it.
//!
//! Pure. Called for every address before it is dialled or sent to, and by `client` for hosts that are
//! addresses already.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Guarded;

/// The egress policy. Denied always: link-local, cloud metadata, unspecified, multicast and broadcast.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// Denied beside what is always denied. Holds over `allow`.
    pub deny: Vec<IpNet>,
    /// Allowed even where a default (not the list that holds always) would deny.
    pub allow: Vec<IpNet>,
    pub allow_loopback: bool,
    /// In a cluster, what is its own.
    pub guarded: Guarded,
}

/// Why an address is denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{ip} is {what}: denied by the egress policy")]
pub struct Denied {
    pub ip: IpAddr,
    pub what: &'static str,
}

impl Egress {
    /// Checks an address and every address that it stands for.
    ///
    /// # Errors
    /// [`Denied`] when the policy forbids one of them.
    pub fn check(&self, ip: IpAddr) -> Result<(), Denied> {
        self.check_one(ip).map_err(|what| Denied { ip, what })?;
        if let IpAddr::V6(v6) = ip {
            for inner in embedded(v6).into_iter().flatten() {
                self.check_one(IpAddr::V4(inner)).map_err(|what| Denied { ip, what })?;
            }
        }
        Ok(())
    }

    fn check_one(&self, ip: IpAddr) -> Result<(), &'static str> {
        if let Some(what) = denied_always(ip) {
            return Err(what);
        }
        if self.deny.iter().any(|net| net.contains(&ip)) {
            return Err("in a denied range");
        }
        if ip.is_loopback() && !self.allow_loopback && !self.allow.iter().any(|net| net.contains(&ip)) {
            return Err("a loopback address");
        }
        match self.guarded.find(ip) {
            Some(what) if !self.allow.iter().any(|net| net.contains(&ip)) => Err(what),
            Some(_) | None => Ok(()),
        }
    }
}

fn denied_always(ip: IpAddr) -> Option<&'static str> {
    const METADATA_V4: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);
    const METADATA_ALIBABA: Ipv4Addr = Ipv4Addr::new(100, 100, 100, 200);
    const METADATA_AWS: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);
    const METADATA_GOOGLE: Ipv6Addr = Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254);
    match ip {
        IpAddr::V4(METADATA_V4 | METADATA_ALIBABA) | IpAddr::V6(METADATA_AWS | METADATA_GOOGLE) => {
            Some("a cloud's metadata service")
        }
        IpAddr::V4(v4) if v4.is_link_local() => Some("a link-local address"),
        IpAddr::V6(v6) if v6.is_unicast_link_local() => Some("a link-local address"),
        // All of 0.0.0.0/8 is "this network" (RFC 1122, section 3.2.1.3); Linux takes 0.0.0.0 for itself.
        IpAddr::V4(v4) if v4.octets()[0] == 0 => Some("an unspecified address"),
        IpAddr::V4(v4) if v4.is_broadcast() => Some("a broadcast address"),
        _ if ip.is_unspecified() => Some("an unspecified address"),
        _ if ip.is_multicast() => Some("a multicast address"),
        _ => None,
    }
}

/// The IPv4 addresses that an IPv6 address carries and that a translator or tunnel would send to.
/// At most four: the layouts that RFC 6052 allows within one prefix.
fn embedded(v6: Ipv6Addr) -> [Option<Ipv4Addr>; 4] {
    let segments = v6.segments();
    let bytes = v6.octets();
    let at = |a: usize, b: usize, c: usize, d: usize| Some(Ipv4Addr::new(bytes[a], bytes[b], bytes[c], bytes[d]));
    let last = at(12, 13, 14, 15);
    match segments {
        // The unspecified address and loopback are addresses of their own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => [None; 4],
        // IPv4-mapped and IPv4-compatible (RFC 4291, section 2.5.5), IPv4-translated (RFC 2765), NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff | 0, _, _] | [0, 0, 0, 0, 0xffff, 0, _, _] | [0x64, 0xff9b, 0, 0, 0, 0, _, _] => {
            [last, None, None, None]
        }
        // NAT64 of a network's own (RFC 8215): any prefix length within the /48. What lies in a part that
        // this length leaves zero is no address.
        [0x64, 0xff9b, 1, ..] => {
            [at(6, 7, 9, 10), at(7, 9, 10, 11), at(9, 10, 11, 12), last].map(|v4| v4.filter(|v4| v4.octets()[0] != 0))
        }
        // 6to4 (RFC 3056).
        [0x2002, ..] => [at(2, 3, 4, 5), None, None, None],
        // Teredo (RFC 4380, section 4): the server, and the client with its bits turned.
        [0x2001, 0, ..] => {
            let client = Ipv4Addr::new(!bytes[12], !bytes[13], !bytes[14], !bytes[15]);
            [at(4, 5, 6, 7), Some(client), None, None]
        }
        // ISATAP (RFC 5214, section 6.1).
        [_, _, _, _, 0 | 0x200, 0x5efe, _, _] => [last, None, None, None],
        _ => [None; 4],
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn egress(deny: &[&str], allow: &[&str], allow_loopback: bool) -> Egress {
        let nets = |all: &[&str]| all.iter().map(|net| net.parse().unwrap()).collect();
        Egress { deny: nets(deny), allow: nets(allow), allow_loopback, guarded: Guarded::default() }
    }

    const ALWAYS: &[&str] = &[
        "169.254.169.254",
        "169.254.0.1",
        "100.100.100.200",
        "fd00:ec2::254",
        "fd20:ce::254",
        "fe80::1",
        "febf::1",
        "0.0.0.0",
        "0.1.2.3",
        "::",
        "224.0.0.1",
        "239.255.255.255",
        "ff02::1",
        "255.255.255.255",
        // mapped, compatible, translated
        "::ffff:169.254.169.254",
        "::ffff:a9fe:a9fe",
        "::169.254.169.254",
        "::ffff:0:169.254.169.254",
        "::ffff:0.0.0.0",
        "::ffff:224.0.0.1",
        "::ffff:100.100.100.200",
        // NAT64
        "64:ff9b::169.254.169.254",
        "64:ff9b:1::169.254.169.254",
        "64:ff9b:1:a9fe:a9:fe00::",
        "64:ff9b:1:0:a9:fea9:fe00:0",
        // 6to4, Teredo (client and server), ISATAP
        "2002:a9fe:a9fe::1",
        "2001:0:102:304:0:0:5601:5601",
        "2001:0:a9fe:a9fe::",
        "2001:db8::5efe:169.254.169.254",
        "fd12::200:5efe:169.254.169.254",
    ];

    #[test]
    fn what_is_denied_always_is_denied_in_any_spelling() {
        let open = egress(&[], &["0.0.0.0/0", "::/0"], true);
        for ip in ALWAYS {
            assert!(open.check(ip.parse().unwrap()).is_err(), "{ip}");
        }
    }

    #[test]
    fn ordinary_addresses_pass() {
        let closed = egress(&[], &[], false);
        for ip in [
            "10.0.0.1",
            "192.168.1.1",
            "1.1.1.1",
            "100.100.100.201",
            "2606:4700::1111",
            "fd00:ec2::253",
            "64:ff9b::1.1.1.1",
            "64:ff9b:1::10.0.0.1",
            "64:ff9b:1:a00:0:100::",
            "2002:102:304::1",
            "::ffff:10.0.0.1",
            "fec0::1",
        ] {
            assert_eq!(closed.check(ip.parse().unwrap()), Ok(()), "{ip}");
        }
    }

    #[test]
    fn loopback_goes_by_its_switch_and_by_allow() {
        for ip in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", "64:ff9b::127.0.0.1", "2002:7f00:1::"] {
            let ip = ip.parse().unwrap();
            assert!(egress(&[], &[], false).check(ip).is_err(), "{ip}");
            assert!(egress(&[], &[], true).check(ip).is_ok(), "{ip}");
            assert!(egress(&[], &["127.0.0.0/8", "::1/128"], false).check(ip).is_ok(), "{ip}");
            assert!(egress(&["127.0.0.0/8", "::1/128"], &["0.0.0.0/0", "::/0"], true).check(ip).is_err(), "{ip}");
        }
    }

    #[test]
    fn a_denied_range_is_denied_in_any_spelling_too() {
        let policy = egress(&["10.0.0.0/8"], &["10.1.0.0/16"], true);
        for ip in ["10.1.2.3", "::ffff:10.1.2.3", "64:ff9b::10.1.2.3", "2002:a01:203::"] {
            assert!(policy.check(ip.parse().unwrap()).is_err(), "{ip}");
        }
        assert!(policy.check("11.0.0.1".parse().unwrap()).is_ok());
    }

    #[test]
    fn every_spelling_in_a_url_is_the_same_address() {
        let open = egress(&[], &[], true);
        for url in [
            "http://169.254.169.254/",
            "http://2852039166/",
            "http://0xA9FEA9FE/",
            "http://0xa9.0xfe.0xa9.0xfe/",
            "http://0251.0376.0251.0376/",
            "http://169.254.43518/",
            "http://169.16689662/",
            "http://[::ffff:a9fe:a9fe]/",
            "http://[::ffff:169.254.169.254]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://１６９.２５４.１６９.２５４/",
            "http://169。254。169。254/",
            "http://0/",
        ] {
            let url = url::Url::parse(url).unwrap();
            let ip = match url.host().unwrap() {
                url::Host::Ipv4(v4) => IpAddr::V4(v4),
                url::Host::Ipv6(v6) => IpAddr::V6(v6),
                url::Host::Domain(name) => panic!("{url}: {name} is taken for a name"),
            };
            assert!(open.check(ip).is_err(), "{url}");
        }
        let url = url::Url::parse("http://0177.0.0.1/").unwrap();
        assert_eq!(url.host_str(), Some("127.0.0.1"));
        assert!(egress(&[], &[], false).check("127.0.0.1".parse().unwrap()).is_err());
    }

    #[test]
    fn the_message_names_the_address_and_why() {
        let denied = egress(&[], &[], true).check("::ffff:a9fe:a9fe".parse().unwrap()).unwrap_err();
        assert_eq!(
            denied.to_string(),
            "::ffff:169.254.169.254 is a cloud's metadata service: denied by the egress policy"
        );
    }

    proptest! {
        /// Whatever an IPv4 address may do, none of its spellings as an IPv6 address may do more.
        #[test]
        fn no_spelling_gets_around(bits: u32, loopback: bool) {
            let policy = egress(&["10.0.0.0/8"], &[], loopback);
            let v4 = Ipv4Addr::from(bits);
            let [a, b, c, d] = v4.octets().map(u16::from);
            let (high, low) = (a << 8 | b, c << 8 | d);
            for spelled in [
                v4.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, 0, 0, 0, 0, 1),
            ] {
                prop_assert_eq!(
                    policy.check(spelled.into()).map_err(|denied| denied.what),
                    policy.check(v4.into()).map_err(|denied| denied.what)
                );
            }
        }
    }

    #[test]
    fn what_is_the_clusters_own_is_denied_unless_it_is_allowed() {
        let egress = egress(&[], &["10.0.0.2/32"], false);
        let guarded = egress.guarded.clone();
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        guarded.set("a node's own address", [ip("10.0.0.1"), ip("10.0.0.2")]);
        assert_eq!(egress.check(ip("10.0.0.1")).unwrap_err().what, "a node's own address");
        assert_eq!(egress.check(ip("::ffff:10.0.0.1")).unwrap_err().what, "a node's own address");
        assert!(egress.check(ip("10.0.0.2")).is_ok() && egress.check(ip("10.0.0.3")).is_ok());
        guarded.set("a node's own address", [ip("10.0.0.3")]);
        assert!(egress.check(ip("10.0.0.1")).is_ok() && egress.check(ip("10.0.0.3")).is_err());
    }
}
