//! A cluster as a source: watches the objects and keeps the catalog as they say.

mod connect;

pub use connect::{Cluster, ConnectError, connect};

/// How long one watch lasts, in seconds; the next one goes on where it ended. What RBAC takes away is seen by then.
pub const WATCH: u32 = 60;
