//! The targets of a check: what it looks for, together with what the watches know, gives a list.
//!
//! Owns the knowledge of Services, EndpointSlices, Pods and names of workloads, trimmed to what a probe needs, and the
//! one function that makes targets of it, `resolve`, which is pure. Watches nothing itself: `controller::discovery`
//! fills the [`Targets`], and the engine reads them whenever it is told of a key.

mod aim;
mod facts;
mod resolve;
mod table;
#[cfg(test)]
mod tests;

pub use facts::{Endpoint, Fact, PodFact, PortFact, Scope, ServiceFact, SliceFact, Watched};
pub use resolve::{Found, Target};
pub use table::Targets;
