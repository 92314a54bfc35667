#![no_main]
//! `cargo +nightly fuzz run starttls`: see `entries`.

#[path = "../entries.rs"]
mod entries;

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("starttls", data));
