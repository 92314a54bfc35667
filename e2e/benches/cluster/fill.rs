//! All checks are made at once: how soon each has a status, and what that does to the probes.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use super::{
    Figures, MEMORY, Probity, World,
    measure::{histogram, histogram_quantile},
    probity::skipped,
    until,
};

pub const LAG: &str = "probity_probe_lag_seconds";
/// Writes a second, as `--status-transitions-per-second` is by default.
const BUDGET: f64 = 200.0;
/// The bound, beyond what the budget needs.
const BEYOND: f64 = 60.0;
const PATIENCE: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(100);

pub fn run(world: &World, probity: &Probity, figures: &mut Figures) -> Result<(), String> {
    let wanted = world.checks;
    figures.tell("start to ready, without an object", format!("{:.2} s", probity.ready.as_secs_f64()));
    let (before, used) = (probity.metrics()?, probity.cpu());
    let mut audit = world.cluster.audit();
    let (first, last) = world.runtime.block_on(world.objects.fill(wanted))?;
    let created = (last - first).as_secs_f64();
    figures.tell("HealthChecks made, all in", format!("{created:.1} s ({:.0}/s)", wanted as f64 / created));

    let (mut named, mut writes, mut refused) = (HashSet::new(), 0, 0);
    let all = until("every check has a status", PATIENCE, POLL, || {
        for write in audit.writes()?.into_iter().filter(|write| write.resource == "healthchecks/status") {
            writes += 1;
            if write.code == 200 {
                named.insert(write.name);
            } else {
                refused += 1;
            }
        }
        Ok((named.len() >= wanted).then(Instant::now))
    })?;
    // What the budget needs and could not have before the last of them was there.
    let bound = BEYOND + (wanted as f64 / BUDGET - created).max(0.0);
    let after = all.saturating_duration_since(last).as_secs_f64();
    figures.at_most("every one has a status, after the last was made", after, bound.round(), "s");
    let took = (all - first).as_secs_f64();
    let tell = format!("{writes}, {:.0}/s; {refused} refused", f64::from(writes) / took);
    figures.tell("status writes until then, at the API server", tell);
    let (metrics, used) = (probity.metrics()?, probity.cpu() - used);
    let lag = histogram_quantile(&histogram(&before, LAG), &histogram(&metrics, LAG), 0.99);
    figures.at_most("lag meanwhile, p99", lag * 1e3, 50.0, "ms");
    figures.at_most("probes skipped for want of places or time", skipped(&metrics) - skipped(&before), 0.0, "");
    figures.tell("CPU of Probity until then", format!("{:.1} s", used.as_secs_f64()));
    figures.at_most("resident memory, then", probity.resident(), MEMORY, "MB");
    // The first write of some told only that they are in force.
    let healthy = || world.runtime.block_on(world.objects.healthy());
    let end =
        until("every check is healthy", PATIENCE, POLL * 10, || Ok((healthy()? == wanted).then(|| last.elapsed())))?;
    figures.at_most("every one says Healthy, after the last was made", end.as_secs_f64(), bound.round(), "s");
    Ok(())
}
