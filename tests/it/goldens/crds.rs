//! `crds/` holds what `probity crds` writes.

use std::{fs, path::Path};

use probity::api;

#[test]
fn the_committed_crds_are_what_the_types_say() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    let mut expected: Vec<String> = Vec::new();
    for (plural, crd) in api::crds() {
        let name = format!("{plural}.yaml");
        let committed = fs::read_to_string(folder.join(&name)).unwrap_or_default();
        assert!(
            committed == api::yaml_document(&crd),
            "crds/{name} has drifted; regenerate it: cargo run -- crds --dir crds"
        );
        expected.push(name);
    }
    let mut found: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "a file in crds/ belongs to no kind");
}
