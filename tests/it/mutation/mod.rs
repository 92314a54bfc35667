//! What reads bytes from outside comes back, whatever the bytes: seeds, changed at random, for a bounded time.
//!
//! `PROBITY_MUTATION_SEED=N cargo test --test it mutation` tries others, and prints each input before it is tried.
//! The same entries are fuzzed for longer, and with coverage, by the targets in `fuzz/`.

#[path = "../../../fuzz/entries.rs"]
mod entries;
mod mutate;

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use entries::ENTRIES;
use mutate::Mutator;

/// How long each entry is tried.
const BUDGET: Duration = Duration::from_secs(10);
/// How long one input may take, in a build without optimisation on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

fn run(name: &str) {
    let entry = ENTRIES.iter().find(|entry| entry.name == name).unwrap();
    // The same each time, so that what fails is what was changed; another, to look somewhere new.
    let seed = std::env::var("PROBITY_MUTATION_SEED").map_or(1, |text| text.parse().unwrap());
    let mut mutator = Mutator::new(seed, (entry.seeds)(), entry.words);
    let end = Instant::now() + BUDGET;
    let mut tried = 0_u64;
    for input in (entry.seeds)() {
        try_one(name, &input);
    }
    while Instant::now() < end {
        let input = mutator.next_input();
        try_one(name, &input);
        tried += 1;
    }
    assert!(tried > 100, "only {tried} inputs in {BUDGET:?}: an input takes too long");
}

fn try_one(name: &str, input: &[u8]) {
    if std::env::var_os("PROBITY_MUTATION_SEED").is_some() {
        // What ends the process is the last one that is told.
        println!("b\"{}\"", input.escape_ascii());
    }
    let start = Instant::now();
    let result = catch_unwind(AssertUnwindSafe(|| entries::call(name, input)));
    let took = start.elapsed();
    assert!(result.is_ok() && took < PATIENCE, "{name} took {took:?} on b\"{}\"", input.escape_ascii());
}

macro_rules! entries {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn none_is_left_out() {
            assert_eq!(ENTRIES.map(|entry| entry.name), [$(stringify!($name)),*]);
        }
    };
}

entries!(manifest expression http_decode http_location dns starttls history);
