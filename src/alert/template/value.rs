//! What a template works with.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::{Sample, number, time};
use crate::alert::Labels;

#[derive(Debug, Clone)]
pub(super) enum Value {
    /// What is not there. An action writes it as `<no value>`, and `print` as `<nil>`.
    Nothing,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(Arc<str>),
    Labels(Labels),
    Sample(Arc<Sample>),
    Samples(Arc<[Arc<Sample>]>),
    /// What `args` made.
    Map(Arc<BTreeMap<String, Value>>),
    /// `.` and `$`: what the template is about.
    Root,
    /// Milliseconds since the Unix epoch.
    Time(i64),
    /// Nanoseconds.
    Duration(i64),
}

impl Value {
    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    /// As `if` and `with` see it.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Bool(value) => *value,
            Self::Int(value) | Self::Duration(value) => *value != 0,
            Self::Float(value) => *value != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Labels(labels) => !labels.is_empty(),
            Self::Samples(samples) => !samples.is_empty(),
            Self::Map(map) => !map.is_empty(),
            Self::Sample(_) | Self::Root | Self::Time(_) => true,
        }
    }

    /// The type, as Go's messages name it.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Nothing => "nil",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Float(_) => "float64",
            Self::Text(_) => "string",
            Self::Labels(_) => "map[string]string",
            Self::Sample(_) => "sample",
            Self::Samples(_) => "query result",
            Self::Map(_) => "map[string]interface {}",
            Self::Root => "template data",
            Self::Time(_) => "time",
            Self::Duration(_) => "duration",
        }
    }

    /// About how many bytes it takes, and takes to print; counted no further than `limit`.
    pub(super) fn weight(&self, limit: usize) -> usize {
        let labels = |labels: &Labels| labels.iter().map(|(name, value)| 16 + name.len() + value.len()).sum::<usize>();
        let mut weight: usize = 16;
        match self {
            Self::Text(text) => weight += text.len(),
            Self::Labels(all) => weight += labels(all),
            Self::Sample(sample) => weight += labels(&sample.labels),
            Self::Samples(samples) => {
                for sample in samples.iter() {
                    weight += 16 + labels(&sample.labels);
                    if weight > limit {
                        break;
                    }
                }
            }
            Self::Map(map) => {
                for (name, value) in map.iter() {
                    if weight > limit {
                        break;
                    }
                    weight += name.len() + value.weight(limit - weight);
                }
            }
            _ => {}
        }
        weight
    }

    /// How many maps are in each other.
    pub(super) fn depth(&self) -> usize {
        match self {
            Self::Map(map) => 1 + map.values().map(Self::depth).max().unwrap_or(0),
            _ => 0,
        }
    }
}

/// As `%v` writes it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("<nil>"),
            Self::Bool(value) => write!(f, "{value}"),
            Self::Int(value) => write!(f, "{value}"),
            Self::Float(value) => f.write_str(&number::general(*value, None)),
            Self::Text(text) => f.write_str(text),
            Self::Labels(labels) => write_map(f, labels.iter()),
            Self::Sample(sample) => write_sample(f, sample),
            Self::Samples(samples) => {
                f.write_str("[")?;
                for (index, sample) in samples.iter().enumerate() {
                    f.write_str(if index > 0 { " " } else { "" })?;
                    write_sample(f, sample)?;
                }
                f.write_str("]")
            }
            Self::Map(map) => write_map(f, map.iter().map(|(name, value)| (name.as_str(), value))),
            Self::Root => f.write_str("{}"),
            Self::Time(millis) => f.write_str(&time::text(*millis)),
            Self::Duration(nanos) => f.write_str(&time::duration_text(*nanos)),
        }
    }
}

fn write_map<'a, V: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    entries: impl Iterator<Item = (&'a str, V)>,
) -> fmt::Result {
    f.write_str("map[")?;
    for (index, (name, value)) in entries.enumerate() {
        let space = if index > 0 { " " } else { "" };
        write!(f, "{space}{name}:{value}")?;
    }
    f.write_str("]")
}

fn write_sample(f: &mut fmt::Formatter<'_>, sample: &Sample) -> fmt::Result {
    f.write_str("{")?;
    write_map(f, sample.labels.iter())?;
    write!(f, " {}}}", number::general(sample.value, None))
}
