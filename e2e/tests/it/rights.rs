//! What the operator's account may do, as `kubectl auth can-i --list` tells, beside what docs/install.md says of it: a
//! right that is not in its tables fails, and so does one that is there alone.

use std::{collections::BTreeSet, fs, path::Path, process::Command, time::Duration};

use crate::{Stage, Told};

const CHECKOUT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// Where the release is, a namespace that it is told to watch, one that it is not, and the API server's own.
const OWN: &str = "rights";
const WATCHED: &str = "rights-watched";
const OTHER: &str = "rights-other";
const DEFAULT: &str = "default";

/// A resource as kubectl names it, and a verb.
type Right = (String, String);

/// A row of a table.
struct Row {
    rights: Vec<Right>,
    /// The namespace that it is about, when it is about one.
    only_in: Option<String>,
    /// In the cluster, whatever namespaces are watched.
    cluster: bool,
    /// The value of the chart without which it is not there.
    switch: Option<String>,
}

pub fn are_those_that_are_documented(stage: &Stage<'_>) -> Told {
    for namespace in [OWN, WATCHED, OTHER] {
        stage.cluster.kubectl().must(["create", "namespace", namespace])?;
    }
    let rows = rows()?;
    let switches: BTreeSet<_> = rows.iter().filter_map(|row| row.switch.as_deref()).collect();
    if rows.len() < 8 || switches.len() < 4 {
        return Err(format!("only {} rows and {} switches: are these the right tables?", rows.len(), switches.len()));
    }
    for off in [None].into_iter().chain(switches.into_iter().map(Some)) {
        let has = |row: &&Row| off.is_none() || row.switch.as_deref() != off;
        let rows: Vec<_> = rows.iter().filter(has).collect();
        holds(stage, off, &[], &rows, |_, _| true)?;
        let watched = format!("namespaces={{{WATCHED}}}");
        holds(stage, off, &[&watched], &rows, |row, namespace| match &row.only_in {
            Some(only) => only == namespace,
            None => row.cluster || [OWN, WATCHED].contains(&namespace),
        })?;
    }
    Ok(())
}

/// Installs the roles of the chart with these values, and compares in each namespace.
fn holds(
    stage: &Stage<'_>,
    off: Option<&str>,
    values: &[&str],
    rows: &[&Row],
    is_there: impl Fn(&Row, &str) -> bool,
) -> Told {
    let file = stage.cluster.folder().join("rights.yaml");
    let values: Vec<&str> = values.iter().copied().chain(off).collect();
    fs::write(&file, roles(stage, &values)?).map_err(|error| error.to_string())?;
    let kubectl = stage.cluster.kubectl();
    let with_file = |verb: &'static str| kubectl.must([verb.as_ref(), "-f".as_ref(), file.as_os_str()]);
    with_file("apply")?;
    let mut wrong = Vec::new();
    // The API server sees what was applied a moment later, and tells nobody when.
    for _ in 0..40 {
        wrong = differences(stage, rows, &is_there)?;
        if wrong.is_empty() {
            break;
        }
        std::thread::sleep(Duration::from_millis(250));
    }
    with_file("delete")?;
    if wrong.is_empty() { Ok(()) } else { Err(format!("with {values:?}:\n{}", wrong.join("\n"))) }
}

/// Rights that are on one side only, told as sentences.
fn differences(stage: &Stage<'_>, rows: &[&Row], is_there: impl Fn(&Row, &str) -> bool) -> Result<Vec<String>, String> {
    // What every account may do (look at itself, at versions) is nobody's doing here.
    let everyone = rights(stage, "nobody", OWN)?;
    let mut wrong = Vec::new();
    for namespace in [OWN, WATCHED, OTHER, DEFAULT] {
        let documented = rows.iter().filter(|row| is_there(row, namespace)).flat_map(|row| row.rights.iter().cloned());
        let documented: BTreeSet<Right> = documented.collect();
        let found: BTreeSet<Right> = rights(stage, "probity", namespace)?.difference(&everyone).cloned().collect();
        for (resource, verb) in found.difference(&documented) {
            wrong.push(format!("in {namespace} it may {verb} {resource}, which is not documented"));
        }
        for (resource, verb) in documented.difference(&found) {
            wrong.push(format!("in {namespace} it may not {verb} {resource}, although it is documented"));
        }
    }
    Ok(wrong)
}

fn roles(stage: &Stage<'_>, values: &[&str]) -> Result<String, String> {
    let mut command = Command::new(stage.tools.path("helm"));
    command.args(["template", "probity", "--namespace", OWN, "--show-only", "templates/rbac.yaml"]);
    command.arg(Path::new(CHECKOUT).join("charts/probity")).env("HOME", stage.cluster.folder());
    for value in values {
        command.args(["--set", value]);
    }
    let output = command.output().map_err(|error| format!("cannot run helm: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// What an account of the release's namespace may do in a namespace.
fn rights(stage: &Stage<'_>, account: &str, namespace: &str) -> Result<BTreeSet<Right>, String> {
    let account = format!("--as=system:serviceaccount:{OWN}:{account}");
    let said = stage.cluster.kubectl().must(["auth", "can-i", "--list", &account, "--namespace", namespace])?;
    let mut rights = BTreeSet::new();
    // Resources, Non-Resource URLs, Resource Names, Verbs.
    for line in said.lines().skip(1) {
        let (resource, rest) = line.split_once('[').ok_or_else(|| format!("kubectl says {line:?}"))?;
        let lists: Vec<_> = rest.split('[').map(|list| list.trim().trim_end_matches(']')).collect();
        let [urls, names, verbs] = lists[..] else { return Err(format!("kubectl says {line:?}")) };
        let resource = [resource.trim(), urls, names].into_iter().filter(|part| !part.is_empty());
        let resource = resource.collect::<Vec<_>>().join(" ");
        rights.extend(verbs.split_whitespace().map(|verb| (resource.clone(), verb.to_owned())));
    }
    Ok(rights)
}

/// The tables of the section, in order; the second one is of the cluster.
fn rows() -> Result<Vec<Row>, String> {
    let text = fs::read_to_string(Path::new(CHECKOUT).join("docs/install.md")).map_err(|error| error.to_string())?;
    let section = text.split("\n## ").find(|section| section.starts_with("What it may do")).ok_or("no section")?;
    let mut rows: Vec<Row> = Vec::new();
    let mut tables = 0;
    for line in section.lines().filter(|line| line.starts_with('|')) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [what, verbs, _, without] = cells[..] else { return Err(format!("not four cells: {line}")) };
        if what == "what" {
            tables += 1;
        }
        if what == "what" || what.starts_with('-') {
            continue;
        }
        let (what, only_in) = match what.split_once(" in ") {
            Some((what, namespace)) => (what, Some(namespace.trim_matches('`').to_owned())),
            None => (what, None),
        };
        let verbs: Vec<_> = verbs.split(", ").collect();
        let resources = what.split(", ").map(|name| name.trim_matches('`'));
        let rights = resources.flat_map(|name| verbs.iter().map(move |verb| (name.to_owned(), (*verb).to_owned())));
        let switch = match without.split('`').find(|part| part.ends_with("=false")) {
            None if without == "the same" => rows.last().and_then(|row| row.switch.clone()),
            switch => switch.map(str::to_owned),
        };
        rows.push(Row { rights: rights.collect(), only_in, cluster: tables == 2, switch });
    }
    Ok(rows)
}
