//! Alerts: from what was seen to whom to tell. Owns every decision about them and does nothing else: no I/O, no clock.
//!
//! ```text
//! own history, checks, PromQL
//!        │ samples, targets
//!        ▼
//!   rule::compose ◄── template     labels, message, annotations          on the task that evaluates
//!        │ candidates | no data | failed | gone
//!        ▼
//!   rule::RuleState::step          for, keepFiringFor, onNoData, onError ─► episodes, kept by the store
//!        │ transitions
//!        ▼
//!   desk::Desk::step ◄── matcher   who is told of what, and when         ─► rows, kept; facts, for the audit trail
//!        │ notifications
//!        ▼
//!   the outbox (notify)
//! ```
//! The words: a *rule* has a condition. Each label set for which it holds is an *alert*. The time from when an alert
//! first was pending until it is resolved is its *episode*. What makes two notifications the same *incident* is the
//! rule's UID and the labels without severity. A *notification* is what one channel is told at one time. Time is a
//! [`Moment`]: one half to measure with, which no step of the wall clock moves, and one to show.

pub mod book;
pub mod desk;
mod episode;
mod fingerprint;
mod incident;
mod labels;
mod matcher;
mod moment;
mod notification;
mod reason;
pub mod rule;
mod shown;
pub mod template;
mod transition;
mod value;

pub use episode::{Episode, Phase};
pub use fingerprint::{Fingerprint, FingerprintError};
pub use incident::{Incident, IncidentError};
pub use labels::Labels;
pub use matcher::{Compare, Matcher, MatcherError, Matchers};
pub use moment::{Moment, Timeline, millis};
pub use notification::{Alert, Group, Notification, NotificationId, Status, Why};
pub use reason::Reason;
pub use shown::{AlertIs, Counts, RuleIs, Shown, explain};
pub use transition::{Transition, Turn};
pub use value::Value;

pub use crate::model::Severity;
