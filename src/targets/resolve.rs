//! From what a check looks for, and what is known, to its targets. Pure.
//!
//! A Service is dialled at its cluster address, without DNS. A headless one has none: its ready endpoints stand in, as
//! DNS would answer. One without a ready endpoint is TargetMissing, whatever address it has. A Pod is dialled at its
//! own address while it runs, ready or not.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    aim::{self, Spot},
    facts::{Fact, PortFact, Scope, ServiceFact, SliceFact, Watched},
};
use crate::{
    health::Reason,
    model::{Discover, DiscoverKind, HealthCheck, Port, Seek, Selector},
    source::Refused,
};

/// What a look for targets gave.
#[derive(Debug)]
pub enum Found {
    /// At least one. When there is nothing to probe, it is one that says so in each run.
    Targets {
        targets: Vec<Target>,
        /// What else a person should know of them.
        note: Option<Arc<str>>,
    },
    /// Nothing can be said yet.
    Nothing { reason: Reason, message: Arc<str> },
    /// It cannot be looked for.
    Refused(Refused),
}

/// One target of a check.
#[derive(Debug)]
pub struct Target {
    /// As in [`crate::model::TargetKey`].
    pub slot: Arc<str>,
    /// The check, aimed at this target.
    pub check: Arc<HealthCheck>,
}

/// What is known of the objects of one scope, by name.
pub(super) type Objects = BTreeMap<Arc<str>, Fact>;

/// What is known of a scope.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Knowledge {
    /// None when it was never read.
    pub(super) read: Option<Objects>,
    pub(super) trouble: Option<Trouble>,
}

/// Why a scope cannot be followed now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    /// Probity may not; else the API server is away, and what is known stands.
    pub(super) denied: bool,
    pub(super) why: Arc<str>,
}

/// As many targets as a `workload` probe's selector gives: the default of `discover.maxTargets`.
const WORKLOADS_MAX: usize = 100;
/// Addresses of one target that are tried: a connection takes the first that accepts.
const IPS_MAX: usize = 16;

/// The targets of `check`. `known` gives what is known of a scope.
pub(super) fn resolve<'k>(check: &Arc<HealthCheck>, known: &dyn Fn(&Scope) -> Option<&'k Knowledge>) -> Found {
    let look = Look { check, known };
    let found = match check.seek.as_deref() {
        None => Ok(Found::Targets { targets: vec![Target { slot: "".into(), check: check.clone() }], note: None }),
        Some(Seek::Service { name, port }) => look.service(name, port),
        Some(Seek::Discover(discover)) => look.discover(discover),
        Some(Seek::Workloads { kind, selector }) => look.workloads(Watched::Workload(*kind), selector),
    };
    found.unwrap_or_else(|unknown| unknown)
}

struct Look<'c, 'k> {
    check: &'c Arc<HealthCheck>,
    known: &'c dyn Fn(&Scope) -> Option<&'k Knowledge>,
}

