#![no_main]
//! `cargo +nightly fuzz run dns`: see `entries`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("dns", data));
