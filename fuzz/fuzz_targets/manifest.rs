#![no_main]
//! `cargo +nightly fuzz run manifest`: see `entries`.

#[path = "../entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("manifest", data));
