//! `/api/v1/rules` and `/api/v1/alerts`, as Prometheus answers them
//! (<https://prometheus.io/docs/prometheus/latest/querying/api/#rules>), so that what reads a Prometheus reads this.
//!
//! A rule of ours has an interval of its own, so each is a group: `file` is its namespace, `name` its own. What
//! Prometheus has no word for stands beside its keys: an alert's fingerprint and message.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde::{
    Serialize,
    ser::{SerializeMap, SerializeSeq, Serializer},
};
use warp::{Filter, filters::BoxedFilter, reply::Response};

use super::{
    super::{
        State,
        answer::{self, ApiError},
        query::Query,
        routes::{raw_query, with},
        visible::{Visible, visible},
    },
    query_of,
};
use crate::{
    alert::{AlertIs, Matchers, Shown, Value, book::Looked, rule::Sight},
    clock::{WallMs, rfc3339},
    engine::alerts::board::{RuleCell, RuleView},
    model::{AlertRule, Condition},
};

/// Groups of one answer, unless fewer are asked for: what is over it is behind `groupNextToken`. At some 2 KB each.
const GROUPS_MAX: usize = 20_000;

pub(super) fn filter(state: &Arc<State>) -> BoxedFilter<(Response,)> {
    let rules = warp::path!("api" / "v1" / "rules").and(with(state)).and(raw_query()).and(visible()).then(rules);
    let alerts = warp::path!("api" / "v1" / "alerts").and(with(state)).and(raw_query()).and(visible()).then(alerts);
    warp::get().and(rules.or(alerts).unify()).boxed()
}

/// Which rules and alerts are meant.
struct Which {
    visible: Visible,
    namespace: Option<String>,
    /// Names of alerts, of groups and of files; empty: any.
    names: Vec<String>,
    groups: Vec<String>,
    files: Vec<String>,
    /// Label matchers of which one list has to hold; empty: any.
    matches: Vec<Matchers>,
    /// Only recording rules: there are none.
    none: bool,
    without_alerts: bool,
    limit: usize,
    /// The group to begin with: `NAMESPACE/NAME`.
    next: Option<String>,
}

const ONCE: [&str; 5] = ["namespace", "type", "exclude_alerts", "group_limit", "group_next_token"];
const REPEATED: [&str; 4] = ["rule_name[]", "rule_group[]", "file[]", "match[]"];

impl Which {
    fn parse(raw: &str, visible: Visible) -> Result<Self, ApiError> {
        let query = Query::parse_repeated(raw, &ONCE, &REPEATED)?;
        let wrong = |name: &str, why: String| ApiError::bad_request(format!("query parameter {name:?}: {why}"));
        let none = match query.get("type") {
            None | Some("" | "alert") => false,
            Some("record") => true,
            Some(_) => return Err(wrong("type", "it is alert or record".to_owned())),
        };
        let without_alerts = match query.get("exclude_alerts") {
            None | Some("" | "false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return Err(wrong("exclude_alerts", "it is true or false".to_owned())),
        };
        let limit = match query.get("group_limit").map(str::parse) {
            None => GROUPS_MAX,
            Some(Ok(limit)) if (1..=GROUPS_MAX).contains(&limit) => limit,
            Some(_) => return Err(wrong("group_limit", format!("it is 1 to {GROUPS_MAX}"))),
        };
        let matches = query.all("match[]").map(|text| Matchers::parse(text).map_err(|error| error.to_string()));
        let owned = |name| query.all(name).map(str::to_owned).collect();
        Ok(Self {
            visible,
            namespace: query.get("namespace").filter(|namespace| !namespace.is_empty()).map(str::to_owned),
            names: owned("rule_name[]"),
            groups: owned("rule_group[]"),
            files: owned("file[]"),
            matches: matches.collect::<Result<_, _>>().map_err(|why| wrong("match[]", why))?,
            none,
            without_alerts,
            limit,
            next: query.get("group_next_token").filter(|token| !token.is_empty()).map(str::to_owned),
        })
    }

    fn takes(&self, cell: &RuleCell, rule: &AlertRule) -> bool {
        let any = |names: &[String], name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
        !self.none
            && self.visible.takes(&cell.key.namespace)
            && self.namespace.as_ref().is_none_or(|namespace| **namespace == *cell.key.namespace)
            && any(&self.names, &rule.alert_name)
            && any(&self.groups, &cell.key.name)
            && any(&self.files, &cell.key.namespace)
            && (self.matches.is_empty() || self.matches.iter().any(|matchers| matchers.matches(&labels_of(rule))))
    }
}

async fn rules(state: Arc<State>, raw: String, visible: Visible) -> Response {
    let which = match Which::parse(&raw, visible) {
        Ok(which) => which,
        Err(error) => return error.response(),
    };
    answer::off_the_runtime(move || {
        // A refused rule is not in force: it stands in /api/v1/alertrules.
        let mut groups: Vec<Group> = Vec::new();
        let mut next = None;
        for cell in state.board.rules() {
            let view = cell.view();
            let Some(rule) = view.model().filter(|rule| which.takes(&cell, rule)).cloned() else { continue };
            let token = || cell.key.to_string();
            if which.next.as_ref().is_some_and(|next| token() < *next) {
                continue;
            }
            if groups.len() >= which.limit {
                next = Some(token());
                break;
            }
            groups.push(Group { cell, view, rule, without_alerts: which.without_alerts });
        }
        answer::json(&Success { data: Groups { groups, next } })
    })
    .await
}

async fn alerts(state: Arc<State>, raw: String, visible: Visible) -> Response {
    let which = match Which::parse(&raw, visible) {
        Ok(which) => which,
        Err(error) => return error.response(),
    };
    answer::off_the_runtime(move || {
        let rules = state.board.rules();
        let rules = rules.iter().filter(|cell| cell.view().model().is_some_and(|rule| which.takes(cell, rule)));
        answer::json(&Success { data: Alerts { alerts: rules.flat_map(|cell| cell.alerts()).collect() } })
    })
    .await
}

struct Success<T> {
    data: T,
}

impl<T: Serialize> Serialize for Success<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("status", "success")?;
        map.serialize_entry("data", &self.data)?;
        map.end()
    }
}

