//! What was seen: records become buckets, rows and figures (pure); the store keeps them (edge).
//!
//! Owns the history of every target, in memory and on disk. The engine hands over records and never waits.

mod recent;
mod record;

pub use recent::{Recent, Uptime};
pub use record::{Class, Record, Run};
