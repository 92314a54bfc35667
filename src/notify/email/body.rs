//! The two bodies of a mail: plain text, and HTML that says the same. Pure.

use super::limits::{ALERTS, TEXT};
use crate::{
    alert::{Alert, Labels},
    notify::{
        letter::Letter,
        text::{chars, cut, entities},
        wording::{self, Tone},
    },
};

pub(super) fn plain(letter: &Letter<'_>) -> String {
    let mut out = format!("{}\n", wording::headline(letter));
    for alert in wording::news_first(letter).into_iter().take(ALERTS) {
        out.push('\n');
        for (name, text) in lines(letter, alert) {
            let text = text.replace('\n', "\n  ");
            out.push_str(&if name.is_empty() { format!("{text}\n") } else { format!("{name}: {text}\n") });
        }
    }
    for note in notes(letter) {
        out.push_str(&format!("\n{note}\n"));
    }
    out
}

pub(super) fn html(letter: &Letter<'_>) -> String {
    let colour = match Tone::of_letter(letter) {
        Tone::Good => "#2eb886",
        Tone::Warning => "#daa038",
        Tone::Danger => "#a30100",
    };
    let mut out = format!(
        "<!DOCTYPE html>\n<html><body style=\"font-family: sans-serif\">\n<h2 style=\"color: {colour}\">{}</h2>\n",
        escaped(&wording::headline(letter))
    );
    for alert in wording::news_first(letter).into_iter().take(ALERTS) {
        out.push_str("<table style=\"border-top: 1px solid #ccc; margin: 1em 0\">\n");
        for (name, text) in lines(letter, alert) {
            let text = escaped(&text).replace('\n', "<br>\n");
            let link = matches!(name, "Runbook" | "Rule");
            let text = if link { format!("<a href=\"{text}\">{text}</a>") } else { text };
            let row = if name.is_empty() {
                format!("<tr><td colspan=\"2\"><b>{text}</b></td></tr>\n")
            } else {
                format!("<tr><td style=\"color: #666; padding-right: 1em\">{name}</td><td>{text}</td></tr>\n")
            };
            out.push_str(&row);
        }
        out.push_str("</table>\n");
    }
    for note in notes(letter) {
        out.push_str(&format!("<p>{}</p>\n", escaped(&note)));
    }
    out.push_str("</body></html>\n");
    out
}

/// What is said of an alert, in order; the first has no name.
fn lines(letter: &Letter<'_>, alert: &Alert) -> Vec<(&'static str, String)> {
    let text = |text: &str| cut(text, TEXT, chars).into_owned();
    let mut lines = vec![
        ("", text(wording::message(alert))),
        ("Alert", text(&alert.name)),
        ("Severity", text(wording::severity_word(alert))),
        ("Status", wording::status_words(alert)),
        ("Started", wording::started(alert)),
    ];
    if let Some(ended) = alert.ends_at {
        lines.push(("Ended", crate::clock::rfc3339(ended)));
    }
    if let Some(description) = wording::description(alert) {
        lines.push(("Description", text(description)));
    }
    let labels = wording::labels(alert, &Labels::default());
    if !labels.is_empty() {
        lines.push(("Labels", text(&labels)));
    }
    if let Some(url) = wording::runbook(alert) {
        lines.push(("Runbook", url.to_owned()));
    }
    let rule = wording::rule_url(letter, alert);
    if !rule.is_empty() {
        lines.push(("Rule", rule));
    }
    lines
}

fn notes(letter: &Letter<'_>) -> Vec<String> {
    wording::left_out(letter, ALERTS).into_iter().chain(wording::remarks(letter)).collect()
}

fn escaped(text: &str) -> String {
    entities(text).replace('"', "&quot;")
}
