//! What checks look for, over tables of what is known.

use std::{collections::HashMap, net::IpAddr, sync::Arc, time::Duration};

use proptest::prelude::*;

use super::{
    facts::*,
    resolve::{Found, Knowledge, Trouble, resolve},
    table::Targets,
};
use crate::{health::Reason, model::*};

fn labels(text: &str) -> Labels {
    let pairs = text.split(',').filter_map(|pair| pair.split_once('='));
    Arc::new(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
}

fn ports(list: &[(&str, u16)]) -> Vec<PortFact> {
    list.iter().map(|(name, number)| PortFact { name: (*name).into(), number: *number }).collect()
}

fn ips(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|ip| ip.parse().unwrap()).collect()
}

fn check(seek: Seek) -> Arc<HealthCheck> {
    let address = Address { host: "".into(), port: 0 };
    let tcp = Tcp { address, ip_family: IpFamily::Any, tls: Arc::default(), steps: vec![] };
    let workload = |kind| Workload { kind, namespace: "ns".into(), name: "".into(), expect: None };
    let probe = match &seek {
        Seek::Workloads { kind, .. } => Probe::Workload(workload(*kind)),
        _ => Probe::Tcp(tcp),
    };
    Arc::new(HealthCheck {
        key: ObjectKey::new("ns", "check"),
        generation: 1,
        labels: Labels::default(),
        report_as: "check".into(),
        interval: Duration::from_secs(10),
        timeout: Duration::from_secs(5),
        failure_threshold: 3,
        success_threshold: 1,
        retries: 0,
        suspend: false,
        degraded: Degraded::default(),
        depends_on: Arc::new([]),
        probe: Arc::new(probe),
        instance: "the check".into(),
        seek: Some(Arc::new(seek)),
        place: Place::Named,
    })
}

fn port(text: &str) -> Port {
    text.parse().map_or_else(|_| Port::Name(text.into()), Port::Number)
}

fn discover(kind: DiscoverKind, selector: &str, at: &str) -> Arc<HealthCheck> {
    let selector = Selector::parse(selector).unwrap();
    check(Seek::Discover(Discover { kind, selector, port: port(at), max_targets: 3 }))
}

fn service(name: &str, at: &str) -> Arc<HealthCheck> {
    check(Seek::Service { name: name.into(), port: port(at) })
}

type World = HashMap<Scope, Knowledge>;

fn world(facts: Vec<(&str, Fact)>) -> World {
    let mut world = World::new();
    for kind in [Watched::Service, Watched::EndpointSlice, Watched::Pod, Watched::Workload(WorkloadKind::Deployment)] {
        world.insert(
            Scope { kind, namespace: "ns".into() },
            Knowledge { read: Some(Default::default()), trouble: None },
        );
    }
    for (name, fact) in facts {
        let kind = match &fact {
            Fact::Service(_) => Watched::Service,
            Fact::EndpointSlice(_) => Watched::EndpointSlice,
            Fact::Pod(_) => Watched::Pod,
            Fact::Workload { .. } => Watched::Workload(WorkloadKind::Deployment),
        };
        let known = world.get_mut(&Scope { kind, namespace: "ns".into() });
        if let Some(objects) = known.and_then(|known| known.read.as_mut()) {
            objects.insert(name.into(), fact);
        }
    }
    world
}

/// Each target as `slot|instance|host:port @ips`, or `!Reason message` for one that is nowhere.
fn told(check: &Arc<HealthCheck>, world: &World) -> Vec<String> {
    match resolve(check, &|scope| world.get(scope)) {
        Found::Targets { targets, note } => {
            let mut lines: Vec<_> = targets
                .iter()
                .map(|target| {
                    let (probe, place) = (&*target.check.probe, &target.check.place);
                    let address = match (probe, place) {
                        (_, Place::Nowhere(nowhere)) => format!("!{} {}", nowhere.reason, nowhere.message),
                        (Probe::Workload(workload), _) => workload.name.to_string(),
                        (Probe::Tcp(tcp), Place::Named) => tcp.address.to_string(),
                        (Probe::Tcp(tcp), Place::Known(known)) => {
                            assert_eq!(known.host, tcp.address.host);
                            let ips: Vec<_> = known.ips.iter().map(ToString::to_string).collect();
                            format!("{} @{}", tcp.address, ips.join(","))
                        }
                        other => panic!("{other:?}"),
                    };
                    format!("{}|{}|{address}", target.slot, target.check.instance)
                })
                .collect();
            lines.extend(note.map(|note| format!("note: {note}")));
            lines
        }
        Found::Nothing { reason, message } => vec![format!("nothing: {reason} {message}")],
        Found::Refused(refused) => vec![format!("refused: {} {}", refused.ready_reason, refused.message)],
    }
}

