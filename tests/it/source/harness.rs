//! A folder, the source over it, and a catalog to look into.

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use probity::{
    clock::Clock,
    model::{HealthCheck, Object, ObjectId, ObjectKey},
    source::{Catalog, Entry, Event, Files, Refused, Verdict},
};
use tokio::{
    sync::mpsc::{self, Receiver},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

/// A change on disk is promised to be picked up within this.
pub const PICKED_UP: Duration = Duration::from_secs(2);
/// The same with slack for a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Source {
    pub dir: tempfile::TempDir,
    pub catalog: Arc<Catalog>,
    events: Receiver<Event>,
    shutdown: CancellationToken,
    task: Option<JoinHandle<()>>,
}

/// A check that needs nothing else to be valid.
pub fn check(name: &str, interval: &str) -> String {
    format!(
        "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {{name: {name}}}\nspec:\n  interval: {interval}\n  tcp: {{address: \"127.0.0.1:1\"}}\n---\n"
    )
}

impl Source {
    /// A source over a folder that holds `files`, not running yet.
    pub fn over(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in files {
            write(&dir.path().join(name), text);
        }
        // Larger than any test's number of objects, so that a test need not drain it.
        let (_, events) = mpsc::channel(1);
        Self { dir, catalog: Arc::default(), events, shutdown: CancellationToken::new(), task: None }
    }

    /// Runs the source over its folder and waits until everything was read once. Gives the changes until then.
    pub async fn start(files: &[(&str, &str)]) -> Self {
        let mut source = Self::over(files);
        let paths = vec![source.dir.path().to_owned()];
        source.run(paths).await;
        source
    }

    pub async fn run(&mut self, paths: Vec<PathBuf>) -> Vec<ObjectKey> {
        self.run_as(paths, |files| files).await
    }

    /// The same with a source that is made otherwise.
    pub async fn run_as(&mut self, paths: Vec<PathBuf>, otherwise: impl FnOnce(Files) -> Files) -> Vec<ObjectKey> {
        // Larger than any test's number of objects, so that a test need not drain it.
        let (sender, events) = mpsc::channel(10_000);
        let files = otherwise(Files::new(paths, self.catalog.clone(), sender, Clock::system()).unwrap());
        self.events = events;
        let shutdown = self.shutdown.clone();
        self.task = Some(tokio::spawn(async move { files.run(shutdown).await.unwrap() }));
        let mut changed = Vec::new();
        loop {
            match timeout(PATIENCE, self.events.recv()).await.expect("the source is ready in time") {
                Some(Event::Changed(id)) => changed.push(id.key),
                Some(Event::Ready) => return changed,
                Some(Event::Namespace(name)) => panic!("files tell of the namespace {name}"),
                None => panic!("the source has ended"),
            }
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        write(&self.path(name), text);
    }

    pub fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    pub fn entry(&self, name: &str) -> Option<Arc<Entry>> {
        self.catalog.get(&ObjectId::check(ObjectKey::new("default", name)))
    }

    /// The model of a check that is accepted.
    pub fn model(&self, name: &str) -> Arc<HealthCheck> {
        match self.entry(name).map(|entry| entry.verdict.clone()) {
            Some(Verdict::Accepted(Object::HealthCheck(check))) => check,
            other => panic!("{name} is not accepted: {other:?}"),
        }
    }

    /// Why a check is refused.
    pub fn refused(&self, name: &str) -> Refused {
        match self.entry(name).map(|entry| entry.verdict.clone()) {
            Some(Verdict::Refused(refused)) => refused,
            other => panic!("{name} is not refused: {other:?}"),
        }
    }

    pub fn is_accepted(&self, name: &str) -> bool {
        matches!(self.entry(name).as_deref(), Some(Entry { verdict: Verdict::Accepted(_), .. }))
    }

    /// Waits for the next change, and gives its name.
    pub async fn next(&mut self) -> String {
        match timeout(PATIENCE, self.events.recv()).await.expect("a change comes in time") {
            Some(Event::Changed(id)) => id.key.name.to_string(),
            other => panic!("{other:?} in place of a change"),
        }
    }

    /// Waits for `count` changes, and gives their names in order.
    pub async fn changes(&mut self, count: usize) -> Vec<String> {
        let mut names = Vec::new();
        while names.len() < count {
            names.push(self.next().await);
        }
        names.sort();
        names
    }

    /// Makes a change whose event comes after all that is under way, and gives what came before it.
    pub async fn until_marked(&mut self, mark: &str) -> Vec<String> {
        self.write(&format!("{mark}.yaml"), &check(mark, "10s"));
        let mut before = Vec::new();
        loop {
            match self.next().await {
                name if name == mark => return before,
                name => before.push(name),
            }
        }
    }

    /// Waits for the next change and says how long it took.
    pub async fn timed(&mut self, change: impl FnOnce(&Self)) -> (String, Duration) {
        change(self);
        let begin = Instant::now();
        let name = self.next().await;
        (name, begin.elapsed())
    }

    pub async fn stop(mut self) {
        self.shutdown.cancel();
        timeout(PATIENCE, self.task.take().unwrap()).await.expect("it stops in time").unwrap();
    }
}

fn write(path: &std::path::Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
