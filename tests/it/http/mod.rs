//! The HTTP server in this process, on a port of its own, over a snapshot that is filled by hand.

mod access;
mod alerting;
mod answers;
mod audit;
mod correlation;
mod limits;
mod metrics;
mod silences;
mod slos;
mod status;
mod stop;
mod tls;
mod trial;
mod world;
