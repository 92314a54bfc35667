//! What Teams takes. <https://learn.microsoft.com/en-us/microsoftteams/platform/webhooks-and-connectors/how-to/connectors-using#rate-limiting-for-connectors>

use crate::notify::outbox::Pace;

/// Bytes of the alerts' blocks as JSON: a message may have 28 KB, and the rest of the card some.
pub(super) const BLOCKS: usize = 24 << 10;
/// Characters of a heading.
pub(super) const HEADING: usize = 256;
/// Of a message or a description.
pub(super) const TEXT: usize = 1_000;
/// Of the line of labels.
pub(super) const LABELS: usize = 500;
/// 4 in a second, 60 in half a minute, 100 in an hour, 1,800 in a day. The 100 an hour are for the older connectors
/// alone, and their 429 says so where it holds.
pub(in crate::notify) const PACE: &[Pace] = &[Pace::new(4, 1), Pace::new(60, 30)];
