//! The chart's life: helm install, kubelet's probes, helm test, an upgrade that brings a new field, uninstall.

use std::{fs, path::Path, process::Command, time::Duration};

use crate::{
    Told,
    world::{World, eventually},
};

const HERE: &str = "install";

pub fn installs_upgrades_and_leaves(world: &mut World) -> Told {
    if !world.is_without_types()? {
        println!("LEFT OUT: install: the types are in this cluster already, and its release would take them over");
        return Ok(());
    }
    let told = from_install_to_uninstall(world);
    // They stay when it is uninstalled, with a field that no other story knows.
    world.is_without_types().and(told)
}

fn from_install_to_uninstall(world: &mut World) -> Told {
    world.namespace(HERE)?;
    world.volume(HERE)?;
    let storage = if world.node.is_some() { "persistence.storageClass=-" } else { "persistence.storageClass=" };
    world.install(HERE, &World::chart(), &[storage])?;
    let deployment = world.object(HERE, "deployment/probity")?;
    if deployment["status"]["readyReplicas"] != 1 {
        return Err(format!("the pod is not ready: {}", deployment["status"]));
    }
    world.helm(["test", "probity", "--namespace", HERE, "--timeout=60s"])?;

    let newer = chart_with_a_new_field(world.folder())?;
    world.install(HERE, &newer, &[storage])?;
    let crd = world.object(HERE, "customresourcedefinition/healthchecks.probity.dev")?;
    let spec = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
    if spec["addedByAnUpgrade"]["type"] != "string" {
        return Err("helm upgrade has not upgraded the type".to_owned());
    }

    world.helm(["uninstall", "probity", "--namespace", HERE, "--wait"])?;
    let left = eventually("only the data is left", Duration::from_secs(30), || what_is_left(world))?;
    if left != ["persistentvolumeclaim/probity"] {
        return Err(format!("uninstall leaves {left:?} in its namespace"));
    }
    let cluster = world.kubectl.must([
        "get",
        "clusterroles,clusterrolebindings,customresourcedefinitions",
        "--selector=app.kubernetes.io/instance=probity",
        "--output=name",
    ])?;
    let types = World::type_names()?
        .into_iter()
        .map(|name| name.replace("crd/", "customresourcedefinition.apiextensions.k8s.io/"));
    if cluster.lines().map(str::to_owned).collect::<Vec<_>>() != types.collect::<Vec<_>>() {
        return Err(format!("uninstall leaves {cluster:?} in the cluster"));
    }
    Ok(())
}

/// What is in the namespace beside that which every namespace has; an error while pods are still ending.
fn what_is_left(world: &World) -> Result<Vec<String>, String> {
    let kinds = "deployments,replicasets,pods,services,endpointslices,secrets,configmaps,serviceaccounts,roles,\
                 rolebindings,persistentvolumeclaims,networkpolicies";
    let said = world.kubectl.must(["get", kinds, "--namespace", HERE, "--output=name"])?;
    let own = ["serviceaccount/default", "configmap/kube-root-ca.crt"];
    let left: Vec<_> = said.lines().filter(|name| !own.contains(name)).map(str::to_owned).collect();
    if left.len() > 1 { Err(format!("there are {left:?}")) } else { Ok(left) }
}

/// A chart as a later version might be: its type has one more field.
fn chart_with_a_new_field(folder: &Path) -> Result<std::path::PathBuf, String> {
    let chart = folder.join("newer");
    let copied = Command::new("cp").arg("-r").arg(World::chart()).arg(&chart).status();
    if !copied.is_ok_and(|status| status.success()) {
        return Err("cannot copy the chart".to_owned());
    }
    let file = chart.join("files/crds/healthchecks.yaml");
    let text = fs::read_to_string(&file).map_err(|error| error.to_string())?;
    // The first field of the spec stands below these two lines, at their indentation plus two.
    let (before, after) = text
        .split_once("\n          spec:\n")
        .and_then(|(before, rest)| Some((before, rest.split_once("\n            properties:\n")?)))
        .map(|(before, (between, after))| {
            (format!("{before}\n          spec:\n{between}\n            properties:\n"), after)
        })
        .ok_or("the type has changed its form")?;
    let field = "              addedByAnUpgrade:\n                type: string\n";
    fs::write(&file, before + field + after).map_err(|error| error.to_string())?;
    Ok(chart)
}
