//! Channels, silences and windows on the board, and what is said of an object's being in force.

use std::sync::Arc;

use crate::{
    clock::WallMs,
    engine::Ready,
    health::Reason,
    model::{Channel, MaintenanceWindow, Object, Silence},
    notify::outbox,
    schedule::Span,
    source::{Entry, Verdict},
};

/// The condition Ready of an object.
pub fn ready(entry: &Entry) -> Ready {
    match (&entry.verdict, &entry.stale) {
        (Verdict::Refused(refused), _) => {
            Ready { ok: false, reason: refused.ready_reason, message: refused.message.clone() }
        }
        (Verdict::Accepted(_), Some(why)) => {
            Ready { ok: true, reason: Reason::SourceStale.as_str(), message: why.clone() }
        }
        (Verdict::Accepted(_), None) => {
            Ready { ok: true, reason: "Valid", message: entry.note.clone().unwrap_or_else(|| "in force".into()) }
        }
    }
}

pub(super) fn is_ready(entry: &Entry) -> bool {
    matches!(entry.verdict, Verdict::Accepted(_))
}

/// One channel.
#[derive(Debug, Clone)]
pub struct ChannelView {
    pub entry: Arc<Entry>,
    /// How its outbox stands now. What is counted is counted since the process began.
    pub outbox: outbox::View,
}

impl ChannelView {
    /// None when it is refused.
    pub fn model(&self) -> Option<&Arc<Channel>> {
        match &self.entry.verdict {
            Verdict::Accepted(Object::NotificationChannel(channel)) => Some(channel),
            Verdict::Accepted(_) | Verdict::Refused(_) => None,
        }
    }
}

/// One silence.
#[derive(Debug, Clone)]
pub struct SilenceView {
    pub entry: Arc<Entry>,
    /// How many firing alerts it mutes now.
    pub mutes: usize,
}

/// Where a silence stands in its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SilenceIs {
    Pending,
    Active,
    Expired,
}

impl SilenceIs {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "Pending",
            Self::Active => "Active",
            Self::Expired => "Expired",
        }
    }
}

impl SilenceView {
    /// None when it is refused.
    pub fn model(&self) -> Option<&Arc<Silence>> {
        match &self.entry.verdict {
            Verdict::Accepted(Object::Silence(silence)) => Some(silence),
            Verdict::Accepted(_) | Verdict::Refused(_) => None,
        }
    }

    /// Where it stands in its time; None when it is refused.
    pub fn is(&self, now: WallMs) -> Option<SilenceIs> {
        let silence = self.model()?;
        Some(match () {
            () if now < silence.starts_at => SilenceIs::Pending,
            () if now < silence.ends_at => SilenceIs::Active,
            () => SilenceIs::Expired,
        })
    }
}

/// One maintenance window.
#[derive(Debug, Clone)]
pub struct WindowView {
    pub entry: Arc<Entry>,
    /// When it is open: now, or next; None when it never is again.
    pub span: Option<Span>,
    /// How many firing alerts it mutes now.
    pub mutes: usize,
}

impl WindowView {
    /// None when it is refused.
    pub fn model(&self) -> Option<&Arc<MaintenanceWindow>> {
        match &self.entry.verdict {
            Verdict::Accepted(Object::MaintenanceWindow(window)) => Some(window),
            Verdict::Accepted(_) | Verdict::Refused(_) => None,
        }
    }

    /// Whether it is open.
    pub fn is_open(&self, now: WallMs) -> bool {
        self.span.is_some_and(|span| span.start <= now && now < span.end)
    }
}
