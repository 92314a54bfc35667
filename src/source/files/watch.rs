//! When a file is to be read: which have changed, and have then been left alone. Pure: is told what is there.

use std::{collections::HashMap, path::Path, sync::Arc, time::Duration};

use foldhash::fast::RandomState;

use crate::source::{
    digest::Digest,
    manifest::{Looks, Stamp},
};

/// How long a change must have looked the same before it is taken, so that a half-written file is not: two
/// polls and more. With the longest time between polls, 600 ms, a change is taken 1.8 s after it was made at
/// the latest, within the promised 2 s.
pub(super) const SETTLE: Duration = Duration::from_millis(750);

/// What to do about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// It looks changed, and looked like this.
    Read(Arc<Path>, Stamp),
    Gone(Arc<Path>),
}

/// The files as they were read last, and what has been seen of them since.
#[derive(Default)]
pub(super) struct Watch {
    files: HashMap<Arc<Path>, File, RandomState>,
}

#[derive(Default)]
struct File {
    /// What was read last; None before that.
    read: Option<(Stamp, Digest)>,
    /// How it looks now (None: it is gone), and since when, when that is not what was read.
    changing: Option<(Option<Stamp>, Duration)>,
}

impl Step {
    fn place(&self) -> (bool, &Path) {
        match self {
            Self::Read(path, _) => (false, path),
            Self::Gone(path) => (true, path),
        }
    }
}

impl File {
    /// Notes how it looks, and tells whether it has looked so for long enough.
    fn has_settled(&mut self, looks: Option<Stamp>, now: Duration) -> bool {
        let since = match self.changing {
            Some((seen, since)) if seen == looks => since,
            _ => now,
        };
        self.changing = Some((looks, since));
        now.saturating_sub(since) >= SETTLE
    }
}

impl Watch {
    /// What to do, now that `found` is there. At the start every file is taken as it is.
    pub fn look(&mut self, found: &Looks, now: Duration, at_start: bool) -> Vec<Step> {
        let mut steps = Vec::new();
        for (path, looks) in found {
            // Nearly always, for nearly every file: it looks as it did, and nothing is allocated for it.
            if let Some(file) = self.files.get_mut(path.as_path())
                && file.read.is_some_and(|(stamp, _)| stamp == *looks)
            {
                file.changing = None;
                continue;
            }
            let path: Arc<Path> = Arc::from(path.as_path());
            let file = self.files.entry(path.clone()).or_default();
            if file.has_settled(Some(*looks), now) || at_start {
                steps.push(Step::Read(path, *looks));
            }
        }
        for (path, file) in self.files.iter_mut().filter(|(path, _)| !found.contains_key(&***path)) {
            if file.has_settled(None, now) {
                steps.push(Step::Gone(path.clone()));
            }
        }
        // In order, so that of two that claim one name always the same has it; what is gone comes last.
        steps.sort_unstable_by(|a, b| a.place().cmp(&b.place()));
        steps
    }

    /// The file was read. True when its content differs from what was read before.
    pub fn read(&mut self, path: &Arc<Path>, stamp: Stamp, digest: Digest) -> bool {
        let file = self.files.entry(path.clone()).or_default();
        let before = file.read.replace((stamp, digest));
        file.changing = None;
        before.is_none_or(|(_, before)| before != digest)
    }

    /// The file changed while it was being read: it has to settle again.
    pub fn again(&mut self, path: &Arc<Path>, now: Duration) {
        if let Some(File { changing: Some((_, since)), .. }) = self.files.get_mut(path) {
            *since = now;
        }
    }

    /// The file cannot be read: whatever it holds when it can be again is news.
    pub fn unreadable(&mut self, path: &Arc<Path>, now: Duration) {
        if let Some(file) = self.files.get_mut(path) {
            file.read = None;
        }
        self.again(path, now);
    }

    pub fn gone(&mut self, path: &Arc<Path>) {
        self.files.remove(path);
    }

    /// Whether `digest` is what was read last.
    pub fn is(&self, path: &Path, digest: Digest) -> bool {
        self.files.get(path).and_then(|file| file.read).is_some_and(|(_, read)| read == digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Folder {
        dir: tempfile::TempDir,
        watch: Watch,
    }

    impl Folder {
        fn look(&mut self, at_ms: u64) -> Vec<Step> {
            let found = crate::source::manifest::find_stamped(&[self.dir.path().to_owned()]).unwrap();
            self.watch.look(&found, Duration::from_millis(at_ms), false)
        }

        fn write(&self, text: &str) {
            std::fs::write(self.dir.path().join("a.yaml"), text).unwrap();
        }

        fn take(&mut self, steps: &[Step], digest: u8) -> bool {
            let [Step::Read(path, stamp)] = steps else { return false };
            self.watch.read(path, *stamp, [digest; 16])
        }
    }

    #[test]
    fn a_change_is_taken_once_it_has_settled() {
        let mut folder = Folder { dir: tempfile::tempdir().unwrap(), watch: Watch::default() };
        folder.write("one");
        assert_eq!(folder.look(0), []);
        assert_eq!(folder.look(400), []);
        let steps = folder.look(800);
        assert!(folder.take(&steps, 1));
        assert_eq!(folder.look(1200), []);

        // Written in two halves: the first is never taken.
        folder.write("tw");
        assert_eq!(folder.look(1600), []);
        assert_eq!(folder.look(2000), []);
        folder.write("two");
        assert_eq!(folder.look(2400), []);
        assert_eq!(folder.look(2800), []);
        let steps = folder.look(3200);
        assert!(folder.take(&steps, 2));

        // Touched: read, and found to be the same.
        folder.write("two");
        folder.look(3600);
        folder.look(4000);
        let steps = folder.look(4400);
        assert_eq!(steps.len(), 1);
        assert!(!folder.take(&steps, 2));
        assert!(folder.watch.is(&folder.dir.path().join("a.yaml"), [2; 16]));
    }

    #[test]
    fn a_file_that_is_away_for_a_moment_is_not_gone() {
        let mut folder = Folder { dir: tempfile::tempdir().unwrap(), watch: Watch::default() };
        folder.write("one");
        folder.look(0);
        let steps = folder.look(800);
        folder.take(&steps, 1);
        let (here, away) = (folder.dir.path().join("a.yaml"), folder.dir.path().join("a"));
        std::fs::rename(&here, &away).unwrap();
        assert_eq!(folder.look(1200), []);
        std::fs::rename(&away, &here).unwrap();
        assert_eq!(folder.look(2000), []);
        std::fs::remove_file(&here).unwrap();
        assert_eq!(folder.look(2400), []);
        assert_eq!(folder.look(3200), [Step::Gone(Arc::from(here.as_path()))]);
    }
}
