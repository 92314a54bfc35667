//! What PagerDuty takes. <https://developer.pagerduty.com/docs/send-alert-event#parameters>

use crate::notify::outbox::Pace;

/// Characters of a summary.
pub(super) const SUMMARY: usize = 1_024;
/// Of a value in the details: an event is at most 512 KB, and no alert has 64 labels and annotations of this size.
pub(super) const DETAIL: usize = 4_096;
/// How many labels and annotations are sent along.
pub(super) const DETAILS: usize = 64;
/// Some hundred events a minute and integration; what is over it is answered with 429.
pub(in crate::notify) const PACE: &[Pace] = &[];
