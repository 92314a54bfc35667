//! The array of alerts that is posted to `/api/v2/alerts`. Pure.

use serde::Serialize;
use url::Url;

use super::limits::VALID;
use crate::{
    alert::{Alert, Labels, Status},
    clock::{WallMs, rfc3339},
    model::{HttpEndpoint, Secret},
    notify::{letter::Letter, wording},
};

/// `postableAlert` of Alertmanager's OpenAPI.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Postable {
    labels: Labels,
    annotations: Labels,
    starts_at: String,
    ends_at: String,
    #[serde(rename = "generatorURL", skip_serializing_if = "String::is_empty")]
    generator_url: String,
}

/// What is told one after the other: where it resolves what was never told, first that it fires.
pub(super) fn rounds(letter: &Letter<'_>) -> Vec<Vec<Alert>> {
    let alerts = &letter.notification.alerts;
    let untold: Vec<Alert> = alerts
        .iter()
        .filter(|alert| alert.untold)
        .map(|alert| Alert { status: Status::Firing, ends_at: None, untold: false, ..alert.clone() })
        .collect();
    let test = alerts.is_empty().then(|| vec![test(letter)]);
    [untold, alerts.clone()].into_iter().chain(test).filter(|round| !round.is_empty()).collect()
}

pub(super) fn batch(letter: &Letter<'_>, alerts: &[Alert], now: WallMs) -> Vec<Postable> {
    alerts.iter().map(|alert| postable(letter, alert, now)).collect()
}

fn postable(letter: &Letter<'_>, alert: &Alert, now: WallMs) -> Postable {
    let valid = i64::try_from(VALID.as_millis()).unwrap_or(i64::MAX);
    let ends_at = alert.ends_at.filter(|_| alert.status == Status::Resolved);
    Postable {
        labels: alert.labels.clone(),
        annotations: wording::annotations(alert),
        starts_at: rfc3339(alert.starts_at),
        // It refuses an end before the start, which a clock that was set back could give.
        ends_at: rfc3339(ends_at.unwrap_or(now.saturating_add(valid)).max(alert.starts_at)),
        generator_url: wording::rule_url(letter, alert),
    }
}

/// An alert that says it is none, and is over at once.
fn test(letter: &Letter<'_>) -> Alert {
    let notification = letter.notification;
    let labels = Labels::new([
        ("alertname", "ProbityTest".to_owned()),
        ("severity", "none".to_owned()),
        ("namespace", notification.channel.namespace.to_string()),
        ("channel", notification.channel.name.to_string()),
    ]);
    Alert {
        name: "ProbityTest".into(),
        severity: None,
        status: Status::Firing,
        message: wording::headline(letter).into(),
        annotations: Labels::default(),
        starts_at: notification.created_at,
        ends_at: None,
        fingerprint: labels.fingerprint(),
        incident: crate::alert::Incident::of("", &labels),
        labels,
        value: None,
        reason: None,
        rule: notification.channel.clone(),
        untold: false,
        known: false,
        news: true,
    }
}

/// Below the base URL, which may have a path of its own.
pub(super) fn url(endpoint: &HttpEndpoint) -> Option<Secret<Url>> {
    let mut url = endpoint.url().expose().clone();
    url.path_segments_mut().ok()?.pop_if_empty().extend(["api", "v2", "alerts"]);
    Some(Secret::new(url))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::notify::wording::samples::{START, firing, resolved};

    fn of(letter: &Letter<'_>) -> Vec<serde_json::Value> {
        let now = START + 10_000;
        rounds(letter).iter().map(|round| serde_json::to_value(batch(letter, round, now)).unwrap()).collect()
    }

    #[test]
    fn the_array_is_prometheus() {
        assert_eq!(
            of(&Letter::new(&firing())),
            [json!([{
                "labels": {
                    "alertname": "HighErrorRate", "severity": "high", "namespace": "aitbc", "service": "coordinator-api"
                },
                "annotations": { "description": "Error rate has exceeded 5% threshold", "message": "Error rate is 7.5%" },
                "startsAt": "2026-11-23T01:00:00.000Z",
                "endsAt": "2026-11-23T01:04:10.000Z",
            }])]
        );
        let mut one = resolved();
        assert_eq!(of(&Letter::new(&one))[0][0]["endsAt"], "2026-11-23T01:03:02.000Z");
        one.alerts[0].untold = true;
        let rounds = of(&Letter::new(&one));
        assert_eq!((rounds.len(), &rounds[0][0]["endsAt"]), (2, &json!("2026-11-23T01:04:10.000Z")));
        one.alerts.clear();
        assert_eq!(of(&Letter::new(&one))[0][0]["labels"]["alertname"], "ProbityTest");
    }

    #[test]
    fn the_path_goes_below_the_base() {
        for (base, whole) in [
            ("http://am:9093", "http://am:9093/api/v2/alerts"),
            ("http://am:9093/", "http://am:9093/api/v2/alerts"),
            ("https://h/a/b/?x=1", "https://h/a/b/api/v2/alerts?x=1"),
        ] {
            let endpoint = HttpEndpoint::plain(base.parse().unwrap()).unwrap();
            assert_eq!(url(&endpoint).unwrap().expose().as_str(), whole);
        }
    }
}
