//! Asks the system's resolvers.

use std::{net::IpAddr, sync::Arc, time::Duration};

use hickory_resolver::{
    TokioResolver,
    config::{LookupIpStrategy, ResolveHosts},
    net::{DnsError, NetError},
    proto::{op::ResponseCode, rr::RecordType},
};

use super::{super::Failure, Addresses};
use crate::{clock::Clock, health::Reason, model::IpFamily};

/// Addresses with how long they hold.
pub(super) struct Found {
    pub(super) addresses: Addresses,
    pub(super) ttl: Duration,
}

/// The machine's way of looking names up: its hosts file and its DNS servers.
pub(super) struct System {
    /// None when the configuration names no server or cannot be read.
    resolver: Result<TokioResolver, String>,
}

impl System {
    pub(super) fn read() -> Self {
        let built = TokioResolver::builder_tokio().and_then(|mut builder| {
            let options = builder.options_mut();
            // Ours is the only cache: it knows what the caller allows, and it never keeps a failure.
            options.cache_size = 0;
            options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
            options.use_hosts_file = ResolveHosts::Always;
            builder.build()
        });
        Self { resolver: built.map_err(|error| error.to_string()) }
    }

    pub(super) async fn lookup(&self, host: &str, family: IpFamily, clock: &Clock) -> Result<Found, Failure> {
        let resolver = self.resolver.as_ref().map_err(|error| {
            Failure::new(Reason::DNSError, format!("cannot look up {host}: no DNS server is configured here ({error})"))
        })?;
        let asked = match family {
            IpFamily::Any => resolver.lookup_ip(host).await.map(|found| found.as_lookup().clone()),
            IpFamily::IPv4 => resolver.lookup(host, RecordType::A).await,
            IpFamily::IPv6 => resolver.lookup(host, RecordType::AAAA).await,
        };
        let lookup = match asked {
            Ok(lookup) => lookup,
            Err(error) => return Err(failed(host, family, &error)),
        };
        let addresses: Arc<[IpAddr]> = lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect();
        let Some(addresses) = Addresses::found(addresses) else {
            return Err(Failure::new(Reason::DNSError, format!("{host} has no address")));
        };
        let now = clock.instant(clock.mono()).into_std();
        Ok(Found { addresses, ttl: lookup.valid_until().saturating_duration_since(now) })
    }
}

fn failed(host: &str, _family: IpFamily, error: &NetError) -> Failure {
    let what = match error {
        NetError::Dns(DnsError::NoRecordsFound(none)) => match none.response_code {
            ResponseCode::NXDomain => format!("{host}: there is no such name"),
            _ => format!("{host} has no address"),
        },
        NetError::Timeout => format!("no DNS server answers for {host}"),
        other => format!("cannot look up {host}: {other}"),
    };
    Failure::new(Reason::DNSError, what)
}
