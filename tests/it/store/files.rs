//! What may lie in a data dir: nothing, garbage, damage, a newer version, another process.

use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use probity::{
    clock::Clock,
    history::{self, Options, Store, StoreHealth},
};
use tempfile::tempdir;

use super::tools::*;

fn refused(dir: &Path) -> String {
    match history::open(dir, Options::new(Clock::system())) {
        Ok(_) => panic!("{} was opened", dir.display()),
        Err(error) => error.to_string(),
    }
}

fn set_aside(dir: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(dir).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.to_string_lossy().contains("probity.db.corrupt-")).collect()
}

#[test]
fn a_file_that_is_no_database_is_set_aside_whole() {
    let dir = tempdir().unwrap();
    let garbage =
        b"This is no database, and longer than the header of one would be, so that it is looked at. ".repeat(9);
    fs::write(dir.path().join("probity.db"), &garbage).unwrap();
    let clock = clock_at(T0);
    let store = open(dir.path(), &clock);
    let cells = [attach(&store, "a")];
    loaded(&store);
    runs(&store, &clock, &cells, T0, T0 + MINUTE);
    assert_eq!((store.health(), count(&store, &cells[0], HOUR, T0 + MINUTE)), (StoreHealth::Ok, 6));
    let aside = set_aside(dir.path());
    assert_eq!(aside.len(), 1, "{aside:?}");
    assert!(aside[0].to_string_lossy().contains("20270115T000000"), "{aside:?}");
    assert_eq!(fs::read(&aside[0]).unwrap(), garbage);
}

#[test]
fn a_database_with_damage_inside_is_set_aside() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let cells: Vec<_> = (0..50).map(|n| attach(&store, &format!("t{n}"))).collect();
    loaded(&store);
    runs(&store, &clock, &cells, T0, T0 + 3 * HOUR);
    store.close();
    drop(store);
    let mut file = File::options().read(true).write(true).open(dir.path().join("probity.db")).unwrap();
    let pages = file.metadata().unwrap().len() / 4_096;
    for page in 1..pages {
        file.seek(SeekFrom::Start(page * 4_096)).unwrap();
        file.write_all(&[0xff; 64]).unwrap();
    }
    drop(file);
    let store = open(dir.path(), &clock);
    assert_eq!(set_aside(dir.path()).len(), 1);
    assert_eq!(attach(&store, "new").id, 1);
}

#[test]
fn a_newer_version_is_refused_with_the_version_that_it_needs() {
    let dir = tempdir().unwrap();
    open(dir.path(), &clock_at(T0)).close();
    let database = sql(dir.path());
    database.pragma_update(None, "user_version", 99).unwrap();
    database.execute("UPDATE meta SET value = '9.9.9' WHERE key = 'needs'", []).unwrap();
    drop(database);
    let before = bytes(dir.path());
    let error = refused(dir.path());
    assert!(error.contains("needs Probity 9.9.9") && error.contains(&dir.path().display().to_string()), "{error}");
    assert_eq!(bytes(dir.path()), before, "and it is left as it was");
}

fn bytes(dir: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    File::open(dir.join("probity.db")).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

#[test]
fn a_dir_is_of_one_store_at_a_time() {
    let dir = tempdir().unwrap();
    let store = open(dir.path(), &clock_at(T0));
    let error = refused(dir.path());
    assert!(error.contains("in use") && error.contains(&dir.path().display().to_string()), "{error}");
    store.close();
    open(dir.path(), &clock_at(T0));
}

#[test]
fn a_dir_that_cannot_be_made_or_written_is_named() {
    let dir = tempdir().unwrap();
    fs::write(dir.path().join("file"), "").unwrap();
    let error = refused(&dir.path().join("file/data"));
    assert!(error.starts_with("cannot create the data dir") && error.contains("file/data"), "{error}");
    let error = refused(&dir.path().join("file"));
    assert!(error.contains("is no folder") && error.contains("--data-dir"), "{error}");
    // Root may write everywhere, but not into a directory as if it were a file.
    fs::create_dir_all(dir.path().join("data/probity.lock")).unwrap();
    let error = refused(&dir.path().join("data"));
    assert!(error.starts_with("cannot write in the data dir") && error.contains("data"), "{error}");
}

#[test]
fn a_database_that_is_taken_away_while_in_use_is_told() {
    let (dir, clock) = (tempdir().unwrap(), clock_at(T0));
    let store = open(dir.path(), &clock);
    let cells = [attach(&store, "a")];
    loaded(&store);
    let (database, away) = (dir.path().join("probity.db"), dir.path().join("away.db"));
    store.flush();
    assert_eq!(store.health(), StoreHealth::Ok);
    fs::rename(&database, &away).unwrap();
    runs(&store, &clock, &cells, T0, T0 + MINUTE);
    store.flush();
    let StoreHealth::Degraded { message, .. } = store.health() else { panic!("it is well without a file") };
    assert!(message.contains("probity.db is gone from") && message.contains("put it back"), "{message}");
    // Another file in its place is not it.
    fs::write(&database, "").unwrap();
    store.flush();
    assert!(matches!(store.health(), StoreHealth::Degraded { .. }));
    fs::rename(&away, &database).unwrap();
    store.flush();
    assert_eq!(store.health(), StoreHealth::Ok);
}
