//! When each target is due: a fixed phase in its interval, on monotonic time. When a window of planned work is open: by
//! a cron schedule on the wall clock of a time zone. And how long to wait after a failure. Pure.
//!
//! Owns due times and windows; knows nothing of what a run does. Called by the engine, alerts and SLOs, and by whoever
//! tries again.

mod backoff;
mod cron;
mod phase;
mod queue;
mod window;
mod zone;

pub use backoff::backoff;
pub use cron::Cron;
pub use phase::{Spread, first_due, phase};
pub use queue::Queue;
pub use window::{Span, Window, WindowError};
pub use zone::zone;
