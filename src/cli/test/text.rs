//! Reports for people: a line for each test, and below it what was expected and what was there. Pure.

use std::fmt::Write as _;

use super::Ran;
use crate::{
    clock::{WallMs, rfc3339},
    source::manifest::Position,
    trial::{Entry, Failure, time},
};

/// Everything, with how it came out at the end.
pub fn lines(all: &[Ran], verbose: bool, colour: bool) -> String {
    let paint = |code: &str, text: &str| if colour { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() };
    let mut out = String::new();
    let mut file = None;
    for ran in all {
        if file != Some(&ran.file) {
            let _ = writeln!(out, "{}", visible(&ran.file));
            file = Some(&ran.file);
        }
        let how = if ran.passed() { paint("32", "ok  ") } else { paint("31", "FAIL") };
        let _ = writeln!(out, "  {how}  {} ({})", visible(&ran.name), time(ran.report.lasted));
        for (failure, place, _) in ran.failures() {
            out += &visible_lines(&tell(failure, &ran.file, place, ran.start));
        }
        if verbose {
            out += &visible_lines(&timeline(&ran.report.timeline, ran.report.omitted));
        }
    }
    let passed = all.iter().filter(|ran| ran.passed()).count();
    let count = if all.len() == 1 { "1 test".to_owned() } else { format!("{} tests", all.len()) };
    let _ = match all.len() - passed {
        0 => writeln!(out, "{count}: all passed"),
        failed => writeln!(out, "{count}: {passed} passed, {failed} failed"),
    };
    out
}

/// What was expected and what was there.
pub fn tell(failure: &Failure, file: &str, place: Position, start: WallMs) -> String {
    let Failure { at, what, missing, unexpected, matched, .. } = failure;
    let clock = rfc3339(start.saturating_add(*at)).replace(".000Z", "Z");
    let mut out = format!("    {file}:{place}: at {} ({clock}): {what}\n", time(*at));
    if missing.is_empty() && unexpected.is_empty() {
        return out;
    }
    let mut list = |title: &str, items: &[String], none: &str| {
        for item in items {
            let _ = writeln!(out, "      {title:8}  {item}");
        }
        if items.is_empty() {
            let _ = writeln!(out, "      {title:8}  {none}");
        }
    };
    let beside = if *matched > 0 { "nothing else" } else { "nothing" };
    list("expected", missing, beside);
    list("found", unexpected, beside);
    if *matched > 0 {
        let _ = writeln!(out, "      (and {matched} as expected)");
    }
    out
}

fn timeline(entries: &[Entry], omitted: usize) -> String {
    let mut out = String::new();
    for entry in entries {
        let _ = writeln!(out, "    {:>10}  {}", time(entry.at), entry.text.replace('\n', " "));
    }
    if omitted > 0 {
        let _ = writeln!(out, "    {:>10}  {omitted} more", "…");
    }
    out
}

/// Without what would move the cursor of a terminal: names and messages may hold anything.
fn visible(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn visible_lines(text: &str) -> String {
    text.lines().map(|line| visible(line) + "\n").collect()
}