fn web_service() -> ServiceFact {
    ServiceFact {
        labels: labels("app=web"),
        cluster_ips: ips(&["10.96.0.7"]),
        external: false,
        ports: ports(&[("http", 80), ("admin", 81)]),
    }
}

fn web_slice(ready: &[(&str, &str)]) -> SliceFact {
    SliceFact {
        labels: labels("kubernetes.io/service-name=web"),
        service: Some("web".into()),
        ports: ports(&[("http", 8080), ("admin", 8081)]),
        ready: ready.iter().map(|(name, ip)| Endpoint { name: (*name).into(), ip: ip.parse().unwrap() }).collect(),
    }
}

#[test]
fn a_service_is_dialled_at_its_cluster_address_while_something_is_ready_behind_it() {
    let up = || Fact::EndpointSlice(web_slice(&[("web-1", "10.0.0.1")]));
    let down = || Fact::EndpointSlice(web_slice(&[]));
    let web = |change: fn(&mut ServiceFact)| {
        let mut service = web_service();
        change(&mut service);
        Fact::Service(service)
    };
    let same: fn(&mut ServiceFact) = |_| {};
    let headless: fn(&mut ServiceFact) = |service| service.cluster_ips.clear();
    type Case<'a> = (&'a str, Vec<(&'a str, Fact)>, &'a str);
    let cases: &[Case<'_>] = &[
        ("80", vec![("web", web(same)), ("web-x", up())], "|the check|web.ns.svc:80 @10.96.0.7"),
        ("admin", vec![("web", web(same)), ("web-x", up())], "|the check|web.ns.svc:81 @10.96.0.7"),
        ("8080", vec![("web", web(same)), ("web-x", up())], "|the check|!TargetMissing Service web has no port 8080"),
        (
            "80",
            vec![("web", web(same)), ("web-x", down())],
            "|the check|!TargetMissing nothing is ready behind Service web",
        ),
        ("80", vec![("web", web(same))], "|the check|!TargetMissing nothing is ready behind Service web"),
        ("80", vec![("web-x", up())], "|the check|!TargetMissing Service web is not there"),
        ("80", vec![("web", web(headless)), ("web-x", up())], "|the check|web.ns.svc:8080 @10.0.0.1"),
        ("admin", vec![("web", web(headless)), ("web-x", up())], "|the check|web.ns.svc:8081 @10.0.0.1"),
        ("9000", vec![("web", web(headless)), ("web-x", up())], "|the check|web.ns.svc:9000 @10.0.0.1"),
        ("rpc", vec![("web", web(headless)), ("web-x", up())], "|the check|!TargetMissing Service web has no port rpc"),
        (
            "80",
            vec![("web", web(|service| service.external = true))],
            "refused: NotSupported Service web is an ExternalName: give its name as a url",
        ),
    ];
    for (at, facts, expected) in cases {
        assert_eq!(told(&service("web", at), &world(facts.clone())), [*expected], "{at} {facts:?}");
    }
}

fn pod(app: &str, list: &[&str]) -> Fact {
    Fact::Pod(PodFact { labels: labels(&format!("app={app}")), ips: ips(list), ports: ports(&[("http", 8080)]) })
}

#[test]
fn pods_are_called_by_name_and_dialled_at_their_own_address_while_they_run() {
    let some = world(vec![
        ("web-2", pod("web", &["10.0.0.2", "fd00::2"])),
        ("web-1", pod("web", &["10.0.0.1"])),
        ("web-0", pod("web", &[])),
        ("db-0", pod("db", &["10.0.0.9"])),
    ]);
    let web = |at: &str| discover(DiscoverKind::Pod, "app=web", at);
    assert_eq!(
        told(&web("http"), &some),
        ["web-1|web-1:http|10.0.0.1:8080", "web-2|web-2:http|10.0.0.2:8080 @10.0.0.2,fd00::2"]
    );
    assert_eq!(told(&web("9090"), &some)[0], "web-1|web-1:9090|10.0.0.1:9090");
    assert_eq!(told(&web("rpc"), &some)[0], "web-1|web-1:rpc|!TargetMissing Pod web-1 has no port rpc");
    let none = discover(DiscoverKind::Pod, "app=api", "80");
    assert_eq!(told(&none, &some), ["|the check|!TargetMissing no Pod runs that matches app=api"]);
}

