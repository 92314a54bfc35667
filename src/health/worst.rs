//! The state of a check from those of its targets.

use super::State;

/// The index of the worst state: unhealthy, unknown, degraded, healthy, in this order; the first of equals.
pub fn worst(states: impl IntoIterator<Item = State>) -> Option<usize> {
    let mut found: Option<(usize, State)> = None;
    for (index, state) in states.into_iter().enumerate() {
        if found.is_none_or(|(_, worst)| state.rank() > worst.rank()) {
            found = Some((index, state));
        }
    }
    found.map(|(index, _)| index)
}

#[cfg(test)]
mod tests {
    use super::{State::*, *};

    #[test]
    fn the_worst_target_speaks_for_the_check() {
        assert_eq!(worst([]), None);
        assert_eq!(worst([Healthy, Degraded, Unknown, Unhealthy, Healthy]), Some(3));
        assert_eq!(worst([Healthy, Unknown, Degraded, Unknown]), Some(1));
        assert_eq!(worst([Healthy, Healthy]), Some(0));
    }
}
