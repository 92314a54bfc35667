//! `probity audit` on a data folder, as a person runs it.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
    process::{Command, Output},
};

use probity::{
    audit::{Entry, Event, Head},
    clock::Clock,
    history::{self, Commit, Options, Store},
};
use tempfile::tempdir;

fn audit(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_probity")).arg("audit").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A trail of a few rows; gives its head.
fn fill(dir: &Path, rows: i64) -> Head {
    let store = history::open(dir, Options::new(Clock::system())).unwrap();
    let audit = (0..rows).map(|n| Entry {
        at: 1_800_000_000_000 + n,
        namespace: "shop".into(),
        rule: Some("errors".into()),
        alert: Some("HighErrorRate".into()),
        fingerprint: Some("00000000000000ff".into()),
        notification: None,
        event: Event::Ack { change: "set".into(), by: "ann".into(), comment: format!("row {n}").into() },
    });
    drop(store.commit(Commit { audit: audit.collect(), ..Commit::default() }));
    store.close();
    store.audit_head().unwrap()
}

#[test]
fn a_folder_is_told_and_proven_also_while_it_is_in_use() {
    let dir = tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let first = fill(dir.path(), 5);
    let second = fill(dir.path(), 5);
    let output = audit(&["--data-dir", folder, "--alert", "HighErrorRate"]);
    let out = text(&output.stdout);
    assert_eq!((output.status.code(), out.lines().count()), (Some(0), 11), "{out}{}", text(&output.stderr));
    assert!(
        out.lines()
            .nth(1)
            .is_some_and(|line| line.contains("HighErrorRate 00000000000000ff") && line.ends_with("set by ann: row 0")),
        "{out}"
    );
    let output = audit(&["--data-dir", folder, "--kind", "start", "-o", "json"]);
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(rows.iter().map(|row| row["chain"].as_u64().unwrap()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(rows[1]["entry"]["head"], first.to_string());

    let output = audit(&["verify", "--data-dir", folder, "--head", &first.to_string()]);
    assert_eq!(
        (output.status.code(), text(&output.stdout)),
        (Some(0), format!("The trail is whole: 12 rows in 2 chains.\nIts head is {second}\n"))
    );
    let _in_use = history::open(dir.path(), Options::new(Clock::system())).unwrap();
    assert_eq!(audit(&["verify", "--data-dir", folder]).status.code(), Some(0));
}

#[test]
fn one_changed_byte_in_the_file_is_found_and_its_row_named() {
    let dir = tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    fill(dir.path(), 9);
    let path = dir.path().join("probity.db");
    let mut bytes = Vec::new();
    File::open(&path).unwrap().read_to_end(&mut bytes).unwrap();
    // The comment of the sixth row, behind the first of the chain.
    let wanted = b"row 5";
    let mut file = File::options().write(true).open(&path).unwrap();
    // A page may hold a copy of it that is in use no more.
    let places = bytes.windows(wanted.len()).enumerate().filter(|(_, part)| part == wanted);
    for (at, _) in places {
        file.seek(SeekFrom::Start(at as u64)).unwrap();
        file.write_all(b"row 6").unwrap();
    }
    drop(file);
    let output = audit(&["verify", "--data-dir", folder]);
    let out = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1));
    assert!(out.starts_with("The trail is broken at row 7 of chain 1: it was changed"), "{out}");
    let output = audit(&["verify", "--data-dir", folder, "-o", "json"]);
    let verdict: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&verdict["whole"], &verdict["chain"], &verdict["seq"]), (&false.into(), &1.into(), &7.into()));
}

#[test]
fn what_cannot_be_read_is_said_with_its_exit_code() {
    let dir = tempdir().unwrap();
    let folder = dir.path().to_str().unwrap();
    let output = audit(&["--data-dir", folder]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        text(&output.stderr).contains("cannot read the data folder: read probity.db of the store"),
        "{}",
        text(&output.stderr)
    );
    fill(dir.path(), 1);
    let output = audit(&["--data-dir", folder, "--since", "yesterday"]);
    assert_eq!((output.status.code(), text(&output.stderr).contains("--since: it is no moment")), (Some(2), true));
    assert_eq!(audit(&["--data-dir", folder, "--kind", "nothing"]).status.code(), Some(2));
    assert_eq!(text(&audit(&["--data-dir", folder, "--alert", "Nothing"]).stdout), "No rows.\n");
    assert!(fs::read_dir(dir.path()).unwrap().count() > 1);
}
