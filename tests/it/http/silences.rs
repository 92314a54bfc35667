//! Silences that are made over HTTP, when whoever makes one goes away before it is on disk.

use std::sync::atomic::Ordering;

use futures::FutureExt as _;
use probity::{alert::Matcher, source::Draft};
use serde_json::Value;

use super::world::World;

#[tokio::test]
async fn what_the_store_was_handed_is_in_force_though_nobody_waits_for_it() {
    let world = World::start().await;
    let now = world.state.clock.wall();
    let draft = |name: &str| Draft {
        matchers: vec![Matcher::parse(&format!("alertname={name}")).unwrap()],
        starts_at: now,
        ends_at: now + 3_600_000,
        created_by: "ann".to_owned(),
        comment: "deploy".to_owned(),
    };
    world.stuck.store(true, Ordering::SeqCst);
    // Asked once, and dropped: the client is gone while the disk is awaited.
    assert!(world.state.silences.set(draft("A"), None, None).now_or_never().is_none());
    let names = async || -> Vec<Value> {
        let all = world.get("/api/v2/silences").await.json();
        all.as_array().unwrap().iter().map(|one| one["matchers"][0]["value"].clone()).collect()
    };
    assert_eq!(names().await, ["A"]);
    // Nor does it keep others from theirs.
    world.stuck.store(false, Ordering::SeqCst);
    world.state.silences.set(draft("B"), None, None).await.unwrap();
    assert_eq!(names().await.len(), 2);
    // What a restart would read is what is in force.
    assert_eq!(world.state.store.load().unwrap().kept.len(), 2);
}
