//! The message: a line, and an embed per alert. Mentions are off, whatever an alert says. Pure.

use serde_json::{Value, json};
use url::Url;

use super::limits::{ALL, CONTENT, DESCRIPTION, EMBEDS, FIELD, FOOTER, TITLE};
use crate::{
    alert::{Alert, Labels},
    model::{HttpEndpoint, Secret},
    notify::{
        letter::Letter,
        text::{cut, fit, no_links, utf16},
        wording::{self, Tone},
    },
};

pub(super) fn payload(letter: &Letter<'_>, username: Option<&str>) -> Value {
    let embeds: Vec<(Value, usize)> = wording::news_first(letter).into_iter().take(EMBEDS).map(embed).collect();
    let shown = fit(embeds.iter().map(|(_, length)| *length), ALL);
    let lines = [wording::headline(letter)].into_iter().chain(wording::left_out(letter, shown));
    let content = lines.chain(wording::remarks(letter)).collect::<Vec<_>>().join("\n");
    let embeds: Vec<Value> = embeds.into_iter().take(shown).map(|(embed, _)| embed).collect();
    let mut out = json!({
        "content": text(&content, CONTENT),
        "embeds": embeds,
        "allowed_mentions": { "parse": [] },
    });
    if let (Some(username), Some(map)) = (username, out.as_object_mut()) {
        map.insert("username".to_owned(), username.into());
    }
    out
}

/// With how much it counts to the limit of all.
fn embed(alert: &Alert) -> (Value, usize) {
    let mut said = wording::message(alert).to_owned();
    if let Some(description) = wording::description(alert) {
        said = format!("{}\n{}", cut(&said, DESCRIPTION / 2, utf16), description);
    }
    let title = text(&alert.name, TITLE);
    let said = text(&said, DESCRIPTION);
    let footer = text(&wording::labels(alert, &Labels::default()), FOOTER);
    let fields = [
        ("Severity", text(wording::severity_word(alert), FIELD)),
        ("Status", text(&wording::status_words(alert), FIELD)),
        ("Started", wording::started(alert)),
    ];
    let texts = [&title, &said, &footer].into_iter().map(String::as_str);
    let names = fields.iter().flat_map(|(name, value)| [*name, value.as_str()]);
    let length = texts.chain(names).map(|text| text.encode_utf16().count()).sum();
    let colour = match Tone::of(alert.status, alert.severity) {
        Tone::Good => 0x2e_b8_86,
        Tone::Warning => 0xda_a0_38,
        Tone::Danger => 0xa3_01_00,
    };
    // An empty value of a field is refused.
    let fields = fields.iter().filter(|(_, value)| !value.is_empty());
    let fields: Vec<Value> =
        fields.map(|(name, value)| json!({ "name": name, "value": value, "inline": true })).collect();
    let mut embed = json!({ "title": title, "description": said, "color": colour, "fields": fields });
    if let Some(map) = embed.as_object_mut() {
        if !footer.is_empty() {
            map.insert("footer".to_owned(), json!({ "text": footer }));
        }
        if let Some(url) = wording::runbook(alert) {
            map.insert("url".to_owned(), url.into());
        }
    }
    (embed, length)
}

fn text(text: &str, max: usize) -> String {
    cut(&no_links(text), max, utf16).into_owned()
}

/// With `wait`, without which Discord answers before it has looked at the message.
pub(super) fn url(endpoint: &HttpEndpoint) -> Secret<Url> {
    let mut url = endpoint.url().expose().clone();
    url.query_pairs_mut().append_pair("wait", "true");
    Secret::new(url)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::wording::samples::{firing, many};

    #[test]
    fn the_message_of_one_alert() {
        let payload = payload(&Letter::new(&firing()), Some("Probity"));
        assert_eq!(
            payload,
            json!({
                "content": "🚨 HIGH Alert: HighErrorRate",
                "username": "Probity",
                "allowed_mentions": { "parse": [] },
                "embeds": [{
                    "title": "HighErrorRate",
                    "description": "Error rate is 7.5%\nError rate has exceeded 5% threshold",
                    "color": 0xa3_01_00,
                    "fields": [
                        { "name": "Severity", "value": "high", "inline": true },
                        { "name": "Status", "value": "firing", "inline": true },
                        { "name": "Started", "value": "2026-11-23T01:00:00.000Z", "inline": true },
                    ],
                    "footer": { "text": "namespace=aitbc, service=coordinator-api" },
                }],
            })
        );
        let endpoint =
            HttpEndpoint::plain("https://discord.com/api/webhooks/1/t?thread_id=2".parse().unwrap()).unwrap();
        assert_eq!(url(&endpoint).expose().query(), Some("thread_id=2&wait=true"));
    }

    #[test]
    fn many_alerts_stay_within_the_limits_and_say_what_is_left_out() {
        let payload = payload(&Letter::new(&many(50)), None);
        let embeds = payload["embeds"].as_array().unwrap();
        assert!(!embeds.is_empty() && embeds.len() < EMBEDS);
        let mut all = 0;
        for embed in embeds {
            assert!(!embed.to_string().contains("]("));
            let description = embed["description"].as_str().unwrap().encode_utf16().count();
            assert!(description <= DESCRIPTION);
            all += description + embed["title"].as_str().unwrap().encode_utf16().count();
        }
        assert!(all < ALL);
        let left_out = 57 - embeds.len();
        assert!(payload["content"].as_str().unwrap().ends_with(&format!("\n{left_out} more alerts are not shown.")));
    }
}
