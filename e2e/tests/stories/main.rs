//! Probity in a whole Kubernetes: one file per user story.
//!
//! One test over one cluster, as bringing it up takes longer than most stories. It runs inside namespaces of its own,
//! which take everything with them. `E2E_STORIES=install,scaling` runs those only, and `E2E_PROBITY=FILE` takes a
//! program that is there in place of building the static one. `E2E_CLUSTER=existing` takes the user's own cluster, in which
//! what would disturb it leaves itself out.

#![expect(clippy::disallowed_methods, reason = "the clock is the program's; how long a test waits is the test's")]

mod access;
mod alerts;
mod amtool;
mod away;
mod discover;
mod egress;
mod etcd;
mod install;
mod kill;
mod load;
mod once;
mod order;
mod outage;
mod pod;
mod readme;
mod receiver;
mod release;
mod scaling;
mod secrets;
mod size;
mod tenants;
mod unreadable;
mod visitor;
mod way;
mod world;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    process::ExitCode,
    time::Instant,
};

use e2e::Tools;
use world::World;

/// Ends a story with what is wrong, if it is.
pub type Told = Result<(), String>;

/// A story, with its file's name and what a user wants.
struct Story {
    name: &'static str,
    wish: &'static str,
    tell: fn(&mut World) -> Told,
}

const STORIES: &[Story] = &[
    Story {
        name: "access",
        wish: "a reader sees what RBAC lets them, of a pod under the restricted standard",
        tell: access::readers_see_what_rbac_lets_them,
    },
    Story {
        name: "egress",
        wish: "an admin keeps probes from what is the cluster's own, or lets them",
        tell: egress::keeps_probes_from_what_is_the_clusters_own,
    },
    Story {
        name: "install",
        wish: "an admin installs, tests, upgrades and uninstalls the chart",
        tell: install::installs_upgrades_and_leaves,
    },
    Story {
        name: "kill",
        wish: "an operator whose node kills it under load loses five seconds of history at most",
        tell: kill::loses_the_last_flush_at_most,
    },
    Story {
        name: "order",
        wish: "an operator ends, drains and upgrades it under load, and loses nothing",
        tell: order::ends_in_order_and_loses_nothing,
    },
    Story {
        name: "readme",
        wish: "a newcomer sees in the README what kubectl prints",
        tell: readme::prints_what_kubectl_prints,
    },
    Story {
        name: "scaling",
        wish: "a user sees a Service lose its pods and get them back",
        tell: scaling::follows_the_pods_of_a_service,
    },
    Story {
        name: "size",
        wish: "an admin gives it what the chart asks for, and that is enough for a thousand checks",
        tell: size::takes_what_the_chart_asks_for,
    },
    Story {
        name: "secrets",
        wish: "a user rotates a Secret, and an admin takes the right to read it away and gives it back",
        tell: secrets::a_credential_is_followed,
    },
    Story {
        name: "discover",
        wish: "a user sees targets come and go with Pods, Services and endpoints",
        tell: discover::targets_come_and_go,
    },
    Story {
        name: "alerts",
        wish: "a user sees a rule fire, be silenced and be over, and why an object is refused",
        tell: alerts::a_rule_fires_is_silenced_and_is_over,
    },
    Story {
        name: "once",
        wish: "an operator whose node kills it before an alert is delivered is told once",
        tell: once::what_was_not_delivered_before_a_kill_is_told_once,
    },
    Story {
        name: "tenants",
        wish: "a tenant cannot touch the alerts of another",
        tell: tenants::nobody_touches_the_alerts_of_others,
    },
    Story {
        name: "amtool",
        wish: "an operator silences, asks and acts with a token, as far as RBAC lets them",
        tell: amtool::silences_as_far_as_rbac_lets_it,
    },
    Story {
        name: "unreadable",
        wish: "an admin has objects of another version, and everyone else notices nothing",
        tell: unreadable::what_cannot_be_read_stalls_nothing,
    },
    Story {
        name: "etcd",
        wish: "an operator restarts etcd, compacts it, and installs the types anew",
        tell: etcd::what_fails_behind_the_api_server_is_borne,
    },
    Story {
        name: "away",
        wish: "an operator stops the API server for minutes, and no probe is missed",
        tell: away::nothing_is_missed_and_the_present_is_told_once,
    },
];

/// The name is how `scripts/test` leaves it out where there can be no node.
#[test]
fn stories_needs_node() {
    if World::is_the_users() {
        let folder = tempfile::tempdir().expect("a folder");
        if run(folder.path()) != ExitCode::SUCCESS {
            panic!("stories failed, see above; the logs are in {}", folder.keep().join("logs").display());
        }
        return;
    }
    let Some(folder) = e2e::inside() else {
        if let Some(obstacle) = e2e::obstacle() {
            assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "no stories: {obstacle}");
            eprintln!("\n*** LEFT OUT: all stories in a whole Kubernetes: {obstacle} ***\n");
            return;
        }
        Tools::find_all().expect("the cluster's programs");
        let arguments = ["--exact", "stories_needs_node", "--nocapture"].map(str::to_owned);
        let ended = e2e::enter(&arguments).expect("namespaces of its own");
        let logs = ended.logs.map_or_else(String::new, |logs| format!("; the logs are in {}", logs.display()));
        assert!(ended.code == 0, "stories failed, see above{logs}");
        return;
    };
    assert!(run(&folder) == ExitCode::SUCCESS, "stories failed");
}

fn run(folder: &std::path::Path) -> ExitCode {
    let begin = Instant::now();
    let mut world = World::new(folder).expect("a cluster");
    println!("a cluster with Probity's image, in {:.1} s", begin.elapsed().as_secs_f64());
    let wanted = std::env::var("E2E_STORIES").ok();
    let chosen = |name: &str| wanted.as_ref().is_none_or(|wanted| wanted.split(',').any(|one| one == name));
    let mut failed = Vec::new();
    for story in STORIES.iter().filter(|story| chosen(story.name)) {
        let begin = Instant::now();
        let told = catch_unwind(AssertUnwindSafe(|| (story.tell)(&mut world)));
        let took = begin.elapsed().as_secs_f64();
        world.mend();
        match told.unwrap_or_else(|_| Err("it panicked".to_owned())) {
            Ok(()) => println!("ok: {}: {} ({took:.1} s)", story.name, story.wish),
            Err(wrong) => {
                println!("FAILED: {}: {} ({took:.1} s): {wrong}", story.name, story.wish);
                world.keep_logs(story.name);
                failed.push(story.name);
            }
        }
        world.tidy_up();
    }
    world.leave();
    if failed.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("{} stories failed: {}", failed.len(), failed.join(", "));
    ExitCode::FAILURE
}
