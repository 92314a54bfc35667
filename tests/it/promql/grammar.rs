//! Expressions, whole and broken: taken and refused as a real Prometheus does.

use probity::{health::Reason, promql};

use super::{server::Prometheus, sources};

/// From every corner of the grammar that Prometheus has had since 2.42.
const EXPRESSIONS: [&str; 24] = [
    "sum by (job, instance,) (rate(http_requests_total{code=~\"5..\",job!=\"a\"}[5m])) / on(job) group_left(x) b > bool 0.5",
    "-1 ^ 2 * 3 % 4 + 0x1F - .5 / 5. + 1e3",
    "a and b or c unless d",
    "topk(5, up) offset -5m",
    "quantile(0.9, up @ 1609746000) by (job)",
    "count_values without () (\"v\", up)",
    "max_over_time(deriv(rate(x[1m])[5m:1m])[10m:] @ end() offset 1m)",
    "label_replace(up, \"a\", '$1', `b`, \"(.*)\")",
    "label_join(up, \"a\", \"-\", \"b\", \"c\")",
    "histogram_quantile(0.99, sum by (le) (rate(x_bucket[5m])))",
    "{__name__=~\"up|down\", job=\"\"}",
    "round(up, 0.1) == bool ignoring(x) round(up)",
    "scalar(up) + time() - pi() atan2 1",
    "vector(1) + on() vector(Inf - NaN)",
    "day_of_week() + hour(up)",
    "absent(up{job=\"x\"}) * ignoring(a) group_right b",
    "up # a comment\n + # another\n1",
    "(a + b)[1h30m:1m] offset 1d",
    "count + sum{a=\"b\"} - start / and",
    "predict_linear(x[1h], 4 * 3600) < 0",
    "1 < bool 2 < bool 3",
    "\"text\"",
    "+-+up",
    "quantile_over_time(0.5, x[5m])",
];

/// What 2.42 says of what later ones take: numbers for durations and the other way, quoted names, new functions.
const LATER: [&str; 6] = [
    "unexpected duration",
    "missing unit character",
    "expected duration",
    "bad number or duration syntax",
    "unexpected string",
    "unknown function",
];

/// Words, numbers, strings and single characters.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces: Vec<String> = Vec::new();
    let mut quote = None;
    for c in text.chars() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
        let joins = quote.is_some() || pieces.last().is_some_and(|last| last.ends_with(is_word) && is_word(c));
        match pieces.last_mut() {
            Some(last) if joins => last.push(c),
            _ => pieces.push(c.to_string()),
        }
        if quote == Some(c) {
            quote = None;
        } else if quote.is_none() && matches!(c, '"' | '\'' | '`') {
            quote = Some(c);
        }
    }
    pieces
}

/// Each expression with one piece left out, twice, or in the place of another, in every way that `step` lets through.
fn broken(step: usize) -> Vec<String> {
    let mut all = Vec::new();
    for (index, text) in EXPRESSIONS.iter().enumerate() {
        let own = pieces(text);
        let other = pieces(EXPRESSIONS[(index * 7 + 3) % EXPRESSIONS.len()]);
        for at in 0..own.len() {
            let mut without = own.clone();
            without.remove(at);
            let mut twice = own.clone();
            twice.insert(at, own[at].clone());
            let mut replaced = own.clone();
            replaced[at] = other[at % other.len()].clone();
            all.extend([without.concat(), twice.concat(), replaced.concat()]);
        }
    }
    all.into_iter().step_by(step).collect()
}

#[tokio::test]
async fn taken_and_refused_as_prometheus_does_needs_prometheus() {
    let sources = sources();
    let prometheus = Prometheus::start(&sources).await;
    let mut differences = Vec::new();
    let (mut taken, mut refused) = (0, 0);
    for text in EXPRESSIONS.iter().map(|text| (*text).to_owned()).chain(broken(2)) {
        // What is wrong with its data and not with its grammar is no matter here.
        let theirs = match prometheus.instant(&sources, &text).await {
            Err(failure) if failure.reason == Reason::QueryFailed && failure.message.contains("parse error") => {
                Err(failure.message)
            }
            Err(failure) if failure.reason != Reason::QueryFailed => panic!("{text}: {failure}"),
            _ => Ok(()),
        };
        match (promql::check(&text), theirs) {
            (Ok(_), Ok(())) => taken += 1,
            (Err(_), Err(_)) => refused += 1,
            (Ok(_), Err(said)) if LATER.iter().any(|later| said.contains(later)) => {}
            (ours, theirs) => differences.push(format!("{text}\n  ours: {ours:?}\n  theirs: {theirs:?}")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    assert!(taken > 100 && refused > 400, "{taken} taken, {refused} refused: is anything broken?");
}
