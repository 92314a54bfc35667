//! The values of a series over time, in promtool's notation: `1 2 3`, `0+10x5`, `5-1x5`, `0x3`, `_`, `_x5`, `stale`.
//!
//! As there, `axn` and `a+bxn` are a value and n more, and `_xn` is n gaps.
//! <https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/#series>

use super::Fault;
use crate::alert::{Compare, Labels, Matchers};

/// What one series may stand for: as many values as a test may have steps.
pub const VALUES_MAX: u64 = 5_000_000;

/// One element of a result over time.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Labels,
    values: Vec<Stretch>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    /// None: there is none.
    first: Option<f64>,
    step: f64,
    /// Without the stretch itself.
    before: u64,
    length: u64,
}

impl Series {
    /// # Errors
    /// What is wrong with the values, and what would be right.
    pub fn parse(labels: Labels, text: &str) -> Result<Self, Fault> {
        let mut values = Vec::new();
        let mut before = 0_u64;
        for item in text.split_whitespace() {
            let (first, step, length) = stretch(item)?;
            values.push(Stretch { first, step, before, length });
            before = before.saturating_add(length);
            if before > VALUES_MAX {
                return Err(Fault::new(format!("more than {VALUES_MAX} values"), "take a longer interval"));
            }
        }
        if values.is_empty() {
            return Err(Fault::new("there is no value in it", FORMS));
        }
        Ok(Self { labels, values })
    }

    /// The value at a place, counted from 0; None in a gap and behind the last.
    pub fn at(&self, index: u64) -> Option<f64> {
        let from = self.values.partition_point(|stretch| stretch.before + stretch.length <= index);
        let stretch = self.values.get(from)?;
        Some(stretch.step.mul_add((index - stretch.before) as f64, stretch.first?))
    }
}

const FORMS: &str = "1 2 3, 0+10x5 for 0 10 20 30 40 50, 0x3 for 0 0 0 0, _ or _x3 for gaps";

fn stretch(item: &str) -> Result<(Option<f64>, f64, u64), Fault> {
    let wrong = || {
        let shown: String = item.chars().take(40).collect();
        Fault::new(format!("{shown:?} is no value"), FORMS)
    };
    let (head, times) = match item.rsplit_once('x') {
        Some((head, times)) if !times.is_empty() && times.bytes().all(|c| c.is_ascii_digit()) => {
            let times = times.parse::<u64>().ok().filter(|times| *times <= VALUES_MAX).ok_or_else(wrong)?;
            (head, Some(times))
        }
        _ => (item, None),
    };
    match (head, times) {
        ("_", times) => return Ok((None, 0.0, times.unwrap_or(1))),
        ("stale", None) => return Ok((None, 0.0, 1)),
        _ => {}
    }
    let Some(times) = times else { return Ok((Some(head.parse().map_err(|_| wrong())?), 0.0, 1)) };
    if let Ok(value) = head.parse() {
        return Ok((Some(value), 0.0, times + 1));
    }
    // A sign at the front, or behind the e of an exponent, belongs to a number.
    let sign = head.char_indices().skip(1).find(|(at, c)| {
        matches!(c, '+' | '-') && !head[..*at].ends_with(['e', 'E']) && head[..*at].parse::<f64>().is_ok()
    });
    let (at, _) = sign.ok_or_else(wrong)?;
    let (first, step) = head.split_at(at);
    Ok((Some(first.parse().map_err(|_| wrong())?), step.parse().map_err(|_| wrong())?, times + 1))
}

/// Reads `name{label="value"}`.
///
/// # Errors
/// What is wrong with it, and what would be right.
pub fn labels(text: &str) -> Result<Labels, Fault> {
    const HINT: &str = "such as up{job=\"shop\", instance=\"a\"}, or {} for one without labels";
    let text = text.trim();
    let (name, braces) = text.split_at(text.find('{').unwrap_or(text.len()));
    let name = name.trim();
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == ':')
        && !name.starts_with(|c: char| c.is_ascii_digit());
    if !is_name {
        return Err(Fault::new("is no series", HINT));
    }
    let matchers = Matchers::parse(braces).map_err(|error| Fault::new(error.to_string(), HINT))?;
    if matchers.iter().any(|matcher| matcher.compare() != Compare::Equal) {
        return Err(Fault::new("the labels of a series are written with =", HINT));
    }
    let pairs = matchers.iter().map(|matcher| (matcher.name().to_owned(), matcher.value().to_owned()));
    Ok(Labels::new(pairs.chain([("__name__".to_owned(), name.to_owned())])))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> String {
        let series = Series::parse(Labels::default(), text).unwrap();
        let value = |at| series.at(at).map_or("_".to_owned(), |value| value.to_string());
        (0..9).map(value).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_notation_is_promtools() {
        for (text, expected) in [
            ("1 2 3", "1 2 3 _ _ _ _ _ _"),
            ("0+10x5", "0 10 20 30 40 50 _ _ _"),
            ("1-2x4", "1 -1 -3 -5 -7 _ _ _ _"),
            ("-2+4x3", "-2 2 6 10 _ _ _ _ _"),
            ("1x4", "1 1 1 1 1 _ _ _ _"),
            ("1 _x3 5 _ stale 7", "1 _ _ _ 5 _ _ 7 _"),
            ("1e2+1e0x1 -1e-1 NaN +Inf", "100 101 -0.1 NaN inf _ _ _ _"),
            ("0x0", "0 _ _ _ _ _ _ _ _"),
        ] {
            assert_eq!(values(text), expected, "{text}");
        }
        for text in ["", "a", "1+x3", "1+2", "x3", "1x", "1x99999999999999999999", "0x5000000 1x1", "{{schema:1}}"] {
            assert!(Series::parse(Labels::default(), text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_series_is_written_as_prometheus_shows_it() {
        let found = labels("up{job=\"a b\", instance=\"x\"}").unwrap();
        assert_eq!(found, Labels::new([("__name__", "up"), ("instance", "x"), ("job", "a b")]));
        assert_eq!(labels("{}").unwrap(), Labels::default());
        assert_eq!(labels("").unwrap(), Labels::default());
        for text in ["up{a=~\"b\"}", "1up", "up{a", "a b{}"] {
            assert!(labels(text).is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-9x+_ e.-]{0,30}|\\PC{0,20}", at in 0u64..1_000_000_000) {
            if let Ok(series) = Series::parse(Labels::default(), &text) {
                series.at(at);
            }
            let _ = labels(&text);
        }
    }
}
