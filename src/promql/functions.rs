//! The functions of Prometheus 3, with what they take and give.

use super::ValueType;

/// A function: a letter for each argument (`v` instant vector, `m` range vector, `s` scalar, `t` string).
#[derive(Debug, Clone, Copy)]
pub(super) struct Function {
    pub(super) name: &'static str,
    arguments: &'static str,
    extra: Extra,
    pub(super) gives: ValueType,
}

/// Which of the arguments may be left out or repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extra {
    None,
    /// The last one may be left out.
    Optional,
    /// The last one may be left out, or come any number of times.
    Any,
    /// The last one comes once, and at most this many times more.
    More(usize),
}

const fn function(name: &'static str, arguments: &'static str, extra: Extra, gives: ValueType) -> Function {
    Function { name, arguments, extra, gives }
}

use Extra::{Any, More, None as Fixed, Optional};
use ValueType::{Matrix, Scalar, String as Text, Vector};

/// With arguments that are none of the usual ones.
const UNUSUAL: &[Function] = &[
    function("clamp", "vss", Fixed, Vector),
    function("clamp_max", "vs", Fixed, Vector),
    function("clamp_min", "vs", Fixed, Vector),
    function("days_in_month", "v", Optional, Vector),
    function("day_of_month", "v", Optional, Vector),
    function("day_of_week", "v", Optional, Vector),
    function("day_of_year", "v", Optional, Vector),
    function("double_exponential_smoothing", "mss", Fixed, Vector),
    function("histogram_fraction", "ssv", Fixed, Vector),
    function("histogram_quantile", "sv", Fixed, Vector),
    function("histogram_quantiles", "vts", More(9), Vector),
    function("holt_winters", "mss", Fixed, Vector),
    function("hour", "v", Optional, Vector),
    function("info", "vv", Optional, Vector),
    function("label_join", "vttt", Any, Vector),
    function("label_replace", "vtttt", Fixed, Vector),
    function("minute", "v", Optional, Vector),
    function("month", "v", Optional, Vector),
    function("pi", "", Fixed, Scalar),
    function("predict_linear", "ms", Fixed, Vector),
    function("quantile_over_time", "sm", Fixed, Vector),
    function("round", "vs", Optional, Vector),
    function("scalar", "v", Fixed, Scalar),
    function("sort_by_label", "vt", Any, Vector),
    function("sort_by_label_desc", "vt", Any, Vector),
    function("time", "", Fixed, Scalar),
    function("vector", "s", Fixed, Vector),
    function("year", "v", Optional, Vector),
];

/// From an instant vector to an instant vector.
const OF_VECTORS: &[&str] = &[
    "abs",
    "absent",
    "acos",
    "acosh",
    "asin",
    "asinh",
    "atan",
    "atanh",
    "ceil",
    "cos",
    "cosh",
    "deg",
    "exp",
    "floor",
    "histogram_avg",
    "histogram_count",
    "histogram_stddev",
    "histogram_stdvar",
    "histogram_sum",
    "ln",
    "log10",
    "log2",
    "rad",
    "sgn",
    "sin",
    "sinh",
    "sort",
    "sort_desc",
    "sqrt",
    "tan",
    "tanh",
    "timestamp",
];

/// From a range vector to an instant vector.
const OF_RANGES: &[&str] = &[
    "absent_over_time",
    "avg_over_time",
    "changes",
    "count_over_time",
    "delta",
    "deriv",
    "first_over_time",
    "idelta",
    "increase",
    "irate",
    "last_over_time",
    "mad_over_time",
    "max_over_time",
    "min_over_time",
    "present_over_time",
    "rate",
    "resets",
    "stddev_over_time",
    "stdvar_over_time",
    "sum_over_time",
    "ts_of_first_over_time",
    "ts_of_last_over_time",
    "ts_of_max_over_time",
    "ts_of_min_over_time",
];

pub(super) fn find(name: &str) -> Option<Function> {
    // Functions' names, unlike keywords, are told apart by case.
    let of = |names: &[&'static str], arguments| {
        names.iter().find(|known| **known == name).map(|known| function(known, arguments, Fixed, Vector))
    };
    let unusual = UNUSUAL.iter().find(|known| known.name == name).copied();
    unusual.or_else(|| of(OF_VECTORS, "v")).or_else(|| of(OF_RANGES, "m"))
}

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let unusual = UNUSUAL.iter().map(|function| function.name);
    unusual.chain(OF_VECTORS.iter().copied()).chain(OF_RANGES.iter().copied())
}

/// The name that `word` may be a slip of: one letter too many, missing, other, or swapped with its neighbour.
pub(super) fn nearest<'a>(word: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_ascii_lowercase();
    // Of several the one that is only written otherwise.
    names.filter(|name| is_slip(word.as_bytes(), name.as_bytes())).min_by_key(|name| *name != word)
}

fn is_slip(a: &[u8], b: &[u8]) -> bool {
    let same = a.iter().zip(b).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[same..], &b[same..]);
    match (a, b) {
        ([], rest) | (rest, []) => rest.len() <= 1,
        ([x, a @ ..], [y, b @ ..]) => {
            let swapped = matches!((a, b), ([p, a @ ..], [q, b @ ..]) if p == y && q == x && a == b);
            swapped || a == b || a == [&[*y], b].concat() || [&[*x], a].concat() == b
        }
    }
}

impl Function {
    /// How many arguments it takes: at least, and at most.
    pub(super) fn bounds(&self) -> (usize, Option<usize>) {
        let count = self.arguments.len();
        match self.extra {
            Extra::None => (count, Some(count)),
            Extra::Optional => (count - 1, Some(count)),
            Extra::Any => (count - 1, None),
            Extra::More(more) => (count, Some(count + more)),
        }
    }

    /// What an argument has to be, counted from 0; those beyond the last are as that is.
    pub(super) fn argument(&self, index: usize) -> Option<ValueType> {
        let letters = self.arguments.as_bytes();
        letters.get(index).or(letters.last()).map(|letter| match letter {
            b'm' => Matrix,
            b's' => Scalar,
            b't' => Text,
            _ => Vector,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_there_once_and_found() {
        let mut all: Vec<_> = names().collect();
        all.sort_unstable();
        let count = all.len();
        all.dedup();
        assert_eq!(all.len(), count);
        for name in all {
            assert_eq!(find(name).unwrap().name, name);
        }
    }

    #[test]
    fn slips_are_recognised() {
        for (word, expected) in [
            ("rte", Some("rate")),
            ("ratee", Some("rate")),
            ("raet", Some("rate")),
            ("rote", Some("rate")),
            ("Rate", Some("rate")),
            ("histogram_quantil", Some("histogram_quantile")),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, names()), expected, "{word}");
        }
    }
}
