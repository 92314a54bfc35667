//! The table of runs: point, runs, lost, duplicates, ambiguous.

use std::{collections::BTreeMap, fmt::Write as _};

use super::judge::Verdict;

#[derive(Default)]
struct Row {
    runs: usize,
    kills: usize,
    told: usize,
    lost: usize,
    duplicates: usize,
    ambiguous: usize,
    repeats: usize,
    untrue: usize,
}

#[derive(Default)]
pub struct Table {
    rows: BTreeMap<String, Row>,
    complaints: Vec<String>,
}

impl Table {
    /// Adds a run that was killed so often.
    pub fn add(&mut self, point: &str, kills: usize, what: &str, verdict: &Verdict) {
        let row = self.rows.entry(point.to_owned()).or_default();
        row.runs += 1;
        row.kills += kills;
        row.told += verdict.told;
        row.lost += verdict.lost.len();
        row.duplicates += verdict.duplicates.len();
        row.ambiguous += verdict.ambiguous;
        row.repeats += verdict.repeats;
        row.untrue += verdict.untrue.len();
        for complaint in verdict.lost.iter().chain(&verdict.duplicates).chain(&verdict.untrue) {
            self.complaints.push(format!("{what}: {complaint}"));
        }
    }

    /// A run that came to nothing.
    pub fn failed(&mut self, what: &str, why: &str) {
        self.complaints.push(format!("{what}: {why}"));
    }

    pub fn points(&self) -> impl Iterator<Item = &str> {
        self.rows.keys().map(String::as_str)
    }

    pub fn print(&self) -> String {
        let width = self.rows.keys().map(String::len).max().unwrap_or(0).max(5);
        let heads = ["runs", "kills", "told", "lost", "duplicates", "ambiguous", "repeats"];
        let mut text = format!("{:width$}", "point");
        for head in heads {
            let _ = write!(text, "  {head:>4}");
        }
        text.push('\n');
        let mut sum = [0; 7];
        let line = |name: &str, figures: [usize; 7], text: &mut String| {
            let _ = write!(text, "{name:width$}");
            for (figure, head) in figures.iter().zip(heads) {
                let _ = write!(text, "  {figure:>width$}", width = head.len().max(4));
            }
            text.push('\n');
        };
        for (name, row) in &self.rows {
            let figures = [row.runs, row.kills, row.told, row.lost, row.duplicates, row.ambiguous, row.repeats];
            sum.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure);
            line(name, figures, &mut text);
        }
        line("all", sum, &mut text);
        text
    }

    /// # Panics
    /// With the table and every complaint, when there is one.
    pub fn check(&self) {
        assert!(self.complaints.is_empty(), "\n{}\n{}\n", self.print(), self.complaints.join("\n"));
    }
}
