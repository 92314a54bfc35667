//! Words that say "not done", paths of one machine, and lints that are silenced without a reason.

use std::collections::BTreeSet;

use super::{
    expect_none,
    tree::{code, files, root},
};

/// Pieced together, so that this file does not hold what it looks for.
const UNFINISHED: [&str; 7] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("X", "XX"),
    concat!("unimplement", "ed!"),
    concat!("to", "do!("),
    concat!("(in w", "ork)"),
    concat!("not written", " yet"),
];
const MACHINE: [&str; 3] = [concat!("/wo", "rk/"), concat!("/ro", "ot/"), concat!("/ho", "me/")];

/// The licence is not ours to word, and the lock file and generated schemas are not written by hand.
fn is_ours(path: &str) -> bool {
    path != "LICENSE" && !path.ends_with("Cargo.lock") && !path.ends_with("go.sum")
}

#[test]
fn nothing_is_left_unfinished_and_no_path_of_a_machine_is_named() {
    let mut complaints = Vec::new();
    for file in files().iter().filter(|file| is_ours(&file.path)) {
        for (number, line) in file.text.lines().enumerate() {
            let at = format!("{}:{}", file.path, number + 1);
            for word in UNFINISHED {
                if line.contains(word) {
                    complaints.push(format!("{at}: `{word}`: finish it, or write an issue and drop the mark"));
                }
            }
            for path in MACHINE {
                if line.contains(path) {
                    complaints
                        .push(format!("{at}: `{path}…` exists on one machine only: take it from the environment"));
                }
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn a_silenced_lint_says_why() {
    let mut complaints = Vec::new();
    for file in files().iter().filter(|file| file.is_rust()) {
        let text = &code(&file.text);
        for attribute in ["[allow(", "[ignore", "[expect("] {
            for (at, _) in text.match_indices(attribute) {
                let end = text[at..].find(")]").map_or(text.len(), |end| at + end);
                if attribute == "[ignore" || !text[at..end].contains("reason") {
                    let line = text[..at].lines().count();
                    complaints.push(format!(
                        "{}:{line}: `#{attribute}…`: mend what the lint says, or use `#[expect(…, reason = \"…\")]`",
                        file.path
                    ));
                }
            }
        }
    }
    expect_none(&complaints);
}

#[test]
fn every_dependency_is_used() {
    let files = files();
    let used: Vec<(bool, String)> = files
        .iter()
        .filter(|file| file.is_rust() && !file.path.starts_with("e2e/") && !file.path.starts_with("fuzz/"))
        .map(|file| (file.path.starts_with("src/"), code(&file.text)))
        .collect();
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let mut complaints = Vec::new();
    for (section, in_program) in [("[dependencies]", true), ("[dev-dependencies]", false)] {
        let body = manifest.split(section).nth(1).unwrap().split("\n[").next().unwrap();
        let names: BTreeSet<_> =
            body.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(" = ")).collect();
        assert!(!names.is_empty());
        for (name, _) in names {
            let path = format!("{}::", name.replace('-', "_"));
            if !used.iter().any(|(program, code)| (*program || !in_program) && code.contains(&path)) {
                complaints.push(format!("Cargo.toml: nothing names `{path}`: remove `{name}` from {section}"));
            }
        }
    }
    expect_none(&complaints);
}
