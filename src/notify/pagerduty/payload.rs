//! The events: `trigger` and `resolve`, tied together by the incident as `dedup_key`. Pure.

use serde_json::{Map, Value, json};

use super::limits::{DETAIL, DETAILS, SUMMARY};
use crate::{
    alert::{Alert, Labels, Severity, Status, Why},
    clock::rfc3339,
    model::Secret,
    notify::{
        letter::Letter,
        text::{chars, cut},
        wording,
    },
};

/// One call.
pub(super) struct Event {
    pub(super) body: Value,
    /// The place in the notification of the alert that it is about.
    pub(super) alert: usize,
    /// It is the last about that.
    pub(super) is_last: bool,
}

/// The events of a letter, in the order in which they are to be sent. The same letter always gives the same ones.
pub(super) fn events<'a>(
    letter: &'a Letter<'a>,
    routing_key: &'a Secret,
) -> Box<dyn Iterator<Item = Event> + Send + 'a> {
    let event = |alert, is_last, body| Event { body, alert, is_last };
    if letter.notification.why == Why::Test {
        let (opens, closes) = (test(letter, routing_key), resolve(&letter.notification.id.0, routing_key));
        return Box::new([event(0, false, opens), event(0, true, closes)].into_iter());
    }
    // What only stands beside the news is open there already.
    let news = letter.notification.alerts.iter().enumerate().filter(|(_, alert)| alert.news);
    Box::new(news.flat_map(move |(place, alert)| {
        let key = alert.incident.to_string();
        let resolved = alert.status == Status::Resolved;
        // What nobody was told of is opened before it is closed, or nobody would ever see it.
        let opens = (!resolved || alert.untold).then(|| trigger(letter, alert, &key, routing_key));
        let opens = opens.map(|body| event(place, !resolved, body));
        opens.into_iter().chain(resolved.then(|| event(place, true, resolve(&key, routing_key))))
    }))
}

fn trigger(letter: &Letter<'_>, alert: &Alert, key: &str, routing_key: &Secret) -> Value {
    let labels = &alert.labels;
    let message = wording::message(alert);
    let summary = if message == &*alert.name { message.to_owned() } else { format!("{}: {message}", alert.name) };
    let source = ["instance", "healthcheck", "slotarget", "service"].into_iter().find_map(|name| labels.get(name));
    let own = alert.rule.to_string();
    let mut payload = json!({
        "summary": cut(&summary, SUMMARY, chars),
        "source": cut(source.unwrap_or(&own), SUMMARY, chars),
        "severity": severity(alert.severity),
        "timestamp": rfc3339(alert.starts_at),
        "group": alert.rule.namespace,
        "class": alert.name,
        "custom_details": details(letter, alert),
    });
    if let Some(component) = labels.get("component").or_else(|| labels.get("service"))
        && let Some(map) = payload.as_object_mut()
    {
        map.insert("component".to_owned(), component.into());
    }
    let mut event = json!({
        "routing_key": routing_key.expose(),
        "event_action": "trigger",
        "dedup_key": key,
        "client": "Probity",
        "payload": payload,
    });
    if let Some(map) = event.as_object_mut() {
        let rule = wording::rule_url(letter, alert);
        if !rule.is_empty() {
            map.insert("client_url".to_owned(), rule.into());
        }
        if let Some(runbook) = wording::runbook(alert) {
            map.insert("links".to_owned(), json!([{ "href": runbook, "text": "Runbook" }]));
        }
    }
    event
}

fn resolve(key: &str, routing_key: &Secret) -> Value {
    json!({ "routing_key": routing_key.expose(), "event_action": "resolve", "dedup_key": key })
}

/// Opened and closed at once.
fn test(letter: &Letter<'_>, routing_key: &Secret) -> Value {
    json!({
        "routing_key": routing_key.expose(),
        "event_action": "trigger",
        "dedup_key": letter.notification.id,
        "client": "Probity",
        "payload": {
            "summary": wording::headline(letter),
            "source": letter.notification.channel.to_string(),
            "severity": "info",
            "timestamp": rfc3339(letter.notification.created_at),
        },
    })
}

