//! A disk that is full while alerts fire: they are told all the same, which is said and counted, and written afterwards.

use std::fs;

use crate::{standalone::wire, store::disk::Small};

use super::{
    judge::{Allowed, judge},
    world::World,
};

/// A figure that the program exposes now.
fn figure(world: &mut World, name: &str) -> f64 {
    let address = world.life().address().unwrap();
    let text = wire::get(address, "/metrics", &[]).unwrap().text();
    let line = text.lines().find(|line| line.starts_with(name)).unwrap_or_else(|| panic!("no {name}"));
    line.rsplit(' ').next().unwrap().parse().unwrap()
}

#[test]
fn what_fires_while_the_disk_is_full_is_told_said_counted_and_written_afterwards_needs_tmpfs() {
    let Some(disk) = Small::mount(8) else { return };
    let mut world = World::new(1);
    world.data = disk.path().join("data");
    world.rule("severity: critical, notify: [{name: hook}]");
    world.webhook("hook", "grouping: {by: [alertname], wait: 0s, interval: 1s}");
    world.start();
    let flip = |world: &mut World, times: usize| {
        world.targets.set(0, false);
        assert!(world.until("that it fires", |world| world.told("hook", 0, "firing") == times));
        world.targets.set(0, true);
        assert!(world.until("that it has ended", |world| world.told("hook", 0, "resolved") == times));
    };
    flip(&mut world, 1);
    assert_eq!(figure(&mut world, "probity_store_unrecorded_notifications_total"), 0.0);
    let filler = disk.fill();
    flip(&mut world, 2);
    assert!(figure(&mut world, "probity_store_unrecorded_notifications_total") >= 2.0);
    assert_eq!(figure(&mut world, "probity_store_recording"), 0.0);
    assert!(world.life().log().contains("the disk is full"), "{}", world.life().told());

    fs::remove_file(filler).unwrap();
    flip(&mut world, 3);
    let (evidence, _dir) = world.end();
    let verdict = judge(&evidence, Allowed::default());
    let complaints: Vec<_> = verdict.lost.iter().chain(&verdict.duplicates).chain(&verdict.untrue).collect();
    assert_eq!(complaints, Vec::<&String>::new());
    let gaps: Vec<_> = evidence.trail.iter().map(|row| &row["entry"]).filter(|row| row["kind"] == "gap").collect();
    let [gap] = gaps.as_slice() else { panic!("one gap is told: {gaps:?}") };
    assert!(
        gap["unrecorded"].as_u64().unwrap() >= 2 && gap["why"].as_str().unwrap().contains("the disk is full"),
        "{gap}"
    );
}
