//! How long to wait after a failure. Pure: the jitter comes from a number that the caller counts.

use std::time::Duration;

/// 250 ms, doubled with each further failure up to `cap`, and up to a quarter less. `failures` counts from 1;
/// `salt` is another number each time.
pub fn backoff(failures: u32, cap: Duration, salt: u64) -> Duration {
    let base = Duration::from_millis(250);
    let grown = base.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(cap);
    grown.mul_f64(0.75 + 0.25 * spread(salt)).min(cap)
}

/// An even spread over 0 to 1: the finalizer of SplitMix64 (Steele, Lea, Flood 2014).
fn spread(salt: u64) -> f64 {
    let mut mixed = salt.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_the_cap_and_never_falls_together() {
        let cap = Duration::from_secs(30);
        for (failures, most) in [(1, 250), (2, 500), (3, 1_000), (8, 30_000), (1_000, 30_000)] {
            let waits: Vec<_> = (0..100).map(|salt| backoff(failures, cap, salt)).collect();
            let most = Duration::from_millis(most);
            assert!(waits.iter().all(|&wait| wait <= most && wait >= most.mul_f64(0.74)), "{failures}");
            let (least, largest) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
            assert!(*largest - *least > most.mul_f64(0.2), "{failures}: {least:?} to {largest:?}");
        }
    }
}
