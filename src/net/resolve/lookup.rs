//! Looks a name up: the machine's hosts file first, then its DNS servers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use hickory_resolver::{
    Hosts, TokioResolver,
    config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    lookup::Lookup,
    net::{DnsError, NetError, runtime::TokioRuntimeProvider},
    proto::{
        op::{Query, ResponseCode},
        rr::{Name, RecordType},
    },
    system_conf::read_system_conf,
};

use super::{super::Failure, Addresses, name_of};
use crate::{clock::Clock, health::Reason, model::IpFamily};

/// One server is asked again after this. The usual 5 s would be a whole timeout of a check, so that one
/// lost datagram would fail it.
const PATIENCE: Duration = Duration::from_secs(2);

/// Addresses with how long they hold.
pub(super) struct Found {
    pub(super) addresses: Addresses,
    pub(super) ttl: Duration,
}

/// The machine's way of looking names up, as its files had it when they were read.
pub(super) struct System {
    /// An error when the configuration names no server or cannot be read.
    resolver: Result<TokioResolver, String>,
    hosts: Hosts,
    pub(super) servers: Vec<IpAddr>,
}

impl System {
    pub(super) fn read() -> Self {
        let hosts = Hosts::from_system().unwrap_or_default();
        match read_system_conf() {
            Ok((config, options)) => Self::with(config, options, hosts),
            Err(error) => Self { resolver: Err(error.to_string()), hosts, servers: Vec::new() },
        }
    }

    /// Asks these servers, and no hosts file.
    pub(super) fn asking(servers: &[SocketAddr]) -> Self {
        let servers = servers.iter().map(|server| {
            let (mut udp, mut tcp) = (ConnectionConfig::udp(), ConnectionConfig::tcp());
            (udp.port, tcp.port) = (server.port(), server.port());
            NameServerConfig::new(server.ip(), true, vec![udp, tcp])
        });
        Self::with(ResolverConfig::from_name_servers(servers.collect()), ResolverOpts::default(), Hosts::default())
    }

    fn with(config: ResolverConfig, mut options: ResolverOpts, hosts: Hosts) -> Self {
        let servers = config.name_servers().iter().map(|server| server.ip).collect();
        // Ours is the only cache: it knows what the caller allows, and it never keeps a failure.
        options.cache_size = 0;
        options.ip_strategy = LookupIpStrategy::Ipv6AndIpv4;
        options.use_hosts_file = ResolveHosts::Never;
        options.timeout = options.timeout.min(PATIENCE);
        options.attempts = options.attempts.max(2);
        // All names of all checks may be due at once; the default would call the server busy after 32.
        options.max_active_requests = 4096;
        let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        *builder.options_mut() = options;
        Self { resolver: builder.build().map_err(|error| error.to_string()), hosts, servers }
    }

    pub(super) async fn lookup(&self, host: &str, family: IpFamily, clock: &Clock) -> Result<Found, Failure> {
        if let Some(found) = localhost(host, family).or_else(|| self.in_hosts(host, family)) {
            return Ok(found);
        }
        let resolver = self.resolver.as_ref().map_err(|error| {
            let message = format!("cannot look up {host}: no DNS server is configured here ({error})");
            Failure::new(Reason::DNSError, message)
        })?;
        let asked = match family {
            IpFamily::Any => resolver.lookup_ip(host).await.map(Lookup::from),
            IpFamily::IPv4 => resolver.lookup(host, RecordType::A).await,
            IpFamily::IPv6 => resolver.lookup(host, RecordType::AAAA).await,
        };
        match asked {
            Err(error) if !is_empty(&error) => Err(Failure::new(Reason::DNSError, what_failed(host, &error))),
            asked => match asked.ok().and_then(|lookup| found(&lookup, clock)) {
                Some(found) => Ok(found),
                None => Err(none_of_family(resolver, host, family).await),
            },
        }
    }

    /// As the C library does it: the name as it stands, before any search domain.
    fn in_hosts(&self, host: &str, family: IpFamily) -> Option<Found> {
        let mut name = Name::from_utf8(host).ok()?;
        name.set_fqdn(true);
        let types: &[RecordType] = match family {
            IpFamily::Any => &[RecordType::AAAA, RecordType::A],
            IpFamily::IPv4 => &[RecordType::A],
            IpFamily::IPv6 => &[RecordType::AAAA],
        };
        let lookups = types
            .iter()
            .filter_map(|&record_type| self.hosts.lookup_static_host(&Query::query(name.clone(), record_type)));
        let addresses: Arc<[IpAddr]> = lookups.flat_map(|lookup| ips(&lookup)).collect();
        Some(Found { addresses: Addresses::found(addresses)?, ttl: Duration::MAX })
    }
}

