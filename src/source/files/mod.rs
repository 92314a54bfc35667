//! Manifest files as a source: reads them, watches them, and keeps the catalog as they say.
//!
//! Owns when a file is read and what a change of it touches. What an object means is `validate`'s, what becomes
//! of it the engine's. A supervised task; all reading is done off the runtime.

mod claims;
mod index;
mod judged;
mod report;
mod watch;

use std::{
    collections::{BTreeSet, HashMap},
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    Catalog, Closed, Event, Verdict,
    digest::digest,
    manifest::{self, Document, FindError, LoadError, Looks, Reading, Stamp},
};
use crate::{
    clock::Clock,
    model::{Kind, Object, ObjectId},
    validate,
};
use index::{Index, Touched};
use watch::{Step, Watch};

/// Time between two looks at the files. Longer when a look takes long (see [`pause_after`]).
const POLL: Duration = Duration::from_millis(400);
/// With this and [`watch::SETTLE`] a change is in the catalog within 2 s.
const LONGEST_POLL: Duration = Duration::from_millis(600);
/// Documents that are kept from the first reading of a file until they are judged. More are read a second time
/// instead: 256 checks are some 1 MB while they are held.
const MAX_HELD_DOCUMENTS: usize = 256;

/// Watches manifest files and folders.
pub struct Files {
    paths: Vec<PathBuf>,
    catalog: Arc<Catalog>,
    events: mpsc::Sender<Event>,
    clock: Clock,
    watch: Watch,
    index: Index,
    /// How long history is kept: what is judged by it.
    retention: Duration,
    started: bool,
    /// What was last said about the search for files.
    trouble: Option<String>,
}

impl Files {
    /// Prepares to watch `paths`.
    ///
    /// # Errors
    /// When a path is not there or cannot be searched: a mistake of the user's, told before anything runs.
    pub fn new(
        paths: Vec<PathBuf>,
        catalog: Arc<Catalog>,
        events: mpsc::Sender<Event>,
        clock: Clock,
    ) -> Result<Self, FindError> {
        if manifest::find(&paths)?.is_empty() {
            let shown: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
            tracing::warn!("there are no manifests (*.yaml, *.yml, *.json) in {}", shown.join(", "));
        }
        Ok(Self {
            paths,
            catalog,
            events,
            clock,
            watch: Watch::default(),
            index: Index::default(),
            retention: validate::RETENTION,
            started: false,
            trouble: None,
        })
    }

    /// The same where history is kept for so long.
    #[must_use]
    pub fn keeping(self, retention: Duration) -> Self {
        Self { retention, ..self }
    }

