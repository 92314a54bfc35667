//! Alerts: from what was seen to whom to tell. Owns every decision about them and does nothing else: no I/O, no clock.
//!
//! The words: a *rule* has a condition. Each label set for which it holds is an *alert*. The time from when an alert
//! first was pending until it is resolved is its *episode*. What makes two notifications the same *incident* is the
//! rule's UID and the labels without severity. A *notification* is what one channel is told at one time.

mod fingerprint;
mod incident;
mod labels;
mod notification;
mod reason;
mod value;

pub use fingerprint::Fingerprint;
pub use incident::Incident;
pub use labels::Labels;
pub use notification::{Alert, Group, Notification, NotificationId, Status, Why};
pub use reason::Reason;
pub use value::Value;

pub use crate::model::Severity;
