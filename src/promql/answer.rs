//! What a server's JSON says: the result of a query, or why there is none.
//!
//! Reads the `data` of `/api/v1/query` and `/api/v1/query_range` (Prometheus' HTTP API, "Expression queries"). Series are
//! counted while they are read, so that no more are kept than the limit; what is over it is an error and never cut.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use super::ValueType;
use crate::{alert::Labels, clock::WallMs};

/// Elements of a vector, or series of a matrix. A rule with more alerts than this tells nobody anything.
pub const SERIES_MAX: usize = 10_000;
/// What is kept of the warnings: how many, and how much of each.
const NOTES_MAX: usize = 10;
const NOTE_MAX: usize = 300;

/// A query's result.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub found: Found,
    /// What the server warned of: at most 10, each of at most 300 characters.
    pub warnings: Vec<String>,
    /// What it remarked on the expression, likewise.
    pub infos: Vec<String>,
    /// The server says that a part of its data could not be read: what is not in the result may be there all the same.
    pub is_partial: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    Scalar(Point),
    Vector(Vec<Sample>),
    Matrix(Vec<Series>),
    Text(String),
}

/// A value at a time. It may be NaN or infinite.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    pub at: WallMs,
    pub value: f64,
}

/// An element of an instant vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// With `__name__`, where the expression keeps it.
    pub labels: Labels,
    pub point: Point,
}

/// An element of a range vector.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    pub labels: Labels,
    /// The oldest first.
    pub points: Vec<Point>,
}

/// Why an answer is no result. The text follows who answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    #[error("does not answer as Prometheus' API does: {0}")]
    NotTheApi(String),
    /// What the server said, in at most 300 characters.
    #[error("refused the query ({kind}): {message}")]
    Refused { kind: String, message: String },
    #[error("gave {0} series, over {SERIES_MAX}: aggregate them, as with sum by (…)")]
    TooMany(usize),
    #[error("gave {0} histograms, which are no numbers: take one of them, as with histogram_quantile()")]
    Histograms(usize),
    #[error("gave {0} where an instant vector or a scalar is needed")]
    NoVector(ValueType),
}

impl Answer {
    /// Reads a body.
    ///
    /// # Errors
    /// What it says in place of a result.
    pub fn read(body: &[u8]) -> Result<Self, AnswerError> {
        let envelope: Envelope = serde_json::from_slice(body)
            // Its text says what and where, and nothing of the body but names.
            .map_err(|error| AnswerError::NotTheApi(note(&error.to_string())))?;
        match (envelope.status.as_str(), envelope.data) {
            ("success", Some(data)) => {
                let found = data.found()?;
                let notes = |all: Option<Vec<String>>| {
                    all.unwrap_or_default().iter().take(NOTES_MAX).map(|text| note(text)).collect()
                };
                let (warnings, infos) = (notes(envelope.warnings), notes(envelope.infos));
                Ok(Self { found, warnings, infos, is_partial: envelope.is_partial.unwrap_or(false) })
            }
            ("error", _) => Err(AnswerError::Refused {
                kind: note(&envelope.error_type.unwrap_or_else(|| "error".to_owned())),
                message: note(&envelope.error.unwrap_or_default()),
            }),
            _ => Err(AnswerError::NotTheApi("it has neither data nor an error".to_owned())),
        }
    }

    /// The elements of an instant vector; a scalar is one without labels, as it is for a rule.
    ///
    /// # Errors
    /// When it is something else.
    pub fn into_vector(self) -> Result<Vec<Sample>, AnswerError> {
        match self.found {
            Found::Vector(samples) => Ok(samples),
            Found::Scalar(point) => Ok(vec![Sample { labels: Labels::default(), point }]),
            Found::Matrix(_) => Err(AnswerError::NoVector(ValueType::Matrix)),
            Found::Text(_) => Err(AnswerError::NoVector(ValueType::String)),
        }
    }
}

