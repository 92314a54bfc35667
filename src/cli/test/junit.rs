//! Reports as JUnit XML, as CI systems read it. Pure.

use std::fmt::Write as _;

use super::{Ran, text::tell};
use crate::cli::xml::escape;

/// The whole document. Its times are zero: a test takes none.
pub fn document(all: &[Ran]) -> String {
    let failed = all.iter().filter(|ran| !ran.passed()).count();
    let totals = format!("name=\"probity\" tests=\"{}\" failures=\"{failed}\" errors=\"0\" time=\"0\"", all.len());
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    // Writing to a String cannot fail.
    let _ = writeln!(out, "<testsuites {totals}>\n  <testsuite {totals}>");
    for ran in all {
        let (file, name) = (escape(&ran.file), escape(&ran.name));
        let _ = write!(out, "    <testcase classname=\"{file}\" name=\"{name}\" time=\"0\"");
        if ran.passed() {
            out.push_str("/>\n");
            continue;
        }
        let told: String =
            ran.failures().map(|(failure, place, _)| tell(failure, &ran.file, place, ran.start)).collect();
        let what = ran.report.failures.first().map(|failure| failure.what.as_str()).unwrap_or_default();
        let (what, told) = (escape(what), escape(&told));
        let _ = writeln!(out, "><failure message=\"{what}\">{told}</failure></testcase>");
    }
    out.push_str("  </testsuite>\n</testsuites>\n");
    out
}
