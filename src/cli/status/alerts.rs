//! What there is to say of alerting: open alerts, rules that cannot see, channels that do not deliver. Pure.

use serde::Deserialize;

use super::table::{age, aligned};
use crate::{cli::plain, clock::WallMs};

/// One AlertRule of `/api/v1/alertrules`.
#[derive(Debug, Deserialize)]
pub(super) struct Rule {
    namespace: String,
    name: String,
    state: String,
    message: String,
    active: usize,
    pending: usize,
    alerts: Vec<Alert>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Alert {
    fingerprint: String,
    name: String,
    state: String,
    severity: Option<String>,
    message: String,
    active_at: String,
    starts_at: Option<String>,
    silenced_by: Vec<String>,
    muted_by: Vec<String>,
    inhibited_by: Option<Inhibitor>,
    dependency: Option<String>,
    acknowledged: Option<Ack>,
}

#[derive(Debug, Deserialize)]
struct Inhibitor {
    rule: String,
}

#[derive(Debug, Deserialize)]
struct Ack {
    by: String,
}

/// One NotificationChannel of `/api/v1/channels`.
#[derive(Debug, Deserialize)]
pub(super) struct Channel {
    namespace: String,
    name: String,
    ready: Ready,
    delivering: Option<bool>,
    waiting: usize,
    dead: u64,
    gone: Option<String>,
    last: Option<Last>,
}

#[derive(Debug, Deserialize)]
struct Ready {
    status: bool,
    message: String,
}

#[derive(Debug, Deserialize)]
struct Last {
    answer: String,
}

impl Rule {
    /// Something fires that nobody mutes, or it cannot see.
    pub(super) fn is_bad(&self) -> bool {
        matches!(self.state.as_str(), "Firing" | "Error")
    }

    fn is_blind(&self) -> bool {
        matches!(self.state.as_str(), "Error" | "NoData")
    }
}

impl Channel {
    /// It is refused, or what it was told last has not arrived.
    pub(super) fn is_bad(&self) -> bool {
        !self.ready.status || self.delivering == Some(false)
    }

