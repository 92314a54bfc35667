//! The message: a text, and an attachment per alert with a colour and four fields. Pure.

use serde_json::{Value, json};

use super::limits::{ATTACHMENTS, TITLE, VALUE};
use crate::{
    alert::Alert,
    notify::{
        letter::Letter,
        text::{cut, entities, entity_utf16},
        wording::{self, Tone},
    },
};

pub(super) fn payload(letter: &Letter<'_>) -> Value {
    let alerts = wording::news_first(letter);
    let shown = alerts.len().min(ATTACHMENTS);
    let mut attachments: Vec<_> = alerts.iter().take(shown).copied().map(attachment).collect();
    let notes: Vec<String> = wording::left_out(letter, shown)
        .into_iter()
        .chain(wording::remarks(letter))
        .map(|note| escaped(&note, VALUE))
        .collect();
    if !notes.is_empty() {
        attachments.push(
            json!({ "color": colour(Tone::of_letter(letter)), "text": notes.join("\n"), "fallback": notes.join(" ") }),
        );
    }
    json!({ "text": escaped(&wording::headline(letter), TITLE), "attachments": attachments })
}

fn attachment(alert: &Alert) -> Value {
    let message = escaped(wording::message(alert), VALUE);
    let mut fields = vec![
        field("Message", &message, false),
        field("Severity", &escaped(wording::severity_word(alert), VALUE), true),
        field("Status", &escaped(&wording::status_words(alert), VALUE), true),
        field("Started", &wording::started(alert), true),
    ];
    if let Some(ended) = alert.ends_at {
        fields.push(field("Ended", &crate::clock::rfc3339(ended), true));
    }
    let mut out = json!({
        "color": colour(Tone::of(alert.status, alert.severity)),
        "title": escaped(&alert.name, TITLE),
        "fallback": message,
        "fields": fields,
        "footer": escaped(&wording::labels(alert, &crate::alert::Labels::default()), VALUE),
    });
    if let Some(map) = out.as_object_mut() {
        if let Some(text) = wording::description(alert) {
            map.insert("text".to_owned(), escaped(text, VALUE).into());
        }
        if let Some(url) = wording::runbook(alert) {
            map.insert("title_link".to_owned(), url.into());
        }
    }
    out
}

fn field(title: &str, value: &str, short: bool) -> Value {
    json!({ "title": title, "value": value, "short": short })
}

fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "good",
        Tone::Warning => "warning",
        Tone::Danger => "danger",
    }
}

/// Cut, and then with the three characters escaped that mrkdwn knows: `<!channel>` in an alert calls nobody.
fn escaped(text: &str, max: usize) -> String {
    entities(&cut(text, max, entity_utf16))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::{
        letter::Marks,
        wording::samples::{firing, many, resolved},
    };

    #[test]
    fn the_message_of_one_alert() {
        let notification = firing();
        assert_eq!(
            payload(&Letter::new(&notification)),
            json!({
                "text": "🚨 HIGH Alert: HighErrorRate",
                "attachments": [{
                    "color": "danger",
                    "title": "HighErrorRate",
                    "fallback": "Error rate is 7.5%",
                    "text": "Error rate has exceeded 5% threshold",
                    "fields": [
                        { "title": "Message", "value": "Error rate is 7.5%", "short": false },
                        { "title": "Severity", "value": "high", "short": true },
                        { "title": "Status", "value": "firing", "short": true },
                        { "title": "Started", "value": "2026-11-23T01:00:00.000Z", "short": true },
                    ],
                    "footer": "namespace=aitbc, service=coordinator-api",
                }],
            })
        );
        let resolved = payload(&Letter::new(&resolved()));
        assert_eq!(resolved["text"], "✅ HIGH Alert: HighErrorRate (resolved)");
        assert_eq!(resolved["attachments"][0]["color"], "good");
        assert_eq!(resolved["attachments"][0]["fields"][2]["value"], "resolved");
        assert_eq!(resolved["attachments"][0]["fields"][4]["value"], "2026-11-23T01:03:02.000Z");
    }

    #[test]
    fn many_alerts_stay_within_the_limits_and_say_what_is_left_out() {
        let notification = many(50);
        let marks = Marks { possible_repeat: true, unrecorded: false };
        let payload = payload(&Letter { marks, ..Letter::new(&notification) });
        let attachments = payload["attachments"].as_array().unwrap();
        assert_eq!(attachments.len(), ATTACHMENTS + 1);
        let notes = attachments[ATTACHMENTS]["text"].as_str().unwrap();
        assert!(notes.starts_with("37 more alerts are not shown.\nPossible repeat"), "{notes}");
        let message = attachments[0]["fields"][0]["value"].as_str().unwrap();
        assert!(message.starts_with("0 &lt;b&gt;&amp;😀&lt;/b&gt;") && message.ends_with('…'), "{message}");
        assert!(message.encode_utf16().count() <= VALUE);
        assert!(payload.to_string().chars().count() < 60_000);
        // No entity is cut in two.
        assert_eq!(
            message.matches('&').count(),
            ["&lt;", "&gt;", "&amp;"].map(|e| message.matches(e).count()).iter().sum::<usize>()
        );
    }
}
