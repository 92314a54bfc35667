//! A report as a table for people. Pure.

use comfy_table::{CellAlignment, Table, presets};

use crate::{health::State, server::detailed::Row};

/// The table, and one line that sums it up.
pub fn render(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header([
        "NAMESPACE",
        "NAME",
        "PROBE",
        "STATE",
        "REASON",
        "LATENCY",
        "MESSAGE",
    ]);
    for row in rows {
        table.add_row([
            row.namespace.to_string(),
            row.name.to_string(),
            row.kind.map_or("-", |kind| kind.as_str()).to_owned(),
            row.state.as_str().to_owned(),
            row.reason.to_string(),
            latency(row),
            row.message.to_string(),
        ]);
    }
    if let Some(column) = table.column_mut(5) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    let body: Vec<_> = table.lines().map(|line| line.trim_end().trim_start_matches(' ').to_owned()).collect();
    format!("{}\n\n{}\n", body.join("\n"), summary(rows))
}

fn latency(row: &Row) -> String {
    let last = row.target.as_ref().and_then(|target| target.last.as_ref());
    last.map_or_else(|| "-".to_owned(), |run| format!("{:.1}ms", run.outcome.latency.as_secs_f64() * 1e3))
}

/// `4 checks: 2 healthy, 1 degraded, 1 unhealthy`.
fn summary(rows: &[Row]) -> String {
    let counted = State::ALL.into_iter().filter_map(|state| {
        let count = rows.iter().filter(|row| row.state == state).count();
        (count > 0).then(|| format!("{count} {}", state.as_lower()))
    });
    let noun = if rows.len() == 1 { "check" } else { "checks" };
    format!("{} {noun}: {}", rows.len(), counted.collect::<Vec<_>>().join(", "))
}
