//! The line, in the two formats of log lines. Pure.

use serde_json::{Value, json};

use super::limits::{ALERTS, TEXT};
use crate::{
    alert::{Alert, Labels, Status},
    clock::{WallMs, rfc3339},
    notify::{
        letter::Letter,
        text::{chars, cut, one_line},
        wording,
    },
    telemetry::LogFormat,
};

/// One line, its end included.
pub(super) fn line(letter: &Letter<'_>, format: LogFormat, now: WallMs) -> Vec<u8> {
    let mut line = match format {
        LogFormat::Json => json(letter, now),
        LogFormat::Text => text(letter, now),
    };
    line.push('\n');
    line.into_bytes()
}

fn level(letter: &Letter<'_>) -> &'static str {
    if letter.notification.status() == Status::Firing { "warn" } else { "info" }
}

fn json(letter: &Letter<'_>, now: WallMs) -> String {
    let notification = letter.notification;
    let mut line = json!({
        "timestamp": rfc3339(now),
        "level": level(letter),
        "target": "probity::notify",
        "message": message(letter),
        "correlation_id": notification.correlation_id,
        "namespace": notification.channel.namespace,
        "name": notification.channel.name,
        "notification": notification.id,
        "status": notification.status(),
        "severity": notification.severity(),
        "why": notification.why,
        "group_labels": notification.group.labels,
        "alerts": wording::news_first(letter).into_iter().take(ALERTS).map(alert).collect::<Vec<_>>(),
    });
    if let Some(map) = line.as_object_mut() {
        let remarks = remarks(letter);
        if !remarks.is_empty() {
            map.insert("remarks".to_owned(), remarks.into());
        }
    }
    line.to_string()
}

/// The headline, and what a single alert says.
fn message(letter: &Letter<'_>) -> String {
    let headline = wording::headline(letter);
    match letter.notification.alerts.as_slice() {
        [alert] if wording::message(alert) != &*alert.name => {
            format!("{headline}: {}", cut(&one_line(wording::message(alert)), TEXT, chars))
        }
        _ => headline,
    }
}

fn alert(alert: &Alert) -> Value {
    json!({
        "name": alert.name,
        "severity": wording::severity_word(alert),
        "status": alert.status,
        "message": cut(&alert.message, TEXT, chars),
        "labels": alert.labels,
        "annotations": texts(&alert.annotations),
        "starts_at": wording::started(alert),
        "ends_at": alert.ends_at.map(rfc3339),
        "fingerprint": alert.fingerprint,
        "value": alert.value.map(|value| value.to_string()),
        "reason": alert.reason,
        "untold": alert.untold,
    })
}

fn texts(annotations: &Labels) -> Labels {
    Labels::annotations(annotations.iter().map(|(name, text)| (name, cut(text, TEXT, chars).into_owned())))
}

fn text(letter: &Letter<'_>, now: WallMs) -> String {
    let notification = letter.notification;
    let level = level(letter).to_uppercase();
    let mut line = format!("{} {level:<5} {}", rfc3339(now), one_line(&message(letter)));
    for alert in wording::news_first(letter).into_iter().take(ALERTS) {
        let labels = wording::labels(alert, &Labels::default());
        let status = wording::status_words(alert);
        let said = cut(wording::message(alert), TEXT, chars);
        line.push_str(&one_line(&format!(
            " [{status} since {}: {said}{}{labels}]",
            wording::started(alert),
            if labels.is_empty() { "" } else { "; " }
        )));
    }
    for remark in remarks(letter) {
        line.push(' ');
        line.push_str(&remark);
    }
    line.push_str(&format!(" channel={} correlation_id={}", notification.channel, notification.correlation_id));
    line
}

fn remarks(letter: &Letter<'_>) -> Vec<String> {
    wording::left_out(letter, ALERTS).into_iter().chain(wording::remarks(letter)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::wording::samples::{START, firing, many};

    fn of(notification: &crate::alert::Notification, format: LogFormat) -> String {
        String::from_utf8(line(&Letter::new(notification), format, START + 6_000)).unwrap()
    }

    #[test]
    fn the_line_of_one_alert() {
        let text = of(&firing(), LogFormat::Text);
        assert_eq!(
            text,
            "2026-11-23T01:00:06.000Z WARN  🚨 HIGH Alert: HighErrorRate: Error rate is 7.5% [firing since \
             2026-11-23T01:00:00.000Z: Error rate is 7.5%; namespace=aitbc, service=coordinator-api] \
             channel=monitoring/ops.slack correlation_id=corr-1\n"
        );
        let line: Value = serde_json::from_str(&of(&firing(), LogFormat::Json)).unwrap();
        for (name, value) in [
            ("timestamp", "2026-11-23T01:00:06.000Z"),
            ("level", "warn"),
            ("message", "🚨 HIGH Alert: HighErrorRate: Error rate is 7.5%"),
            ("correlation_id", "corr-1"),
            ("status", "firing"),
            ("severity", "high"),
            ("name", "ops.slack"),
        ] {
            assert_eq!(line[name], value, "{name}");
        }
        assert_eq!(line["alerts"][0]["labels"]["service"], "coordinator-api");
    }

    #[test]
    fn it_is_one_line_whatever_an_alert_says() {
        let mut one = many(150);
        one.alerts[0].message = "a\r\nb\u{1b}[2J".into();
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = of(&one, format);
            assert_eq!(text.lines().count(), 1);
            assert!(!text.contains('\u{1b}') && text.contains("57 more alerts are not shown."));
        }
    }
}
