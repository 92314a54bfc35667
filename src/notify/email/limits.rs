//! What mail servers and mail programs take.

use std::time::Duration;

use crate::notify::outbox::Pace;

/// For all of one attempt. Servers that look at mail closely take half a minute for it (RFC 5321, section 4.5.3.2
/// allows them ten).
pub(super) const ATTEMPT: Duration = Duration::from_secs(60);
/// Alerts that are shown in one mail.
pub(super) const ALERTS: usize = 50;
/// Characters of a message or of an annotation: with 50 alerts a mail stays below 1 MB, in both its forms.
pub(super) const TEXT: usize = 1_500;
/// Characters of a subject: what is longer no program shows.
pub(super) const SUBJECT: usize = 200;
/// Bytes of an encoded line without its end (RFC 2045, section 6.7).
pub(super) const LINE: usize = 76;
pub(in crate::notify) const PACE: &[Pace] = &[Pace::new(10, 1)];