fn details(letter: &Letter<'_>, alert: &Alert) -> Value {
    let pairs = |labels: &Labels| -> Map<String, Value> {
        let pairs = labels.iter().take(DETAILS / 2);
        pairs.map(|(name, value)| (name.to_owned(), cut(value, DETAIL, chars).into())).collect()
    };
    json!({
        "status": wording::status_words(alert),
        "fingerprint": alert.fingerprint,
        "rule": alert.rule.to_string(),
        "value": alert.value.map(|value| value.to_string()),
        "labels": pairs(&alert.labels),
        "annotations": pairs(&alert.annotations),
        "remarks": wording::remarks(letter),
        "correlation_id": letter.notification.correlation_id,
    })
}

/// Theirs has four words too.
fn severity(severity: Option<Severity>) -> &'static str {
    match severity {
        Some(Severity::Critical) => "critical",
        Some(Severity::High) | None => "error",
        Some(Severity::Medium) => "warning",
        Some(Severity::Low) => "info",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::wording::samples::{alert, firing, many, notification, resolved};

    fn of(notification: &crate::alert::Notification) -> Vec<Value> {
        events(&Letter::new(notification), &Secret::new("R".repeat(32))).map(|event| event.body).collect()
    }

    #[test]
    fn an_incident_is_opened_and_closed_under_one_key() {
        let opened = of(&firing());
        let event = &opened[0];
        assert_eq!((opened.len(), &event["event_action"]), (1, &json!("trigger")));
        assert_eq!(event["routing_key"], "R".repeat(32));
        let payload = &event["payload"];
        for (name, value) in [
            ("summary", "HighErrorRate: Error rate is 7.5%"),
            ("source", "coordinator-api"),
            ("severity", "error"),
            ("timestamp", "2026-11-23T01:00:00.000Z"),
            ("component", "coordinator-api"),
            ("group", "aitbc"),
            ("class", "HighErrorRate"),
        ] {
            assert_eq!(payload[name], value, "{name}");
        }
        assert_eq!(payload["custom_details"]["labels"]["namespace"], "aitbc");
        let closed = of(&resolved());
        assert_eq!(
            closed,
            [json!({ "routing_key": "R".repeat(32), "event_action": "resolve", "dedup_key": event["dedup_key"] })]
        );
    }

    #[test]
    fn what_nobody_was_told_is_opened_first() {
        let mut one = resolved();
        one.alerts[0].untold = true;
        let actions: Vec<_> = of(&one).iter().map(|event| event["event_action"].clone()).collect();
        assert_eq!(actions, ["trigger", "resolve"]);
        let open = alert("B", crate::alert::Severity::High, Status::Firing);
        one.alerts.splice(0..0, [crate::alert::Alert { news: false, ..open.clone() }, open]);
        let letter = Letter::new(&one);
        let events: Vec<_> = events(&letter, &Secret::new("R".repeat(32))).map(|e| (e.alert, e.is_last)).collect();
        assert_eq!(events, [(1, true), (2, false), (2, true)]);
        let mut test = notification(vec![]);
        test.why = Why::Test;
        let events = of(&test);
        assert_eq!(events[0]["payload"]["severity"], "info");
        assert_eq!(events[0]["dedup_key"], events[1]["dedup_key"]);
    }

    #[test]
    fn an_event_of_much_text_stays_within_its_limits() {
        let events = of(&many(3));
        assert_eq!(events.len(), 3);
        for event in &events {
            assert!(event["payload"]["summary"].as_str().unwrap().chars().count() <= SUMMARY);
            assert!(event.to_string().len() < 512 << 10);
        }
        assert_ne!(events[0]["dedup_key"], events[1]["dedup_key"]);
    }
}
