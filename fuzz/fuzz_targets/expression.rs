#![no_main]
//! `cargo +nightly fuzz run expression`: see `entries`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("expression", data));
