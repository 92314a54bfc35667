//! The API server is stopped for minutes: probing goes on, and what is written afterwards is the present, once.

use std::time::{Duration, Instant};

use crate::{Told, outage::Outage, world::World};

/// What was promised: longer than anything that waits, in Probity or around it (a watch lasts 60 s, a silent connection
/// is borne for 75 s).
const LONG: Duration = Duration::from_secs(180);
/// Longer than any of Probity's own waits between two tries (30 s).
const SHORT: Duration = Duration::from_secs(45);

pub fn nothing_is_missed_and_the_present_is_told_once(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: away: the API server of the user's own cluster is not ours to stop");
        return Ok(());
    }
    let is_set = |name: &str, value: &str| std::env::var(name).is_ok_and(|found| found == value);
    let away = if is_set("CI", "true") || is_set("E2E_LONG", "1") { LONG } else { SHORT };
    let outage = Outage::prepare(world, "away")?;
    let begin = Instant::now();
    world.node.as_mut().ok_or("no node")?.control.stop_apiserver();
    // They turn three times, of which nobody can be told: what is written later is what they are then.
    for well in [false, true, false] {
        outage.turn(well)?;
    }
    // How long it is away is what this is about.
    std::thread::sleep(away.saturating_sub(begin.elapsed()));
    world.node.as_mut().ok_or("no node")?.control.start_apiserver()?;
    let gone = begin.elapsed();
    let took = outage.is_told(world, "Unhealthy")?;
    // A write too many would come after the longest wait between two tries, 2 s.
    std::thread::sleep(Duration::from_secs(3));
    let writes = outage.writes(world)?;
    println!(
        "  away for {:.0} s: {} tries found nobody; every status was right {:.1} s after its return, by {} writes",
        gone.as_secs_f64(),
        outage.metric("probity_status_writes_total{kind=\"HealthCheck\",outcome=\"unavailable\"}")?,
        took.as_secs_f64(),
        writes.values().sum::<usize>(),
    );
    let as_it_should = |(name, count): (&String, &usize)| name.starts_with("flip") && *count == 1;
    if writes.len() != crate::outage::EACH || !writes.iter().all(as_it_should) {
        return Err(format!("each that turned should be written once, and no other: {writes:?}"));
    }
    outage.missed_nothing(world)?;
    outage.ends(world)
}
