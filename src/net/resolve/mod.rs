//! From names to addresses: `/etc/hosts` and the machine's DNS servers, with a cache that a probe controls.
//!
//! An address is used for the shorter of its TTL and what the caller allows; a failure is never kept, so
//! that an outage of DNS shows within one interval. Concurrent look-ups of one name share one query.

mod cache;
mod lookup;
mod machine;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use cache::{Asking, Cache};
use futures::FutureExt;
use lookup::System;
use machine::Machine;

use super::Failure;
use crate::{clock::Clock, health::Reason, model::IpFamily};

/// The addresses of a name: at least one.
#[derive(Debug, Clone)]
pub struct Addresses(Few);

#[derive(Debug, Clone)]
enum Few {
    /// The host was an address itself: nothing is allocated for it.
    Literal(IpAddr),
    Found(Arc<[IpAddr]>),
}

impl Addresses {
    /// None when there are none.
    pub(super) fn found(addresses: Arc<[IpAddr]>) -> Option<Self> {
        (!addresses.is_empty()).then_some(Self(Few::Found(addresses)))
    }

    pub fn as_slice(&self) -> &[IpAddr] {
        match &self.0 {
            Few::Literal(ip) => std::slice::from_ref(ip),
            Few::Found(ips) => ips,
        }
    }

    pub fn first(&self) -> IpAddr {
        // There is at least one: `found` is the only way to make a list.
        self.as_slice().first().copied().unwrap_or(IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED))
    }
}

impl From<IpAddr> for Addresses {
    fn from(ip: IpAddr) -> Self {
        Self(Few::Literal(ip))
    }
}

/// What a look-up gave.
pub(super) struct Answer {
    pub(super) addresses: Addresses,
    /// Zero when nobody was asked.
    pub(super) took: Duration,
    pub(super) cached: bool,
}

/// Looks names up. One for the process.
pub(super) struct Resolver {
    machine: Machine,
    cache: Arc<Cache>,
    clock: Clock,
}

impl Resolver {
    /// Reads the system's configuration.
    pub(super) fn new(clock: Clock) -> Self {
        Self { machine: Machine::new(clock.mono()), cache: Arc::new(Cache::default()), clock }
    }

    /// Asks these servers and no others.
    pub(super) fn with_servers(clock: Clock, servers: &[SocketAddr]) -> Self {
        Self { machine: Machine::fixed(System::asking(servers)), cache: Arc::new(Cache::default()), clock }
    }

    /// Those that the machine's configuration names.
    pub(super) fn servers(&self) -> Vec<IpAddr> {
        self.machine.system(self.clock.mono()).servers.clone()
    }

    /// The addresses of `host`, at most `max_cache` old.
    ///
    /// # Errors
    /// DNSError: there is no such name, it has no address of the family, or no server answers.
    pub(super) async fn resolve(
        &self,
        host: &Arc<str>,
        family: IpFamily,
        max_cache: Duration,
    ) -> Result<Answer, Failure> {
        if let Ok(ip) = host.parse::<IpAddr>() {
            if !fits(ip, family) {
                return Err(Failure::new(Reason::DNSError, format!("{ip} is not an {} address", name_of(family))));
            }
            return Ok(Answer { addresses: ip.into(), took: Duration::ZERO, cached: false });
        }
        let asked = self.clock.mono();
        let asking = match self.cache.get(host, family, asked, max_cache) {
            cache::Hit::Known(found) => {
                return Ok(Answer { addresses: found, took: Duration::ZERO, cached: true });
            }
            cache::Hit::Asking(asking) => asking,
            cache::Hit::Nothing => self.ask(host, family),
        };
        let found = asking.await?;
        Ok(Answer { addresses: found, took: self.clock.mono().saturating_sub(asked), cached: false })
    }

    /// Starts a look-up that everyone who comes meanwhile shares. It goes on as long as one of them waits.
    fn ask(&self, host: &Arc<str>, family: IpFamily) -> Asking {
        let now = self.clock.mono();
        let system = self.machine.system(now);
        let (name, cache, clock) = (Arc::clone(host), Arc::clone(&self.cache), self.clock.clone());
        let asking = async move {
            match system.lookup(&name, family, &clock).await {
                Ok(found) => {
                    cache.put(&name, family, &found, clock.mono());
                    Ok(found.addresses)
                }
                Err(failure) => {
                    cache.failed(&name, family);
                    Err(failure)
                }
            }
        };
        self.cache.asking(host, family, asking.boxed().shared(), now)
    }
}

/// Those of `ips` that are of the family, without a look-up.
///
/// # Errors
/// DNSError when there is none.
pub(super) fn known(host: &str, ips: &Arc<[IpAddr]>, family: IpFamily) -> Result<Addresses, Failure> {
    let ips = match ips.iter().all(|ip| fits(*ip, family)) {
        true => Arc::clone(ips),
        false => ips.iter().copied().filter(|ip| fits(*ip, family)).collect(),
    };
    let none = || Failure::new(Reason::DNSError, format!("{host} has no {} address", name_of(family)));
    Addresses::found(ips).ok_or_else(none)
}

fn fits(ip: IpAddr, family: IpFamily) -> bool {
    match family {
        IpFamily::Any => true,
        IpFamily::IPv4 => ip.is_ipv4(),
        IpFamily::IPv6 => ip.is_ipv6(),
    }
}

fn name_of(family: IpFamily) -> &'static str {
    match family {
        IpFamily::Any => "IP",
        IpFamily::IPv4 => "IPv4",
        IpFamily::IPv6 => "IPv6",
    }
}
