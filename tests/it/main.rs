//! The one integration binary: real sockets, real files, the real program.

mod cli;
mod goldens;
mod http;
mod probes;
mod source;
mod standalone;
mod store;
mod tidy;
