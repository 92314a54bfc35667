//! Reports as JSON. Pure.

use serde_json::{Value, json};

use super::Ran;
use crate::{
    clock::rfc3339,
    trial::{Entry, Failure},
};

/// A list of the tests, with what failed and, where it was asked for, what happened.
pub fn document(all: &[Ran], verbose: bool) -> String {
    let tests: Vec<Value> = all.iter().map(|ran| test(ran, verbose)).collect();
    format!("{:#}\n", json!(tests))
}

fn test(ran: &Ran, verbose: bool) -> Value {
    let clock = |at: i64| rfc3339(ran.start.saturating_add(at));
    let failures: Vec<Value> = ran
        .failures()
        .map(|(failure, place, path)| {
            let Failure { at, what, missing, unexpected, matched, .. } = failure;
            json!({
                "line": place.line,
                "column": place.column,
                "path": path.to_string(),
                "at": *at as f64 / 1000.0,
                "time": clock(*at),
                "what": what,
                "expected": missing,
                "found": unexpected,
                "matched": matched,
            })
        })
        .collect();
    let mut test = json!({
        "file": &*ran.file,
        "line": ran.place.line,
        "name": &*ran.name,
        "passed": ran.passed(),
        "lasted": ran.report.lasted as f64 / 1000.0,
        "failures": failures,
    });
    if verbose {
        let entry =
            |entry: &Entry| json!({"at": entry.at as f64 / 1000.0, "time": clock(entry.at), "text": entry.text});
        test["timeline"] = ran.report.timeline.iter().map(entry).collect();
        test["omitted"] = ran.report.omitted.into();
    }
    test
}
