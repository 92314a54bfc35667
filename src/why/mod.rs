//! Why: what happened to one alert, or why nobody was told, in plain words.
//!
//! ```text
//!   what is asked for ─► gather ─► rows ─► course: how it stands, ─┐
//!                       (pages of          and a step per row      ├─► story: the most important line first,
//!                        the trail)   what stands now, where ──────┘          then the steps, then "now"
//!                                     a running Probity says it
//! ```
//! Pure: rows of the audit trail and the present come in, sentences go out. Who reads the trail (a store, a folder) is
//! passed in. Every time in a text is UTC. Called by the server's `/api/v1/why` and by `probity why --data-dir`.

mod asked;
mod channel;
mod course;
mod gather;
mod headline;
mod obstacle;
mod render;
mod rule;
mod standing;
mod step;
mod story;
#[cfg(test)]
mod tests;
mod time;

pub use asked::Asked;
pub use gather::{Gathered, Window, gather};
pub use standing::{CheckNow, Looks, RuleNow, SightNow, Standing};
pub use step::Step;
pub use story::{Brief, CANNOT_SEE, NO_DATA, SEES_AGAIN, Story, tell};