/// One line of bounded length.
fn note(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(NOTE_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[derive(Deserialize)]
struct Envelope {
    status: String,
    data: Option<Data>,
    #[serde(rename = "errorType")]
    error_type: Option<String>,
    error: Option<String>,
    warnings: Option<Vec<String>>,
    infos: Option<Vec<String>>,
    /// Of VictoriaMetrics.
    #[serde(rename = "isPartial")]
    is_partial: Option<bool>,
}

#[derive(Deserialize)]
struct Data {
    #[serde(rename = "resultType")]
    kind: String,
    result: Items,
}

impl Data {
    fn found(self) -> Result<Found, AnswerError> {
        let Items { items, count } = self.result;
        if count > SERIES_MAX {
            return Err(AnswerError::TooMany(count));
        }
        let histograms = items.iter().filter(|item| matches!(item, Item::Series { histograms: true, .. })).count();
        if histograms > 0 {
            return Err(AnswerError::Histograms(histograms));
        }
        let wrong = || AnswerError::NotTheApi(format!("its {} is none", note(&self.kind)));
        match self.kind.as_str() {
            "vector" => items.into_iter().map(Item::sample).collect::<Option<_>>().map(Found::Vector).ok_or_else(wrong),
            "matrix" => items.into_iter().map(Item::series).collect::<Option<_>>().map(Found::Matrix).ok_or_else(wrong),
            "scalar" | "string" => {
                let [Item::Number(seconds), Item::Text(text)] = items.as_slice() else { return Err(wrong()) };
                if self.kind == "string" {
                    return Ok(Found::Text(text.clone()));
                }
                point(*seconds, text).map(Found::Scalar).ok_or_else(wrong)
            }
            other => Err(AnswerError::NotTheApi(format!("there is no type of result '{}'", note(other)))),
        }
    }
}

fn point(seconds: f64, value: &str) -> Option<Point> {
    // A cast of a float stops at the ends of what an integer holds.
    Some(Point { at: (seconds * 1000.0).round() as WallMs, value: value.parse().ok()? })
}

/// The elements of `result`: the first [`SERIES_MAX`], and how many there are.
struct Items {
    items: Vec<Item>,
    count: usize,
}

enum Item {
    /// The two parts of a scalar or a string.
    Number(f64),
    Text(String),
    Series {
        labels: Labels,
        points: Vec<Point>,
        histograms: bool,
    },
}

impl Item {
    fn sample(self) -> Option<Sample> {
        match self {
            Self::Series { labels, points, .. } if points.len() == 1 => {
                points.first().map(|point| Sample { labels, point: *point })
            }
            _ => None,
        }
    }

    fn series(self) -> Option<Series> {
        match self {
            Self::Series { labels, points, .. } => Some(Series { labels, points }),
            _ => None,
        }
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Items;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of results")
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Items, A::Error> {
                let mut items = Vec::new();
                while items.len() < SERIES_MAX {
                    match seq.next_element()? {
                        Some(item) => items.push(item),
                        None => return Ok(Items { count: items.len(), items }),
                    }
                }
                let mut count = items.len();
                while seq.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Items { items, count })
            }
        }
        deserializer.deserialize_seq(Read)
    }
}

