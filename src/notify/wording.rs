//! How a notification is put into words; every channel that people read takes its words from here. Pure.

use std::time::Duration;

use super::{letter::Letter, text::one_line};
use crate::{
    alert::{Alert, Labels, Severity, Status, Why},
    clock::{WallMs, rfc3339},
};

/// What stands above all else: `🚨 HIGH Alert: HighErrorRate`, with how many there are where it is not one.
pub(super) fn headline(letter: &Letter<'_>) -> String {
    let notification = letter.notification;
    if notification.why == Why::Test {
        return format!("🔔 Test of {}", notification.channel);
    }
    let sign = if notification.status() == Status::Resolved { "✅" } else { "🚨" };
    let severity = match notification.severity() {
        Some(severity) => severity.as_str().to_uppercase(),
        None => notification.alerts.first().map(severity_word).unwrap_or_default().to_uppercase(),
    };
    let severity = if severity.is_empty() { severity } else { format!("{severity} ") };
    format!("{sign} {severity}Alert: {}{}", one_line(&names(&news_first(letter))), counts(letter))
}

/// All alerts, those first that it is about: where there is no room for all, the others are left out.
pub(super) fn news_first<'a>(letter: &Letter<'a>) -> Vec<&'a Alert> {
    let mut alerts: Vec<&Alert> = letter.notification.alerts.iter().collect();
    alerts.sort_by_key(|alert| !alert.news);
    alerts
}

/// The name that all alerts share, or the first and how many others.
fn names(alerts: &[&Alert]) -> String {
    let mut names: Vec<&str> = alerts.iter().map(|alert| &*alert.name).collect();
    names.sort_unstable();
    names.dedup();
    let first = alerts.first().map_or("", |alert| &*alert.name);
    match names.len() {
        0 | 1 => first.to_owned(),
        2 => format!("{first} and 1 other"),
        several => format!("{first} and {} others", several - 1),
    }
}

fn counts(letter: &Letter<'_>) -> String {
    let notification = letter.notification;
    let (firing, resolved) = (notification.firing().count(), notification.resolved().count());
    match (firing, resolved, notification.truncated) {
        (1, 0, 0) => String::new(),
        (0, 1, 0) => " (resolved)".to_owned(),
        (firing, 0, _) => format!(" ({firing} firing{})", more(notification.truncated)),
        (0, resolved, _) => format!(" ({resolved} resolved{})", more(notification.truncated)),
        (firing, resolved, _) => format!(" ({firing} firing, {resolved} resolved{})", more(notification.truncated)),
    }
}

fn more(truncated: u32) -> String {
    if truncated == 0 { String::new() } else { format!(", {truncated} more") }
}

/// What is to be said of the sending itself, a sentence each.
pub(super) fn remarks(letter: &Letter<'_>) -> Vec<String> {
    let notification = letter.notification;
    let mut remarks = Vec::new();
    match notification.why {
        Why::Test => remarks.push("Somebody tries this channel: nothing is wrong.".to_owned()),
        Why::Escalation => remarks.push("Escalated: nobody has acted on it.".to_owned()),
        Why::MuteEnded => remarks.push("It was muted until now, and still fires.".to_owned()),
        Why::Unsuppressed => remarks.push("It was held back until now, and still fires.".to_owned()),
        Why::Repeat => remarks.push("Told before; it still fires.".to_owned()),
        Why::Digest => remarks.push("The rate limit of this channel was reached: several in one.".to_owned()),
        Why::First | Why::New | Why::SomeResolved | Why::AllResolved => {}
    }
    if let Some(instead_of) = &notification.instead_of {
        remarks.push(format!("Told here because {instead_of} could not be told."));
    }
    if letter.marks.possible_repeat {
        remarks.push("Possible repeat: it is not known whether this was delivered before.".to_owned());
    }
    if letter.marks.unrecorded {
        remarks.push("Not recorded: Probity's store cannot be written, so this may be told again.".to_owned());
    }
    remarks
}

/// How many alerts are not shown, where `shown` are; None where all are.
pub(super) fn left_out(letter: &Letter<'_>, shown: usize) -> Option<String> {
    let here = letter.notification.alerts.len().saturating_sub(shown);
    match here + letter.notification.truncated as usize {
        0 => None,
        1 => Some("1 more alert is not shown.".to_owned()),
        left_out => Some(format!("{left_out} more alerts are not shown.")),
    }
}

/// What the alert says, or else its name.
pub(super) fn message(alert: &Alert) -> &str {
    if alert.message.trim().is_empty() { &alert.name } else { &alert.message }
}

/// The severity as people see it: one of the four, or what the label says.
pub(super) fn severity_word(alert: &Alert) -> &str {
    match alert.severity {
        Some(severity) => severity.as_str(),
        None => alert.labels.value("severity"),
    }
}

