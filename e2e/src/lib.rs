//! A real Kubernetes API server for the tests: built once, started in a folder of its own, stopped with it.
//!
//! Owns the programs ([`Tools`]), the processes ([`Cluster`], and [`Node`] that runs pods, too) and the two ways to
//! talk to them: `kubectl`, as people do, and plain HTTP ([`Api`]), where a test needs the answer and not its
//! rendering. A node is had inside namespaces of its own only ([`fn@enter`]), and so nothing of it can be left behind.

#![expect(clippy::disallowed_methods, reason = "the clock is the program's; how long a test waits is the test's")]

mod api;
mod audit;
mod cluster;
mod control;
mod enter;
mod kubectl;
mod node;
mod partition;
mod process;
mod tools;

pub use api::{Answer, Api};
pub use audit::{Audit, Write};
pub use cluster::Cluster;
pub use enter::{Ended, enter, inside, obstacle};
pub use kubectl::{Kubectl, Output};
pub use node::{ADDRESS, Node, pack};
pub use partition::Partition;
pub use tools::Tools;

/// What a failing step says. Tests show it; nothing matches on it.
pub type Result<T> = std::result::Result<T, String>;

/// Says what went wrong, in front of why.
pub(crate) trait Context<T> {
    fn context(self, what: impl AsRef<str>) -> Result<T>;
}

impl<T, E: std::fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, what: impl AsRef<str>) -> Result<T> {
        self.map_err(|error| format!("{}: {error}", what.as_ref()))
    }
}
