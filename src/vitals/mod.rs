//! What this process says of itself: whether it can do its work, and whether its loops turn.
//!
//! The parts write, the server reads; so neither has to know the other.

mod progress;
mod readiness;

pub use progress::{Beat, Progress};
pub use readiness::Readiness;
