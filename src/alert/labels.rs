//! Label sets of alerts: sorted, and cheap to clone, as one alert stands in many places.

use std::{collections::BTreeMap, fmt, sync::Arc};

use super::Fingerprint;

/// Names and values, sorted by name, each name once. As labels no value is empty: an empty label is no label.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Arc<str>, Arc<str>)]>);

impl Labels {
    /// From pairs in any order. Of two with the same name the later one counts; one with an empty value is left out.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let sorted: BTreeMap<Arc<str>, Arc<str>> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        sorted.into_iter().filter(|(_, value)| !value.is_empty()).collect::<Vec<_>>().into()
    }

    /// As [`Labels::new`], but an empty value stays: for annotations, where it is a text like any other.
    pub fn annotations<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let sorted: BTreeMap<Arc<str>, Arc<str>> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        sorted.into_iter().collect::<Vec<_>>().into()
    }

    /// The value, or `None` where there is no such label.
    pub fn get(&self, name: &str) -> Option<&str> {
        let at = self.0.binary_search_by(|(other, _)| (**other).cmp(name)).ok()?;
        self.0.get(at).map(|(_, value)| &**value)
    }

    /// The value; a missing label is "", as matchers, `equal` and grouping see it.
    pub fn value(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// With these pairs set; an empty value takes the label away.
    #[must_use]
    pub fn with<N: Into<Arc<str>>, V: Into<Arc<str>>>(&self, pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let own = self.0.iter().cloned();
        Self::new(own.chain(pairs.into_iter().map(|(name, value)| (name.into(), value.into()))))
    }

    /// Without the labels of these names.
    #[must_use]
    pub fn without(&self, names: &[&str]) -> Self {
        self.0.iter().filter(|(name, _)| !names.contains(&&**name)).cloned().collect::<Vec<_>>().into()
    }

    /// Only the labels of these names; those that it does not have are left out.
    #[must_use]
    pub fn only<T: AsRef<str>>(&self, names: &[T]) -> Self {
        let wanted = |name: &str| names.iter().any(|other| other.as_ref() == name);
        self.0.iter().filter(|(name, _)| wanted(name)).cloned().collect::<Vec<_>>().into()
    }

    /// What all of them have in common; of none, nothing.
    pub fn common<'a>(mut sets: impl Iterator<Item = &'a Self>) -> Self {
        let Some(first) = sets.next() else { return Self::default() };
        let mut common: Vec<_> = first.0.to_vec();
        for set in sets {
            common.retain(|(name, value)| set.get(name) == Some(&**value));
        }
        common.into()
    }

    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(self.iter())
    }
}

impl From<Vec<(Arc<str>, Arc<str>)>> for Labels {
    fn from(sorted: Vec<(Arc<str>, Arc<str>)>) -> Self {
        Self(sorted.into())
    }
}

impl Default for Labels {
    fn default() -> Self {
        Self(Arc::from([]))
    }
}

/// As Prometheus writes them: `{alertname="HighErrorRate", namespace="prod"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            write!(f, "{}{name}={value:?}", if at > 0 { ", " } else { "" })?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for Labels {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> serde::Deserialize<'de> for Labels {
    /// Keeps empty values: what is read back is what was written.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        BTreeMap::<String, String>::deserialize(deserializer).map(Self::annotations)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_once_each_and_none_empty() {
        let labels = Labels::new([("b", "1"), ("a", "2"), ("c", ""), ("b", "3")]);
        assert_eq!(labels.to_string(), r#"{a="2", b="3"}"#);
        assert_eq!((labels.get("b"), labels.get("c"), labels.value("c")), (Some("3"), None, ""));
        assert_eq!(labels.with([("a", ""), ("d", "4")]).to_string(), r#"{b="3", d="4"}"#);
        assert_eq!(labels.without(&["b"]), labels.only(&["a", "z"]));
        assert_eq!(Labels::annotations([("a", "")]).len(), 1);
    }

    #[test]
    fn what_all_have_in_common() {
        let sets = [Labels::new([("a", "1"), ("b", "1")]), Labels::new([("a", "1"), ("b", "2"), ("c", "1")])];
        assert_eq!(Labels::common(sets.iter()), Labels::new([("a", "1")]));
        assert_eq!(Labels::common([].iter()), Labels::default());
    }

    #[test]
    fn json_and_back() {
        let labels = Labels::annotations([("a", "\"x\""), ("b", "")]);
        let json = serde_json::to_string(&labels).unwrap();
        assert_eq!(json, r#"{"a":"\"x\"","b":""}"#);
        assert_eq!(serde_json::from_str::<Labels>(&json).unwrap(), labels);
    }
}
