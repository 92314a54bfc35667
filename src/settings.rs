//! What `probity run` is told on the command line or in the environment, made usable.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use url::Url;

use crate::{controller::Budgets, net::Egress, telemetry::LogFormat, validate};

/// Settings of one process, valid by construction but for what only the system can tell.
#[derive(Debug, Clone)]
pub struct Settings {
    pub origin: Origin,
    pub listen: SocketAddr,
    pub data_dir: PathBuf,
    pub egress: Egress,
    /// At least 1, at most [`MAX_IN_FLIGHT`].
    pub max_in_flight: usize,
    /// Of the objects in a cluster.
    pub status: Budgets,
    /// How long data is kept.
    pub retention: Retention,
    pub api_token_file: Option<PathBuf>,
    /// In a cluster, whoever reaches the address may read.
    pub open_reads: bool,
    pub tls_cert: Option<PathBuf>,
    pub tls_key: Option<PathBuf>,
    /// Who is asked by rules that name no source.
    pub prometheus: Option<Url>,
    /// Whether rules of every namespace may ask it, and not only those of the operator's.
    pub shared_prometheus: bool,
    /// Of what channels of kind log write to stdout.
    pub log_format: LogFormat,
}

/// How long data is kept, by kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    pub history: Duration,
    /// The audit trail.
    pub audit: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 86_400);
        Self { history: validate::RETENTION, audit: days(400) }
    }
}

impl Retention {
    /// With what was said of some kinds; what is said last of a kind holds.
    pub fn with(said: &[Kept]) -> Self {
        said.iter().fold(Self::default(), |all, said| match *said {
            Kept::History(history) => Self { history, ..all },
            Kept::Audit(audit) => Self { audit, ..all },
        })
    }
}

/// How long data of one kind is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    History(Duration),
    Audit(Duration),
}

/// Where objects come from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// Manifest files and folders.
    Files(Vec<PathBuf>),
    /// The cluster that the environment leads to: these namespaces of it, or all when none is named.
    Cluster { namespaces: Vec<String> },
}

/// 2,000 silent targets with a timeout of half their interval hold 1,000 runs; four times that is room for a bad
/// day, at about 30 KB and one descriptor each.
pub const DEFAULT_IN_FLIGHT: usize = 4096;

/// A run holds a descriptor, and one address has about 28,000 ports: more would only fail here.
pub const MAX_IN_FLIGHT: usize = 28_000;

/// History is kept at most this long: ten years of hours fit the store's keys.
const MAX_RETENTION: Duration = Duration::from_secs(3660 * 86_400);

/// Parses `history=100d`: a kind of data and how long it is kept, at least a day.
///
/// # Errors
/// What is wrong and what would be right, in one line.
pub fn retention(text: &str) -> Result<Kept, String> {
    let (kind, duration) = text.split_once('=').ok_or("write KIND=DURATION, as in history=100d")?;
    let kept = match kind {
        "history" => Kept::History,
        "audit" => Kept::Audit,
        _ => return Err(format!("unknown kind of data \"{kind}\": this version keeps \"history\" and \"audit\"")),
    };
    let parsed =
        long_duration(duration).ok_or_else(|| format!("\"{duration}\" is not a duration: write 100d, 12w or 2400h"))?;
    if parsed < Duration::from_secs(86_400) || parsed > MAX_RETENTION {
        return Err(format!("\"{duration}\" is out of range: from 1d to 3660d"));
    }
    Ok(kept(parsed))
}

/// A duration of windows and retention: `^([0-9]+(ms|s|m|h|d|w))+$`.
pub fn long_duration(text: &str) -> Option<Duration> {
    validate::window_duration(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_last_of_a_kind_holds() {
        let (day, default) = (Duration::from_secs(86_400), Retention::default());
        assert_eq!(Retention::with(&[]), default);
        assert_eq!(Retention::with(&[Kept::Audit(day)]), Retention { audit: day, ..default });
        let said = [Kept::History(day), Kept::Audit(day), Kept::History(2 * day)];
        assert_eq!(Retention::with(&said), Retention { history: 2 * day, audit: day });
    }

    #[test]
    fn retention_takes_days_and_weeks_and_refuses_the_rest() {
        assert_eq!(retention("history=100d"), Ok(Kept::History(Duration::from_secs(100 * 86_400))));
        assert_eq!(retention("history=2w12h"), Ok(Kept::History(Duration::from_secs(14 * 86_400 + 12 * 3600))));
        assert_eq!(retention("audit=1d"), Ok(Kept::Audit(Duration::from_secs(86_400))));
        for bad in
            ["100d", "audits=1d", "history=", "history=1", "history=1y", "history=5h", "history=99999d", "history=-1d"]
        {
            assert!(retention(bad).is_err(), "{bad}");
        }
    }
}
