//! What an SLOTarget promises, as everything here works with it.

use std::{fmt, sync::Arc, time::Duration};

use jiff::tz::TimeZone;

use crate::model::Severity;

/// What is promised: an indicator, the figure that it is to reach, and over which time.
#[derive(Debug, Clone)]
pub struct Objective {
    pub indicator: Indicator,
    /// In the indicator's unit. A percent target lies strictly between 0 and 100.
    pub target: f64,
    pub window: Window,
    pub tolerance: Tolerance,
    /// By which a budget that burns too fast makes an alert, the fastest first. Only those that can fire; empty
    /// without `alerting`, and for indicators without a budget.
    pub tiers: Arc<[Tier]>,
}

/// What is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Indicator {
    /// Percent of good time, or of good runs. More is better.
    Availability { method: Method, combine: Combine },
    /// Latency of runs in milliseconds. Less is better.
    ResponseTime { statistic: Statistic },
    /// Percent of failed runs. Less is better.
    ErrorRate,
}

/// What availability counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Time in a good state, over observed time.
    Time,
    /// Good runs, over runs.
    Events,
}

/// How several checks become one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Combine {
    /// Good when all are; bad when one is.
    All,
    /// Good when one is; bad when all are.
    Any,
    /// The mean of all.
    Average,
}

/// Which latency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Statistic {
    Average,
    P50,
    P90,
    P95,
    P99,
}

/// Of a figure and of its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Percent,
    Millis,
    PerSecond,
}

/// The time that is looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Window {
    /// So long, up to now. Whole minutes.
    Rolling(Duration),
    /// The period of the calendar that runs now, in this time zone.
    Calendar { period: Period, zone: TimeZone },
}

/// A period of the calendar. Weeks begin on Monday (ISO 8601), quarters in January, April, July and October.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    Day,
    Week,
    Month,
    Quarter,
}

/// By how much a target may be missed and the state is Warning, not Violated.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tolerance {
    /// 0 to 100.
    pub percent: f64,
    pub of: AllowanceOf,
}

/// What a tolerance is a share of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowanceOf {
    /// What may be bad: 100 less the target; for an error rate the target itself.
    Allowance,
    /// The target itself.
    Target,
}

/// Two windows over which a budget is burnt so much faster than it may be. Both have to say so (SRE Workbook, chapter 5,
/// "Multiwindow, multi-burn-rate alerts").
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tier {
    pub long: Duration,
    /// By which an alert ends soon after the burning has.
    pub short: Duration,
    pub factor: f64,
    pub severity: Severity,
}

impl Indicator {
    pub fn unit(self) -> Unit {
        match self {
            Self::Availability { .. } | Self::ErrorRate => Unit::Percent,
            Self::ResponseTime { .. } => Unit::Millis,
        }
    }

    /// Whether a larger figure is a better one.
    pub fn is_more_better(self) -> bool {
        match self {
            Self::Availability { .. } => true,
            Self::ResponseTime { .. } | Self::ErrorRate => false,
        }
    }

    /// Its name, as the column INDICATOR shows it and the spec writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Availability { .. } => "availability",
            Self::ResponseTime { .. } => "responseTime",
            Self::ErrorRate => "errorRate",
        }
    }
}

impl Unit {
    /// As `status.unit` and `/monitoring/sla` write it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Percent => "%",
            Self::Millis => "ms",
            Self::PerSecond => "req/s",
        }
    }
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Statistic {
    /// 0 to 1; None for the average.
    pub fn quantile(self) -> Option<f64> {
        match self {
            Self::Average => None,
            Self::P50 => Some(0.5),
            Self::P90 => Some(0.9),
            Self::P95 => Some(0.95),
            Self::P99 => Some(0.99),
        }
    }
}

impl Objective {
    /// What may be bad, as a share of 0 to 1; None for indicators without a budget.
    pub fn allowance(&self) -> Option<f64> {
        let percent = match self.indicator {
            Indicator::Availability { .. } => 100.0 - self.target,
            Indicator::ErrorRate => self.target,
            Indicator::ResponseTime { .. } => return None,
        };
        // 100 - 99.9 is not 0.1 in binary; of a target with up to ten decimals it is the share that is meant.
        let meant = (percent * 1e10).round() / 1e12;
        Some(if meant > 0.0 { meant } else { percent / 100.0 })
    }
}
