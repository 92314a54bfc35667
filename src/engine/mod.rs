//! The only owner of state: events in, effects out; and the snapshot that everyone else reads.

pub mod alerts;
mod core;
mod effect;
mod finished;
mod object;
mod runner;
mod series;
pub mod slos;
mod slot;
mod snapshot;
#[cfg(test)]
mod tests;
mod told;

pub use alerts::{Bell, Board};
pub use core::Core;
pub use effect::{Aim, Effect, Event, Order, Skip, Wanted};
pub use runner::{EVENTS, Engine, Listener};
pub use snapshot::{CheckCell, CheckView, LastRun, Ready, Snapshot, TargetCell, TargetView};
