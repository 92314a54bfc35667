//! What the cluster is told: the status of each object, and events about it.
//!
//! Owns what a status says, when it is written and how often; and [`Discovery`], which follows what checks look for.
//! Decides nothing about health and holds up nothing: sources and the engine leave a key in [`Statuses`] and go on;
//! [`StatusWriter`] reads the present when its turn comes. Stand-alone, none of this is made.
//!
//! ```text
//! source ── seen, gone ──┐
//! engine, alerts ────────┴─► Statuses ──► StatusWriter ── server-side apply ──► API server
//!                                              └─► Recorder ── events.k8s.io ──────┘
//! ```

mod bucket;
mod discovery;
mod events;
mod present;
mod request;
mod schedule;
mod status;
mod statuses;
mod tally;
mod writer;

pub use discovery::Discovery;
pub use events::{EventSender, Gravity, Note, Recorder, recorder};
pub use present::Present;
pub use statuses::Statuses;
pub use tally::Tally;
pub use writer::{Budgets, StatusWriter};
