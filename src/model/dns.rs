//! The `dns` probe.

use super::{Address, IpFamily, Pattern};

#[derive(Debug, Clone)]
pub struct Dns {
    /// None asks the servers of this machine's resolv.conf.
    pub server: Option<Address>,
    /// The name to look up, as a fully qualified one.
    pub name: hickory_resolver::proto::rr::Name,
    pub record_type: DnsType,
    pub transport: DnsTransport,
    pub ip_family: IpFamily,
    pub expect: DnsExpect,
}

/// A record type, such as A or TXT.
pub type DnsType = hickory_resolver::proto::rr::RecordType;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum DnsTransport {
    /// A truncated answer is asked again over TCP.
    #[default]
    Udp,
    Tcp,
}

#[derive(Debug, Clone)]
pub struct DnsExpect {
    /// RFC 6895 codes; default NOERROR only.
    pub rcode: Vec<hickory_resolver::proto::op::ResponseCode>,
    /// Anchored; each must match an answer of the asked type.
    pub answers: Vec<Pattern>,
}
