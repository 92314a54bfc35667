#![no_main]
//! `cargo +nightly fuzz run http_location`: see `entries`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("http_location", data));
