//! A real Alertmanager, and several that are not.

use std::process::Command;

use probity::{
    alert::Status,
    clock::{Clock, rfc3339},
    model::{Alertmanager, Receiver},
    notify::{Answer, Parts},
};
use serde_json::Value;

use super::world::{alert, channel, endpoint, notification, send, sender, wait};
use crate::probes::peers::{
    http::{Site, answer},
    real,
};

fn receiver(urls: &[String]) -> Receiver {
    Receiver::Alertmanager(Alertmanager::new(urls.iter().map(|url| endpoint(url)).collect()).unwrap())
}

#[tokio::test]
async fn what_is_told_arrives_is_told_again_and_resolves_needs_alertmanager() {
    let Some(server) = real::alertmanager().await else { return };
    let Some(amtool) = real::require("amtool") else { return };
    let url = format!("http://{}", server.address);
    let query = || -> Vec<Value> {
        let out =
            Command::new(&amtool).args(["--alertmanager.url", &url, "alert", "query", "-o", "json"]).output().unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        serde_json::from_slice(&out.stdout).unwrap()
    };
    let receiver = receiver(std::slice::from_ref(&url));
    let fires = alert("HighErrorRate", Status::Firing);
    let told = send(&receiver, &notification("1", vec![fires.clone()]), &Parts::default()).await;
    assert!(matches!(told, Answer::Ok { .. }), "{told:?}");
    let seen = wait("the alert in Alertmanager", || query().into_iter().next()).await;
    let labels = serde_json::to_value(&fires.labels).unwrap();
    assert_eq!(seen["labels"], labels);
    assert_eq!(seen["annotations"]["message"], "Error rate is 7.5% <now> & \u{1f600}");
    assert_eq!(seen["fingerprint"], fires.fingerprint.to_string());
    assert_eq!(seen["startsAt"], rfc3339(fires.starts_at));
    let ends = |seen: &Value| seen["endsAt"].as_str().unwrap().to_owned();
    assert!(ends(&seen) > rfc3339(Clock::system().wall() + 3 * 60_000), "{seen}");

    // A second later it is told again, and stands longer.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let again = sender().repeat(&channel(receiver.clone()), vec![fires.clone()]).await;
    assert!(matches!(again, Answer::Ok { .. }), "{again:?}");
    wait("the later end", || query().first().filter(|now| ends(now) > ends(&seen)).cloned()).await;

    let mut ended = alert("HighErrorRate", Status::Resolved);
    ended.starts_at = fires.starts_at;
    let told = send(&receiver, &notification("2", vec![ended]), &Parts::default()).await;
    assert!(matches!(told, Answer::Ok { .. }), "{told:?}");
    wait("no alert any more", || query().is_empty().then_some(())).await;

    // More alerts than go into one request.
    let many: Vec<_> = (0..300).map(|index| alert(&format!("Many{index}"), Status::Firing)).collect();
    let told = send(&receiver, &notification("3", many), &Parts::default()).await;
    assert!(matches!(told, Answer::Ok { .. }), "{told:?}");
    wait("300 alerts", || (query().len() == 300).then_some(())).await;
}

#[tokio::test]
async fn every_replica_is_told_and_one_that_takes_it_is_enough() {
    let good = Site::fixed(answer("200 OK", &[], "")).await;
    let bad = Site::fixed(answer("500 Error", &[], "\"disk is full\"")).await;
    let away = format!("http://127.0.0.1:{}", real::free_port());
    let one = notification("1", vec![alert("A", Status::Firing)]);
    let told = send(&receiver(&[good.url(""), bad.url("/am/"), away.clone()]), &one, &Parts::default()).await;
    let Answer::Ok { detail, .. } = told else { panic!("{told:?}") };
    assert!(detail.starts_with("1 of 3 took it") && detail.contains("disk is full"), "{detail}");
    assert_eq!((good.heard()[0].path(), bad.heard()[0].path()), ("/api/v2/alerts", "/am/api/v2/alerts"));
    let told = send(&receiver(&[bad.url(""), away]), &one, &Parts::default()).await;
    assert!(matches!(told, Answer::Retry { .. }), "{told:?}");
}
