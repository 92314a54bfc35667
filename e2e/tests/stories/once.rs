//! Probity is killed when an alert fires and its receiver has not taken it yet: it is told once, by the process after it.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};

use crate::{
    Told, pod,
    receiver::{self, Receiver, object},
    release::{self, SOON, condition},
    world::{World, eventually},
};

const HERE: &str = "once";
/// Over as long as it takes until the receiver would be told again, if anything were.
const MORE: Duration = Duration::from_secs(3);

pub fn what_was_not_delivered_before_a_kill_is_told_once(world: &mut World) -> Told {
    if world.node.is_none() {
        println!("LEFT OUT: once: a container of the user's own cluster is not ours to kill");
        return Ok(());
    }
    release::install(world, HERE, &[receiver::VALUE])?;
    let receiver = Receiver::start()?;
    world.apply(&receiver.check(HERE, "web"))?;
    world.apply(&receiver.channel(HERE, "hook", "/hook", &Value::Null))?;
    let spec =
        json!({"severity": "critical", "condition": {"healthCheck": {"name": "web"}}, "notify": [{"name": "hook"}]});
    world.apply(&object("AlertRule", HERE, "down", &spec))?;
    release::becomes(world, HERE, "web", "Healthy", "Ok", SOON)?;

    receiver.takes(503);
    receiver.answers(503);
    eventually("the channel says that it cannot deliver", SOON, || {
        let status = world.object(HERE, "notificationchannel/hook")?["status"].clone();
        let so = condition(&status, "Delivering")["status"] == "False" && status["waiting"] != 0;
        if so { Ok(()) } else { Err(format!("its status is {status}")) }
    })?;
    if receiver.refused() == 0 || !receiver.told("/hook").is_empty() {
        return Err(format!("the receiver refused {} and took {:?}", receiver.refused(), receiver.told("/hook")));
    }
    let restarts = pod::restarts(world, HERE)?;
    pod::signal(world, HERE, "SIGKILL")?;
    receiver.takes(200);
    eventually("the container was started again", SOON, || {
        let now = pod::restarts(world, HERE)?;
        if now > restarts { Ok(()) } else { Err(format!("{now} restarts")) }
    })?;
    receiver.hears("/hook", &["firing down"], SOON)?;
    // That nothing more comes can only be seen by waiting.
    std::thread::sleep(MORE);
    receiver.hears("/hook", &["firing down"], Duration::ZERO)?;
    receiver.answers(200);
    receiver.hears("/hook", &["firing down", "resolved down"], SOON)?;
    let keys: BTreeSet<_> = receiver.keys().into_iter().collect();
    if keys.len() != 2 || keys.contains("") {
        return Err(format!("the idempotency keys are {keys:?}"));
    }
    eventually("the channel says that it delivers", SOON, || {
        let status = world.object(HERE, "notificationchannel/hook")?["status"].clone();
        if condition(&status, "Delivering")["status"] == "True" {
            Ok(())
        } else {
            Err(format!("its status is {status}"))
        }
    })
}
