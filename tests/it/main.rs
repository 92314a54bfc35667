//! The one integration binary: real sockets, real files, the real program.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and its peers are not the program"
)]

mod cli;
mod controller;
mod crash;
mod goldens;
mod http;
mod mutation;
mod notify;
mod probes;
mod promql;
mod source;
mod standalone;
mod store;
mod tidy;
