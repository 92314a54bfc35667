//! When each target is due: a fixed phase in its interval, on monotonic time. Pure.
//!
//! Owns due times; knows nothing of what a run does. Called by the engine.

mod phase;
mod queue;

pub use phase::{first_due, phase};
pub use queue::Queue;