impl<'k> Look<'_, 'k> {
    /// The objects of a kind in the check's namespace, or why they are not known.
    fn read(&self, kind: Watched) -> Result<&'k Objects, Found> {
        let scope = super::facts::scopes(self.check).into_iter().find(|scope| scope.kind == kind);
        let what = kind.plural();
        let none = &const { Knowledge { read: None, trouble: None } };
        match scope.and_then(|scope| (self.known)(&scope)).unwrap_or(none) {
            Knowledge { trouble: Some(Trouble { denied: true, why }), .. } => Err(Found::Refused(Refused {
                ready_reason: "NotPermitted",
                reason: Reason::NotPermitted,
                message: format!("Probity may not read {what} of this namespace: {why}").into(),
            })),
            Knowledge { read: Some(objects), .. } => Ok(objects),
            Knowledge { read: None, trouble: None } => {
                Err(Found::Nothing { reason: Reason::Pending, message: format!("looking for {what}").into() })
            }
            Knowledge { read: None, trouble: Some(Trouble { why, .. }) } => Err(Found::Nothing {
                reason: Reason::ApiServerUnavailable,
                message: format!("cannot read {what}: {why}").into(),
            }),
        }
    }

    fn service(&self, name: &Arc<str>, port: &Port) -> Result<Found, Found> {
        let services = self.read(Watched::Service)?;
        let slices = self.read(Watched::EndpointSlice)?;
        let spot = match services.get(name) {
            Some(Fact::Service(service)) if service.external => {
                return Err(Found::Refused(Refused {
                    ready_reason: "NotSupported",
                    reason: Reason::NotSupported,
                    message: format!("Service {name} is an ExternalName: give its name as a url").into(),
                }));
            }
            Some(Fact::Service(service)) => self.service_spot(name, service, slices, port),
            _ => Err(format!("Service {name} is not there")),
        };
        let aimed = match spot {
            Ok(spot) => aim::at(self.check, None, &spot),
            Err(missing) => aim::nowhere(self.check, None, Reason::TargetMissing, missing),
        };
        Ok(Found::Targets { targets: vec![Target { slot: "".into(), check: Arc::new(aimed) }], note: None })
    }

    /// Where a Service is, or what is missing.
    fn service_spot(&self, name: &str, service: &ServiceFact, slices: &Objects, port: &Port) -> Result<Spot, String> {
        let slices = slices.values().filter_map(|fact| match fact {
            Fact::EndpointSlice(slice) if slice.service.as_deref() == Some(name) => Some(slice),
            _ => None,
        });
        let behind: Vec<&SliceFact> = slices.filter(|slice| !slice.ready.is_empty()).collect();
        if behind.is_empty() {
            return Err(format!("nothing is ready behind Service {name}"));
        }
        let own = named(&service.ports, port);
        let host = format!("{name}.{}.svc", self.check.key.namespace).into();
        if !service.cluster_ips.is_empty() {
            let port = own.ok_or_else(|| format!("Service {name} has no port {port}"))?.number;
            return Ok(Spot { host, port, ips: service.cluster_ips.clone() });
        }
        // Headless: nothing translates the Service's port to that of its endpoints.
        let port = match (own, port) {
            (Some(own), _) => behind.iter().find_map(|slice| named(&slice.ports, &Port::Name(own.name.clone()))),
            (None, Port::Number(number)) => {
                let ips = endpoints(&behind);
                return Ok(Spot { host, port: *number, ips });
            }
            (None, Port::Name(_)) => behind.iter().find_map(|slice| named(&slice.ports, port)),
        };
        let port = port.ok_or_else(|| format!("Service {name} has no port {}", self.port()))?.number;
        Ok(Spot { host, port, ips: endpoints(&behind) })
    }

    /// The port that is asked for, for a message.
    fn port(&self) -> String {
        match self.check.seek.as_deref() {
            Some(Seek::Service { port, .. }) => port.to_string(),
            Some(Seek::Discover(discover)) => discover.port.to_string(),
            Some(Seek::Workloads { .. }) | None => String::new(),
        }
    }

    fn discover(&self, discover: &Discover) -> Result<Found, Found> {
        let mut external = 0;
        // By slot, so that two that are one target are one, and the order is that of names.
        let mut found: BTreeMap<String, Result<Spot, String>> = BTreeMap::new();
        let none = match discover.kind {
            DiscoverKind::Pod => {
                for (name, fact) in self.read(Watched::Pod)? {
                    if let Fact::Pod(pod) = fact
                        && !pod.ips.is_empty()
                        && discover.selector.matches(&pod.labels)
                    {
                        let spot = number(&pod.ports, &discover.port).map(|port| own_address(&pod.ips, port));
                        let missing = || format!("Pod {name} has no port {}", discover.port);
                        found.insert(name.to_string(), spot.ok_or_else(missing));
                    }
                }
                "no Pod runs that matches"
            }
            DiscoverKind::Service => {
                let slices = self.read(Watched::EndpointSlice)?;
                for (name, fact) in self.read(Watched::Service)? {
                    match fact {
                        Fact::Service(service) if !discover.selector.matches(&service.labels) => {}
                        Fact::Service(service) if service.external => external += 1,
                        Fact::Service(service) => {
                            let spot = self.service_spot(name, service, slices, &discover.port);
                            found.insert(name.to_string(), spot);
                        }
                        _ => {}
                    }
                }
                "there is no Service that matches"
            }
            DiscoverKind::EndpointSlice => {
                for (name, fact) in self.read(Watched::EndpointSlice)? {
                    if let Fact::EndpointSlice(slice) = fact
                        && discover.selector.matches(&slice.labels)
                    {
                        slice_endpoints(name, slice, &discover.port, &mut found);
                    }
                }
                "no endpoint is ready in an EndpointSlice that matches"
            }
        };
        let total = found.len();
        let mut notes = Vec::new();
        if total > discover.max_targets {
            notes.push(over(total, discover.max_targets));
        }
        if external > 0 {
            notes.push(format!("{external} of type ExternalName left out: nothing of them is in the cluster"));
        }
        let targets: Vec<_> = (found.into_iter().take(discover.max_targets))
            .map(|(slot, spot)| {
                // The port as it is asked for: its number may change, and the series stay the same.
                let instance = match discover.kind {
                    DiscoverKind::EndpointSlice => slot.clone(),
                    DiscoverKind::Pod | DiscoverKind::Service => format!("{slot}:{}", discover.port),
                };
                let check = match spot {
                    Ok(spot) => aim::at(self.check, Some(instance), &spot),
                    Err(missing) => aim::nowhere(self.check, Some(instance), Reason::TargetMissing, missing),
                };
                Target { slot: slot.into(), check: Arc::new(check) }
            })
            .collect();
        Ok(self.listed(targets, &format!("{none} {}", shown(&discover.selector)), notes))
    }

    fn workloads(&self, kind: Watched, selector: &Selector) -> Result<Found, Found> {
        let matching: Vec<_> = self.read(kind)?.iter().filter(|(_, fact)| selector.matches(fact.labels())).collect();
        let total = matching.len();
        let notes = if total > WORKLOADS_MAX { vec![over(total, WORKLOADS_MAX)] } else { Vec::new() };
        let targets = (matching.into_iter().take(WORKLOADS_MAX))
            .map(|(name, _)| Target { slot: name.clone(), check: Arc::new(aim::object(self.check, name)) })
            .collect();
        Ok(self.listed(targets, &format!("none of the {} matches {}", kind.plural(), shown(selector)), notes))
    }

    /// What was found, or a target that stands for none.
    fn listed(&self, mut targets: Vec<Target>, none: &str, notes: Vec<String>) -> Found {
        if targets.is_empty() {
            let missing = aim::nowhere(self.check, None, Reason::TargetMissing, none.to_owned());
            targets.push(Target { slot: "".into(), check: Arc::new(missing) });
        }
        Found::Targets { targets, note: (!notes.is_empty()).then(|| notes.join("; ").into()) }
    }
}