#[derive(Serialize)]
struct Groups {
    groups: Vec<Group>,
    #[serde(rename = "groupNextToken", skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

struct Alerts {
    alerts: Vec<Arc<Shown>>,
}

impl Serialize for Alerts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(1))?;
        map.serialize_entry("alerts", &AlertList(&self.alerts))?;
        map.end()
    }
}

struct AlertList<'a>(&'a [Arc<Shown>]);

impl Serialize for AlertList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(Some(self.0.len()))?;
        for alert in self.0 {
            seq.serialize_element(&Alert(alert))?;
        }
        seq.end()
    }
}

struct Alert<'a>(&'a Shown);

impl Serialize for Alert<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let episode = &self.0.episode;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("labels", &episode.labels)?;
        map.serialize_entry("annotations", &episode.annotations)?;
        map.serialize_entry("state", state_of(self.0.is()))?;
        map.serialize_entry("activeAt", &rfc3339(episode.active.wall))?;
        if let Some(since) = episode.keeping {
            map.serialize_entry("keepFiringSince", &rfc3339(since.wall))?;
        }
        map.serialize_entry("value", &exponential(episode.value))?;
        map.serialize_entry("fingerprint", &episode.fingerprint.to_string())?;
        map.serialize_entry("message", &*episode.message)?;
        map.end()
    }
}

/// Prometheus knows no silences: what is muted fires.
fn state_of(is: AlertIs) -> &'static str {
    match is {
        AlertIs::Pending => "pending",
        AlertIs::Firing | AlertIs::Silenced => "firing",
    }
}

/// As Go writes a float with the verb `e`: `1e+00`, `5.5e-02`; empty where there is none.
fn exponential(value: Option<Value>) -> String {
    let Some(Value(value)) = value else { return String::new() };
    if !value.is_finite() {
        return Value(value).to_string();
    }
    let text = format!("{value:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |rest| ('-', rest));
    format!("{digits}e{sign}{exponent:0>2}")
}

struct Group {
    cell: Arc<RuleCell>,
    view: Arc<RuleView>,
    rule: Arc<AlertRule>,
    without_alerts: bool,
}

impl Serialize for Group {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let evaluated = self.cell.evaluated();
        let interval = match self.rule.condition {
            // It is looked at when something changes.
            Condition::HealthCheck { .. } => 0.0,
            Condition::Probe { .. } | Condition::Promql { .. } => self.rule.interval.as_secs_f64(),
        };
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("name", &*self.cell.key.name)?;
        map.serialize_entry("file", &*self.cell.key.namespace)?;
        map.serialize_entry("rules", &[Rule(self)])?;
        map.serialize_entry("interval", &interval)?;
        map.serialize_entry("limit", &0)?;
        map.serialize_entry("evaluationTime", &evaluated.map_or(Duration::ZERO, |it| it.took).as_secs_f64())?;
        map.serialize_entry("lastEvaluation", &last(evaluated.map(|it| it.at)))?;
        map.end()
    }
}

struct Rule<'a>(&'a Group);

