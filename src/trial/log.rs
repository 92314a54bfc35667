//! What happened in a test, for people.

/// More than a person reads is counted and no more: a page of 10,000 lines.
const ENTRIES_MAX: usize = 10_000;

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Milliseconds since the start.
    pub at: i64,
    pub text: String,
}

#[derive(Debug, Default)]
pub(super) struct Log {
    keep: bool,
    pub(super) entries: Vec<Entry>,
    /// There was no room for so many.
    pub(super) omitted: usize,
}

impl Log {
    pub(super) fn new(keep: bool) -> Self {
        Self { keep, ..Self::default() }
    }

    pub(super) fn note(&mut self, at: i64, text: impl FnOnce() -> String) {
        if !self.keep {
        } else if self.entries.len() < ENTRIES_MAX {
            self.entries.push(Entry { at, text: text() });
        } else {
            self.omitted += 1;
        }
    }
}
