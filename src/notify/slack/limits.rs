//! What Slack takes. <https://docs.slack.dev/reference/messaging/attachments>

use crate::notify::outbox::Pace;

/// Slack takes 100 and asks for no more than 20.
pub(super) const ATTACHMENTS: usize = 20;
/// Characters, escaped, of a title.
pub(super) const TITLE: usize = 1_024;
/// Of a text or a field's value; a message may hold 40,000 in all, and 20 attachments of both stay below it.
pub(super) const VALUE: usize = 900;
/// One message a second and channel.
pub(in crate::notify) const PACE: &[Pace] = &[Pace::new(1, 1)];
