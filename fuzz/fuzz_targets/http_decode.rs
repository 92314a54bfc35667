#![no_main]
//! `cargo +nightly fuzz run http_decode`: see `entries`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("http_decode", data));
