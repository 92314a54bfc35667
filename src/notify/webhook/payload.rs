//! The message, field for field as Alertmanager sends it. Pure.

use serde::Serialize;

use crate::{
    alert::{Alert, Labels, Status, Why},
    clock::rfc3339,
    notify::{letter::Letter, wording},
};

/// Go's zero time: what does not end yet.
const NEVER: &str = "0001-01-01T00:00:00Z";

/// One POST.
pub(super) struct Message {
    /// The same however often it is sent.
    pub(super) key: String,
    pub(super) body: Body,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    version: &'static str,
    group_key: String,
    truncated_alerts: u32,
    status: &'static str,
    receiver: String,
    #[serde(rename = "notification_reason")]
    reason: &'static str,
    group_labels: Labels,
    common_labels: Labels,
    common_annotations: Labels,
    route_labels: Labels,
    #[serde(rename = "externalURL")]
    external_url: String,
    alerts: Vec<Item>,
}

#[derive(Clone, Serialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    status: &'static str,
    labels: Labels,
    annotations: Labels,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    fingerprint: String,
}

/// What a letter comes to: one message; two where it resolves what the receiver was not told of, the firing one first.
pub(super) fn messages(letter: &Letter<'_>) -> Vec<Message> {
    let notification = letter.notification;
    let key = notification.id.to_string();
    let untold: Vec<Item> =
        notification.alerts.iter().filter(|alert| alert.untold).map(|alert| item(letter, alert, true)).collect();
    let first = (!untold.is_empty())
        .then(|| Message { key: format!("{key}-firing"), body: body(letter, untold, reason(Why::First)) });
    let items = notification.alerts.iter().map(|alert| item(letter, alert, false)).collect();
    let last = Message { key, body: body(letter, items, reason(notification.why)) };
    first.into_iter().chain([last]).collect()
}

fn body(letter: &Letter<'_>, alerts: Vec<Item>, reason: &'static str) -> Body {
    let notification = letter.notification;
    let fires = alerts.iter().any(|item| item.status == "firing");
    Body {
        version: "4",
        group_key: notification.group.key.to_string(),
        truncated_alerts: notification.truncated,
        status: if fires || alerts.is_empty() { "firing" } else { "resolved" },
        receiver: quoted(&notification.channel.to_string()),
        reason,
        group_labels: notification.group.labels.clone(),
        common_labels: Labels::common(alerts.iter().map(|item| &item.labels)),
        common_annotations: Labels::common(alerts.iter().map(|item| &item.annotations)),
        route_labels: Labels::default(),
        external_url: letter.external_url.map(ToString::to_string).unwrap_or_default(),
        alerts,
    }
}

fn item(letter: &Letter<'_>, alert: &Alert, as_firing: bool) -> Item {
    let ended = alert.ends_at.filter(|_| alert.status == Status::Resolved && !as_firing);
    Item {
        // Theirs has two words: what is silenced fires.
        status: if ended.is_some() { "resolved" } else { "firing" },
        labels: alert.labels.clone(),
        annotations: wording::annotations(alert),
        starts_at: rfc3339(alert.starts_at),
        ends_at: ended.map_or_else(|| NEVER.to_owned(), rfc3339),
        generator_url: wording::rule_url(letter, alert),
        fingerprint: alert.fingerprint.to_string(),
    }
}

/// Theirs has five words; what they have none for is news of a group.
fn reason(why: Why) -> &'static str {
    match why {
        Why::First | Why::Test | Why::Escalation => "first notification",
        Why::New | Why::Digest | Why::MuteEnded | Why::Unsuppressed => "new alerts added",
        Why::SomeResolved => "some alerts resolved",
        Why::AllResolved => "all alerts resolved",
        Why::Repeat => "repeat interval elapsed",
    }
}

/// As Go's `regexp.QuoteMeta` does, which Alertmanager puts receivers' names through.
fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::notify::wording::samples::{alert, firing, many, notification, resolved};

    fn of(letter: &Letter<'_>) -> Vec<(String, Value)> {
        messages(letter).into_iter().map(|one| (one.key, serde_json::to_value(one.body).unwrap())).collect()
    }

    #[test]
    fn the_message_is_alertmanagers() {
        let notification = firing();
        let url = "https://probity.example/".parse().unwrap();
        let messages = of(&Letter { external_url: Some(&url), ..Letter::new(&notification) });
        let labels = json!({
            "alertname": "HighErrorRate", "severity": "high", "namespace": "aitbc", "service": "coordinator-api"
        });
        let annotations =
            json!({ "description": "Error rate has exceeded 5% threshold", "message": "Error rate is 7.5%" });
        let expected = json!({
            "version": "4",
            "groupKey": "{}:{alertname=\"HighErrorRate\"}",
            "truncatedAlerts": 0,
            "status": "firing",
            "receiver": "monitoring/ops\\.slack",
            "notification_reason": "first notification",
            "groupLabels": { "alertname": "HighErrorRate" },
            "commonLabels": labels,
            "commonAnnotations": annotations,
            "routeLabels": {},
            "externalURL": "https://probity.example/",
            "alerts": [{
                "status": "firing",
                "labels": labels,
                "annotations": annotations,
                "startsAt": "2026-11-23T01:00:00.000Z",
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "https://probity.example/api/v1/alertrules/aitbc/high-error-rate",
                "fingerprint": notification.alerts[0].fingerprint.to_string(),
            }],
        });
        assert_eq!(messages, [("00112233445566778899aabbccddeeff".to_owned(), expected)]);
    }

    #[test]
    fn resolved_mixed_and_all_of_many() {
        let one = &of(&Letter::new(&resolved()))[0].1;
        assert_eq!(
            (&one["status"], &one["alerts"][0]["endsAt"]),
            (&json!("resolved"), &json!("2026-11-23T01:03:02.000Z"))
        );
        assert_eq!((&one["notification_reason"], &one["externalURL"]), (&json!("all alerts resolved"), &json!("")));
        use crate::alert::Severity::{High, Low};
        let both = notification(vec![alert("A", High, Status::Silenced), alert("B", Low, Status::Resolved)]);
        let both = &of(&Letter::new(&both))[0].1;
        assert_eq!((&both["status"], &both["alerts"][0]["status"]), (&json!("firing"), &json!("firing")));
        assert_eq!(both["commonLabels"], json!({ "namespace": "aitbc", "service": "coordinator-api" }));
        assert_eq!(of(&Letter::new(&many(500)))[0].1["alerts"].as_array().unwrap().len(), 500);
    }

    #[test]
    fn what_the_receiver_was_not_told_comes_as_both() {
        let mut one = resolved();
        one.alerts[0].untold = true;
        let messages = of(&Letter::new(&one));
        assert_eq!(messages.len(), 2);
        assert_eq!(
            (messages[0].0.as_str(), &messages[0].1["status"]),
            ("00112233445566778899aabbccddeeff-firing", &json!("firing"))
        );
        assert_eq!(messages[0].1["alerts"][0]["endsAt"], NEVER);
        assert_eq!(messages[1].1["status"], "resolved");
    }

    #[test]
    fn names_are_quoted_as_go_does() {
        assert_eq!(quoted(r"a.b/c-d_e\f(g)"), r"a\.b/c-d_e\\f\(g\)");
    }
}
