//! The five states.

/// How a target, or a check as a whole, is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    Healthy,
    Degraded,
    Unhealthy,
    /// Not seen is not healthy.
    Unknown,
    Suspended,
}

impl State {
    pub const ALL: [Self; 5] = [Self::Healthy, Self::Degraded, Self::Unhealthy, Self::Unknown, Self::Suspended];

    /// As statuses and columns write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Healthy => "Healthy",
            Self::Degraded => "Degraded",
            Self::Unhealthy => "Unhealthy",
            Self::Unknown => "Unknown",
            Self::Suspended => "Suspended",
        }
    }

    /// As `/health/detailed` and the `state` label write it.
    pub fn as_lower(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
            Self::Suspended => "suspended",
        }
    }

    /// Higher is worse: unhealthy > unknown > degraded > healthy. Suspended is not ranked among them.
    pub fn rank(self) -> u8 {
        match self {
            Self::Suspended => 0,
            Self::Healthy => 1,
            Self::Degraded => 2,
            Self::Unknown => 3,
            Self::Unhealthy => 4,
        }
    }
}
