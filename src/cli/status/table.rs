//! The table for people: the worst first, one line a check, and a sum. Pure.

use super::fetch::Check;
use crate::{cli::plain, clock::WallMs, health::State};

const HEAD: [&str; 9] = ["NAMESPACE", "NAME", "PROBE", "STATE", "SINCE", "LATENCY", "UPTIME(24H)", "REASON", "MESSAGE"];
/// The column that is coloured.
const STATE: usize = 3;

/// The checks as a table, and one line that sums them up.
pub(super) fn render(mut checks: Vec<Check>, now: WallMs, colour: bool) -> String {
    if checks.is_empty() {
        return "No checks.\n".to_owned();
    }
    checks.sort_by(|a, b| {
        rank(&b.state).cmp(&rank(&a.state)).then_with(|| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)))
    });
    let rows: Vec<[String; 9]> = checks.iter().map(|check| row(check, now)).collect();
    let widths: Vec<usize> = (0..HEAD.len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).fold(HEAD[column].len(), usize::max))
        .collect();
    let mut out = String::new();
    push(&mut out, &HEAD.map(str::to_owned), &widths, None);
    for (row, check) in rows.iter().zip(&checks) {
        push(&mut out, row, &widths, colour.then(|| paint(&check.state)));
    }
    out.push('\n');
    out.push_str(&sum(&checks));
    out
}

fn push(out: &mut String, row: &[String; 9], widths: &[usize], paint: Option<&str>) {
    let mut line = String::new();
    for (column, (cell, width)) in row.iter().zip(widths).enumerate() {
        let padding = " ".repeat(width.saturating_sub(cell.chars().count()) + 3);
        match paint {
            Some(paint) if column == STATE => line.push_str(&format!("{paint}{cell}\x1b[0m")),
            _ => line.push_str(cell),
        }
        line.push_str(&padding);
    }
    out.push_str(line.trim_end());
    out.push('\n');
}

fn row(check: &Check, now: WallMs) -> [String; 9] {
    let since =
        check.last_transition_time.parse().map(|at: jiff::Timestamp| age(now.saturating_sub(at.as_millisecond())));
    [
        plain(&check.namespace),
        plain(&check.name),
        check.probe.as_deref().map_or_else(|| "-".to_owned(), plain),
        plain(&check.state),
        since.unwrap_or_else(|_| "-".to_owned()),
        check.latency.map_or_else(|| "-".to_owned(), latency),
        check.uptime.day.map_or_else(|| "-".to_owned(), percent),
        plain(&check.reason),
        plain(&check.message),
    ]
}

/// Lines of cells under a head; empty where there are none.
pub(super) fn aligned<const N: usize>(head: [&str; N], rows: &[[String; N]]) -> String {
    let mut out = String::new();
    if rows.is_empty() {
        return out;
    }
    let widths: Vec<usize> = head
        .iter()
        .enumerate()
        .map(|(column, name)| rows.iter().map(|row| row[column].chars().count()).fold(name.len(), usize::max))
        .collect();
    for row in [head.map(str::to_owned)].iter().chain(rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}   "));
        out.push_str(cells.collect::<String>().trim_end());
        out.push('\n');
    }
    out
}

fn rank(state: &str) -> u8 {
    State::ALL.into_iter().find(|known| known.as_str() == state).map_or(u8::MAX, State::rank)
}

fn paint(state: &str) -> &'static str {
    match state {
        "Healthy" => "\x1b[32m",
        "Degraded" => "\x1b[33m",
        "Unhealthy" => "\x1b[31m",
        "Unknown" => "\x1b[35m",
        _ => "\x1b[2m",
    }
}

/// As kubectl writes ages: the two largest units where the first is small.
pub(super) fn age(ms: i64) -> String {
    let s = ms.max(0) / 1000;
    let (m, h, d) = (s / 60, s / 3600, s / 86_400);
    match () {
        () if s < 120 => format!("{s}s"),
        () if m < 10 && s % 60 != 0 => format!("{m}m{}s", s % 60),
        () if h < 3 => format!("{m}m"),
        () if h < 8 && m % 60 != 0 => format!("{h}h{}m", m % 60),
        () if d < 2 => format!("{h}h"),
        () if d < 8 && h % 24 != 0 => format!("{d}d{}h", h % 24),
        () => format!("{d}d"),
    }
}

