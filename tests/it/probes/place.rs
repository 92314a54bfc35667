//! Targets whose place the cluster told: dialled without DNS, asked for by their name.

use std::{net::IpAddr, sync::Arc, time::Duration};

use probity::{
    health::Reason,
    model::{Degraded, Http, IpFamily, Known, Nowhere, Place, Probe},
    net::{Egress, Net},
    probe::{Context, Details, Job, Outcome, Verdict, run},
};

use super::peers::{
    context,
    http::{Site, http, ok},
};

const HOST: &str = "shop.web.svc";

fn known(ips: &[&str]) -> Place {
    let ips: Vec<IpAddr> = ips.iter().map(|ip| ip.parse().unwrap()).collect();
    Place::Known(Arc::new(Known { host: HOST.into(), ips: ips.into() }))
}

async fn ask(context: &Context, http: Http, place: &Place) -> Outcome {
    let (probe, degraded) = (Probe::Http(Box::new(http)), Degraded::default());
    let timeout = Duration::from_secs(20);
    let job = Job { probe: &probe, place, degraded: &degraded, timeout, retries: 2, max_cache: timeout };
    run(context, &job).await
}

fn url(site: &Site, path: &str) -> String {
    format!("http://{HOST}:{}{path}", site.address.port())
}

#[tokio::test]
async fn a_known_place_needs_no_dns_and_is_asked_for_by_its_name() {
    let site = Site::new(|_| ok("fine")).await;
    // No server answers for names here.
    let outcome = ask(&context(&[]), http(&url(&site, "/h")), &known(&["127.0.0.1"])).await;
    assert_eq!((outcome.verdict, &*outcome.message), (Verdict::Good, "200 OK"), "{outcome:?}");
    let [heard] = &site.heard()[..] else { panic!() };
    assert_eq!(heard.header("host"), Some(format!("{HOST}:{}", site.address.port()).as_str()));
    let Details::Http(details) = &outcome.details else { panic!() };
    assert_eq!(details.resolved.unwrap().ip, IpAddr::from([127, 0, 0, 1]));
}

#[tokio::test]
async fn a_redirect_within_the_name_stays_at_the_place() {
    let site = Site::new(|heard| match heard.path() {
        "/" => b"HTTP/1.1 302 Found\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n".to_vec(),
        _ => ok("fine"),
    })
    .await;
    let outcome = ask(&context(&[]), http(&url(&site, "/")), &known(&["127.0.0.1"])).await;
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
    assert_eq!(site.heard().len(), 2);
}

#[tokio::test]
async fn a_known_place_passes_the_egress_policy_and_the_family_too() {
    let site = Site::new(|_| ok("fine")).await;
    let clock = probity::clock::Clock::system();
    let strict = Context::new(clock.clone(), Arc::new(Net::new(Egress::default(), clock)));
    let outcome = ask(&strict, http(&url(&site, "/")), &known(&["169.254.169.254", "127.0.0.1"])).await;
    assert_eq!((outcome.verdict, outcome.reason), (Verdict::Unobserved, Reason::Blocked));
    let six = Http { ip_family: IpFamily::IPv6, ..http(&url(&site, "/")) };
    let outcome = ask(&context(&[]), six, &known(&["127.0.0.1"])).await;
    assert_eq!((outcome.reason, &*outcome.message), (Reason::DNSError, "shop.web.svc has no IPv6 address"));
    assert!(site.heard().is_empty());
}

#[tokio::test]
async fn nowhere_is_said_and_nothing_is_dialled() {
    let site = Site::new(|_| ok("fine")).await;
    for (reason, verdict) in [(Reason::TargetMissing, Verdict::Failed), (Reason::NotPermitted, Verdict::Unobserved)] {
        let nowhere = Place::Nowhere(Arc::new(Nowhere { reason, message: "nothing is ready".into() }));
        let outcome = ask(&context(&[]), http(&url(&site, "/")), &nowhere).await;
        assert_eq!((outcome.verdict, outcome.reason, &*outcome.message), (verdict, reason, "nothing is ready"));
    }
    assert!(site.heard().is_empty());
}