impl<'de> Deserialize<'de> for Item {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Item;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a result")
            }

            fn visit_f64<E>(self, value: f64) -> Result<Item, E> {
                Ok(Item::Number(value))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Item, E> {
                Ok(Item::Number(value as f64))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Item, E> {
                Ok(Item::Number(value as f64))
            }

            fn visit_str<E>(self, value: &str) -> Result<Item, E> {
                Ok(Item::Text(value.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Item, A::Error> {
                let (mut labels, mut points, mut histograms) = (Labels::default(), Vec::new(), false);
                while let Some(name) = map.next_key::<String>()? {
                    match name.as_str() {
                        "metric" => labels = map.next_value::<Metric>()?.0,
                        "value" => points = vec![map.next_value::<Pair>()?.0],
                        "values" => points = map.next_value::<Vec<Pair>>()?.into_iter().map(|read| read.0).collect(),
                        other => {
                            map.next_value::<IgnoredAny>()?;
                            histograms |= matches!(other, "histogram" | "histograms");
                        }
                    }
                }
                Ok(Item::Series { labels, points, histograms })
            }
        }
        deserializer.deserialize_any(Read)
    }
}

/// Time and value: `[1435781451.781, "1"]`.
struct Pair(Point);

impl<'de> Deserialize<'de> for Pair {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let (seconds, value) = <(f64, std::borrow::Cow<'de, str>)>::deserialize(deserializer)?;
        point(seconds, &value).map(Self).ok_or_else(|| D::Error::custom("a value is no number"))
    }
}

struct Metric(Labels);

impl<'de> Deserialize<'de> for Metric {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Read;
        impl<'de> Visitor<'de> for Read {
            type Value = Metric;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("labels")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Metric, A::Error> {
                let mut pairs: Vec<(String, String)> = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Metric(Labels::new(pairs)))
            }
        }
        deserializer.deserialize_map(Read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(body: &str) -> Result<Answer, AnswerError> {
        Answer::read(body.as_bytes())
    }

    fn success(data: &str) -> String {
        format!(r#"{{"status":"success","data":{data}}}"#)
    }

    #[test]
    fn every_type_of_result() {
        let scalar = read(&success(r#"{"resultType":"scalar","result":[1435781451.781,"1.5"]}"#)).unwrap();
        let point = Point { at: 1_435_781_451_781, value: 1.5 };
        assert_eq!(scalar.found, Found::Scalar(point));
        assert_eq!(scalar.into_vector().unwrap(), [Sample { labels: Labels::default(), point }]);
        let text = read(&success(r#"{"result":[1,"a \"b\""],"resultType":"string"}"#)).unwrap();
        assert_eq!(text.found, Found::Text("a \"b\"".to_owned()));
        assert_eq!(text.into_vector().unwrap_err(), AnswerError::NoVector(ValueType::String));
        let vector = success(
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[5,"NaN"]},{"metric":{},"value":[5.5,"+Inf"]}]}"#,
        );
        let samples = read(&vector).unwrap().into_vector().unwrap();
        assert!(samples[0].point.value.is_nan() && samples[1].point.value == f64::INFINITY);
        assert_eq!(samples[0].labels, Labels::new([("__name__", "up"), ("job", "a")]));
        assert_eq!(samples[1].point.at, 5500);
        let matrix = read(&success(
            r#"{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"1"],[2,"-Inf"]]}],"stats":{"x":[1]}}"#,
        ))
        .unwrap();
        match matrix.found {
            Found::Matrix(series) => assert_eq!((series.len(), series[0].points.len()), (1, 2)),
            other => panic!("{other:?}"),
        }
        assert_eq!(read(&success(r#"{"resultType":"vector","result":[]}"#)).unwrap().found, Found::Vector(vec![]));
    }

    #[test]
    fn warnings_and_errors_are_kept_and_bounded() {
        let body = format!(
            r#"{{"status":"success","isPartial":true,"data":{{"resultType":"vector","result":[]}},"warnings":["a\n b","{}"],"infos":["i"]}}"#,
            "x".repeat(1000)
        );
        let answer = read(&body).unwrap();
        assert_eq!((answer.warnings[0].as_str(), answer.warnings[1].chars().count()), ("a b", 301));
        assert_eq!((answer.infos, answer.is_partial), (vec!["i".to_owned()], true));
        let refused = read(r#"{"status":"error","errorType":"bad_data","error":"1:3: parse error"}"#).unwrap_err();
        assert_eq!(refused.to_string(), "refused the query (bad_data): 1:3: parse error");
        assert_eq!(read(r#"{"status":"error"}"#).unwrap_err().to_string(), "refused the query (error): ");
    }

    #[test]
    fn what_is_no_answer() {
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"status":"success"}"#,
            r#"{"status":"ok","data":{"resultType":"vector","result":[]}}"#,
            r#"{"status":"success","data":null}"#,
        ] {
            assert!(matches!(read(body), Err(AnswerError::NotTheApi(_))), "{body}");
        }
        for data in [
            r#"{"resultType":"vector","result":[1,"2"]}"#,
            r#"{"resultType":"vector","result":[{"metric":{}}]}"#,
            r#"{"resultType":"vector","result":[{"metric":{},"value":[1,2]}]}"#,
            r#"{"resultType":"vector","result":[{"metric":{},"value":[1,"x"]}]}"#,
            r#"{"resultType":"vector","result":[{"metric":{"a":1},"value":[1,"1"]}]}"#,
            r#"{"resultType":"scalar","result":[1]}"#,
            r#"{"resultType":"scalar","result":[1,"x"]}"#,
            r#"{"resultType":"tensor","result":[]}"#,
            r#"{"resultType":"vector","result":{}}"#,
        ] {
            assert!(matches!(read(&success(data)), Err(AnswerError::NotTheApi(_))), "{data}");
        }
        let histogram = success(r#"{"resultType":"vector","result":[{"metric":{},"histogram":[1,{"count":"1"}]}]}"#);
        assert_eq!(read(&histogram).unwrap_err(), AnswerError::Histograms(1));
    }

    #[test]
    fn too_many_series_are_said_and_not_cut() {
        let with = |count: usize| {
            let item = r#"{"metric":{"a":"b"},"value":[1,"1"]}"#;
            read(&success(&format!(r#"{{"resultType":"vector","result":[{}]}}"#, vec![item; count].join(","))))
        };
        assert_eq!(with(SERIES_MAX).unwrap().into_vector().unwrap().len(), SERIES_MAX);
        assert_eq!(with(12_345).unwrap_err(), AnswerError::TooMany(12_345));
    }

    proptest! {
        #[test]
        fn no_body_is_too_odd(text in "[\\[\\]{}\",:a-z0-9.\\\\]{0,60}") {
            let _ = read(&text);
            let _ = read(&success(&text));
            let _ = read(&success(&format!(r#"{{"resultType":"vector","result":[{text}]}}"#)));
        }
    }
}
