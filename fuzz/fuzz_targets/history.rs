#![no_main]
//! `cargo +nightly fuzz run history`: see `entries`.

#[path = "../entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("history", data));
