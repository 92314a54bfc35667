//! Results become state: thresholds, degraded, stale, flapping, and what the time in between counts as. Pure.
//!
//! Owns the meaning of a run's result. Called by the engine; does no I/O and reads no clock.

mod flapping;
mod reason;
mod seen;
mod state;
mod target;
mod worst;

pub use reason::Reason;
pub use seen::Span;
pub use state::State;
pub use target::{Policy, Target};
pub use worst::worst;
