//! The only owner of state: events in, effects out; and the snapshot that everyone else reads.

mod snapshot;

pub use snapshot::{CheckCell, CheckView, LastRun, Ready, Snapshot, TargetCell, TargetView};
