//! The container is killed under load, as the kernel does when memory runs out: probing again on the same volume within
//! seconds, and nothing lost but the last flush.

use std::time::Duration;

use crate::{
    Told,
    load::{self, EVERY, Load},
    pod,
    visitor::Visitor,
    world::{World, eventually},
};

const HERE: &str = "kill";
const CHECKS: usize = 400;
/// From the last probe before the kill to the first one after it.
const BACK: Duration = Duration::from_secs(5);
/// What a flush may hold, of each check: the runs of its 5 s, and the one that was under way.
const FLUSH: usize = 5_usize.div_ceil(EVERY) + 1;

pub fn loses_the_last_flush_at_most(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: kill: a container of the user's own cluster is not ours to kill");
        return Ok(());
    }
    world.types()?;
    world.namespace(HERE)?;
    world.volume(HERE)?;
    Load::prepare(world, HERE)?;
    let values = ["crds.install=false", "namespaces={kill}", "persistence.storageClass=-", "rbac.userRoles=false"];
    world.install(HERE, &World::chart(), &[&values[..], &[load::VALUE]].concat())?;
    let load = Load::start(world, HERE, CHECKS)?;

    let flushed = load.seen()?;
    load.flushed()?;
    let restarts = pod::restarts(world, HERE)?;
    let visitor = Visitor::send(load.probity.address(), "/health/liveness");
    let pulse = load.pulse();
    pod::signal(world, HERE, "SIGKILL")?;
    eventually("the container was started again", Duration::from_secs(30), || {
        let now = pod::restarts(world, HERE)?;
        if now > restarts { Ok(()) } else { Err(format!("{now} restarts")) }
    })?;
    let started = load.asked()?;
    eventually("all checks are probed again", Duration::from_secs(30), || {
        let since = load.asked()? - started;
        if since >= CHECKS { Ok(()) } else { Err(format!("{since} runs")) }
    })?;
    let gap = pulse.stop();
    let last = pod::container(&pod::pod(world, HERE)?)["lastState"]["terminated"]["exitCode"].clone();
    if last != 137 {
        return Err(format!("it was to be killed, and its exit code is {last}"));
    }

    eventually("what was flushed is all there", Duration::from_secs(30), || {
        let found = load.seen()?;
        for (number, (before, after)) in flushed.iter().zip(&found).enumerate() {
            for (minute, runs) in before {
                if after.get(minute) < Some(runs) {
                    return Err(format!("web-{number} had {runs} runs in {minute}, and has {:?}", after.get(minute)));
                }
            }
        }
        Ok(())
    })?;
    let lost = load.lost()?;
    let bound = i64::try_from(CHECKS * FLUSH).unwrap_or_default();
    println!(
        "  killed: no probe for {:.1} s; {lost} of {} runs lost, at most {bound} are in a flush; liveness: {}",
        gap.as_secs_f64(),
        load.asked()?,
        visitor.call_back()?,
    );
    if gap > BACK {
        return Err(format!("no probe came for {gap:?}, not {BACK:?}"));
    }
    if (0..=bound).contains(&lost) { Ok(()) } else { Err(format!("{lost} runs lost, not at most {bound}")) }
}
