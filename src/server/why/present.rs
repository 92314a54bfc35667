//! What stands now of what was asked about, from the board of alerting and the snapshot of checks.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    alert::{desk::Because, rule::Sight},
    audit::Event,
    clock::WallMs,
    engine::{
        CheckView, Snapshot,
        alerts::{
            board::{Board, RuleCell},
            figure,
        },
    },
    history::About,
    model::{AlertRule, Bound, Checks, Condition, ObjectKey, Percentile, ProbeMetric},
    source::Verdict,
    why::{Asked, CheckNow, Gathered, Looks, RuleNow, SightNow, Standing},
};

/// Rules of one name that are told of: more than a person means.
const RULES: usize = 10;
/// Checks of a rule that are told one by one.
const CHECKS: usize = 10;

/// The rules that are meant, in these namespaces; None: in all.
pub(super) fn standing(
    board: &Board,
    snapshot: &Snapshot,
    asked: &Asked,
    gathered: &Gathered,
    namespaces: Option<&BTreeSet<Arc<str>>>,
    at: WallMs,
) -> Standing {
    let told: BTreeSet<(&Arc<str>, &Arc<str>)> = gathered
        .entries
        .iter()
        .filter_map(|entry| Some((&entry.namespace, entry.rule.as_ref().filter(|_| entry.fingerprint.is_some())?)))
        .collect();
    let mut cells = board.rules();
    cells.retain(|cell| {
        let ObjectKey { namespace, name } = &cell.key;
        let visible = namespaces.is_none_or(|namespaces| namespaces.contains(namespace));
        visible && if told.is_empty() { is_meant(cell, asked) } else { told.contains(&(namespace, name)) }
    });
    let rules = cells.iter().take(RULES).map(|cell| rule(cell, snapshot, at)).collect();
    Standing { rules, ends: ends(board, gathered) }
}

fn is_meant(cell: &RuleCell, asked: &Asked) -> bool {
    let view = cell.view();
    asked.meanings.iter().any(|about| match about {
        About::Alert(name) => view.model().is_some_and(|rule| rule.alert_name == *name),
        About::Rule { namespace, name } => {
            *name == cell.key.name && namespace.as_ref().is_none_or(|wanted| *wanted == cell.key.namespace)
        }
        About::Fingerprint(_) | About::FingerprintPrefix(_) | About::Notification(_) => false,
    })
}

/// When silences and windows that rows name end, as they are now.
fn ends(board: &Board, gathered: &Gathered) -> Vec<(Arc<str>, WallMs)> {
    let named: BTreeSet<(&str, &Arc<str>)> = gathered
        .entries
        .iter()
        .filter_map(|entry| match &entry.event {
            Event::Suppression { by, name, .. } if matches!(&**by, "silence" | "maintenance") => Some((&**by, name)),
            _ => None,
        })
        .collect();
    let end = |(by, text): (&str, &Arc<str>)| {
        let (namespace, name) = text.split_once('/')?;
        let key = ObjectKey::new(namespace, name);
        let end = match by {
            "silence" => board.silence(&key)?.model()?.ends_at,
            _ => board.window(&key)?.span?.end,
        };
        Some((text.clone(), end))
    };
    named.into_iter().filter_map(end).collect()
}

fn rule(cell: &RuleCell, snapshot: &Snapshot, at: WallMs) -> RuleNow {
    let view = cell.view();
    let refused = match &view.entry.verdict {
        Verdict::Refused(refused) => Some(refused.message.clone()),
        Verdict::Accepted(_) => None,
    };
    let model = view.model();
    let sight = match &view.sight {
        Sight::Clear => SightNow::Clear,
        Sight::Limited(over) => SightNow::Limited(*over),
        Sight::NoData { since, .. } => SightNow::NoData { since: since.wall },
        Sight::Failing { since, message, .. } => SightNow::Failing { since: since.wall, message: message.clone() },
    };
    let text = |key: &ObjectKey| Arc::<str>::from(key.to_string());
    let denied = |(channel, because): &(ObjectKey, Because)| (text(channel), Arc::from(because.as_str()));
    RuleNow {
        namespace: cell.key.namespace.clone(),
        name: cell.key.name.clone(),
        alert: model.map_or_else(|| cell.key.name.clone(), |rule| rule.alert_name.clone()),
        refused,
        sight,
        looks: model.map_or(Looks::Unknown, |rule| looks(rule, cell, snapshot, at)),
        hold: model.map_or(0, |rule| crate::alert::millis(rule.hold)),
        pending: view.counts.pending,
        firing: view.counts.active(),
        tells: view.routes.channels.iter().map(text).collect(),
        denied: view.routes.denied.iter().map(denied).collect(),
        to_log: view.routes.to_log,
    }
}

