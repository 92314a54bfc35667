#![no_main]
//! `cargo +nightly fuzz run history`: see `entries`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("history", data));
