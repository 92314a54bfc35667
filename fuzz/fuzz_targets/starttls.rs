#![no_main]
//! `cargo +nightly fuzz run starttls`: see `entries`.

libfuzzer_sys::fuzz_target!(|data: &[u8]| entries::call("starttls", data));
