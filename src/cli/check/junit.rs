//! A report as JUnit XML, as CI systems read it. Pure.
//!
//! Unhealthy is a failure, Unknown an error (nothing was learned), Suspended skipped; Degraded passes and says why.

use std::fmt::Write as _;

use crate::{cli::xml::escape, health::State, server::detailed::Row};

/// The whole document.
pub fn document(rows: &[Row]) -> String {
    let count = |state| rows.iter().filter(|row| row.state == state).count();
    let totals = format!(
        "name=\"probity\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3}\"",
        rows.len(),
        count(State::Unhealthy),
        count(State::Unknown),
        count(State::Suspended),
        rows.iter().map(seconds).sum::<f64>(),
    );
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "<testsuites {totals}>\n  <testsuite {totals}>");
    for row in rows {
        let (namespace, name) = (escape(&row.namespace), escape(&row.name));
        let _ = write!(out, "    <testcase classname=\"{namespace}\" name=\"{name}\" time=\"{:.3}\"", seconds(row));
        let (reason, message) = (row.reason, escape(&row.message));
        let target = escape(&row.instance);
        let _ = match row.state {
            State::Healthy => writeln!(out, "/>"),
            State::Suspended => writeln!(out, "><skipped message=\"{message}\"/></testcase>"),
            State::Degraded => {
                writeln!(out, "><system-out>{target} is degraded: {reason}: {message}</system-out></testcase>")
            }
            State::Unhealthy => writeln!(
                out,
                "><failure type=\"{reason}\" message=\"{message}\">{target} is unhealthy: {reason}: {message}</failure></testcase>"
            ),
            State::Unknown => writeln!(
                out,
                "><error type=\"{reason}\" message=\"{message}\">{target} is unknown: {reason}: {message}</error></testcase>"
            ),
        };
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}

fn seconds(row: &Row) -> f64 {
    let last = row.target.as_ref().and_then(|target| target.last.as_ref());
    last.map_or(0.0, |run| run.outcome.latency.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::health::Reason;

    fn row(name: &str, state: State, reason: Reason, message: &str) -> Row {
        Row {
            name: name.into(),
            namespace: Arc::from("default"),
            kind: None,
            instance: Arc::from("http://x/?a&b"),
            state,
            reason,
            message: message.into(),
            since: None,
            target: None,
        }
    }

    #[test]
    fn every_state_has_its_element_and_is_counted() {
        let xml = document(&[
            row("a", State::Healthy, Reason::Ok, ""),
            row("b", State::Degraded, Reason::Slow, "slow"),
            row("c", State::Unhealthy, Reason::BodyMismatch, "body does not match /<b>&\"'\u{1}\n/"),
            row("d", State::Unknown, Reason::Blocked, "blocked"),
            row("e", State::Suspended, Reason::Suspended, "suspended"),
        ]);
        assert!(xml.contains("tests=\"5\" failures=\"1\" errors=\"1\" skipped=\"1\" time=\"0.000\""), "{xml}");
        assert!(xml.contains(
            "<failure type=\"BodyMismatch\" message=\"body does not match /&lt;b&gt;&amp;&quot;&apos;\u{fffd}&#10;/\""
        ));
        assert!(xml.contains("<system-out>http://x/?a&amp;b is degraded: Slow: slow</system-out>"));
        assert!(xml.contains("<error type=\"Blocked\"") && xml.contains("<skipped message=\"suspended\"/>"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_leaves_the_document_well_formed(name in "\\PC*", message in ".*") {
            let xml = document(&[row(&name, State::Unhealthy, Reason::Timeout, &message)]);
            // Outside our own markup there is no angle bracket, no stray quote and nothing that XML cannot hold.
            let opened = xml.matches('<').count();
            proptest::prop_assert_eq!(opened, xml.matches('>').count());
            proptest::prop_assert_eq!(opened, 9);
            proptest::prop_assert!(xml.chars().all(|c| c >= ' ' || c == '\n'));
        }
    }
}
