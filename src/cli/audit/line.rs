//! A row of the trail as a line for people. Pure.

use crate::{audit::Row, cli::plain, clock::rfc3339};

/// Wide enough for nearly all; what is longer pushes the rest to the right.
const WIDTHS: [usize; 4] = [24, 12, 12, 34];

pub(super) fn head() -> String {
    line(["AT", "NAMESPACE", "KIND", "ABOUT"].map(str::to_owned), "WHAT")
}

pub(super) fn row(row: &Row) -> String {
    match row.entry() {
        Some(entry) => {
            let namespace = if entry.namespace.is_empty() { "-" } else { &*entry.namespace };
            let kind = entry.event.kind().to_string();
            line([rfc3339(entry.at), namespace.to_owned(), kind, entry.about()], &entry.words())
        }
        // Of a newer version, or changed: `verify` tells.
        None => line([String::from("-"), "-".into(), "-".into(), row.place.to_string()], "this row cannot be read"),
    }
}

fn line(cells: [String; 4], what: &str) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(WIDTHS) {
        line.push_str(&format!("{:width$}   ", plain(cell)));
    }
    line.push_str(&plain(what));
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Body, Entry, Event, Head, follow};

    #[test]
    fn a_row_is_one_line_without_control_characters() {
        let event = Event::Ack { change: "set".into(), by: "ann".into(), comment: "on\nit\u{1b}[2J".into() };
        let entry = Entry { alert: Some("Errors".into()), ..Entry::of_process(1_800_000_000_000, event) };
        let text = row(&follow(&Head::default(), Body::of(&entry)));
        assert_eq!(text.matches('\n').count(), 1);
        assert!(text.starts_with("2027-01-15T08:00:00.000Z   -              ack"), "{text}");
        assert!(text.contains("set by ann: on\\nit\\u{1b}[2J"), "{text}");
        assert_eq!(head().find("WHAT"), text.find("set by"));
    }
}
