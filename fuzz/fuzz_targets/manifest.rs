#![no_main]
//! `cargo +nightly fuzz run manifest`: see `entries`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("manifest", data));
