//! What keeps the program from running is said in one plain message, and with its own exit code.

use std::{
    fs,
    net::TcpListener,
    path::Path,
    process::Stdio,
    thread,
    time::{Duration, Instant},
};

use rustix::process::Signal;

use super::{
    process::{Probity, run_command},
    target::Target,
    wire::PATIENCE,
    write_checks,
};

/// Runs to its end, which must come by itself: exit code and everything that it wrote.
fn refused(arguments: &[&str]) -> (Option<i32>, String) {
    let mut child = run_command(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let end = Instant::now() + PATIENCE;
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > end {
            child.kill().unwrap();
        }
        thread::sleep(Duration::from_millis(10));
    }
    // A few lines: the pipes hold them, so that waiting first blocks nobody.
    let output = child.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

/// Starts and ends in order, so that there is a store.
fn run_once(manifests: &Path, data: &Path) {
    let probity = Probity::start(manifests, data, &[]);
    probity.wait_for("/health/readiness", |answer| (answer.status == 200).then_some(()));
    probity.stop(Signal::TERM);
}

fn run(manifests: &Path, data: &Path) -> (Option<i32>, String) {
    refused(&[
        "--manifests",
        manifests.to_str().unwrap(),
        "--data-dir",
        data.to_str().unwrap(),
        "--listen",
        "127.0.0.1:0",
    ])
}

#[test]
fn a_port_that_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let data = folder.path().join("data");
    let (code, said) = refused(&[
        "--manifests",
        folder.path().to_str().unwrap(),
        "--data-dir",
        data.to_str().unwrap(),
        "--listen",
        &address,
    ]);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(&address), "{said}");
}

#[test]
fn manifests_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let (code, said) = run(&folder.path().join("nowhere"), &folder.path().join("data"));
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("nowhere"), "{said}");
}

#[test]
fn neither_manifests_nor_a_cluster() {
    let (code, said) = refused(&[]);
    assert_eq!(code, Some(2), "{said}");
    assert!(said.contains("--manifests"), "{said}");
}

#[test]
fn a_data_dir_that_cannot_be_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "not a folder").unwrap();
    let (code, said) = run(folder.path(), &file.join("data"));
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(file.to_str().unwrap()), "{said}");
}

#[test]
fn a_data_dir_that_is_in_use() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let first = Probity::start(folder.path(), &data, &[]);
    let (code, said) = run(folder.path(), &data);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains(data.to_str().unwrap()) && said.contains("in use"), "{said}");
    assert_eq!(first.get("/health").status, 200, "the first one goes on");
}

#[test]
fn a_data_dir_of_a_newer_version() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    run_once(folder.path(), &data);
    let database = database(&data);
    let connection = rusqlite::Connection::open(&database).unwrap();
    connection.pragma_update(None, "user_version", 1_000_000).unwrap();
    drop(connection);
    let (code, said) = run(folder.path(), &data);
    assert_eq!(code, Some(3), "{said}");
    assert!(said.contains("newer"), "{said}");
    let version = rusqlite::Connection::open(&database)
        .unwrap()
        .pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0))
        .unwrap();
    assert_eq!(version, 1_000_000, "it was left as it is");
}

#[test]
fn a_corrupt_store_is_set_aside_and_probing_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (checks, data) = (folder.path().join("checks"), folder.path().join("data"));
    let target = Target::start();
    write_checks(&checks, 1, "1s", &target);
    run_once(&checks, &data);
    let database = database(&data);
    for entry in fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        if path != database && path.to_str().unwrap().starts_with(database.to_str().unwrap()) {
            fs::remove_file(path).unwrap();
        }
    }
    let rubbish = b"this is no database, but someone may want to look at it".repeat(200);
    fs::write(&database, &rubbish).unwrap();

    let probity = Probity::start(&checks, &data, &[]);
    probity.wait_for("/health/detailed", |answer| (answer.json()["status"] == "healthy").then_some(()));
    let kept = fs::read_dir(&data).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path != database && fs::read(&path).is_ok_and(|bytes| bytes.starts_with(b"this is no database"))
    });
    assert!(kept, "the corrupt file is gone:\n{}", probity.log.lock().join("\n"));
}

/// The one database file of a data folder.
fn database(data: &Path) -> std::path::PathBuf {
    let mut found: Vec<_> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| fs::read(path).is_ok_and(|bytes| bytes.starts_with(b"SQLite format 3\0")))
        .collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}
