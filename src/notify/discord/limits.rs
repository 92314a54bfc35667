//! What Discord takes. <https://docs.discord.com/developers/resources/message#embed-object-embed-limits>
//! It counts characters; code units of UTF-16 are never fewer.

use crate::notify::outbox::Pace;

pub(super) const CONTENT: usize = 2_000;
pub(super) const EMBEDS: usize = 10;
pub(super) const TITLE: usize = 256;
/// 4,096 in one, and 6,000 in all embeds of a message: what is shown is as much as fits into that.
pub(super) const DESCRIPTION: usize = 1_500;
pub(super) const FIELD: usize = 300;
pub(super) const FOOTER: usize = 300;
pub(super) const ALL: usize = 6_000;
/// A webhook takes 5 in 2 s; its headers say when it takes less.
pub(in crate::notify) const PACE: &[Pace] = &[Pace::new(5, 2), Pace::new(30, 60)];
