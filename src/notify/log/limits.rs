//! What a line on stdout takes: all of it, but for texts that are books.

use crate::notify::outbox::Pace;

/// Alerts in one line: what collects log lines cuts them at some 16 to 256 KB.
pub(super) const ALERTS: usize = 100;
/// Characters of one text.
pub(super) const TEXT: usize = 2_000;
pub(in crate::notify) const PACE: &[Pace] = &[];