    /// Reads the files, sends [`Event::Ready`], and follows their changes until `shutdown`.
    ///
    /// # Errors
    /// When the receiver of the events is gone before that.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Closed> {
        loop {
            let look = tokio::task::spawn_blocking(move || {
                let took = self.look();
                (self, took)
            });
            let took;
            (self, took) = match look.await {
                Ok((files, Ok(took))) => (files, took),
                Ok((_, Err(closed))) if !shutdown.is_cancelled() => return Err(closed),
                Err(ended) if ended.is_panic() => std::panic::resume_unwind(ended.into_panic()),
                // The runtime stops, or the process does.
                Ok(_) | Err(_) => return Ok(()),
            };
            tokio::select! {
                () = shutdown.cancelled() => return Ok(()),
                () = tokio::time::sleep(pause_after(took)) => {}
            }
        }
    }

    /// Looks at the files once and does all that follows. Gives how long the looking took.
    fn look(&mut self) -> Result<Duration, Closed> {
        let begin = self.clock.mono();
        let at_start = !self.started;
        let found = match self.find() {
            Ok(found) => found,
            Err(error) => {
                let text = chain(&error);
                if self.trouble.as_ref() != Some(&text) {
                    tracing::error!(reason = "SourceStale", "{text}; what was read before stays");
                    self.trouble = Some(text);
                }
                return Ok(self.clock.mono().saturating_sub(begin));
            }
        };
        self.trouble = None;
        let steps = self.watch.look(&found, self.clock.mono(), at_start);
        let took = self.clock.mono().saturating_sub(begin);
        if !at_start && steps.is_empty() && self.index.due_files().is_empty() {
            return Ok(took);
        }

        let mut touched = Touched::default();
        let mut held = HashMap::new();
        for step in steps {
            match step {
                Step::Gone(path) => {
                    self.watch.gone(&path);
                    self.index.gone(&path, &mut touched);
                }
                Step::Read(path, stamp) => self.read(&path, stamp, &mut touched, &mut held),
            }
        }
        let (mut look, shadowed) = self.index.settle(touched);
        report::shadowed(&shadowed);
        self.judge_due(held, &mut look)?;
        for key in self.index.find_circles() {
            if let Some((message, claim)) = self.index.circle(&key) {
                report::circle(&key, &claim.file, claim.start.line, message);
            }
            look.insert(ObjectId::check(key));
        }
        for id in look {
            self.publish(&id)?;
        }
        if at_start {
            self.started = true;
            self.send(Event::Ready)?;
            let took_ms = self.clock.mono().saturating_sub(begin).as_millis() as u64;
            let checks = self.index.count(Kind::HealthCheck);
            tracing::info!(files = found.len(), checks, duration_ms = took_ms, "manifests read");
        }
        Ok(took)
    }

    /// Reads one file that looks changed.
    fn read(
        &mut self,
        path: &Arc<Path>,
        stamp: Stamp,
        touched: &mut Touched,
        held: &mut HashMap<Arc<Path>, Vec<Document>>,
    ) {
        let bytes = match manifest::load(path) {
            Ok(bytes) => bytes,
            // Gone again: the next look sees it.
            Err(LoadError::Unreadable { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                return self.watch.again(path, self.clock.mono());
            }
            Err(error) => {
                let text: Arc<str> = chain(&error).into();
                if self.index.trouble_of(path) != Some(&text) {
                    tracing::error!(reason = "SourceStale", file = %path.display(), "{text}; what it said before stays");
                }
                self.index.trouble(path, text, touched);
                return self.watch.unreadable(path, self.clock.mono());
            }
        };
        if self.started && Stamp::of(path).ok() != Some(stamp) {
            return self.watch.again(path, self.clock.mono());
        }
        let digest = digest(&bytes);
        if !self.watch.read(path, stamp, digest) {
            return;
        }
        let Reading { documents, mistakes } = manifest::read(&display(path), &bytes);
        let trouble = mistakes.first().map(|mistake| Arc::from(mistake.to_string()));
        let keeps = trouble.is_some() && self.index.knows(path);
        report::unreadable(&mistakes, keeps);
        match trouble {
            Some(trouble) if keeps => self.index.trouble(path, trouble, touched),
            trouble => {
                let claims::Claimed { claims, mistakes } = claims::claims(path, &documents);
                for (number, mistake) in mistakes {
                    if let Some(document) = documents.get(number) {
                        report::invalid(document, None, &[mistake]);
                    }
                }
                self.index.say(path, claims, trouble, touched);
                if held.values().map(Vec::len).sum::<usize>() + documents.len() <= MAX_HELD_DOCUMENTS {
                    held.insert(path.clone(), documents);
                }
            }
        }
    }

    /// Judges every object that is due and whose file still is as it was read.
    fn judge_due(
        &mut self,
        mut held: HashMap<Arc<Path>, Vec<Document>>,
        look: &mut BTreeSet<ObjectId>,
    ) -> Result<(), Closed> {
        for path in self.index.due_files() {
            let documents = match held.remove(&path) {
                Some(documents) => documents,
                None => {
                    let Ok(bytes) = manifest::load(&path) else { continue };
                    // It has changed again: when that has settled it is read, and this is due still.
                    if !self.watch.is(&path, digest(&bytes)) {
                        continue;
                    }
                    manifest::read(&display(&path), &bytes).documents
                }
            };
            for (id, claim) in self.index.take_due(&path) {
                let Some(document) = documents.get(claim.number) else { continue };
                let (judged, mistakes) = judged::judge(&self.index, self.retention, &id, &claim, document);
                if !self.index.judged(&id).is_some_and(|before| before.verdict.is_same(&judged.verdict)) {
                    report::invalid(document, Some(&id.key), &mistakes);
                }
                // A circle is seen only when all are judged; nothing else can still change this verdict.
                let depends = matches!(
                    &judged.verdict, Verdict::Accepted(Object::HealthCheck(check)) if !check.depends_on.is_empty()
                );
                let was = id.kind == Kind::HealthCheck && self.index.circle(&id.key).is_some();
                self.index.judge(&id, judged);
                if depends || was {
                    look.insert(id);
                } else {
                    self.publish(&id)?;
                }
            }
        }
        Ok(())
    }

    /// Says of an object what is to be said now, and tells the engine when that differs.
    fn publish(&self, id: &ObjectId) -> Result<(), Closed> {
        if self.catalog.publish(id, self.index.present(id)) { self.send(Event::Changed(id.clone())) } else { Ok(()) }
    }

    /// The queue is bounded by its owner; when it is full, reading waits.
    fn send(&self, event: Event) -> Result<(), Closed> {
        self.events.blocking_send(event).map_err(|_| Closed)
    }

    /// The files that are there now. A named path that went away since the start has none.
    fn find(&self) -> Result<Looks, FindError> {
        let is_gone = |path: &&PathBuf| {
            self.started && std::fs::metadata(path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        };
        let paths: Vec<_> = self.paths.iter().filter(|path| !is_gone(path)).cloned().collect();
        manifest::find_stamped(&paths)
    }
}

/// A look may take 2 % of a core: with 10,000 files it takes some 10 ms.
fn pause_after(took: Duration) -> Duration {
    (took * 50).clamp(POLL, LONGEST_POLL)
}

fn display(path: &Path) -> Arc<str> {
    Arc::from(path.display().to_string())
}

/// An error with what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text += &format!(": {error}");
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