    fn why(&self) -> &str {
        if !self.ready.status {
            return &self.ready.message;
        }
        let last = self.last.as_ref().map(|last| last.answer.as_str());
        self.gone.as_deref().or(last).unwrap_or_default()
    }
}

const ALERTS: [&str; 8] = ["NAMESPACE", "ALERT", "SEVERITY", "STATE", "SINCE", "FINGERPRINT", "HELD BACK", "MESSAGE"];
const RULES: [&str; 4] = ["NAMESPACE", "RULE", "STATE", "MESSAGE"];
const CHANNELS: [&str; 5] = ["NAMESPACE", "CHANNEL", "WAITING", "DEAD", "WHY"];

/// The tables that have something in them, each behind a blank line, and one line that sums up. Nothing where there is
/// neither rule nor channel.
pub(super) fn render(rules: &[Rule], channels: &[Channel], now: WallMs) -> String {
    let mut out = String::new();
    if rules.is_empty() && channels.is_empty() {
        return out;
    }
    let mut open: Vec<(&Rule, &Alert)> =
        rules.iter().flat_map(|rule| rule.alerts.iter().map(move |alert| (rule, alert))).collect();
    open.sort_by_key(|(rule, alert)| (rank(alert), &rule.namespace, &alert.name, &alert.fingerprint));
    let open: Vec<_> = open.iter().map(|(rule, alert)| alert_row(rule, alert, now)).collect();
    let blind: Vec<_> = rules
        .iter()
        .filter(|rule| rule.is_blind())
        .map(|rule| [&rule.namespace, &rule.name, &rule.state, &rule.message].map(|text| plain(text)))
        .collect();
    let dead: Vec<_> = channels
        .iter()
        .filter(|channel| channel.is_bad())
        .map(|channel| {
            let Channel { namespace, name, waiting, dead, .. } = channel;
            [plain(namespace), plain(name), waiting.to_string(), dead.to_string(), plain(channel.why())]
        })
        .collect();
    for table in [aligned(ALERTS, &open), aligned(RULES, &blind), aligned(CHANNELS, &dead)] {
        if !table.is_empty() {
            out.push('\n');
            out.push_str(&table);
        }
    }
    out.push('\n');
    out.push_str(&sum(rules, channels));
    // A list of many alerts is cut by the server.
    let left_out: usize = rules.iter().map(|rule| (rule.active + rule.pending).saturating_sub(rule.alerts.len())).sum();
    if left_out > 0 {
        out.push_str(&format!("{left_out} alerts more are in /api/v1/alerts\n"));
    }
    out
}

fn rank(alert: &Alert) -> (u8, u8) {
    let state = match alert.state.as_str() {
        "Firing" => 0,
        "Silenced" => 1,
        _ => 2,
    };
    let severity = match alert.severity.as_deref() {
        Some("critical") => 0,
        Some("high") => 1,
        Some("medium") => 2,
        Some("low") => 3,
        _ => 4,
    };
    (state, severity)
}

fn alert_row(rule: &Rule, alert: &Alert, now: WallMs) -> [String; 8] {
    let began: Option<jiff::Timestamp> = alert.starts_at.as_ref().unwrap_or(&alert.active_at).parse().ok();
    let since = began.map_or_else(|| "-".to_owned(), |at| age(now.saturating_sub(at.as_millisecond())));
    [
        plain(&rule.namespace),
        plain(&alert.name),
        alert.severity.as_deref().map_or_else(|| "-".to_owned(), plain),
        plain(&alert.state),
        since,
        plain(&alert.fingerprint),
        held_back(alert),
        plain(&alert.message),
    ]
}

/// What stands between the alert and whoever would be told.
fn held_back(alert: &Alert) -> String {
    let mut by: Vec<String> = alert.silenced_by.iter().map(|name| format!("silence {name}")).collect();
    by.extend(alert.muted_by.iter().map(|name| format!("window {name}")));
    by.extend(alert.inhibited_by.iter().map(|inhibitor| format!("alert of {}", inhibitor.rule)));
    by.extend(alert.dependency.iter().map(|check| format!("{check} is down")));
    by.extend(alert.acknowledged.iter().map(|ack| format!("acknowledged by {}", ack.by)));
    if by.is_empty() { "-".to_owned() } else { plain(&by.join(", ")) }
}

/// `3 rules: 1 firing, 1 error; 2 channels: 1 does not deliver`.
fn sum(rules: &[Rule], channels: &[Channel]) -> String {
    let noun = |count: usize, one: &str| format!("{count} {one}{}", if count == 1 { "" } else { "s" });
    let states = ["Error", "Firing", "NoData", "Silenced", "Pending", "Inactive"];
    let states: Vec<_> = states
        .into_iter()
        .filter_map(|state| {
            let count = rules.iter().filter(|rule| rule.state == state).count();
            (count > 0).then(|| format!("{count} {}", state.to_lowercase()))
        })
        .collect();
    let bad = channels.iter().filter(|channel| channel.is_bad()).count();
    let bad = if bad > 0 { format!(": {bad} not delivering") } else { String::new() };
    let states = if states.is_empty() { String::new() } else { format!(": {}", states.join(", ")) };
    format!("{}{states}; {}{bad}\n", noun(rules.len(), "rule"), noun(channels.len(), "channel"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn open_alerts_blind_rules_and_dead_channels_are_told_and_nothing_else() {
        let alert = |name: &str, state: &str, severity: &str, silence: &[&str]| {
            json!({
                "fingerprint": "00000000000000aa", "name": name, "state": state, "severity": severity,
                "message": "it is\ndown", "activeAt": "2023-11-14T22:13:20.000Z", "startsAt": null,
                "silencedBy": silence, "mutedBy": [], "inhibitedBy": null, "dependency": null, "acknowledged": null,
            })
        };
        let rule = |name: &str, state: &str, message: &str, alerts: serde_json::Value| {
            json!({
                "namespace": "shop", "name": name, "state": state, "message": message, "active": 2, "pending": 0,
                "alerts": alerts,
            })
        };
        let rules: Vec<Rule> = serde_json::from_value(json!([
            rule(
                "a",
                "Firing",
                "",
                json!([alert("Muted", "Silenced", "critical", &["shop/s"]), alert("Down", "Firing", "high", &[])])
            ),
            rule("b", "Error", "connection refused", json!([])),
        ]))
        .unwrap();
        let channel = |name: &str, delivering: bool| {
            json!({
                "namespace": "shop", "name": name, "ready": {"status": true, "message": "in force"}, "delivering": delivering,
                "waiting": 3, "dead": 1, "gone": null, "last": {"answer": "410 Gone"},
            })
        };
        let channels: Vec<Channel> =
            serde_json::from_value(json!([channel("good", true), channel("bad", false)])).unwrap();
        let text = render(&rules, &channels, 1_700_000_000_000 + 90_000);
        assert_eq!(
            text,
            "\nNAMESPACE   ALERT   SEVERITY   STATE      SINCE   FINGERPRINT        HELD BACK        MESSAGE\n\
             shop        Down    high       Firing     90s     00000000000000aa   -                it is\\ndown\n\
             shop        Muted   critical   Silenced   90s     00000000000000aa   silence shop/s   it is\\ndown\n\
             \nNAMESPACE   RULE   STATE   MESSAGE\n\
             shop        b      Error   connection refused\n\
             \nNAMESPACE   CHANNEL   WAITING   DEAD   WHY\n\
             shop        bad       3         1      410 Gone\n\
             \n2 rules: 1 error, 1 firing; 2 channels: 1 not delivering\n\
             2 alerts more are in /api/v1/alerts\n"
        );
        assert!(rules.iter().all(Rule::is_bad));
        assert_eq!(channels.iter().map(Channel::is_bad).collect::<Vec<_>>(), [false, true]);
        assert_eq!(render(&[], &[], 0), "");
    }
}
