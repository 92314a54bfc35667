//! Probity's types against a real API server.
//!
//! One test over one server, and one over another that is stopped on the way: a test runner that gives each test a
//! process of its own would otherwise start an API server for each. What is tested are the stories below, each in
//! its file, named by what a user wants.

mod agreement;
mod chart;
mod crd;
mod discovery;
mod explain;
mod reading;
mod rights;
mod rules;
mod source;
mod statuses;
#[path = "../../../tests/it/goldens/table.rs"]
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};

use e2e::{Api, Cluster, Tools};

/// What a story works with.
pub struct Stage<'c> {
    pub cluster: &'c Cluster,
    pub tools: &'c Tools,
    pub api: Api,
}

/// Ends a story with what is wrong, if it is.
pub type Told = Result<(), String>;

type Story = fn(&Stage<'_>) -> Told;

/// In order: the first installs what the others work with.
const STORIES: [(&str, Story); 15] = [
    ("an admin installs the types with kubectl apply", crd::applies),
    ("an admin installs the types by server-side apply", crd::applies_server_side),
    ("an author reads what each field means in kubectl explain", explain::every_field_has_a_text),
    ("an author sees the defaults that were filled in", crd::defaults_are_filled_in),
    ("a user sees the state of checks in kubectl get", crd::columns_are_printed),
    ("a user sees what is promised, and how it stands, in kubectl get", crd::targets_are_printed),
    ("an author is told by the API server which rule a spec breaks", rules::every_rule_refuses_what_it_should),
    ("an author gets the same verdict from probity validate and from the API server", agreement::verdicts_agree),
    ("an author's samples are taken by the API server", agreement::samples_are_taken),
    ("an author's samples are applied by kubectl without a warning", agreement::samples_are_clean),
    ("a manifest means the same to Probity and to kubectl", reading::manifests_mean_the_same),
    ("an admin's chart is taken by helm and by the API server", chart::is_clean),
    ("an admin without helm applies what the chart says", chart::the_manifest_is_made_from_it),
    ("an admin finds every right of the operator's in the documentation", rights::are_those_that_are_documented),
    ("targets come and go with Pods, endpoints and workloads", discovery::targets_come_and_go),
];

#[test]
fn stories() {
    if std::env::var("E2E_CLUSTER").is_ok_and(|value| value == "existing") {
        eprintln!(
            "\n*** LEFT OUT: stories of an API server: they fill it with what they like, and this one is not ours ***\n"
        );
        return;
    }
    let tools = match Tools::find() {
        Ok(tools) => tools,
        Err(missing) => {
            assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "the API server's tests cannot run: {missing}");
            eprintln!("\n*** LEFT OUT: all tests against a real API server ***\n*** {missing} ***\n");
            return;
        }
    };
    let mut cluster = Cluster::start(&tools).expect("an API server");
    let api = cluster.api().expect("a way to it");
    let stage = Stage { cluster: &cluster, tools: &tools, api };
    let mut failed = Vec::new();
    for (name, story) in STORIES {
        let told = catch_unwind(AssertUnwindSafe(|| story(&stage))).unwrap_or_else(|_| Err("it panicked".to_owned()));
        match told {
            Ok(()) => println!("ok: {name}"),
            Err(wrong) => {
                println!("FAILED: {name}: {wrong}");
                failed.push(name);
            }
        }
    }
    assert!(failed.is_empty(), "{} of {} stories failed: {failed:#?}", failed.len(), STORIES.len());
}

#[test]
fn stories_of_statuses() {
    let Ok(tools) = Tools::find() else {
        assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "the API server's programs are missing");
        eprintln!("\n*** LEFT OUT: the stories of statuses: the API server's programs are missing ***\n");
        return;
    };
    let cluster = Cluster::start(&tools).expect("an API server");
    if let Err(wrong) = statuses::tell(cluster) {
        panic!("{wrong}");
    }
}

#[test]
fn stories_of_objects() {
    let Ok(tools) = Tools::find() else {
        assert!(!std::env::var("CI").is_ok_and(|ci| ci == "true"), "the API server's programs are missing");
        eprintln!("\n*** LEFT OUT: the stories of objects: the API server's programs are missing ***\n");
        return;
    };
    let cluster = Cluster::start(&tools).expect("an API server");
    if let Err(wrong) = source::tell(cluster) {
        panic!("{wrong}");
    }
}
