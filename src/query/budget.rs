//! What all answers together may hold in memory while they are read.

use std::sync::atomic::{AtomicUsize, Ordering};

/// 128 MiB: six answers of the largest size beside hundreds of the usual ones, which are a few KB. Who finds it used up
/// fails at once; waiting would make one source's answers hold up another's.
const TOTAL: usize = 128 << 20;

/// A quarter of it is kept for answers of the usual size: a few sources that send much and never end shut nobody else
/// out.
const KEPT: usize = 32 << 20;
const USUAL: usize = 64 << 10;

/// How much of it is in use.
#[derive(Debug, Default)]
pub(super) struct Budget(AtomicUsize);

/// What one answer has taken of it. It goes back when this is dropped.
#[derive(Debug)]
pub(super) struct Share<'a> {
    budget: &'a Budget,
    held: usize,
}

impl Budget {
    pub(super) fn share(&self) -> Share<'_> {
        Share { budget: self, held: 0 }
    }
}

impl Share<'_> {
    /// Takes as much more as makes it `bytes` in all; false when there is no more.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let more = bytes.saturating_sub(self.held);
        let room = if bytes <= USUAL { TOTAL } else { TOTAL - KEPT };
        let taken = self.budget.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(more).filter(|used| *used <= room)
        });
        if taken.is_ok() {
            self.held += more;
        }
        taken.is_ok()
    }
}

impl Drop for Share<'_> {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.held, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_comes_back() {
        let budget = Budget::default();
        let (mut one, mut other) = (budget.share(), budget.share());
        let large = TOTAL - KEPT;
        assert!(one.grow(large - 10) && other.grow(10));
        assert!(!one.grow(large), "there is no room for more that is large");
        assert!(other.grow(USUAL), "and there is for the usual");
        assert!(!other.grow(USUAL + 1));
        drop(one);
        assert!(other.grow(large) && !other.grow(large + 1) && !other.grow(usize::MAX));
        drop(other);
        assert_eq!(budget.0.load(Ordering::Relaxed), 0);
    }
}
