//! The way to people: one folder per kind of channel, each with the same files, and the outbox before them.
//!
//! ```text
//! store ──► outbox/worker ──► send ──► KIND/payload ──► net ──► the receiver
//!             ▲    │                                               │
//!             │    └── outbox/next, which decides     KIND/answer ◄┘
//!             └── settle: delivered, again later, dead
//! ```
//! `payload` makes what is sent, `answer` says what an answer means, `limits` holds what the receiver takes; the three
//! are pure. [`Sender`] makes one attempt and knows nothing of retries; [`outbox`] knows nothing of receivers. Nothing
//! in here decides whether somebody is to be told: that was done before, in `alert`.

mod alertmanager;
mod answer;
mod call;
mod clients;
mod discord;
mod email;
mod hint;
mod letter;
mod log;
pub mod outbox;
mod pagerduty;
mod redact;
mod send;
mod slack;
mod tally;
mod teams;
mod telegram;
mod text;
pub mod trial;
mod webhook;
mod wording;

pub use answer::{Answer, Parts};
pub use letter::{Letter, Marks};
pub use log::{Out, stdout};
pub use send::{ATTEMPT, Sender};
pub use tally::Tally;
pub(crate) use wording::annotations;