/// `firing`, `resolved`, with the reason where there is one, and with both where only one message tells of both.
pub(super) fn status_words(alert: &Alert) -> String {
    let mut words = alert.status.as_str().to_owned();
    if alert.untold
        && let Some(ended) = alert.ends_at
    {
        words = format!("fired and resolved within {}", duration(alert.starts_at, ended));
    }
    if let Some(reason) = alert.reason {
        words.push_str(&format!(" ({reason})"));
    }
    words
}

pub(super) fn started(alert: &Alert) -> String {
    rfc3339(alert.starts_at)
}

/// `3m 2s`: the two largest units.
pub(super) fn duration(from: WallMs, to: WallMs) -> String {
    let took = Duration::from_millis(u64::try_from(to.saturating_sub(from)).unwrap_or_default());
    let seconds = took.as_secs();
    if seconds == 0 {
        return format!("{} ms", took.as_millis());
    }
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut parts = Vec::new();
    let mut rest = seconds;
    for (unit, name) in units {
        if rest >= unit || !parts.is_empty() {
            parts.push(format!("{}{name}", rest / unit));
            rest %= unit;
        }
    }
    parts.truncate(2);
    parts.join(" ")
}

/// `name=value, name=value`, without the name of the alert, its severity, and those of `except`.
pub(super) fn labels(alert: &Alert, except: &Labels) -> String {
    let shown = |name: &str| !matches!(name, "alertname" | "severity") && except.get(name).is_none();
    let shown = alert.labels.iter().filter(|(name, _)| shown(name));
    shown.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// The first of the annotations that explain, as Prometheus' users name them.
pub(super) fn description(alert: &Alert) -> Option<&str> {
    ["description", "summary"]
        .into_iter()
        .filter_map(|name| alert.annotations.get(name))
        .find(|text| !text.trim().is_empty() && *text != message(alert))
}

/// Receivers refuse a whole message for one URL that is longer: Discord's limit is 2,048 characters, Slack's 3,000.
const URL_MAX: usize = 2_000;

/// Where its runbook is, if that can be followed.
pub(super) fn runbook(alert: &Alert) -> Option<&str> {
    let url = alert.annotations.get("runbook_url").filter(|url| url.len() <= URL_MAX)?;
    let parsed = url::Url::parse(url).ok()?;
    matches!(parsed.scheme(), "http" | "https").then_some(url)
}

/// The annotations, with the message among them for receivers that know nothing else.
pub(crate) fn annotations(alert: &Alert) -> Labels {
    if alert.message.is_empty() || alert.annotations.get("message").is_some() {
        return alert.annotations.clone();
    }
    let own = alert.annotations.iter().chain([("message", &*alert.message)]);
    Labels::annotations(own)
}

/// Where the alert's rule is shown; empty where nobody knows where this Probity is.
pub(super) fn rule_url(letter: &Letter<'_>, alert: &Alert) -> String {
    let path = format!("api/v1/alertrules/{}/{}", alert.rule.namespace, alert.rule.name);
    letter.external_url.and_then(|url| url.join(&path).ok()).map(String::from).unwrap_or_default()
}

/// How bad it looks: what resolved is good, whatever it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Good,
    Warning,
    Danger,
}

impl Tone {
    pub(super) fn of(status: Status, severity: Option<Severity>) -> Self {
        match (status, severity) {
            (Status::Resolved, _) | (_, Some(Severity::Low)) => Self::Good,
            (_, Some(Severity::Medium)) => Self::Warning,
            (_, Some(Severity::High | Severity::Critical) | None) => Self::Danger,
        }
    }

    /// Of the whole notification.
    pub(super) fn of_letter(letter: &Letter<'_>) -> Self {
        let notification = letter.notification;
        if notification.why == Why::Test {
            Self::Good
        } else {
            Self::of(notification.status(), notification.severity())
        }
    }
}

#[cfg(test)]
pub(super) mod samples {
    //! Notifications that the tests of all channels share.

    use std::sync::Arc;

    use crate::{
        alert::{Alert, Group, Incident, Labels, Notification, NotificationId, Severity, Status, Why},
        model::ObjectKey,
    };

    /// 2026-11-23T01:00:00Z
    pub(in crate::notify) const START: i64 = 1_795_395_600_000;

    pub(in crate::notify) fn alert(name: &str, severity: Severity, status: Status) -> Alert {
        let labels = Labels::new([
            ("alertname", name),
            ("severity", severity.as_str()),
            ("namespace", "aitbc"),
            ("service", "coordinator-api"),
        ]);
        Alert {
            name: name.into(),
            severity: Some(severity),
            status,
            message: "Error rate is 7.5%".into(),
            annotations: Labels::annotations([("description", "Error rate has exceeded 5% threshold")]),
            starts_at: START,
            ends_at: (status == Status::Resolved).then_some(START + 182_000),
            fingerprint: labels.fingerprint(),
            incident: Incident::of("uid", &labels),
            labels,
            value: Some(0.075.into()),
            reason: None,
            rule: ObjectKey::new("aitbc", "high-error-rate"),
            untold: false,
            known: false,
            news: true,
        }
    }

