//! What the README prints of a cluster is what kubectl prints there, but for what no two runs have in common.

use std::{collections::BTreeMap, ffi::OsStr, fs, path::Path, time::Duration};

use crate::{
    Told,
    world::{World, eventually},
};

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
const HERE: &str = "shop";
const COMMAND: &str = "kubectl get healthchecks -A -o wide";
/// Times and ages.
const VARIES: [&str; 4] = ["LATENCY", "UPTIME(24H)", "SINCE", "AGE"];

/// The rows of a table by their name: what stands in each column.
type Table = BTreeMap<String, BTreeMap<String, String>>;

pub fn prints_what_kubectl_prints(world: &mut World) -> Told {
    world.types()?;
    world.namespace(HERE)?;
    // What the sample looks for, but for its volume: that one is missing, as the README shows.
    world.web(HERE, "shop", 2)?;
    world.web(HERE, "workers", 1)?;
    world.kubectl.must(["--namespace", HERE, "label", "deployment/workers", "tier=worker"])?;
    for deployment in ["deployment/shop", "deployment/workers"] {
        world.kubectl.must(["--namespace", HERE, "rollout", "status", deployment, "--timeout=60s"])?;
    }
    let values = ["crds.install=false", "namespaces={shop}", "persistence.enabled=false", "rbac.userRoles=false"];
    world.install(HERE, &World::chart(), &values)?;
    let sample = Path::new(CHECKOUT).join("manifests/samples/discover.yaml");
    let arguments = ["--namespace", HERE, "apply", "-f"].map(OsStr::new);
    world.kubectl.must(arguments.into_iter().chain([sample.as_os_str()]))?;

    let readme = fs::read_to_string(Path::new(CHECKOUT).join("README.md")).map_err(|error| error.to_string())?;
    let (_, rest) = readme.split_once(&format!("$ {COMMAND}\n")).ok_or("the README does not print it")?;
    let printed = table(rest.split_once("```").ok_or("the block has no end")?.0)?;
    if printed.len() < 4 {
        return Err(format!("the README prints {} rows only", printed.len()));
    }
    eventually("kubectl prints what the README does", Duration::from_secs(90), || {
        let said = world.kubectl.must(COMMAND.split(' ').skip(1))?;
        let mut real = table(&said)?;
        // Other people's checks, in a cluster of the user's own.
        real.retain(|_, row| row["NAMESPACE"] == HERE);
        if real == printed { Ok(()) } else { Err(format!("not\n{printed:#?}\nbut\n{said}")) }
    })
}

fn table(text: &str) -> Result<Table, String> {
    let mut lines = text.lines();
    let head = lines.next().unwrap_or_default();
    // A column begins where its name does.
    let names: Vec<&str> = head.split_whitespace().collect();
    let (mut starts, mut from) = (Vec::new(), 0);
    for name in &names {
        let start = from + head[from..].find(name).ok_or("a column is lost")?;
        starts.push(start);
        from = start + name.len();
    }
    if !names.contains(&"NAMESPACE") || !names.contains(&"MESSAGE") {
        return Err(format!("not a table of all columns: {head}"));
    }
    let mut rows = Table::new();
    for line in lines.filter(|line| !line.trim().is_empty()) {
        let mut row = BTreeMap::new();
        for (at, name) in names.iter().enumerate() {
            let end = starts.get(at + 1).copied().unwrap_or(line.len());
            let value = line.get(starts[at]..end).ok_or_else(|| format!("a row is cut: {line}"))?.trim();
            if value.is_empty() {
                return Err(format!("there is no {name}: {line}"));
            }
            row.insert((*name).to_owned(), if VARIES.contains(name) { "…".to_owned() } else { value.to_owned() });
        }
        rows.insert(row["NAME"].clone(), row);
    }
    Ok(rows)
}
