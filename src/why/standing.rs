//! What stands now, as a running Probity says it beside its trail: what a rule looks at, and what it sees of that.

use std::sync::Arc;

use crate::clock::WallMs;

/// The present of what was asked about.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The rules that it may be about: of that key or name, or with alerts of that name.
    pub rules: Vec<RuleNow>,
    /// When silences and windows that rows name end, by their names: somebody may have changed them since.
    pub ends: Vec<(Arc<str>, WallMs)>,
}

/// A rule.
#[derive(Debug, Clone)]
pub struct RuleNow {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    /// The label `alertname` of its alerts.
    pub alert: Arc<str>,
    /// Why it is not in force, and all that is wrong.
    pub refused: Option<Arc<str>>,
    pub sight: SightNow,
    pub looks: Looks,
    /// `for`, in milliseconds.
    pub hold: i64,
    /// Alerts of it that are pending, and that fire.
    pub pending: usize,
    pub firing: usize,
    /// The channels that its alerts are told to.
    pub tells: Vec<Arc<str>>,
    /// Those that it names and that are not told, and why, as the trail writes it.
    pub denied: Vec<(Arc<str>, Arc<str>)>,
    /// No channel can be used: its alerts go to the log.
    pub to_log: bool,
}

/// Whether a rule sees what it is about.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SightNow {
    #[default]
    Clear,
    NoData {
        since: WallMs,
    },
    Failing {
        since: WallMs,
        message: Arc<str>,
    },
    /// So many alerts over the limit are left out.
    Limited(usize),
}

/// What a rule looks at.
#[derive(Debug, Clone)]
pub enum Looks {
    /// At no check: there is none such. As the rest of "it cannot fire: …".
    Nothing(Arc<str>),
    /// At checks, those first of which there is more to say, and at how many more.
    Checks {
        /// In words: "is Unhealthy", "has a failure_ratio over 0.05".
        wanted: Arc<str>,
        checks: Vec<CheckNow>,
        more: usize,
    },
    /// At what a source answers: in words, when it was last asked, and what it said.
    Source { wanted: Arc<str>, asked: Option<WallMs> },
    /// Nobody here knows: the rule is refused, or is no more.
    Unknown,
}

/// A check, and what of it the rule looks at.
#[derive(Debug, Clone)]
pub struct CheckNow {
    pub namespace: Arc<str>,
    pub name: Arc<str>,
    /// Healthy, …
    pub state: Arc<str>,
    pub reason: Arc<str>,
    pub message: Arc<str>,
    pub since: WallMs,
    /// The figure that is held against a bound; None: there is none yet, or the rule looks at the state.
    pub figure: Option<Arc<str>>,
    /// Whether the condition holds for it.
    pub met: bool,
}