fn latency(seconds: f64) -> String {
    match seconds {
        s if s < 0.01 => format!("{:.1}ms", s * 1e3),
        s if s < 1.0 => format!("{:.0}ms", s * 1e3),
        s => format!("{s:.1}s"),
    }
}

/// Two digits, cut and not rounded: 99.996 is not 100.
fn percent(value: f64) -> String {
    let cut = (value * 100.0 + 1e-6).floor() / 100.0;
    format!("{cut}%")
}

/// `4 checks: 1 unhealthy, 3 healthy`, the worst first.
fn sum(checks: &[Check]) -> String {
    let mut states = State::ALL;
    states.sort_by_key(|state| std::cmp::Reverse(state.rank()));
    let counted: Vec<_> = states
        .into_iter()
        .filter_map(|state| {
            let count = checks.iter().filter(|check| check.state == state.as_str()).count();
            (count > 0).then(|| format!("{count} {}", state.as_lower()))
        })
        .collect();
    let noun = if checks.len() == 1 { "check" } else { "checks" };
    format!("{} {noun}: {}\n", checks.len(), counted.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::status::fetch::Uptime;

    fn check(name: &str, state: &str, message: &str) -> Check {
        Check {
            namespace: "web".to_owned(),
            name: name.to_owned(),
            probe: Some("http".to_owned()),
            state: state.to_owned(),
            reason: "Ok".to_owned(),
            message: message.to_owned(),
            last_transition_time: "2023-11-14T22:13:20.000Z".to_owned(),
            latency: Some(0.0123),
            uptime: Uptime { day: Some(99.999) },
        }
    }

    #[test]
    fn the_worst_come_first_and_the_sum_last() {
        let checks = vec![
            check("b", "Healthy", "200 OK"),
            check("a", "Healthy", "200 OK"),
            check("longer-name", "Unhealthy", "no\u{1b}[2J\nanswer"),
            check("off", "Suspended", ""),
            check("new", "Unknown", ""),
        ];
        let text = render(checks, 1_700_000_000_000 + 90_000, false);
        assert_eq!(
            text,
            "NAMESPACE   NAME          PROBE   STATE       SINCE   LATENCY   UPTIME(24H)   REASON   MESSAGE\n\
             web         longer-name   http    Unhealthy   90s     12ms      99.99%        Ok       no\\u{1b}[2J\\nanswer\n\
             web         new           http    Unknown     90s     12ms      99.99%        Ok\n\
             web         a             http    Healthy     90s     12ms      99.99%        Ok       200 OK\n\
             web         b             http    Healthy     90s     12ms      99.99%        Ok       200 OK\n\
             web         off           http    Suspended   90s     12ms      99.99%        Ok\n\
             \n5 checks: 1 unhealthy, 1 unknown, 2 healthy, 1 suspended\n"
        );
    }

    #[test]
    fn colour_is_for_the_state_alone_and_moves_no_column() {
        let coloured = render(vec![check("a", "Healthy", "m")], 0, true);
        assert!(coloured.contains("\x1b[32mHealthy\x1b[0m   "), "{coloured:?}");
        let bare = coloured.replace("\x1b[32m", "").replace("\x1b[0m", "");
        assert_eq!(bare, render(vec![check("a", "Healthy", "m")], 0, false));
    }

    #[test]
    fn figures_are_short() {
        for (s, want) in [
            (0, "0s"),
            (119, "119s"),
            (120, "2m"),
            (150, "2m30s"),
            (700, "11m"),
            (3600 * 4 + 120, "4h2m"),
            (3600 * 30, "30h"),
            (86_400 * 3 + 7200, "3d2h"),
            (86_400 * 40, "40d"),
        ] {
            assert_eq!(age(s * 1000), want);
        }
        assert_eq!(age(-5), "0s");
        for (s, want) in [(0.0004, "0.4ms"), (0.25, "250ms"), (1.26, "1.3s")] {
            assert_eq!(latency(s), want);
        }
        for (p, want) in [(100.0, "100%"), (99.996, "99.99%"), (99.98, "99.98%"), (99.97, "99.97%"), (0.0, "0%")] {
            assert_eq!(percent(p), want);
        }
    }
}
