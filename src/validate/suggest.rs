//! What a person may have meant.

/// The candidate that is nearest to `word`, if one is near enough to be a slip of the hand: at most a third
/// of the letters differ, and at most 3.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (word.chars().count() / 3).clamp(1, 3);
    candidates
        .into_iter()
        .map(|candidate| (distance(&word.to_lowercase(), &candidate.to_lowercase()), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be put in, taken out, replaced or swapped with their neighbour (the optimal string
/// alignment distance).
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    // Names are at most 253 long; what is longer is no slip of a name.
    if a.len().max(b.len()) > 253 {
        return usize::MAX;
    }
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            rows[i][j] = match (i, j) {
                (0, other) | (other, 0) => other,
                _ => {
                    let change = usize::from(a[i - 1] != b[j - 1]);
                    let mut best = (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
                    if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                        best = best.min(rows[i - 2][j - 2] + 1);
                    }
                    best
                }
            };
        }
    }
    rows[a.len()][b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_slips_and_nothing_else() {
        let fields = ["interval", "timeout", "failureThreshold", "http", "tcp", "tls", "dns"];
        let cases = [
            ("intervall", Some("interval")),
            ("timeuot", Some("timeout")),
            ("failurethreshold", Some("failureThreshold")),
            ("failure_threshold", Some("failureThreshold")),
            ("htpt", Some("http")),
            ("grpc", None),
            ("x", None),
            ("measurements", None),
        ];
        for (word, expected) in cases {
            assert_eq!(nearest(word, fields), expected, "{word}");
        }
    }
}
