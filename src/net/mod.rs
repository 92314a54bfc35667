//! The way out: resolve, egress policy, connect, TLS. Everything that dials a user's destination goes through here.
//!
//! Owns addresses, sockets and TLS configurations; knows nothing of what is said over them. Called by
//! the probes, and through [`client`] by whatever speaks HTTP for us and not as a probe.

pub mod client;
mod dial;
mod egress;
mod failure;
mod guarded;
pub mod oauth2;
mod resolve;
pub mod tls;

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

pub use egress::{Denied, Egress};
pub use failure::Failure;
pub use guarded::Guarded;
pub use resolve::Addresses;
use resolve::{Answer, Resolver};
pub use tls::{Alpn, Secured};
use tokio::net::{TcpStream, UdpSocket};

use crate::{
    clock::Clock,
    health::Reason,
    model::{Address, IpFamily, Tls},
    probe::Resolved,
};

/// Shared by everything that dials. One for the process.
pub struct Net {
    egress: Egress,
    clock: Clock,
    resolver: Resolver,
    tls: tls::Settings,
}

/// An open connection, and what it took.
#[derive(Debug)]
pub struct Connected {
    /// Without Nagle's delay.
    pub stream: TcpStream,
    pub resolved: Resolved,
    /// From the first address that was tried to the one that accepted.
    pub connect: Duration,
}

impl Net {
    /// Reads what the machine says of DNS and of certificates to trust (`SSL_CERT_FILE` is honoured), once.
    pub fn new(egress: Egress, clock: Clock) -> Self {
        Self { egress, resolver: Resolver::new(clock.clone()), tls: tls::Settings::new(clock.clone()), clock }
    }

    /// Asks these servers for names in place of the machine's, and reads no hosts file.
    pub fn with_servers(egress: Egress, clock: Clock, servers: &[SocketAddr]) -> Self {
        let resolver = Resolver::with_servers(clock.clone(), servers);
        Self { egress, resolver, tls: tls::Settings::new(clock.clone()), clock }
    }

    pub fn egress(&self) -> &Egress {
        &self.egress
    }

    /// The addresses of `host` that may be dialled, looked up at most `max_cache` ago. At least one.
    ///
    /// # Errors
    /// DNSError; Blocked when the egress policy denies every one of them.
    pub async fn resolve(
        &self,
        host: &Arc<str>,
        family: IpFamily,
        max_cache: Duration,
    ) -> Result<(Addresses, Resolved), Failure> {
        let Answer { addresses, took, cached } = self.resolver.resolve(host, family, max_cache).await?;
        let addresses = self.allowed(host, addresses)?;
        let resolved = Resolved { ip: addresses.first(), took, cached };
        Ok((addresses, resolved))
    }

    /// As [`Net::resolve`], for a host whose addresses are known. They pass the egress policy all the same.
    ///
    /// # Errors
    /// DNSError when none is of the family; Blocked.
    pub fn known(&self, host: &str, ips: &Arc<[IpAddr]>, family: IpFamily) -> Result<(Addresses, Resolved), Failure> {
        let addresses = resolve::known(host, ips, family)?;
        let addresses = self.allowed(host, addresses)?;
        let resolved = Resolved { ip: addresses.first(), took: Duration::ZERO, cached: false };
        Ok((addresses, resolved))
    }

    /// Opens a connection to the first address of `address` that accepts one.
    ///
    /// # Errors
    /// DNSError, Blocked, or why none accepted: ConnectionRefused, NetworkUnreachable, LocalResources, …
    pub async fn connect(
        &self,
        address: &Address,
        family: IpFamily,
        max_cache: Duration,
    ) -> Result<Connected, Failure> {
        let (addresses, resolved) = self.resolve(&address.host, family, max_cache).await?;
        self.open(&addresses, resolved, address).await
    }

    /// The second half of [`Net::connect`], for who wants to know which half it is in.
    ///
    /// # Errors
    /// Why none of `addresses` accepted: ConnectionRefused, NetworkUnreachable, LocalResources, …
    pub async fn open(
        &self,
        addresses: &Addresses,
        mut resolved: Resolved,
        address: &Address,
    ) -> Result<Connected, Failure> {
        let start = self.clock.mono();
        match dial::dial(addresses.as_slice(), address.port).await {
            Ok((stream, ip)) => {
                resolved.ip = ip;
                Ok(Connected { stream, resolved, connect: self.clock.mono().saturating_sub(start) })
            }
            Err(misses) => Err(Failure::of_all(misses.iter().map(|miss| (miss.ip, &miss.error)), address)),
        }
    }

    /// A socket that sends datagrams to `ip`, and takes them from there only.
    ///
    /// # Errors
    /// LocalResources, NetworkUnreachable. The address is one that [`Net::resolve`] let through.
    pub async fn datagrams(&self, ip: IpAddr, address: &Address) -> Result<UdpSocket, Failure> {
        let any: SocketAddr = match ip {
            IpAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
            IpAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
        };
        let open = async {
            let socket = UdpSocket::bind(any).await?;
            socket.connect((ip, address.port)).await?;
            Ok(socket)
        };
        open.await.map_err(|error| Failure::from_io(&error, address))
    }

    /// The DNS servers of this machine's configuration.
    pub fn dns_servers(&self) -> Vec<IpAddr> {
        self.resolver.servers()
    }

    /// Makes a connection to `host` a TLS one. It succeeds with any certificate: what is wrong with it is
    /// the verdict of [`Secured`].
    ///
    /// # Errors
    /// TLSError, ConnectionReset, …: there is no TLS connection.
    pub async fn handshake(
        &self,
        stream: TcpStream,
        tls: &Arc<Tls>,
        host: &str,
        alpn: Alpn,
    ) -> Result<Secured, Failure> {
        self.tls.handshake(stream, tls, host, alpn).await
    }

    /// The addresses that the policy lets through: usually all, and then nothing is copied.
    fn allowed(&self, host: &str, addresses: Addresses) -> Result<Addresses, Failure> {
        let Some(denied) = addresses.as_slice().iter().find_map(|&ip| self.egress.check(ip).err()) else {
            return Ok(addresses);
        };
        let allowed = addresses.as_slice().iter().copied().filter(|&ip| self.egress.check(ip).is_ok()).collect();
        Addresses::found(allowed).ok_or_else(|| blocked(host, &denied))
    }
}

fn blocked(host: &str, denied: &Denied) -> Failure {
    let message = match host.parse::<IpAddr>() {
        Ok(_) => denied.to_string(),
        Err(_) => format!("{host} resolves to {}, {}: denied by the egress policy", denied.ip, denied.what),
    };
    Failure::new(Reason::Blocked, message)
}

/// Makes the end of `stream` leave nothing behind: when we close first, a probe's port would stay in
/// TIME_WAIT for a minute, and 28,000 of these are all that there are for one destination. The peer sees a reset.
pub fn set_zero_linger(stream: &TcpStream) {
    // It fails only on a socket that is gone already.
    let _ = stream.set_zero_linger();
}