#[test]
fn services_by_selector_are_targets_each_and_those_of_other_places_are_left_out() {
    let api = ServiceFact { cluster_ips: ips(&["10.96.0.8"]), ..web_service() };
    let external = ServiceFact { external: true, cluster_ips: vec![], ..web_service() };
    let known = world(vec![
        ("web", Fact::Service(web_service())),
        ("api", Fact::Service(api)),
        ("mail", Fact::Service(external)),
        ("other", Fact::Service(ServiceFact { labels: labels("app=other"), ..web_service() })),
        ("web-x", Fact::EndpointSlice(web_slice(&[("web-1", "10.0.0.1")]))),
    ]);
    assert_eq!(
        told(&discover(DiscoverKind::Service, "app=web", "http"), &known),
        [
            "api|api:http|!TargetMissing nothing is ready behind Service api",
            "web|web:http|web.ns.svc:80 @10.96.0.7",
            "note: 1 of type ExternalName left out: nothing of them is in the cluster"
        ]
    );
}

#[test]
fn ready_endpoints_are_targets_once_each() {
    let v6 = web_slice(&[("web-1", "fd00::1")]);
    let known = world(vec![
        ("web-x", Fact::EndpointSlice(web_slice(&[("web-2", "10.0.0.2"), ("web-1", "10.0.0.1")]))),
        ("web-y", Fact::EndpointSlice(v6)),
        ("web-z", Fact::EndpointSlice(web_slice(&[("10.0.0.7", "10.0.0.7")]))),
    ]);
    let web = |at: &str| discover(DiscoverKind::EndpointSlice, "kubernetes.io/service-name=web", at);
    assert_eq!(
        told(&web("http"), &known),
        [
            "10.0.0.7:8080|10.0.0.7:8080|10.0.0.7:8080",
            "web-1:8080|web-1:8080|10.0.0.1:8080 @10.0.0.1,fd00::1",
            "web-2:8080|web-2:8080|10.0.0.2:8080",
        ]
    );
    let missing = "EndpointSlice web-x has no port rpc";
    assert_eq!(told(&web("rpc"), &known)[1], format!("web-1:rpc|web-1:rpc|!TargetMissing {missing}"));
}

#[test]
fn beyond_the_maximum_the_first_by_name_are_taken_and_that_is_said() {
    let pods: Vec<_> = (0..9).map(|n| format!("web-{n}")).collect();
    let known = world(pods.iter().rev().map(|name| (name.as_str(), pod("web", &["10.0.0.1"]))).collect());
    let told = told(&discover(DiscoverKind::Pod, "", "80"), &known);
    assert_eq!(told.len(), 4);
    assert!(told[0].starts_with("web-0|") && told[2].starts_with("web-2|"), "{told:?}");
    assert_eq!(told[3], "note: 9 targets were found, and the first 3 by name are probed");
}

#[test]
fn workloads_by_selector_are_read_by_name() {
    let deployment = |app: &str| Fact::Workload { labels: labels(&format!("app={app}")) };
    let known = world(vec![("b", deployment("web")), ("a", deployment("web")), ("c", deployment("db"))]);
    let (kind, selector) = (WorkloadKind::Deployment, Selector::parse("app=web").unwrap());
    let wanted = check(Seek::Workloads { kind, selector });
    assert_eq!(told(&wanted, &known), ["a|Deployment/a|a", "b|Deployment/b|b"]);
    let none = check(Seek::Workloads { kind, selector: Selector::default().and("x", Operator::Exists, vec![]) });
    assert_eq!(told(&none, &known), ["|the check|!TargetMissing none of the Deployments matches x"]);
}

#[test]
fn what_is_not_known_is_not_missing() {
    let scope = |kind| Scope { kind, namespace: "ns".into() };
    let mut known = World::new();
    assert_eq!(told(&service("web", "80"), &known), ["nothing: Pending looking for Services"]);
    let read = || Knowledge { read: Some(Default::default()), trouble: None };
    let trouble = |denied, why: &str| Some(Trouble { denied, why: why.into() });
    known.insert(scope(Watched::Service), read());
    assert_eq!(told(&service("web", "80"), &known), ["nothing: Pending looking for EndpointSlices"]);
    known.insert(scope(Watched::EndpointSlice), Knowledge { read: None, trouble: trouble(false, "no route") });
    assert_eq!(
        told(&service("web", "80"), &known),
        ["nothing: ApiServerUnavailable cannot read EndpointSlices: no route"]
    );
    known.insert(scope(Watched::EndpointSlice), Knowledge { trouble: trouble(true, "forbidden"), ..read() });
    assert_eq!(
        told(&service("web", "80"), &known),
        ["refused: NotPermitted Probity may not read EndpointSlices of this namespace: forbidden"]
    );
}

