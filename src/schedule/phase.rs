//! The place of a target in its interval.

use std::{
    hash::{BuildHasher, Hash},
    time::Duration,
};

use foldhash::quality::FixedState;

use crate::{clock::Now, model::TargetKey};

/// A fixed seed: a target has the same phase in every process, also after a restart.
const SEED: u64 = 0x70_72_6f_62_69_74_79;

/// Where in its interval a target runs: fixed by its identity, spread evenly over many targets.
pub fn phase(key: &TargetKey, interval: Duration) -> Duration {
    let mut hasher = FixedState::with_seed(SEED).build_hasher();
    key.hash(&mut hasher);
    let hash = std::hash::Hasher::finish(&hasher);
    let nanos = interval.as_nanos().max(1);
    // The top of hash × interval: even for every interval, without the bias of a remainder.
    let scaled = (u128::from(hash) * nanos) >> 64;
    Duration::from_nanos(u64::try_from(scaled).unwrap_or(0))
}

/// The first moment after `now`, on the monotonic clock, at which the wall clock is at the phase.
///
/// The wall clock is asked this once, so that the phase is the same after a restart; from then on a target
/// runs every interval of monotonic time, and a step of the wall clock moves nothing.
pub fn first_due(now: Now, interval: Duration, phase: Duration) -> Duration {
    let interval = interval.as_millis().max(1);
    let wall = u128::try_from(now.wall).unwrap_or(0);
    let ahead = (phase.as_millis() % interval + interval - wall % interval) % interval;
    now.mono + Duration::from_millis(u64::try_from(ahead).unwrap_or(0))
}

/// How what is due again and again lies in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Spread {
    /// Each at its own phase, so that load is even.
    #[default]
    ByName,
    /// All of them from the moment that they are there: what a person who writes a test can count.
    InStep,
}

impl Spread {
    /// When `key` is due first, on the monotonic clock.
    pub fn first_due(self, key: &TargetKey, interval: Duration, now: Now) -> Duration {
        match self {
            Self::ByName => first_due(now, interval, phase(key, interval)),
            Self::InStep => now.mono,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ObjectKey;

    fn key(n: u32) -> TargetKey {
        TargetKey::fixed(ObjectKey::new("default", format!("check-{n}")))
    }

    #[test]
    fn phases_are_fixed_and_spread_evenly() {
        let interval = Duration::from_secs(10);
        assert_eq!(phase(&key(1), interval), phase(&key(1), interval));
        let mut seconds = [0_u32; 10];
        for n in 0..10_000 {
            seconds[phase(&key(n), interval).as_secs() as usize] += 1;
        }
        assert!(seconds.iter().all(|&n| (880..1120).contains(&n)), "{seconds:?}");
    }

    proptest::proptest! {
        #[test]
        fn the_first_due_time_is_within_one_interval_and_at_the_phase(wall in 0_i64..i64::MAX / 2, mono in 0_u64..1 << 40, seconds in 1_u64..100_000, n in 0_u32..1000) {
            let interval = Duration::from_secs(seconds);
            let phase = phase(&key(n), interval);
            proptest::prop_assert!(phase < interval);
            let now = Now { mono: Duration::from_millis(mono), wall };
            let ahead = first_due(now, interval, phase) - now.mono;
            proptest::prop_assert!(ahead < interval);
            let then = (wall as u128 + ahead.as_millis()) % interval.as_millis();
            proptest::prop_assert_eq!(then, phase.as_millis());
        }
    }
}
