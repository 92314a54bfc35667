//! A disk that is full: said once, borne, and over when there is room again. Needs root, for a small tmpfs.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use probity::history::{self, Commit, Options, Outbox, OutboxRow, Recording, Settled, Space, Store, StoreHealth};
use tempfile::{TempDir, tempdir};

use super::{
    commits::{proof, row, settled, told},
    tools::*,
};

/// A file system of a few megabytes.
pub struct Small(TempDir);

impl Small {
    /// None where it cannot be mounted.
    pub fn mount(megabytes: u32) -> Option<Self> {
        let dir = tempdir().unwrap();
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(dir.path()).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self(dir));
        }
        assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "a tmpfs must be there in CI");
        eprintln!("LEFT OUT: the full disk, since a tmpfs cannot be mounted here (it needs root)");
        None
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Takes all room there is.
    pub fn fill(&self) -> PathBuf {
        let filler = self.path().join("filler");
        let mut size = 16 << 20;
        let mut bytes = Vec::new();
        while size >= 512 {
            let mut more = bytes.clone();
            more.resize(bytes.len() + size, 1);
            if fs::write(&filler, &more).is_ok() { bytes = more } else { size /= 2 }
        }
        // What failed last was cut short by the system.
        fs::write(&filler, &bytes).unwrap();
        filler
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.path()).output();
    }
}

#[test]
fn a_full_disk_is_borne_and_recovered_from_needs_tmpfs() {
    let Some(disk) = Small::mount(6) else { return };
    let clock = clock_at(T0);
    let store = open(disk.path(), &clock);
    let cells: Vec<_> = (0..20).map(|n| attach(&store, &format!("t{n}"))).collect();
    loaded(&store);
    runs(&store, &clock, &cells, T0, T0 + 5 * MINUTE);
    assert_eq!(store.health(), StoreHealth::Ok);

    let filler = disk.fill();
    let mut at = T0 + 5 * MINUTE;
    while store.health() == StoreHealth::Ok && at < T0 + 20 * HOUR {
        runs(&store, &clock, &cells, at, at + 10 * MINUTE);
        at += 10 * MINUTE;
    }
    let StoreHealth::Degraded { message, .. } = store.health() else { panic!("it does not say that the disk is full") };
    assert!(message.contains("full") && message.contains(&disk.path().display().to_string()), "{message}");
    runs(&store, &clock, &cells, at, at + HOUR);
    at += HOUR;
    assert!(store.stats().errors > 1);

    fs::remove_file(filler).unwrap();
    runs(&store, &clock, &cells, at, at + MINUTE);
    at += MINUTE;
    assert_eq!(store.health(), StoreHealth::Ok);
    assert_eq!(store.stats().dropped_records, 0);
    let want = ((at - T0) / (10 * SECOND)) as u64;
    assert_eq!(count(&store, &cells[7], 10 * DAY, at), want);
    store.close();
    drop(store);
    let store = open(disk.path(), &clock);
    let cell = attach(&store, "t7");
    loaded(&store);
    assert_eq!(count(&store, &cell, 10 * DAY, at), want);
}

#[test]
fn a_store_opens_on_a_full_disk_and_says_so_on_a_new_one_needs_tmpfs() {
    let Some(disk) = Small::mount(4) else { return };
    let clock = clock_at(T0);
    let dir = disk.path().join("data");
    let store = open(&dir, &clock);
    let cells = [attach(&store, "a")];
    loaded(&store);
    runs(&store, &clock, &cells, T0, T0 + 5 * MINUTE);
    store.close();
    drop(store);
    disk.fill();
    let store = open(&dir, &clock);
    let cell = attach(&store, "a");
    loaded(&store);
    assert_eq!(count(&store, &cell, HOUR, T0 + 5 * MINUTE), 30);
    store.close();

    fs::write(disk.path().join("filler2"), vec![1; 8 << 20]).unwrap_err();
    let new = disk.path().join("new");
    let error = match history::open(&new, Options::new(clock)) {
        Ok(_) => panic!("there was room for a database"),
        Err(error) => error.to_string(),
    };
    assert!(error.contains("new") && (error.contains("no space") || error.contains("cannot create")), "{error}");
}

#[test]
fn what_alerts_while_the_disk_is_full_is_told_and_written_afterwards_needs_tmpfs() {
    let Some(disk) = Small::mount(8) else { return };
    let clock = clock_at(T0);
    let store = open(disk.path(), &clock);
    let commit = |id: &str| {
        let mut commit = Commit { audit: vec![told(T0, "Errors", id)], ..Commit::default() };
        commit.put(Space::Episode, "rule/1", id.as_bytes());
        // More than the last page of the log has room for.
        commit.outbox.push(Outbox::Insert(OutboxRow { body: vec![1; 64 << 10].into(), ..row(id, 1) }));
        commit
    };
    assert!(matches!(settled(&*store, commit("before")), Settled::Committed { .. }));
    let filler = disk.fill();
    assert_eq!(settled(&*store, commit("during")), Settled::Unrecorded);
    assert!(matches!(store.recording(), Recording::Unrecorded { .. }));
    let StoreHealth::Degraded { message, .. } = store.health() else { panic!("it does not say that the disk is full") };
    assert!(message.contains("full") && message.contains("notifications"), "{message}");
    assert_eq!(settled(&*store, commit("later")), Settled::Unrecorded);
    assert_eq!(number(disk.path(), "SELECT count(*) FROM outbox"), 1);

    fs::remove_file(filler).unwrap();
    until("it writes again", || store.recording() == Recording::Recorded);
    until("the gap is told", || number(disk.path(), "SELECT count(*) FROM audit WHERE kind = 'gap'") == 1);
    assert!(matches!(settled(&*store, commit("after")), Settled::Committed { .. }));
    let ids: Vec<_> = store.load().unwrap().outbox.iter().map(|row| row.id.to_string()).collect();
    assert_eq!(ids.len(), 4, "{ids:?}");
    assert_eq!(
        store.load().unwrap().of(Space::Episode).next().map(|(_, value)| value.to_vec()),
        Some(b"after".to_vec())
    );
    assert_eq!(store.stats().unrecorded, 2);
    let body: String = sql(disk.path())
        .query_row("SELECT CAST(body AS TEXT) FROM audit WHERE kind = 'gap'", [], |row| row.get(0))
        .unwrap();
    assert!(body.contains("\"unrecorded\":2") && body.contains("the disk is full"), "{body}");
    assert!(proof(disk.path(), store.audit_head()).is_ok());
}
