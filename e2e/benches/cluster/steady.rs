//! Nothing changes but figures: how much is written, and whether probes are on time.

use std::{thread::sleep, time::Instant};

use super::{
    Figures, INTERVAL, MEMORY, Probity, World,
    fill::LAG,
    measure::{histogram, histogram_quantile},
    probity::skipped,
};

pub fn run(world: &World, probity: &Probity, figures: &mut Figures) -> Result<(), String> {
    // Time itself: a rate is counted over a window, once what a start brings is over.
    sleep(world.settle);
    let (writes, asked, used, before) = (writes(world)?, world.target.asked(), probity.cpu(), probity.metrics()?);
    let begin = Instant::now();
    sleep(world.window);
    let seconds = begin.elapsed().as_secs_f64();
    let (writes, asked) = (self::writes(world)? - writes, world.target.asked() - asked);
    let (used, after) = (probity.cpu() - used, probity.metrics()?);
    // One more may fall into a window that is no whole number of steps of the budget.
    let rate = (writes as f64 - 1.0).max(0.0) / seconds;
    figures.at_most("steady: status writes, at the API server", rate, 10.0, "/s");
    let due = world.checks as f64 * seconds / INTERVAL.as_secs_f64();
    if world.window >= INTERVAL {
        figures.at_least("steady: probes done of those due", asked as f64 / due, 0.99, "of 1");
    }
    let lag = histogram_quantile(&histogram(&before, LAG), &histogram(&after, LAG), 0.99);
    figures.at_most("steady: lag, p99", lag * 1e3, 50.0, "ms");
    figures.at_most("steady: probes skipped for want of places or time", skipped(&after) - skipped(&before), 0.0, "");
    figures.tell("steady: CPU", format!("{:.1} % of one", 100.0 * used.as_secs_f64() / seconds));
    figures.at_most("steady: resident memory", probity.resident(), MEMORY, "MB");
    Ok(())
}

/// Requests so far that were to write a status, whatever came of them.
pub fn writes(world: &World) -> Result<usize, String> {
    Ok(world.cluster.writes()?.iter().filter(|write| write.resource == "healthchecks/status").count())
}
