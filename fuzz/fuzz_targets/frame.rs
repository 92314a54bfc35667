#![no_main]
//! `cargo +nightly fuzz run frame`: see `entries`.

#[path = "../entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("frame", data));
