//! The message: one adaptive card, with a few blocks of text per alert. Pure.
//! <https://adaptivecards.io/explorer/TextBlock.html>

use serde_json::{Value, json};

use super::limits::{BLOCKS, HEADING, LABELS, TEXT};
use crate::{
    alert::{Alert, Labels},
    notify::{
        letter::Letter,
        text::{chars, cut, fit, no_links},
        wording::{self, Tone},
    },
};

pub(super) fn payload(letter: &Letter<'_>) -> Value {
    let blocks: Vec<Vec<Value>> = wording::news_first(letter).into_iter().map(alert).collect();
    let sizes = blocks.iter().map(|blocks| blocks.iter().map(|block| block.to_string().len() + 1).sum());
    let shown = fit(sizes, BLOCKS);
    let mut body = vec![json!({
        "type": "TextBlock",
        "text": text(&wording::headline(letter), HEADING),
        "weight": "Bolder",
        "size": "Medium",
        "wrap": true,
        "style": "heading",
        "color": colour(Tone::of_letter(letter)),
    })];
    body.extend(blocks.into_iter().take(shown).flatten());
    let notes = wording::left_out(letter, shown).into_iter().chain(wording::remarks(letter));
    body.extend(
        notes.map(|note| json!({ "type": "TextBlock", "text": text(&note, TEXT), "wrap": true, "isSubtle": true })),
    );
    json!({
        "type": "message",
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.2",
                "body": body,
                "msteams": { "width": "full" },
            },
        }],
    })
}

fn alert(alert: &Alert) -> Vec<Value> {
    let mut blocks = vec![
        json!({ "type": "TextBlock", "text": text(wording::message(alert), TEXT), "wrap": true, "separator": true }),
        json!({ "type": "FactSet", "facts": facts(alert) }),
    ];
    if let Some(description) = wording::description(alert) {
        blocks.push(json!({ "type": "TextBlock", "text": text(description, TEXT), "wrap": true }));
    }
    if let Some(url) = wording::runbook(alert) {
        let open = json!({ "type": "Action.OpenUrl", "title": "Runbook", "url": url });
        blocks.push(json!({ "type": "ActionSet", "actions": [open] }));
    }
    blocks
}

fn facts(alert: &Alert) -> Vec<Value> {
    let fact = |title: &str, value: &str| json!({ "title": title, "value": text(value, LABELS) });
    let mut facts = vec![
        fact("Alert", &alert.name),
        fact("Severity", wording::severity_word(alert)),
        fact("Status", &wording::status_words(alert)),
        fact("Started", &wording::started(alert)),
    ];
    let labels = wording::labels(alert, &Labels::default());
    if !labels.is_empty() {
        facts.push(fact("Labels", &labels));
    }
    facts
}

fn colour(tone: Tone) -> &'static str {
    match tone {
        Tone::Good => "Good",
        Tone::Warning => "Warning",
        Tone::Danger => "Attention",
    }
}

/// Text blocks know a little Markdown: links that an alert brings along are none.
fn text(text: &str, max: usize) -> String {
    cut(&no_links(text), max, chars).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::wording::samples::{firing, many};

    #[test]
    fn the_card_of_one_alert() {
        let card = payload(&Letter::new(&firing()));
        assert_eq!(card["attachments"][0]["contentType"], "application/vnd.microsoft.card.adaptive");
        let body = card["attachments"][0]["content"]["body"].as_array().unwrap();
        assert_eq!(
            (&body[0]["text"], &body[0]["color"]),
            (&json!("🚨 HIGH Alert: HighErrorRate"), &json!("Attention"))
        );
        assert_eq!(body[1]["text"], "Error rate is 7.5%");
        assert_eq!(body[2]["facts"][1], json!({ "title": "Severity", "value": "high" }));
        assert_eq!(body[3]["text"], "Error rate has exceeded 5% threshold");
    }

    #[test]
    fn many_alerts_stay_below_28_kb_and_bring_no_links() {
        let card = payload(&Letter::new(&many(100)));
        assert!(card.to_string().len() < 28_000, "{}", card.to_string().len());
        assert!(!card.to_string().contains("]("));
        let body = card["attachments"][0]["content"]["body"].as_array().unwrap();
        assert!(body.last().unwrap()["text"].as_str().unwrap().ends_with("more alerts are not shown."));
    }
}
