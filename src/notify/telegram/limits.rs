//! What Telegram takes. <https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this>

use crate::notify::outbox::Pace;

/// Code units of UTF-16 of a message. It counts them without tags and entities; counted with them they are never fewer.
pub(super) const TEXT: usize = 4_096;
/// Of one alert's message or description, so that several alerts fit.
pub(super) const PART: usize = 700;
/// Of what is said of the whole: the headline, what is left out, the remarks.
pub(super) const WHOLE: usize = 900;
/// One a second in a chat, 20 a minute in a group.
pub(in crate::notify) const PACE: &[Pace] = &[Pace::new(1, 1), Pace::new(20, 60)];
