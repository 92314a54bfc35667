//! Whether a target changes too often to be called Healthy.

/// How many runs are looked back at.
const RUNS: u32 = 20;
/// More changes than this in [`RUNS`] runs is flapping.
const CHANGES: u32 = 5;

/// The last 20 runs, one bit each: whether the run went the other way than the one before it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flapping {
    changes: u32,
    last_passed: Option<bool>,
}

impl Flapping {
    /// Notes whether a run passed. Runs that saw nothing of the target are not noted.
    pub(super) fn note(&mut self, passed: bool) {
        let changed = self.last_passed.is_some_and(|last| last != passed);
        self.changes = ((self.changes << 1) | u32::from(changed)) & ((1 << RUNS) - 1);
        self.last_passed = Some(passed);
    }

    pub(super) fn is_flapping(self) -> bool {
        self.changes.count_ones() > CHANGES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(runs: impl IntoIterator<Item = bool>) -> bool {
        let mut flapping = Flapping::default();
        runs.into_iter().for_each(|passed| flapping.note(passed));
        flapping.is_flapping()
    }

    #[test]
    fn six_changes_in_twenty_runs_are_flapping_and_five_are_not() {
        let steady = [true; 14];
        assert!(!after([false, true, false, true, false, true].into_iter().chain(steady)));
        assert!(after([true, false, true, false, true, false, true].into_iter().chain([true; 13])));
    }

    #[test]
    fn changes_over_twenty_runs_ago_are_forgotten() {
        assert!(after([true, false].repeat(10)));
        assert!(!after([true, false].repeat(10).into_iter().chain([true; 20])));
    }
}
