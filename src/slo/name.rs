//! What windows and states are called, where people read them. Pure.

use super::{Period, State, Window, show, window::millis};

impl Window {
    /// `30d`, `24h`, `1h`; of the calendar `month`.
    pub fn name(&self) -> String {
        match self {
            // A day is 24h as people write it beside 1h; from two on they are days.
            Self::Rolling(length) if length.as_secs() < 2 * 86_400 => show::hours(millis(*length)),
            Self::Rolling(length) => show::window(millis(*length)),
            Self::Calendar { period, .. } => period.as_str().to_owned(),
        }
    }
}

impl Period {
    /// As specs write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Week => "week",
            Self::Month => "month",
            Self::Quarter => "quarter",
        }
    }
}

impl State {
    /// As `/monitoring/sla` and metrics write it.
    pub fn as_lower(self) -> &'static str {
        match self {
            Self::Compliant => "compliant",
            Self::Warning => "warning",
            Self::Violated => "violated",
            Self::Unknown => "unknown",
        }
    }

    /// Violated is worse than Warning, that than Unknown, that than Compliant.
    pub fn rank(self) -> u8 {
        match self {
            Self::Compliant => 0,
            Self::Unknown => 1,
            Self::Warning => 2,
            Self::Violated => 3,
        }
    }
}
