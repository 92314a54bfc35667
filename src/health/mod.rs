//! Results become state: thresholds, degraded, stale, flapping, dependencies. Pure.
//!
//! Owns the meaning of a run's result. Called by the engine; does no I/O and reads no clock.

mod reason;
mod state;

pub use reason::Reason;
pub use state::State;