    pub(in crate::notify) fn notification(alerts: Vec<Alert>) -> Notification {
        let key = "{}:{alertname=\"HighErrorRate\"}";
        Notification {
            id: NotificationId("00112233445566778899aabbccddeeff".into()),
            channel: ObjectKey::new("monitoring", "ops.slack"),
            group: Group { key: Arc::from(key), labels: Labels::new([("alertname", "HighErrorRate")]) },
            why: Why::First,
            alerts,
            truncated: 0,
            created_at: START + 5_000,
            correlation_id: "corr-1".into(),
            instead_of: None,
        }
    }

    pub(in crate::notify) fn firing() -> Notification {
        notification(vec![alert("HighErrorRate", Severity::High, Status::Firing)])
    }

    pub(in crate::notify) fn resolved() -> Notification {
        let mut one = notification(vec![alert("HighErrorRate", Severity::High, Status::Resolved)]);
        one.why = Why::AllResolved;
        one
    }

    /// As many alerts as one likes, each with text that is hard on every format.
    pub(in crate::notify) fn many(count: usize) -> Notification {
        let mut one = notification(
            (0..count)
                .map(|index| {
                    let mut alert = alert("Many", Severity::Critical, Status::Firing);
                    alert.message = format!("{index} <b>&\u{1f600}</b> [x](https://evil.example) ").repeat(200).into();
                    alert.labels = alert.labels.with([("instance", format!("{index}"))]);
                    alert.fingerprint = alert.labels.fingerprint();
                    alert.incident = Incident::of("uid", &alert.labels);
                    alert
                })
                .collect(),
        );
        one.truncated = 7;
        one
    }
}

#[cfg(test)]
mod tests {
    use super::{
        samples::{alert, firing, notification, resolved},
        *,
    };

    #[test]
    fn headlines() {
        let of = |notification: &crate::alert::Notification| headline(&Letter::new(notification));
        assert_eq!(of(&firing()), "🚨 HIGH Alert: HighErrorRate");
        assert_eq!(of(&resolved()), "✅ HIGH Alert: HighErrorRate (resolved)");
        let (bad, gone) = (alert("A", Severity::Low, Status::Firing), alert("B", Severity::Critical, Status::Resolved));
        assert_eq!(of(&notification(vec![bad.clone(), gone])), "🚨 LOW Alert: A and 1 other (1 firing, 1 resolved)");
        let mut more = notification(vec![bad.clone(), bad]);
        more.truncated = 3;
        assert_eq!(of(&more), "🚨 LOW Alert: A (2 firing, 3 more)");
        let mut odd = firing();
        odd.alerts[0].severity = None;
        odd.alerts[0].labels = odd.alerts[0].labels.with([("severity", "page")]);
        assert_eq!(of(&odd), "🚨 PAGE Alert: HighErrorRate");
        let mut test = notification(vec![]);
        test.why = Why::Test;
        assert_eq!(of(&test), "🔔 Test of monitoring/ops.slack");
    }

    #[test]
    fn what_is_said_of_the_sending() {
        let mut one = firing();
        one.why = Why::Digest;
        one.instead_of = Some(crate::model::ObjectKey::new("a", "b"));
        let marks = super::super::letter::Marks { possible_repeat: true, unrecorded: true };
        let said = remarks(&Letter { marks, ..Letter::new(&one) }).join(" ");
        for part in ["rate limit", "because a/b could not", "Possible repeat", "Not recorded"] {
            assert!(said.contains(part), "{part}: {said}");
        }
        assert!(remarks(&Letter::new(&firing())).is_empty());
        assert_eq!(left_out(&Letter::new(&one), 1), None);
        one.truncated = 2;
        assert_eq!(left_out(&Letter::new(&one), 0).unwrap(), "3 more alerts are not shown.");
    }

    #[test]
    fn words_of_an_alert() {
        let mut one = alert("A", Severity::High, Status::Resolved);
        assert_eq!(status_words(&one), "resolved");
        one.untold = true;
        one.reason = Some(crate::alert::Reason::ObjectGone);
        assert_eq!(status_words(&one), "fired and resolved within 3m 2s (ObjectGone)");
        assert_eq!(labels(&one, &Labels::new([("namespace", "x")])), "service=coordinator-api");
        assert_eq!(description(&one), Some("Error rate has exceeded 5% threshold"));
        assert_eq!(annotations(&one).get("message"), Some("Error rate is 7.5%"));
        one.annotations = Labels::annotations([("runbook_url", "javascript:alert(1)")]);
        assert_eq!((runbook(&one), description(&one)), (None, None));
        for (length, shown) in [(URL_MAX, true), (URL_MAX + 1, false)] {
            let url = format!("{:a<length$}", "https://runbooks.example/");
            one.annotations = Labels::annotations([("runbook_url", url)]);
            assert_eq!(runbook(&one).is_some(), shown, "{length}");
        }
        for (ms, words) in [(0, "0 ms"), (999, "999 ms"), (1_000, "1s"), (61_000, "1m 1s"), (90_061_000, "1d 1h")] {
            assert_eq!(duration(0, ms), words);
        }
    }
}