fn looks(rule: &AlertRule, cell: &RuleCell, snapshot: &Snapshot, at: WallMs) -> Looks {
    let (checks, wanted) = match &rule.condition {
        Condition::Promql { expr, bound, .. } => {
            let bound = bound.map_or(String::new(), |bound| format!(", and fires where it is {}", beyond(bound)));
            let wanted = format!("{}{bound}", expr.split_whitespace().collect::<Vec<_>>().join(" "));
            return Looks::Source { wanted: wanted.into(), asked: cell.evaluated().map(|last| last.at) };
        }
        Condition::HealthCheck { checks, states } => {
            let states: Vec<_> = states.iter().map(|state| state.as_str()).collect();
            (checks, format!("is {}", states.join(" or ")))
        }
        Condition::Probe { checks, metric, over, bound } => {
            (checks, format!("has a {} {} over {} s", metric_of(*metric), beyond(*bound), over.as_secs()))
        }
    };
    let namespace = &rule.key.namespace;
    let views: Vec<Arc<CheckView>> = match checks {
        Checks::Named(name) => {
            let key = ObjectKey::new(namespace.clone(), name.clone());
            match snapshot.get(&key) {
                Some(cell) => vec![cell.view.load_full()],
                None => return Looks::Nothing(format!("there is no check {key}").into()),
            }
        }
        Checks::Selected(selector) => {
            let all = snapshot.checks();
            let of = all.range(ObjectKey::new(namespace.clone(), "")..);
            let of = of.take_while(|(key, _)| key.namespace == *namespace).map(|(_, cell)| cell.view.load_full());
            let found: Vec<_> = of.filter(|view| selector.matches(&view.labels)).collect();
            if found.is_empty() {
                let why = format!("no check of namespace {namespace} has the labels {selector}");
                return Looks::Nothing(why.into());
            }
            found
        }
    };
    let mut checks: Vec<CheckNow> = views.iter().map(|view| check(rule, view, at)).collect();
    // Those of which there is something to say first.
    checks.sort_by_key(|check| (!check.met, &*check.state == "Healthy"));
    let more = checks.len().saturating_sub(CHECKS);
    checks.truncate(CHECKS);
    Looks::Checks { wanted: wanted.into(), checks, more }
}

fn check(rule: &AlertRule, view: &CheckView, at: WallMs) -> CheckNow {
    let (figure, met) = match &rule.condition {
        Condition::Probe { metric, over, bound, .. } => {
            let worst = worst(view, *metric, over.as_secs(), *bound, at);
            (worst.map(|value| format!("{value}").into()), worst.is_some_and(|value| bound.is_crossed(value)))
        }
        Condition::HealthCheck { states, .. } => (None, states.contains(&view.state)),
        Condition::Promql { .. } => (None, false),
    };
    CheckNow {
        namespace: view.key.namespace.clone(),
        name: view.key.name.clone(),
        state: view.state.as_str().into(),
        reason: view.reason.as_str().into(),
        message: view.message.clone(),
        since: view.since,
        figure,
        met,
    }
}

/// Of several targets the figure that is nearest to the bound, or beyond it.
fn worst(view: &CheckView, metric: ProbeMetric, seconds: u64, bound: Bound, at: WallMs) -> Option<f64> {
    let minutes = u32::try_from(seconds.div_ceil(60)).unwrap_or(u32::MAX);
    let figures = view.targets.iter().filter_map(|target| figure(&mut target.history.lock(), at, minutes, metric));
    match bound {
        Bound::Above(_) => figures.max_by(f64::total_cmp),
        Bound::Below(_) => figures.min_by(f64::total_cmp),
    }
}

/// As `probe.metric` names it.
fn metric_of(metric: ProbeMetric) -> &'static str {
    match metric {
        ProbeMetric::FailureRatio => "failure_ratio",
        ProbeMetric::LatencyAverage => "latency_avg",
        ProbeMetric::LatencyQuantile(Percentile::P50) => "latency_p50",
        ProbeMetric::LatencyQuantile(Percentile::P90) => "latency_p90",
        ProbeMetric::LatencyQuantile(Percentile::P95) => "latency_p95",
        ProbeMetric::LatencyQuantile(Percentile::P99) => "latency_p99",
    }
}

fn beyond(bound: Bound) -> String {
    match bound {
        Bound::Above(value) => format!("above {value}"),
        Bound::Below(value) => format!("below {value}"),
    }
}
