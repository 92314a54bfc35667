//! The pod is held to the restricted Pod Security Standard, and whoever reads the HTTP API sees what RBAC lets them.

use std::{collections::BTreeSet, fs, time::Duration};

use serde_json::{Value, json};

use crate::{
    Told, pod,
    way::Way,
    world::{World, eventually},
};

const HERE: &str = "access";
const THERE: &str = "access-there";
const LIST: &str = "/api/v1/healthchecks";
/// What is refused after RBAC took it away: within 10 s, as the documentation says, and a moment.
const HOLDS: Duration = Duration::from_secs(15);

pub fn readers_see_what_rbac_lets_them(world: &mut World) -> Told {
    world.types()?;
    world.namespace(HERE)?;
    world.namespace(THERE)?;
    holds_pods_to_the_standard(world)?;
    let values = ["crds.install=false", "namespaces={access,access-there}", "persistence.enabled=false"];
    world.install(HERE, &World::chart(), &values)?;
    is_held_to_the_standard(world)?;
    for namespace in [HERE, THERE] {
        for name in ["one", "two"] {
            world.apply(&json!({
                "apiVersion": "probity.dev/v1alpha1",
                "kind": "HealthCheck",
                "metadata": {"name": name, "namespace": namespace},
                // Loopback, which is not asked in a cluster: that there is a check is all that matters here.
                "spec": {"tcp": {"address": "127.0.0.1:1"}},
            }))?;
        }
        world.kubectl.must(["--namespace", namespace, "wait", "healthcheck", "--all", "--for=condition=Ready"])?;
    }
    for account in ["nobody", "reader"] {
        world.kubectl.must(["--namespace", HERE, "create", "serviceaccount", account])?;
    }
    // The chart's own roles make whoever may view a namespace see its HealthChecks.
    let binding = ["create", "rolebinding", "reader", "--clusterrole=view", "--serviceaccount=access:reader"];
    world.kubectl.must([&["--namespace", THERE][..], &binding].concat())?;
    let api = Way::to(world, HERE, "probity", 8080)?;
    open_to_everyone(&api)?;
    closed_to_strangers(world, &api)?;
    open_where_rbac_says_so(world, &api)
}

/// That the namespace enforces it, or there would be nothing to show.
fn holds_pods_to_the_standard(world: &World) -> Told {
    let pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "careless", "namespace": HERE},
        "spec": {"containers": [{"name": "careless", "image": "careless"}]},
    });
    // Accounts are made a moment after their namespace; until then a pod is refused for another reason.
    eventually("a careless pod is refused", Duration::from_secs(10), || match world.apply(&pod) {
        Err(told) if told.contains("violates PodSecurity \"restricted") => Ok(()),
        other => Err(format!("{other:?}")),
    })
}

/// What the kernel says of the container's process.
fn is_held_to_the_standard(world: &World) -> Told {
    let Some(process) = pod::process(world, HERE)? else {
        println!("LEFT OUT: access: what the kernel says of the process: it runs on another machine");
        return Ok(());
    };
    let status = fs::read_to_string(format!("/proc/{process}/status")).map_err(|error| error.to_string())?;
    let wanted = [
        ("Uid:", "65532 65532 65532 65532"),
        ("Gid:", "65532 65532 65532 65532"),
        ("NoNewPrivs:", "1"),
        // A filter (seccomp(2)).
        ("Seccomp:", "2"),
        ("CapPrm:", "0000000000000000"),
        ("CapEff:", "0000000000000000"),
        ("CapBnd:", "0000000000000000"),
    ];
    for (name, value) in wanted {
        let found = status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        if found.split_whitespace().collect::<Vec<_>>().join(" ") != value {
            return Err(format!("{name} is {found}, not {value}"));
        }
    }
    let mounts = fs::read_to_string(format!("/proc/{process}/mounts")).map_err(|error| error.to_string())?;
    let root = mounts.lines().find(|line| line.split(' ').nth(1) == Some("/")).unwrap_or_default();
    let options = root.split(' ').nth(3).unwrap_or_default();
    if !options.split(',').any(|option| option == "ro") {
        return Err(format!("its root filesystem is {root}"));
    }
    println!("  under the restricted standard: user 65532, no capability, seccomp, no new privileges, root read-only");
    Ok(())
}

