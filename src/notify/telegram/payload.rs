//! The message, in the HTML that Telegram knows. Every piece of text is cut before it is escaped, and tags stand around
//! whole pieces, so that what is cut is never a tag. Pure.

use serde_json::{Value, json};
use url::Url;

use super::limits::{PART, TEXT, WHOLE};
use crate::{
    alert::{Alert, Labels},
    model::{HttpEndpoint, Secret, Telegram},
    notify::{
        letter::Letter,
        text::{cut, entities, entity_utf16, fit},
        wording,
    },
};

pub(super) fn payload(letter: &Letter<'_>, telegram: &Telegram) -> Value {
    let mut out = json!({
        "chat_id": &*telegram.chat,
        "text": html(letter),
        "parse_mode": "HTML",
        "disable_notification": telegram.silent,
        "link_preview_options": { "is_disabled": true },
    });
    if let (Some(thread), Some(map)) = (telegram.thread, out.as_object_mut()) {
        map.insert("message_thread_id".to_owned(), thread.into());
    }
    out
}

fn html(letter: &Letter<'_>) -> String {
    let headline = format!("<b>{}</b>", escaped(&wording::headline(letter), WHOLE / 2));
    let remarks = wording::remarks(letter).join("\n");
    let remarks = escaped(&remarks, WHOLE / 2);
    let blocks: Vec<String> = wording::news_first(letter).into_iter().map(alert).collect();
    // An empty line before each block, and before and after the remarks.
    let length = |text: &String| text.encode_utf16().count() + 2;
    // What is left out is said in one short sentence.
    let said = wording::left_out(letter, 0).map_or(0, |text| length(&text));
    let room = TEXT.saturating_sub(length(&headline) + length(&remarks) + said);
    let shown = fit(blocks.iter().map(length), room);
    let left_out = wording::left_out(letter, shown);
    let parts = [headline].into_iter().chain(blocks.into_iter().take(shown)).chain(left_out).chain([remarks]);
    parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("\n\n")
}

fn alert(alert: &Alert) -> String {
    let mut lines = vec![
        escaped(wording::message(alert), PART),
        format!("Severity: {}", escaped(wording::severity_word(alert), PART)),
        format!("Status: {}", escaped(&wording::status_words(alert), PART)),
        format!("Started: {}", wording::started(alert)),
    ];
    if let Some(text) = wording::description(alert) {
        lines.insert(1, escaped(text, PART));
    }
    let labels = wording::labels(alert, &Labels::default());
    if !labels.is_empty() {
        lines.push(format!("<code>{}</code>", escaped(&labels, PART)));
    }
    if let Some(url) = wording::runbook(alert) {
        lines.push(format!("<a href=\"{}\">Runbook</a>", entities(url).replace('"', "&quot;")));
    }
    lines.join("\n")
}

fn escaped(text: &str, max: usize) -> String {
    entities(&cut(text, max, entity_utf16))
}

pub(super) fn url(endpoint: &HttpEndpoint, token: &Secret) -> Option<Secret<Url>> {
    let mut url = endpoint.url().expose().clone();
    url.path_segments_mut().ok()?.pop_if_empty().push(&format!("bot{}", token.expose())).push("sendMessage");
    Some(Secret::new(url))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::wording::samples::{firing, many};

    fn telegram(thread: Option<i64>) -> Telegram {
        Telegram {
            endpoint: HttpEndpoint::plain("https://api.telegram.org".parse().unwrap()).unwrap(),
            token: Secret::new("123:abc".to_owned()),
            chat: "-100".into(),
            thread,
            silent: false,
        }
    }

    #[test]
    fn the_message_of_one_alert() {
        let telegram = telegram(Some(7));
        assert_eq!(
            payload(&Letter::new(&firing()), &telegram),
            json!({
                "chat_id": "-100",
                "message_thread_id": 7,
                "text": "<b>🚨 HIGH Alert: HighErrorRate</b>\n\nError rate is 7.5%\nError rate has exceeded 5% threshold\n\
                         Severity: high\nStatus: firing\nStarted: 2026-11-23T01:00:00.000Z\n\
                         <code>namespace=aitbc, service=coordinator-api</code>",
                "parse_mode": "HTML",
                "disable_notification": false,
                "link_preview_options": { "is_disabled": true },
            })
        );
        let url = url(&telegram.endpoint, &telegram.token).unwrap();
        assert_eq!(url.expose().as_str(), "https://api.telegram.org/bot123:abc/sendMessage");
    }

    #[test]
    fn many_alerts_stay_within_the_limit_and_no_tag_is_cut() {
        let text = html(&Letter::new(&many(50)));
        assert!(text.encode_utf16().count() <= TEXT, "{}", text.encode_utf16().count());
        assert!(text.ends_with("more alerts are not shown."), "{text}");
        for (open, close) in [("<b>", "</b>"), ("<code>", "</code>")] {
            assert_eq!(text.matches(open).count(), text.matches(close).count());
        }
        let tags = ["<b>", "</b>", "<code>", "</code>"].map(|tag| text.matches(tag).count()).iter().sum::<usize>();
        assert_eq!(text.matches('<').count(), tags);
        let known = ["&lt;", "&gt;", "&amp;"].map(|entity| text.matches(entity).count()).iter().sum::<usize>();
        assert_eq!(text.matches('&').count(), known);
    }
}
