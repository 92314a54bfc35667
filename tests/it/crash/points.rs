//! The fail points themselves: every one is in a case, and no program that is shipped has any.

use std::{collections::BTreeSet, fs, path::Path, process::Command};

use super::cases::{CASES, point};

/// By this a program that has fail points is known.
const MARK: &str = "PROBITY_FAILPOINT";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_type().unwrap().is_dir() {
            sources(&entry.path(), found);
        } else if entry.path().extension().is_some_and(|extension| extension == "rs") {
            found.push(fs::read_to_string(entry.path()).unwrap());
        }
    }
}

#[test]
fn every_fail_point_is_in_a_case_and_the_other_way_round() {
    let mut texts = Vec::new();
    sources(&root().join("src"), &mut texts);
    let mut there = BTreeSet::new();
    for text in texts.iter().filter(|text| text.contains("failpoint!(") || text.contains("fail points")) {
        for part in text.split('"').filter(|part| part.contains('.') && part.len() < 40) {
            let is_name = |c: char| c.is_ascii_lowercase() || c == '.' || c == '_';
            if part.chars().all(is_name) && !part.ends_with('.') && !part.starts_with('.') {
                there.insert(part.to_owned());
            }
        }
    }
    let used: BTreeSet<String> = CASES
        .iter()
        .flat_map(|(_, arms)| arms.iter().flat_map(|arm| arm.split(',')))
        .map(|step| step.split('@').next().unwrap().to_owned())
        .filter(|step| !step.is_empty())
        .collect();
    assert_eq!(there.symmetric_difference(&used).collect::<Vec<_>>(), Vec::<&String>::new());
    assert!(CASES.iter().map(point).collect::<BTreeSet<_>>().len() >= 15);
}

/// Cargo's own word: what `cargo build` gives the program has no feature of it. And the crate's: with the feature, but
/// built as a release is, it holds nothing.
#[test]
fn no_program_that_is_shipped_has_fail_points() {
    let tests = fs::read(env!("CARGO_BIN_EXE_probity")).unwrap();
    let has = |program: &[u8]| program.windows(MARK.len()).any(|part| part == MARK.as_bytes());
    assert!(has(&tests), "the program that is tested has none");

    let cargo = env!("CARGO");
    let tree = |edges: &str| {
        let arguments =
            ["tree", "--offline", "--quiet", "-p", "probity", "-e", edges, "-i", "failpoint", "-f", "{p} {f}"];
        let output = Command::new(cargo).args(arguments).current_dir(root()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap().lines().next().unwrap_or_default().to_owned()
    };
    assert!(tree("normal,dev").ends_with(" failpoints"), "{}", tree("normal,dev"));
    let shipped = tree("normal");
    assert!(shipped.starts_with("failpoint v") && !shipped.contains("failpoints"), "{shipped}");

    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("program.rs");
    let crate_text = fs::read_to_string(root().join("failpoint/src/lib.rs")).unwrap();
    let dead = "let _ = kill_process(getpid(), Signal::KILL);";
    assert!(crate_text.contains(dead));
    // Without the crate that it kills by, which a single file cannot have.
    let alone = crate_text.replace("use rustix::process::{Signal, getpid, kill_process};", "").replace(dead, "");
    fs::write(&program, format!("{alone}\nfn main() {{ failpoint!(\"a.point\"); }}\n")).unwrap();
    let build = |flags: &[&str]| {
        let out = folder.path().join("program");
        let mut rustc = Command::new(Path::new(cargo).with_file_name("rustc"));
        rustc.args(["--edition", "2024", "--cfg", "feature=\"failpoints\"", "-A", "warnings", "-o"]).arg(&out);
        let output = rustc.args(flags).arg(&program).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        fs::read(out).unwrap()
    };
    assert!(has(&build(&[])));
    assert!(!has(&build(&["-O"])));
}