/// The ready endpoints of one slice. An endpoint may stand in several: the slice of each address family, and of each
/// Service that selects it.
fn slice_endpoints(
    slice_name: &str,
    slice: &SliceFact,
    port: &Port,
    found: &mut BTreeMap<String, Result<Spot, String>>,
) {
    let number = number(&slice.ports, port);
    for endpoint in &slice.ready {
        let Some(number) = number else {
            let missing = format!("EndpointSlice {slice_name} has no port {port}");
            found.entry(format!("{}:{port}", endpoint.name)).or_insert(Err(missing));
            continue;
        };
        let spot = found.entry(format!("{}:{number}", endpoint.name));
        match spot.or_insert_with(|| Ok(own_address(&[endpoint.ip], number))) {
            Ok(spot) if !spot.ips.contains(&endpoint.ip) && spot.ips.len() < IPS_MAX => spot.ips.push(endpoint.ip),
            _ => {}
        }
    }
}

/// A target that is called by its address.
fn own_address(ips: &[std::net::IpAddr], port: u16) -> Spot {
    let host = ips.first().map(ToString::to_string).unwrap_or_default().into();
    Spot { host, port, ips: ips.to_vec() }
}

fn named<'p>(ports: &'p [PortFact], port: &Port) -> Option<&'p PortFact> {
    ports.iter().find(|one| match port {
        Port::Number(number) => one.number == *number,
        Port::Name(name) => one.name == *name,
    })
}

/// A number serves as it is: a pod listens on ports that it does not tell of.
fn number(ports: &[PortFact], port: &Port) -> Option<u16> {
    match port {
        Port::Number(number) => Some(*number),
        Port::Name(_) => named(ports, port).map(|port| port.number),
    }
}

fn endpoints(slices: &[&SliceFact]) -> Vec<std::net::IpAddr> {
    slices.iter().flat_map(|slice| &slice.ready).map(|endpoint| endpoint.ip).take(IPS_MAX).collect()
}

fn over(total: usize, max: usize) -> String {
    format!("{total} targets were found, and the first {max} by name are probed")
}

fn shown(selector: &Selector) -> String {
    if selector.is_empty() { "the empty selector".to_owned() } else { selector.to_string() }
}
