//! `probity validate` as a person runs it.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use probity::model::Kind;

use serde_json::Value;

fn validate(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_probity")).current_dir(folder).arg("validate").args(arguments).output().unwrap()
}

fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn every_bad_manifest_is_told_with_its_mistakes() {
    let folder = repository().join("tests/data");
    let output = validate(&folder, &["bad"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stderr), "");
    let told = text(&output.stdout);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        fs::write(folder.join("bad.golden"), &told).unwrap();
    }
    let golden = fs::read_to_string(folder.join("bad.golden")).unwrap();
    assert!(
        told == golden,
        "the output has changed; look at it, then UPDATE_GOLDENS=1 cargo test --test it cli::validate\n{told}"
    );

    let files: Vec<_> = fs::read_dir(folder.join("bad")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(files.len() >= 60, "{}", files.len());
    // A note is enough for what is not ours, and for a file of comments.
    for file in files {
        let place = format!("bad/{}:", file.to_str().unwrap());
        assert!(told.contains(&place), "nothing is said about {place}");
    }
    assert!(!told.contains("hunter2"), "a credential is shown");
}

#[test]
fn every_good_manifest_of_the_repository_passes() {
    for paths in [vec!["manifests"], vec!["tests/data/good"], vec!["manifests/quickstart"], vec!["manifests/samples"]] {
        let output = validate(repository(), &paths);
        assert_eq!(output.status.code(), Some(0), "{paths:?}\n{}", text(&output.stdout));
    }
}

#[test]
fn json_and_github_tell_the_same() {
    let folder = repository().join("tests/data/bad");
    let arguments = ["url-port.yaml", "two-probes.yaml"];
    let output = validate(&folder, &[&arguments[..], &["-o", "json"]].concat());
    assert_eq!(output.status.code(), Some(2));
    let list: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let keys: Vec<_> = list[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["column", "file", "hint", "line", "message", "object", "path"]);
    assert_eq!(list[1]["file"], "url-port.yaml");
    assert_eq!(list[1]["line"], 8);
    assert_eq!(list[1]["object"], "HealthCheck default/url-port");
    assert_eq!(list[1]["path"], "spec.http.url");
    let output = validate(&folder, &[&arguments[..], &["-o", "github"]].concat());
    let lines = text(&output.stdout);
    assert!(lines.contains("\n::error file=url-port.yaml,line=8,col=10,"), "{lines}");
    let output = validate(repository(), &["manifests", "-o", "json"]);
    assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(0), "[]\n"));
}

#[test]
fn references_may_be_somewhere_else() {
    let folder = repository().join("tests/data/bad");
    for file in ["secret-missing.yaml", "depends-on-nothing.yaml"] {
        assert_eq!(validate(&folder, &[file]).status.code(), Some(2), "{file}");
        let output = validate(&folder, &[file, "--external-refs"]);
        assert_eq!(output.status.code(), Some(0), "{file}");
        assert!(text(&output.stdout).contains(": note: spec."), "{}", text(&output.stdout));
    }
}

#[test]
fn what_cannot_be_judged_has_its_own_message() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path();
    fs::create_dir_all(root.join("empty")).unwrap();
    fs::write(root.join("empty/notes.txt"), "nothing").unwrap();
    fs::File::create(root.join("big.yaml")).unwrap().set_len((16 << 20) + 1).unwrap();
    fs::write(root.join("binary.yaml"), [0, 159, 146, 150]).unwrap();
    fs::write(root.join("comment.yaml"), "# nothing\n").unwrap();
    let cases = [
        ("empty", 2, "empty:1:1: there are no manifests in this folder"),
        ("big.yaml", 2, "big.yaml is larger than 16 MiB"),
        ("binary.yaml", 2, "binary.yaml:1:2: this is not UTF-8"),
        ("comment.yaml", 2, "comment.yaml:1:1: there is no manifest in this file"),
        ("nowhere", 2, "cannot read nowhere: No such file"),
    ];
    for (path, code, message) in cases {
        let output = validate(root, &[path]);
        let told = text(&output.stdout) + &text(&output.stderr);
        assert!(told.contains(message), "{path}: {told}");
        assert_eq!(output.status.code(), Some(code), "{path}: {told}");
    }
    assert_eq!(validate(root, &[]).status.code(), Some(2));
    assert_eq!(validate(root, &["--help"]).status.code(), Some(0));
}

#[test]
fn a_set_over_several_paths_is_one_set() {
    let dir = tempfile::tempdir().unwrap();
    let check = "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {name: NAME}\nspec:\n  dependsOn: [{name: OTHER}]\n  tcp: {address: 'a:1'}\n";
    let write = |file: &str, name: &str, other: &str| {
        fs::write(dir.path().join(file), check.replace("NAME", name).replace("OTHER", other)).unwrap();
    };
    write("a.yaml", "a", "b");
    write("b.yaml", "b", "a");
    let output = validate(dir.path(), &["a.yaml", "b.yaml", "."]);
    let told = text(&output.stdout);
    assert!(told.contains("a.yaml:5:15: spec.dependsOn[0]: a dependency cycle: a → b → a\n"), "{told}");
    assert!(told.contains("b.yaml:5:15: spec.dependsOn[0]: a dependency cycle: b → a → b\n"), "{told}");
    assert!(told.ends_with("2 mistakes in 2 of 2 files; 0 objects without mistakes\n"), "{told}");
}

#[test]
fn crds_are_printed_and_written() {
    let dir = tempfile::tempdir().unwrap();
    let program = || Command::new(env!("CARGO_BIN_EXE_probity"));
    let printed = program().arg("crds").output().unwrap();
    assert_eq!(printed.status.code(), Some(0));
    let written = program().args(["crds", "--dir"]).arg(dir.path().join("new")).output().unwrap();
    assert_eq!(written.status.code(), Some(0));
    let file = |kind: &Kind| fs::read(dir.path().join("new").join(kind.plural()).with_extension("yaml")).unwrap();
    let files: Vec<u8> = Kind::ALL.iter().flat_map(file).collect();
    assert!(files == printed.stdout, "what is written is not what is printed");
    // What we write, we read.
    let read = probity::source::manifest::read(&"crds".into(), &files);
    assert_eq!((read.documents.len(), read.mistakes.len()), (Kind::ALL.len(), 0));
    assert_eq!(read.documents[0].value, probity::api::crds()[0].1);
    fs::write(dir.path().join("file"), "").unwrap();
    let refused = program().args(["crds", "--dir"]).arg(dir.path().join("file")).output().unwrap();
    assert_eq!(refused.status.code(), Some(3));
}
