//! `kill -9` of who commits, at random moments: what a ticket promised is there, whole, and the trail is proven.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Stdio},
};

use futures::future::join_all;
use probity::{
    audit::{Entry, Head},
    history::{Commit, Options, Outbox, OutboxState, Settled, Space, Store},
};
use tempfile::tempdir;

use super::{
    commits::{attempt, proof, row, told, update},
    tools::*,
};

const DIR: &str = "PROBITY_TEST_CRASH_DIR";
const FROM: &str = "PROBITY_TEST_CRASH_FROM";

/// Notifications that are under way at once.
const TOGETHER: u64 = 20;

/// Episodes that they are of, in turn.
const EPISODES: u64 = 7;

/// Tells one after the other until it is killed, and says how far each came. Not a test by itself: it is what the test
/// below starts.
#[test]
fn child() {
    let (Ok(dir), Ok(from)) = (env::var(DIR), env::var(FROM)) else { return };
    let mut next: u64 = from.parse().unwrap();
    // As the program does: it flushes results, and packs, and cuts in between.
    let mut options = Options::new(clock_at(T0 + HOUR / 2));
    options.flush_every = std::time::Duration::from_millis(5);
    let store = probity::history::open(Path::new(&dir), options).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let say = |what: &str| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "{what}").unwrap();
        out.flush().unwrap();
    };
    loop {
        runtime.block_on(join_all((next..next + TOGETHER).map(|n| tell(&*store, n, &say))));
        next += TOGETHER;
        say(&format!("head {}", store.audit_head().unwrap()));
    }
}

async fn tell(store: &dyn Store, n: u64, say: &dyn Fn(&str)) {
    let id = format!("n{n:08}");
    let done = |settled| assert!(matches!(settled, Settled::Committed { .. }));
    let mut commit = Commit { audit: vec![told(T0, "Errors", &id), told(T0, "Errors", &id)], ..Commit::default() };
    commit.put(Space::Episode, format!("e{}", n % EPISODES), id.as_bytes());
    commit.outbox.push(Outbox::Insert(row(&id, n)));
    done(store.commit(commit).await);
    say(&format!("committed {id}"));
    done(store.commit(Commit { outbox: vec![update(&id, OutboxState::InFlight)], ..Commit::default() }).await);
    say(&format!("sent {id}"));
    let audit = vec![attempt(T0, &id, "delivered")];
    done(store.commit(Commit { outbox: vec![update(&id, OutboxState::Delivered)], audit, ..Commit::default() }).await);
    say(&format!("delivered {id}"));
}

#[test]
fn a_kill_at_any_moment_leaves_whole_commits_and_a_trail_that_is_proven() {
    let dir = tempdir().unwrap();
    age(dir.path());
    let (mut heads, mut said): (Vec<Head>, BTreeMap<&str, BTreeSet<String>>) = (Vec::new(), BTreeMap::new());
    let mut from = 0;
    for round in 0..12u32 {
        // Another moment at each run of the test; the first is in the middle of the first commits.
        let lines = if round == 0 { 1 } else { 1 + uuid::Uuid::new_v4().as_u128() % 300 };
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["store::crash::child", "--exact", "--nocapture"])
            .envs([(DIR, dir.path().display().to_string()), (FROM, from.to_string())])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut seen = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            for what in ["committed", "sent", "delivered"] {
                if let Some((_, id)) = line.split_once(&format!("{what} ")) {
                    said.entry(what).or_default().insert(id.to_owned());
                    seen += 1;
                }
            }
            if let Some((_, head)) = line.split_once("head ") {
                heads.push(head.parse().unwrap());
            }
            if seen == lines {
                // SIGKILL. What was said before it came is read to the end.
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());
        from = check(dir.path(), &said, &heads) + 1;
    }
    assert!(said["delivered"].len() > 20 && heads.len() > 2, "the children came nowhere");
    let cuts = number(dir.path(), "SELECT count(*) FROM audit WHERE kind = 'cut'");
    assert!(cuts > 2, "kills came between cuts, too: {cuts}");
}

/// Rows that are too old, of which each child cuts some as soon as it flushes.
fn age(dir: &Path) {
    let store = open(dir, &clock_at(T0 - 500 * DAY));
    let old = Entry { notification: None, ..told(T0 - 500 * DAY, "Old", "") };
    drop(store.commit(Commit { audit: vec![old; 6_000], ..Commit::default() }));
    store.close();
}

/// Looks at what the killed one left; gives the largest number that it holds.
fn check(dir: &Path, said: &BTreeMap<&str, BTreeSet<String>>, heads: &[Head]) -> u64 {
    // What a ticket promised, before anything else opens it.
    let database = sql(dir);
    let rows: BTreeMap<String, String> = {
        let mut read = database.prepare("SELECT id, state FROM outbox").unwrap();
        read.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().map(Result::unwrap).collect()
    };
    let of = |what| said.get(what).into_iter().flatten();
    assert!(of("committed").all(|id| rows.contains_key(id)));
    assert!(of("sent").all(|id| rows[id] != "queued"));
    assert!(of("delivered").all(|id| rows[id] == "delivered"));
    // All of a commit, or nothing.
    let mut read = database
        .prepare("SELECT notification, kind, count(*) FROM audit WHERE notification IS NOT NULL GROUP BY 1, 2")
        .unwrap();
    let mut counts: BTreeMap<(String, String), i64> = BTreeMap::new();
    for row in read.query_map([], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?))).unwrap() {
        let (key, count) = row.unwrap();
        counts.insert(key, count);
    }
    for (id, state) in &rows {
        assert_eq!(counts.remove(&(id.clone(), "told".to_owned())), Some(2), "{id}");
        let attempts = counts.remove(&(id.clone(), "notification".to_owned()));
        assert_eq!(attempts, (state == "delivered").then_some(1), "{id} is {state}");
    }
    assert_eq!(counts, BTreeMap::new(), "an audit row without its notification");
    let largest =
        |episode: u64| rows.keys().filter(move |id| id[1..].parse::<u64>().unwrap() % EPISODES == episode).max();
    for head in heads.iter().rev().take(3) {
        proof(dir, Some(*head)).unwrap();
    }

    let store = open(dir, &clock_at(T0));
    let loaded = store.load().unwrap();
    for episode in 0..EPISODES {
        let value = loaded.of(Space::Episode).find(|(key, _)| ***key == *format!("e{episode}"));
        let value = value.map(|(_, value)| String::from_utf8(value.to_vec()).unwrap());
        assert_eq!(value.as_ref(), largest(episode), "episode {episode}");
    }
    let open: BTreeSet<_> = loaded.outbox.iter().map(|row| (row.id.to_string(), row.ambiguous)).collect();
    let want =
        rows.iter().filter(|(_, state)| *state != "delivered").map(|(id, state)| (id.clone(), state == "in flight"));
    assert_eq!(open, want.collect());
    store.close();
    rows.keys().map(|id| id[1..].parse::<u64>().unwrap()).max().unwrap_or(0)
}
