//! What a status says, and whether it says something else than what stands there. Pure.

mod announce;
mod compose;
mod figures;
mod written;

pub(super) use announce::announcements;
pub(super) use compose::{TargetSeen, health_check};
pub(super) use written::{Difference, Written};

#[cfg(test)]
mod tests;