impl Serialize for Rule<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Group { cell, view, rule, without_alerts } = self.0;
        let evaluated = cell.evaluated();
        let state = match view.counts {
            counts if counts.active() > 0 => "firing",
            counts if counts.pending > 0 => "pending",
            _ => "inactive",
        };
        let annotations: BTreeMap<&str, &str> =
            rule.annotations.iter().map(|(name, template)| (&**name, template.source())).collect();
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("state", state)?;
        map.serialize_entry("name", &*rule.alert_name)?;
        map.serialize_entry("query", &query_of(&rule.condition))?;
        map.serialize_entry("duration", &rule.hold.as_secs_f64())?;
        map.serialize_entry("keepFiringFor", &rule.keep_firing_for.as_secs_f64())?;
        map.serialize_entry("labels", &labels_of(rule))?;
        map.serialize_entry("annotations", &annotations)?;
        if !without_alerts {
            map.serialize_entry("alerts", &AlertList(&cell.alerts()))?;
        }
        let (health, error) = health(&view.sight, evaluated.map(|it| it.result));
        map.serialize_entry("health", health)?;
        if let Some(error) = error {
            map.serialize_entry("lastError", &error)?;
        }
        map.serialize_entry("evaluationTime", &evaluated.map_or(Duration::ZERO, |it| it.took).as_secs_f64())?;
        map.serialize_entry("lastEvaluation", &last(evaluated.map(|it| it.at)))?;
        map.serialize_entry("type", "alerting")?;
        map.end()
    }
}

/// The labels that the rule gives its alerts, as it says them.
fn labels_of(rule: &AlertRule) -> crate::alert::Labels {
    let own = rule.alert_labels.iter().map(|(name, template)| (name.clone(), Arc::from(template.source())));
    let severity = (Arc::from("severity"), Arc::from(rule.severity.as_str()));
    crate::alert::Labels::annotations([severity].into_iter().chain(own))
}

/// Not seen is not ok.
fn health(sight: &Sight, looked: Option<Looked>) -> (&'static str, Option<String>) {
    match sight {
        Sight::Failing { message, .. } => ("err", Some(message.to_string())),
        Sight::Limited(over) => ("err", Some(format!("{over} alerts over the limit are left out"))),
        Sight::NoData { subjects: 0 | 1, .. } => ("unknown", Some("no data".to_owned())),
        Sight::NoData { subjects, .. } => ("unknown", Some(format!("no data of {subjects}"))),
        Sight::Clear if looked.is_some() => ("ok", None),
        Sight::Clear => ("unknown", None),
    }
}

/// Go's zero time where there was none.
fn last(at: Option<WallMs>) -> String {
    at.map_or_else(|| "0001-01-01T00:00:00Z".to_owned(), rfc3339)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::alert::Moment;

    #[test]
    fn floats_are_as_go_writes_them() {
        for (value, want) in [
            (0.0, "0e+00"),
            (1.0, "1e+00"),
            (0.055, "5.5e-02"),
            (-12345.678, "-1.2345678e+04"),
            (1e100, "1e+100"),
            (f64::NAN, "NaN"),
            (f64::NEG_INFINITY, "-Inf"),
        ] {
            assert_eq!(exponential(Some(Value(value))), want);
        }
        assert_eq!(exponential(None), "");
    }

    #[test]
    fn what_was_not_seen_is_not_ok() {
        let since = Moment { at: 0, wall: 0 };
        let failing = Sight::Failing { subjects: 1, since, message: "down".into() };
        for (sight, looked, health_, error) in [
            (Sight::Clear, None, "unknown", None),
            (Sight::Clear, Some(Looked::Ok), "ok", None),
            (Sight::NoData { subjects: 1, since }, Some(Looked::NoData), "unknown", Some("no data")),
            (Sight::Limited(3), Some(Looked::Ok), "err", Some("3 alerts over the limit are left out")),
            (failing, Some(Looked::Failed), "err", Some("down")),
        ] {
            assert_eq!(health(&sight, looked), (health_, error.map(str::to_owned)), "{sight:?}");
        }
    }

    #[test]
    fn parameters_are_prometheus_own() {
        let good = "type=alert&rule_name[]=A&rule_name%5B%5D=B&rule_group[]=g&file[]=f&match[]=%7Ba%3D%22b%22%7D&match[]=c%3D%22d%22\
                    &exclude_alerts=true&group_limit=2&group_next_token=a/b";
        let which = Which::parse(good, Visible::All).unwrap();
        assert_eq!((which.names, which.matches.len(), which.limit), (vec!["A".to_owned(), "B".to_owned()], 2, 2));
        assert!(Which::parse("type=record", Visible::All).unwrap().none);
        for bad in [
            "type=x",
            "exclude_alerts=2",
            "group_limit=0",
            "group_limit=x",
            "match[]=%7B",
            "type=alert&type=alert",
            "x=1",
        ] {
            assert!(Which::parse(bad, Visible::All).is_err(), "{bad}");
        }
    }
}
