//! The chart before it is installed: helm's own checks, the API server's, and the manifest that is made from it.

use std::{fs, path::PathBuf, process::Command};

use crate::{Stage, Told};

/// Ways to install it that differ in what is rendered.
const WAYS: [&[&str]; 4] = [
    &[],
    &["namespaces={shop,web}", "crds.install=false", "persistence.enabled=false", "networkPolicy.enabled=true"],
    &[
        "settings.tlsSecret=tls",
        "settings.apiTokenSecret=tokens",
        "settings.retention=history=30d",
        "dashboard.enabled=true",
    ],
    &[
        "rbac.secrets=false",
        "rbac.workloads=false",
        "rbac.namespaces=false",
        "rbac.nodes=false",
        "rbac.reviews=false",
        "rbac.userRoles=false",
        "settings.allowCidrs={10.0.0.0/8}",
        "settings.statusRefreshPerSecond=0",
    ],
];

const HEAD: &str = "\
# Probity with the defaults of its chart. Made from charts/probity: do not edit, see docs/install.md.
---
apiVersion: v1
kind: Namespace
metadata:
  name: probity
  labels:
    pod-security.kubernetes.io/enforce: restricted
";

pub fn is_clean(stage: &Stage<'_>) -> Told {
    helm(stage, &["lint", "--strict"], &[])?;
    for namespace in ["probity", "shop", "web"] {
        stage.cluster.kubectl().must(["create", "namespace", namespace])?;
    }
    // Which a controller makes in a whole cluster.
    stage.cluster.kubectl().must(["create", "serviceaccount", "default", "--namespace", "probity"])?;
    for way in WAYS {
        let mut text = helm(stage, &["template", "probity", "--namespace", "probity"], way)?;
        if !way.contains(&"crds.install=false") && !text.contains("kind: CustomResourceDefinition") {
            return Err(format!("with {way:?} there are no types"));
        }
        text += "\n";
        taken(stage, &text).map_err(|wrong| format!("with {way:?}: {wrong}"))?;
    }
    match helm(stage, &["template", "probity"], &["replicaCount=2"]) {
        Err(told) if told.contains("replicaCount") => Ok(()),
        other => Err(format!("two replicas are not refused by name: {other:?}")),
    }
}

pub fn the_manifest_is_made_from_it(stage: &Stage<'_>) -> Told {
    let values = ["crds.keep=false", "persistence.keep=false"];
    let text = helm(stage, &["template", "probity", "--namespace", "probity", "--skip-tests"], &values)?;
    let is_helms =
        |line: &&str| !["helm.sh/chart:", "managed-by: Helm", "# Source: "].iter().any(|mark| line.contains(mark));
    let mut made = HEAD.to_owned();
    for line in text.lines().filter(is_helms) {
        made += line;
        made.push('\n');
    }
    let path = checkout().join("manifests/install.yaml");
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(&path, &made).map_err(|error| error.to_string())?;
    }
    if fs::read_to_string(&path).unwrap_or_default() != made {
        return Err("manifests/install.yaml has drifted from the chart: UPDATE_GOLDENS=1 cargo test -p e2e --test it"
            .to_owned());
    }
    taken(stage, &made)
}

fn checkout() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn taken(stage: &Stage<'_>, text: &str) -> Told {
    let file = stage.cluster.folder().join("chart.yaml");
    fs::write(&file, text).map_err(|error| error.to_string())?;
    let arguments = ["apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f"];
    let said =
        stage.cluster.kubectl().run(arguments.map(std::ffi::OsStr::new).into_iter().chain([file.as_os_str()]))?;
    // A warning is of the standard that the pod was made to meet, or of a field that is going away.
    let complaints: Vec<_> = said.stderr.lines().filter(|line| !line.trim().is_empty()).collect();
    if said.ok && complaints.is_empty() { Ok(()) } else { Err(complaints.join("\n")) }
}

fn helm(stage: &Stage<'_>, arguments: &[&str], values: &[&str]) -> Result<String, String> {
    let mut command = Command::new(stage.tools.path("helm"));
    command.args(arguments).arg(checkout().join("charts/probity")).env("HOME", stage.cluster.folder());
    for value in values {
        command.args(["--set", value]);
    }
    let output = command.output().map_err(|error| format!("cannot run helm: {error}"))?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    Err(format!("helm {}: {}{}", arguments.join(" "), text(&output.stdout), text(&output.stderr)))
}
