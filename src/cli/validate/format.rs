//! A review as text for people, as JSON, and as annotations of GitHub Actions.

use std::{collections::BTreeSet, fmt::Write as _};

use serde_json::json;

use crate::source::review::{Finding, Gravity, Review};

/// `FILE:LINE:COLUMN: path: message`, the hint below it, and what it comes to at the end.
pub fn text(review: &Review, colour: bool) -> String {
    let paint = |code: &str, text: String| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text };
    let mut out = String::new();
    for finding in &review.findings {
        let place = paint("1", format!("{}:{}:", visible(&finding.file), finding.position));
        let what = match finding.gravity {
            Gravity::Mistake => paint("31", what(finding)),
            Gravity::Note => format!("{} {}", paint("36", "note:".to_owned()), what(finding)),
        };
        let _ = writeln!(out, "{place} {what}");
        if let Some(hint) = &finding.hint {
            let _ = writeln!(out, "    {}", paint("2", format!("hint: {}", visible(hint))));
        }
    }
    let _ = writeln!(out, "{}", summary(review));
    out
}

/// A list of the mistakes; notes are left out.
pub fn json(review: &Review) -> String {
    let mistakes: Vec<_> = review
        .mistakes()
        .map(|mistake| {
            json!({
                "file": &*mistake.file,
                "line": mistake.position.line,
                "column": mistake.position.column,
                "object": mistake.object,
                "path": mistake.path.to_string(),
                "message": mistake.message,
                "hint": mistake.hint,
            })
        })
        .collect();
    format!("{:#}\n", json!(mistakes))
}

/// Workflow commands: one `::error` or `::notice` a line.
pub fn github(review: &Review) -> String {
    let mut out = String::new();
    for finding in &review.findings {
        let command = match finding.gravity {
            Gravity::Mistake => "error",
            Gravity::Note => "notice",
        };
        let title = if finding.object.is_empty() { "probity validate" } else { &finding.object };
        let hint = finding.hint.as_ref().map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
        let _ = writeln!(
            out,
            "::{command} file={},line={},col={},title={}::{}",
            property(&finding.file),
            finding.position.line,
            finding.position.column,
            property(title),
            data(&format!("{}{hint}", message(finding))),
        );
    }
    out
}

fn what(finding: &Finding) -> String {
    visible(&message(finding))
}

fn message(finding: &Finding) -> String {
    if finding.path.steps().is_empty() {
        finding.message.clone()
    } else {
        format!("{}: {}", finding.path, finding.message)
    }
}

fn summary(review: &Review) -> String {
    let mistakes = review.mistakes().count();
    let files = review.mistakes().map(|mistake| &mistake.file).collect::<BTreeSet<_>>().len();
    let all = count(review.files, "file");
    match mistakes {
        0 => format!("no mistakes: {} in {all}", count(review.good_objects, "object")),
        _ => format!(
            "{} in {files} of {all}; {} without mistakes",
            count(mistakes, "mistake"),
            count(review.good_objects, "object")
        ),
    }
}

fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}

/// Without what would move the cursor of a terminal: file names and values may hold anything.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::source::review::{self, Leniency};

    fn review() -> Review {
        let text = "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {name: a}\nspec:\n  intervall: 5s\n  tcp: {address: 'a:1'}\n---\napiVersion: v1\nkind: Service\n";
        review::text(&Arc::from("a\u{7},b.yaml"), text.as_bytes(), Leniency::default())
    }

    #[test]
    fn text_tells_place_path_mistake_and_hint() {
        let expected = "a\u{fffd},b.yaml:5:3: spec.intervall: unknown field\n    hint: did you mean interval?\n\
                        a\u{fffd},b.yaml:8:1: note: skipped: v1 Service is not judged here\n1 mistake in 1 of 1 file; 0 objects without mistakes\n";
        assert_eq!(text(&review(), false), expected);
        assert!(text(&review(), true).contains("\x1b[31mspec.intervall: unknown field\x1b[0m"));
    }

    #[test]
    fn json_lists_the_mistakes() {
        let list: serde_json::Value = serde_json::from_str(&json(&review())).unwrap();
        let expected = json!([{
            "file": "a\u{7},b.yaml", "line": 5, "column": 3, "object": "HealthCheck default/a",
            "path": "spec.intervall", "message": "unknown field", "hint": "did you mean interval?",
        }]);
        assert_eq!(list, expected);
    }

    #[test]
    fn github_gets_one_escaped_line_for_each() {
        let expected = "::error file=a\u{7}%2Cb.yaml,line=5,col=3,title=HealthCheck default/a::spec.intervall: unknown field%0Ahint: did you mean interval?\n\
                        ::notice file=a\u{7}%2Cb.yaml,line=8,col=1,title=probity validate::skipped: v1 Service is not judged here\n";
        assert_eq!(github(&review()), expected);
    }
}