#[test]
fn only_those_are_told_whose_targets_may_be_others() {
    let targets = Targets::default();
    let (a, b) = (ObjectKey::new("ns", "a"), ObjectKey::new("ns", "b"));
    targets.want(&a, Some(&discover(DiscoverKind::Pod, "app=web", "80")));
    targets.want(&b, Some(&discover(DiscoverKind::Pod, "app=db", "80")));
    let pods = Scope { kind: Watched::Pod, namespace: "ns".into() };
    assert_eq!(targets.wanted().into_iter().collect::<Vec<_>>(), std::slice::from_ref(&pods));

    let name: Arc<str> = "x".into();
    assert!(targets.apply(&pods, &name, Some(pod("web", &[]))).is_empty(), "nothing was read yet");
    assert_eq!(targets.replace(&pods, []).len(), 2);
    assert!(targets.replace(&pods, []).is_empty(), "nothing changed");
    assert_eq!(targets.apply(&pods, &name, Some(pod("web", &["10.0.0.1"]))), std::slice::from_ref(&a));
    assert!(targets.apply(&pods, &name, Some(pod("web", &["10.0.0.1"]))).is_empty());
    let mut both = targets.apply(&pods, &name, Some(pod("db", &["10.0.0.1"])));
    both.sort();
    assert_eq!(both, [a.clone(), b.clone()], "its labels changed: it left the one and came to the other");
    assert!(targets.trouble(&pods, false, "gone").is_empty(), "what is known stands while the API server is away");
    assert_eq!(targets.apply(&pods, &name, None), std::slice::from_ref(&b));
    assert_eq!(targets.trouble(&pods, true, "forbidden").len(), 2);
    assert_eq!(targets.recovered(&pods).len(), 2);

    targets.want(&a, None);
    targets.want(&b, Some(&service("web", "80")));
    assert_eq!(targets.wanted().len(), 2);
    assert!(!targets.wanted().contains(&pods));
}

proptest! {
    /// Whatever is known, each target is there once, in the order of names, and there is at least one.
    #[test]
    fn targets_are_distinct_ordered_and_bounded(
        pods in proptest::collection::btree_map("[a-c][0-9]", (any::<bool>(), 0usize..3), 0..12),
        slices in proptest::collection::vec(proptest::collection::vec(("[a-c]", 1u8..9), 0..5), 0..4),
        at in prop_oneof![Just("80"), Just("http"), Just("none")],
    ) {
        let addresses = ["10.0.0.1", "fd00::1"];
        let mut facts: Vec<(String, Fact)> = pods
            .iter()
            .map(|(name, (web, count))| (name.clone(), pod(if *web { "web" } else { "db" }, &addresses[..*count])))
            .collect();
        facts.extend(slices.iter().enumerate().map(|(n, ready)| {
            let ready: Vec<_> = ready.iter().map(|(name, last)| (name.clone(), format!("10.0.0.{last}"))).collect();
            let ready: Vec<_> = ready.iter().map(|(name, ip)| (name.as_str(), ip.as_str())).collect();
            (format!("s{n}"), Fact::EndpointSlice(web_slice(&ready)))
        }));
        let known = world(facts.iter().map(|(name, fact)| (name.as_str(), fact.clone())).collect());
        for kind in [DiscoverKind::Pod, DiscoverKind::Service, DiscoverKind::EndpointSlice] {
            let Found::Targets { targets, .. } = resolve(&discover(kind, "", at), &|scope| known.get(scope)) else {
                panic!("all is known");
            };
            prop_assert!((1..=3).contains(&targets.len()));
            prop_assert!(targets.windows(2).all(|pair| pair[0].slot < pair[1].slot));
            for target in &targets {
                let there = match &*target.check.probe { Probe::Tcp(tcp) => tcp.address.port > 0, _ => false };
                let missing = matches!(&target.check.place,
                    Place::Nowhere(nowhere) if nowhere.reason == Reason::TargetMissing);
                prop_assert!(there != missing);
            }
        }
    }
}