/// The name exists, and has no address of the family that was asked for: has it one of the other?
async fn none_of_family(resolver: &TokioResolver, host: &str, family: IpFamily) -> Failure {
    let (other_type, other) = match family {
        IpFamily::Any => return Failure::new(Reason::DNSError, format!("{host} has no address")),
        IpFamily::IPv4 => (RecordType::AAAA, IpFamily::IPv6),
        IpFamily::IPv6 => (RecordType::A, IpFamily::IPv4),
    };
    let has_other = resolver.lookup(host, other_type).await.is_ok_and(|lookup| !ips(&lookup).is_empty());
    let only = if has_other { format!(", only {}", name_of(other)) } else { String::new() };
    Failure::new(Reason::DNSError, format!("{host} has no {} address{only}", name_of(family)))
}

/// RFC 6761, section 6.3: always loopback, and no server is asked.
fn localhost(host: &str, family: IpFamily) -> Option<Found> {
    let host = host.strip_suffix('.').unwrap_or(host).as_bytes();
    let tail = host.len().checked_sub("localhost".len())?;
    let is_localhost = host[tail..].eq_ignore_ascii_case(b"localhost") && (tail == 0 || host[tail - 1] == b'.');
    let (v4, v6) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST));
    let addresses: Arc<[IpAddr]> = match family {
        _ if !is_localhost => return None,
        IpFamily::Any => [v6, v4].into(),
        IpFamily::IPv4 => [v4].into(),
        IpFamily::IPv6 => [v6].into(),
    };
    Some(Found { addresses: Addresses::found(addresses)?, ttl: Duration::MAX })
}

fn found(lookup: &Lookup, clock: &Clock) -> Option<Found> {
    let addresses = Addresses::found(ips(lookup).into())?;
    let now = clock.instant(clock.mono()).into_std();
    Some(Found { addresses, ttl: lookup.valid_until().saturating_duration_since(now) })
}

fn ips(lookup: &Lookup) -> Vec<IpAddr> {
    lookup.answers().iter().filter_map(|record| record.data.ip_addr()).collect()
}

/// The name exists, without a record of the type.
fn is_empty(error: &NetError) -> bool {
    error.is_no_records_found() && !error.is_nx_domain()
}

fn what_failed(host: &str, error: &NetError) -> String {
    match error {
        error if error.is_nx_domain() => format!("there is no name {host}"),
        NetError::Dns(DnsError::ResponseCode(code)) => {
            let code = format!("{code:?}").to_ascii_uppercase();
            format!("the DNS server answers {code} for {host}")
        }
        NetError::Timeout | NetError::NoConnections | NetError::Io(_) | NetError::Busy => {
            format!("no DNS server answers for {host}")
        }
        NetError::Dns(DnsError::NoRecordsFound(none)) if none.response_code != ResponseCode::NoError => {
            let code = format!("{:?}", none.response_code).to_ascii_uppercase();
            format!("the DNS server answers {code} for {host}")
        }
        other => format!("cannot look up {host}: {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn hosts_and_localhost_need_no_server() {
        let mut hosts = Hosts::default();
        hosts.read_hosts_conf(&b"10.0.0.7 box box.example\nfd00::7 box\n"[..]).unwrap();
        let system = System { resolver: Err("none".into()), hosts, servers: vec![] };
        let clock = Clock::system();
        let table: [(&str, IpFamily, &[&str]); 7] = [
            ("box", IpFamily::Any, &["fd00::7", "10.0.0.7"]),
            ("box", IpFamily::IPv4, &["10.0.0.7"]),
            ("Box.Example", IpFamily::Any, &["10.0.0.7"]),
            ("localhost", IpFamily::Any, &["::1", "127.0.0.1"]),
            ("LocalHost.", IpFamily::IPv4, &["127.0.0.1"]),
            ("app.localhost", IpFamily::IPv6, &["::1"]),
            ("notlocalhost", IpFamily::Any, &[]),
        ];
        for (host, family, expected) in table {
            let found = system.lookup(host, family, &clock).await;
            let ips: Vec<String> =
                found.iter().flat_map(|found| found.addresses.as_slice()).map(ToString::to_string).collect();
            assert_eq!(ips, expected, "{host}");
        }
        let failure = system.lookup("notlocalhost", IpFamily::Any, &clock).await.err().unwrap();
        assert_eq!(failure.reason, Reason::DNSError);
        assert!(failure.message.contains("no DNS server is configured"), "{}", failure.message);
    }
}
