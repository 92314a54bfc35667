//! What the status of a HealthCheck says. Pure.

mod announce;
mod compose;
mod figures;
mod written;

pub(crate) use announce::announcements;
pub(crate) use compose::{TargetSeen, health_check};
pub(crate) use written::Written;

#[cfg(test)]
mod tests;
