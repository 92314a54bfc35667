//! Queries, expressions and templates against a real Prometheus, and queries against servers that are none.

mod grammar;
mod hostile;
mod server;
mod source;
mod templates;

use std::sync::Arc;

pub use server::{CONFIG, Prometheus};

use probity::{
    clock::Clock,
    net::{Egress, Net},
    query::Sources,
};

/// Sources on loopback.
pub fn sources() -> Sources {
    sources_under(Egress { allow_loopback: true, ..Egress::default() })
}

fn sources_under(egress: Egress) -> Sources {
    let clock = Clock::system();
    let net = Arc::new(Net::with_servers(egress, clock.clone(), &[]));
    Sources::new(net, clock, Arc::default())
}
