//! What there is to say of SLOTargets: each with its figures, the worst first. Pure.

use serde::Deserialize;

use super::table::aligned;
use crate::cli::plain;

/// One SLOTarget of `/api/v1/slotargets`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SloTarget {
    namespace: String,
    name: String,
    ready: Ready,
    indicator: Option<String>,
    target: Option<f64>,
    unit: Option<String>,
    period: Option<String>,
    state: String,
    current: Option<f64>,
    error_budget: Option<Budget>,
    #[serde(default)]
    burn_rates: Vec<Burn>,
    coverage: Option<f64>,
    bounds: Option<Bounds>,
}

#[derive(Debug, Deserialize)]
struct Ready {
    status: bool,
    message: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Budget {
    remaining: String,
    remaining_percent: f64,
}

#[derive(Debug, Deserialize)]
struct Burn {
    window: String,
    rate: Option<f64>,
}

#[derive(Debug, Deserialize)]
struct Bounds {
    lowest: f64,
    highest: f64,
}

const HEAD: [&str; 11] = [
    "NAMESPACE",
    "SLO",
    "INDICATOR",
    "TARGET",
    "CURRENT",
    "STATE",
    "BUDGET",
    "BURN(1H)",
    "WINDOW",
    "OBSERVED",
    "BOUNDS",
];
const REFUSED: [&str; 3] = ["NAMESPACE", "SLO", "REFUSED"];

impl SloTarget {
    /// It is refused, or misses its target by more than is tolerated.
    pub(super) fn is_bad(&self) -> bool {
        !self.ready.status || self.state == "Violated"
    }

    fn row(&self) -> [String; 11] {
        let none = || "-".to_owned();
        let unit = self.unit.as_deref().unwrap_or_default();
        let figure = |value: Option<f64>| value.map_or_else(none, |value| format!("{}{unit}", short(value)));
        let hour = self.burn_rates.iter().find(|burn| burn.window == "1h").and_then(|burn| burn.rate);
        [
            plain(&self.namespace),
            plain(&self.name),
            self.indicator.as_deref().map_or_else(none, plain),
            self.target.map_or_else(none, |target| format!("{target}{unit}")),
            figure(self.current),
            plain(&self.state),
            self.error_budget.as_ref().map_or_else(none, |budget| {
                format!("{}% ({})", short(budget.remaining_percent), plain(&budget.remaining))
            }),
            hour.map_or_else(none, |rate| short(rate).to_string()),
            self.period.as_deref().map_or_else(none, plain),
            self.coverage.map_or_else(none, |coverage| format!("{}%", short(coverage))),
            self.bounds
                .as_ref()
                .map_or_else(none, |bounds| format!("{} to {}{unit}", short(bounds.lowest), short(bounds.highest))),
        ]
    }
}

/// A table behind a blank line, and one line that sums up; nothing where there is no SLOTarget.
pub(super) fn render(mut targets: Vec<SloTarget>) -> String {
    if targets.is_empty() {
        return String::new();
    }
    targets.sort_by(|a, b| (rank(a), &a.namespace, &a.name).cmp(&(rank(b), &b.namespace, &b.name)));
    let rows: Vec<_> = targets.iter().filter(|target| target.ready.status).map(SloTarget::row).collect();
    let refused: Vec<_> = targets
        .iter()
        .filter(|target| !target.ready.status)
        .map(|target| [&target.namespace, &target.name, &target.ready.message].map(|text| plain(text)))
        .collect();
    let tables = [aligned(HEAD, &rows), aligned(REFUSED, &refused)];
    let mut out: String = tables.iter().filter(|table| !table.is_empty()).map(|table| format!("\n{table}")).collect();
    let counts = ["Violated", "Warning", "Unknown", "Compliant"].map(|state| {
        let is = |target: &&SloTarget| target.ready.status && target.state == state;
        (targets.iter().filter(is).count(), state.to_lowercase())
    });
    let refused = (refused.len(), "refused".to_owned());
    let told = counts.into_iter().chain([refused]).filter(|(count, _)| *count > 0);
    let told: Vec<_> = told.map(|(count, state)| format!("{count} {state}")).collect();
    let noun = if targets.len() == 1 { "SLO" } else { "SLOs" };
    out.push_str(&format!("\n{} {noun}: {}\n", targets.len(), told.join(", ")));
    out
}

fn rank(target: &SloTarget) -> u8 {
    match (target.ready.status, target.state.as_str()) {
        (true, "Violated") => 0,
        (true, "Warning") => 1,
        (true, "Unknown") => 2,
        (true, _) => 3,
        (false, _) => 4,
    }
}

/// Two decimals, unless it would say all or nothing where it is not.
fn short(value: f64) -> f64 {
    let rounded = (value * 100.0).round() / 100.0 + 0.0;
    if (rounded == 0.0 || rounded == 100.0) && rounded != value { value } else { rounded }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_worst_come_first_and_what_there_is_not_is_a_dash() {
        let target = |name: &str, state: &str, more: serde_json::Value| {
            let mut all = json!({
                "namespace": "shop", "name": name, "ready": {"status": true, "message": "in force"}, "state": state,
                "indicator": "availability", "target": 99.9, "unit": "%", "period": "30d",
            });
            all.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            serde_json::from_value::<SloTarget>(all).unwrap()
        };
        let good = json!({
            "current": 99.99996, "coverage": 98.66, "bounds": {"lowest": 98.6, "highest": 99.997},
            "errorBudget": {"total": "43m12s", "remaining": "21m36s", "remainingPercent": 50.004},
            "burnRates": [{"window": "5m", "rate": null}, {"window": "1h", "rate": 0.4}],
        });
        let refused = json!({"ready": {"status": false, "message": "spec.target: must\u{7} be"}});
        let targets = vec![
            target("good", "Compliant", good),
            target("new", "Unknown", json!({})),
            target("bad", "Violated", json!({"current": 12.345})),
            target("wrong", "Unknown", refused),
        ];
        assert_eq!(targets.iter().map(SloTarget::is_bad).collect::<Vec<_>>(), [false, false, true, true]);
        assert_eq!(
            render(targets),
            "\n\
             NAMESPACE   SLO    INDICATOR      TARGET   CURRENT     STATE       BUDGET         BURN(1H)   WINDOW   OBSERVED   BOUNDS\n\
             shop        bad    availability   99.9%    12.35%      Violated    -              -          30d      -          -\n\
             shop        new    availability   99.9%    -           Unknown     -              -          30d      -          -\n\
             shop        good   availability   99.9%    99.99996%   Compliant   50% (21m36s)   0.4        30d      98.66%     98.6 to 99.997%\n\
             \n\
             NAMESPACE   SLO     REFUSED\n\
             shop        wrong   spec.target: must\\u{7} be\n\
             \n\
             4 SLOs: 1 violated, 1 unknown, 1 compliant, 1 refused\n"
        );
        assert_eq!(render(Vec::new()), "");
    }
}
