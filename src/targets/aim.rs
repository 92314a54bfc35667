//! A check, aimed at one of its targets: the same probe with the address filled in. Pure.

use std::{net::IpAddr, sync::Arc};

use crate::{
    health::Reason,
    model::{Address, HealthCheck, Known, Nowhere, Place, Probe},
};

/// Where one target is.
pub(super) struct Spot {
    /// What is asked for, in the Host header and in TLS.
    pub(super) host: Arc<str>,
    pub(super) port: u16,
    /// At least one.
    pub(super) ips: Vec<IpAddr>,
}

/// The check of one target. `instance` None leaves that of the check.
pub(super) fn at(check: &HealthCheck, instance: Option<String>, spot: &Spot) -> HealthCheck {
    let mut aimed = named(check, instance);
    aimed.probe = Arc::new(fill_in(&check.probe, spot));
    aimed.place = place(spot);
    aimed
}

/// The check of a target that is not there, or of which it is not known where it is.
pub(super) fn nowhere(check: &HealthCheck, instance: Option<String>, reason: Reason, message: String) -> HealthCheck {
    let mut aimed = named(check, instance);
    aimed.place = Place::Nowhere(Arc::new(Nowhere { reason, message: message.into() }));
    aimed
}

/// The check of one object of a `workload` probe.
pub(super) fn object(check: &HealthCheck, name: &Arc<str>) -> HealthCheck {
    let mut aimed = check.clone();
    if let Probe::Workload(workload) = &*check.probe {
        aimed.instance = format!("{}/{name}", workload.kind).into();
        aimed.probe = Arc::new(Probe::Workload(crate::model::Workload { name: name.clone(), ..workload.clone() }));
    }
    aimed
}

fn named(check: &HealthCheck, instance: Option<String>) -> HealthCheck {
    let mut aimed = check.clone();
    if let Some(instance) = instance {
        aimed.instance = instance.into();
    }
    aimed
}

/// A host that is an address already, and the only one, needs nothing beside it.
fn place(spot: &Spot) -> Place {
    match spot.ips.as_slice() {
        [ip] if spot.host.parse() == Ok(*ip) => Place::Named,
        ips => Place::Known(Arc::new(Known { host: spot.host.clone(), ips: ips.into() })),
    }
}

fn fill_in(probe: &Probe, spot: &Spot) -> Probe {
    let address = Address { host: spot.host.clone(), port: spot.port };
    match probe {
        Probe::Http(http) => {
            let mut http = http.clone();
            // These fail for a URL that cannot have a host, and this one has one.
            let _ = match spot.host.parse::<IpAddr>() {
                Ok(ip) => http.url.set_ip_host(ip),
                Err(_) => http.url.set_host(Some(&spot.host)).map_err(drop),
            };
            let _ = http.url.set_port(Some(spot.port));
            Probe::Http(http)
        }
        Probe::Tcp(tcp) => Probe::Tcp(crate::model::Tcp { address, ..tcp.clone() }),
        Probe::Tls(tls) => Probe::Tls(crate::model::TlsProbe { address, ..tls.clone() }),
        Probe::Dns(dns) => Probe::Dns(crate::model::Dns { server: Some(address), ..dns.clone() }),
        Probe::Workload(workload) => Probe::Workload(workload.clone()),
    }
}