fn open_to_everyone(api: &Way) -> Told {
    for path in ["/health", "/health/", "/health/readiness", "/health/liveness", "/health/detailed", "/metrics"] {
        match api.get(path, "")? {
            (200, _) => {}
            other => return Err(format!("{path} needs a token: {other:?}")),
        }
    }
    Ok(())
}

fn closed_to_strangers(world: &World, api: &Way) -> Told {
    let one = format!("{LIST}/{HERE}/one");
    let nobody = token(world, "nobody", &["--audience=probity"])?;
    let others = token(world, "reader", &["--audience=somebody-else"])?;
    for path in [LIST, &one, &format!("{one}/history"), "/metrics/business", "/api/v1/openapi.json", "/", "/nothing"] {
        refused(api, path, "", 401)?;
        refused(api, path, "not-a-token-of-this-cluster", 401)?;
        // Made for somebody else: who holds it may be who they say, but has not come to us.
        refused(api, path, &others, 401)?;
    }
    for path in [LIST, &format!("{LIST}?namespace={THERE}"), &one, &format!("{one}/history"), "/metrics/business"] {
        refused(api, path, &nobody, 403)?;
    }
    Ok(())
}

fn open_where_rbac_says_so(world: &World, api: &Way) -> Told {
    // One that is made for us, and one of the API server's own.
    for token in [token(world, "reader", &["--audience=probity"])?, token(world, "reader", &[])?] {
        // The API server's view of roles follows a binding in a moment.
        let seen = eventually("the reader sees something", Duration::from_secs(15), || listed(api, LIST, &token))?;
        if seen != [format!("{THERE}/one"), format!("{THERE}/two")].into() {
            return Err(format!("the reader of {THERE} sees {seen:?}"));
        }
        if listed(api, &format!("{LIST}?namespace={THERE}"), &token)? != seen {
            return Err(format!("with ?namespace={THERE} the reader sees something else"));
        }
        refused(api, &format!("{LIST}?namespace={HERE}"), &token, 403)?;
        for (namespace, status) in [(THERE, 200), (HERE, 403)] {
            for path in [format!("{LIST}/{namespace}/one"), format!("{LIST}/{namespace}/one/history")] {
                match api.get(&path, &token)? {
                    (found, _) if found == status => {}
                    other => return Err(format!("{path}: not {status}: {other:?}")),
                }
            }
        }
    }
    let token = token(world, "reader", &["--audience=probity"])?;
    listed(api, LIST, &token)?;
    world.kubectl.must(["--namespace", THERE, "delete", "rolebinding", "reader"])?;
    eventually("what RBAC takes away is refused", HOLDS, || refused(api, LIST, &token, 403))
}

/// The names in a list.
fn listed(api: &Way, path: &str, token: &str) -> Result<BTreeSet<String>, String> {
    let (status, body) = api.get(path, token)?;
    if status != 200 {
        return Err(format!("{path}: {status}: {body}"));
    }
    let list: Value = serde_json::from_str(&body).map_err(|error| error.to_string())?;
    let name = |item: &Value| Some(format!("{}/{}", item["namespace"].as_str()?, item["name"].as_str()?));
    Ok(list["items"].as_array().into_iter().flatten().filter_map(name).collect())
}

/// That an answer refuses, with this status and an error as all of ours are.
fn refused(api: &Way, path: &str, token: &str, wanted: u16) -> Told {
    let (status, body) = api.get(path, token)?;
    let error = serde_json::from_str::<Value>(&body).unwrap_or_default()["error"].clone();
    let code = if wanted == 401 { "unauthorized" } else { "forbidden" };
    let text = |field: &str| error[field].as_str().is_some_and(|text| !text.is_empty());
    if status == wanted && error["code"] == code && text("message") && text("correlation_id") {
        return Ok(());
    }
    Err(format!("{path} is answered with {status} {body}, not with {wanted} {code}"))
}

fn token(world: &World, account: &str, arguments: &[&str]) -> Result<String, String> {
    let said = world.kubectl.must([&["--namespace", HERE, "create", "token", account][..], arguments].concat())?;
    Ok(said.trim().to_owned())
}
