//! Single objects come, change and go beside all the others: how soon Probity follows.

use std::{
    fs,
    time::{Duration, Instant},
};

use super::{Figures, Probity, World, measure::quantile, millis, until};

/// The 99th of a hundred is their p99.
const APPLIED: usize = 100;
const DELETED: usize = 20;
/// Endpoints that come, and then go one by one.
const ENDPOINTS: usize = 60;
const DISCOVERS: &str = "endpoints";
const PATIENCE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(5);
/// All metrics are some 30 MB.
const SCRAPE: Duration = Duration::from_millis(50);

pub fn run(world: &World, probity: &Probity, figures: &mut Figures) -> Result<(), String> {
    apply(world, figures)?;
    delete(world, probity, figures)?;
    endpoints(world, probity, figures)
}

/// As people do it, from the start of kubectl to the first request at the target.
fn apply(world: &World, figures: &mut Figures) -> Result<(), String> {
    let file = world.cluster.folder().join("check.json");
    let (mut all, mut after_kubectl) = (Vec::new(), Vec::new());
    for number in 0..APPLIED {
        let name = name(number);
        fs::write(&file, world.objects.check(&name, number).to_string()).map_err(|error| error.to_string())?;
        let begin = Instant::now();
        world.cluster.kubectl().must(["apply".as_ref(), "-f".as_ref(), file.as_os_str()])?;
        let said = Instant::now();
        let path = format!("/t/{name}");
        let asked = until("the first probe", PATIENCE, POLL, || Ok(world.target.first(&path)))?;
        all.push(asked.saturating_duration_since(begin));
        after_kubectl.push(asked.saturating_duration_since(said));
    }
    figures.at_most("kubectl apply to first probe, p99", millis(quantile(&mut all, 0.99)), 1000.0, "ms");
    figures.tell("… the middle one", format!("{:.0} ms", millis(quantile(&mut all, 0.5))));
    let late = millis(quantile(&mut after_kubectl, 0.99));
    figures.tell("… after kubectl has ended, p99", format!("{late:.0} ms"));
    Ok(())
}

/// From the request to the first scrape without the object's series.
fn delete(world: &World, probity: &Probity, figures: &mut Figures) -> Result<(), String> {
    let mut all = Vec::new();
    for number in 0..DELETED {
        let name = name(number);
        let series = format!("healthcheck=\"{name}\"");
        if !probity.metrics()?.contains(&series) {
            return Err(format!("{name} has no series that could go"));
        }
        let begin = Instant::now();
        world.runtime.block_on(world.objects.delete(&name))?;
        let gone = until("the series are gone", PATIENCE, SCRAPE, || {
            Ok((!probity.metrics()?.contains(&series)).then(Instant::now))
        })?;
        all.push(gone - begin);
    }
    figures.at_most("delete to series gone, slowest of 20", millis(quantile(&mut all, 1.0)), 2000.0, "ms");
    Ok(())
}

/// From the request that changes an EndpointSlice to the targets that it says.
fn endpoints(world: &World, probity: &Probity, figures: &mut Figures) -> Result<(), String> {
    let (objects, runtime) = (&world.objects, &world.runtime);
    let mut names = vec!["e-first".to_owned()];
    runtime.block_on(objects.endpoints(&names))?;
    runtime.block_on(objects.discover(DISCOVERS))?;
    let is = |names: &[String]| {
        let mut wanted: Vec<_> = names.iter().map(|name| format!("{name}:8080")).collect();
        wanted.sort();
        until("the targets are those of the EndpointSlice", PATIENCE, POLL, || {
            let mut there = probity.targets(DISCOVERS)?;
            there.sort();
            Ok((there == wanted).then(Instant::now))
        })
    };
    is(&names)?;
    let mut all = Vec::new();
    for number in 0..2 * ENDPOINTS {
        if number < ENDPOINTS {
            names.push(format!("e-{number:03}"));
        } else {
            names.pop();
        }
        let begin = Instant::now();
        runtime.block_on(objects.endpoints(&names))?;
        all.push(is(&names)? - begin);
    }
    let p99 = millis(quantile(&mut all, 0.99));
    figures.at_most("change of endpoints to change of targets, p99 of 120", p99, 1000.0, "ms");
    figures.tell("… the middle one", format!("{:.0} ms", millis(quantile(&mut all, 0.5))));
    Ok(())
}

fn name(number: usize) -> String {
    format!("applied-{number:03}")
}
