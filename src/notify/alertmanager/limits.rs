//! How Alertmanager is spoken to, which is how Prometheus does.

use std::time::Duration;

use crate::notify::outbox::Pace;

/// Alerts in one request, as Prometheus sends them.
pub(super) const BATCH: usize = 256;
/// So many alerts of one notification are found out not to be taken; then nothing more of it is sent. One takes some 16
/// requests to find in a batch.
pub(super) const REFUSED: usize = 20;
/// How often what stands is told again.
pub(in crate::notify) const RESEND: Duration = Duration::from_secs(60);
/// What is told to fire ends by itself when nobody has told so again for four rounds.
pub(super) const VALID: Duration = Duration::from_secs(4 * 60);
/// How long it is told again that an alert is resolved.
pub(super) const RESOLVED: Duration = Duration::from_secs(15 * 60);
/// Alerts that stand at a time: ten times what may fire at once, at some 300 bytes beside what is shared.
pub(super) const STANDING: usize = 100_000;
pub(in crate::notify) const PACE: &[Pace] = &[];
