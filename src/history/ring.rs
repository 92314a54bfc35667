//! The last N minutes, hours or days, by number. Pure.

/// Slots by their number since the epoch; made when the first is reached, so that an idle one is small.
#[derive(Debug, Clone)]
pub struct Ring<T, const N: usize> {
    newest: u32,
    slots: Option<Box<[T; N]>>,
}

impl<T, const N: usize> Default for Ring<T, N> {
    fn default() -> Self {
        Self { newest: 0, slots: None }
    }
}

impl<T: Copy + Default, const N: usize> Ring<T, N> {
    /// Makes `at` the newest, if it is newer; what falls out is forgotten.
    pub fn reach(&mut self, at: u32) {
        let Some(slots) = &mut self.slots else {
            self.slots = Some(Box::new([T::default(); N]));
            self.newest = at;
            return;
        };
        for gap in (self.newest..at).take(N) {
            // Up to N slots are cleared whatever the distance, each of them once.
            slots[(gap as usize + 1) % N] = T::default();
        }
        self.newest = self.newest.max(at);
    }

    /// Forgets `from` and what is newer: the clock stepped back.
    pub fn forget(&mut self, from: u32) {
        for at in (from..=self.newest).take(N) {
            if let Some(slots) = &mut self.slots {
                slots[at as usize % N] = T::default();
            }
        }
        self.newest = self.newest.min(from.saturating_sub(1));
    }

    fn holds(&self, at: u32) -> bool {
        at <= self.newest && self.newest - at < N as u32
    }

    /// The slot of `at`, or a default one outside of the ring.
    pub fn get(&self, at: u32) -> T {
        match &self.slots {
            Some(slots) if self.holds(at) => slots[at as usize % N],
            _ => T::default(),
        }
    }

    pub fn slot(&mut self, at: u32) -> Option<&mut T> {
        let holds = self.holds(at);
        self.slots.as_mut().filter(|_| holds).map(|slots| &mut slots[at as usize % N])
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Add(u32),
        Forget(u32),
    }

    proptest! {
        #[test]
        fn a_ring_is_the_newest_part_of_a_map(
            steps in prop::collection::vec((0u32..300, prop::bool::weighted(0.1)), 1..100),
        ) {
            let (mut ring, mut map, mut newest) = (Ring::<u32, 7>::default(), BTreeMap::new(), 0);
            for (at, forget) in steps {
                match if forget { Step::Forget(at) } else { Step::Add(at) } {
                    Step::Add(at) => {
                        ring.reach(at);
                        newest = newest.max(at);
                        if let Some(slot) = ring.slot(at) {
                            *slot += 1;
                            *map.entry(at).or_insert(0) += 1;
                        }
                    }
                    Step::Forget(at) => {
                        ring.forget(at);
                        map.retain(|&kept, _| kept < at);
                        newest = newest.min(at.saturating_sub(1));
                    }
                }
                map.retain(|&kept, _| kept + 7 > newest);
                for at in 0..300 {
                    let held = ring.holds(at);
                    prop_assert_eq!(ring.get(at), map.get(&at).copied().unwrap_or(0), "{} {}", at, held);
                }
            }
        }
    }
}
