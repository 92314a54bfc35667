//! The flags of the egress policy, for every command that probes.

use std::net::IpAddr;

use ipnet::IpNet;

use crate::net::Egress;

/// Where probes may go, beside what is always denied (link-local, cloud metadata, unspecified, multicast).
#[derive(Debug, Clone, Default, clap::Args)]
pub struct EgressArgs {
    /// Networks that probes may reach even where a default denies them
    #[arg(long, env = "PROBITY_ALLOW_CIDR", value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub allow_cidr: Vec<IpNet>,
    /// Networks that probes may not reach
    #[arg(long, env = "PROBITY_DENY_CIDR", value_name = "CIDR", value_delimiter = ',', value_parser = network)]
    pub deny_cidr: Vec<IpNet>,
}

impl EgressArgs {
    /// The policy outside a cluster: this machine itself may be probed.
    pub fn stand_alone(&self) -> Egress {
        Egress {
            deny: self.deny_cidr.clone(),
            allow: self.allow_cidr.clone(),
            allow_loopback: true,
            ..Egress::default()
        }
    }

    /// The policy in a cluster: what runs beside Probity may not be probed, nor what is guarded once it is known.
    pub fn in_cluster(&self) -> Egress {
        Egress { allow_loopback: false, ..self.stand_alone() }
    }
}

/// A network such as `10.0.0.0/8`; an address alone is the network of just that address.
fn network(text: &str) -> Result<IpNet, String> {
    text.parse::<IpNet>()
        .or_else(|_| text.parse::<IpAddr>().map(IpNet::from))
        .map_err(|_| "not a network: write it as 10.0.0.0/8, fd00::/8, or as one address".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_a_cidr_or_an_address() {
        for (text, expected) in [("10.1.0.0/16", "10.1.0.0/16"), ("10.1.2.3", "10.1.2.3/32"), ("::1", "::1/128")] {
            assert_eq!(network(text).unwrap().to_string(), expected);
        }
        for text in ["", "10.0.0.0/33", "example.com", "10.0.0"] {
            assert!(network(text).unwrap_err().contains("10.0.0.0/8"), "{text}");
        }
    }
}
