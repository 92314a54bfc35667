//! Where a mistake is, and what it is.

use std::{fmt, sync::Arc};

/// The way from an object's root to one of its values, as in `spec.http.expect.status[0]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FieldPath(Vec<Step>);

/// One step of a [`FieldPath`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    Field(Arc<str>),
    Index(usize),
}

impl FieldPath {
    /// The object itself.
    pub fn root() -> Self {
        Self::default()
    }

    /// Parses what [`fmt::Display`] writes, for paths that are written down in the program: fields and
    /// indices only, no keys that hold a dot.
    pub fn of(text: &str) -> Self {
        let mut path = Self::root();
        for part in text.split(['.', '[']).filter(|part| !part.is_empty()) {
            let part = part.trim_end_matches(']');
            path.0.push(part.parse().map_or_else(|_| Step::Field(part.into()), Step::Index));
        }
        path
    }

    #[must_use]
    pub fn field(&self, name: impl Into<Arc<str>>) -> Self {
        self.with(Step::Field(name.into()))
    }

    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        self.with(Step::Index(index))
    }

    /// The object or list that holds this value; None at the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, above) = self.0.split_last()?;
        Some(Self(above.to_vec()))
    }

    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    pub fn starts_with(&self, above: &Self) -> bool {
        self.0.starts_with(&above.0)
    }

    /// `path`, seen from the root that this path is seen from.
    #[must_use]
    pub fn join(&self, path: &Self) -> Self {
        Self(self.0.iter().chain(&path.0).cloned().collect())
    }

    /// The value that this path leads to in `root`, if it is there.
    pub fn lookup<'a>(&self, root: &'a serde_json::Value) -> Option<&'a serde_json::Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Field(name) => value.get(&**name),
            Step::Index(index) => value.get(*index),
        })
    }

    fn with(&self, step: Step) -> Self {
        let mut steps = self.0.clone();
        steps.push(step);
        Self(steps)
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                // A key of a map, such as a label's name, is written as the API server writes it.
                Step::Field(name) if !is_plain(name) => match name.char_indices().nth(KEY_MAX) {
                    // Escaped and cut: it may be anything that a file can hold.
                    Some((end, _)) => write!(f, "[{}…]", name[..end].escape_debug())?,
                    None => write!(f, "[{}]", name.escape_debug())?,
                },
                Step::Field(name) if at == 0 => f.write_str(name)?,
                Step::Field(name) => write!(f, ".{name}")?,
            }
        }
        Ok(())
    }
}

/// The longest key that an API server takes: that of a label, with its domain.
const KEY_MAX: usize = 253 + 1 + 63;

fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.len() <= KEY_MAX && name.bytes().all(|c| c.is_ascii_alphanumeric() || b"-_$".contains(&c))
}

/// What kind of mistake it is: the reason of the condition Ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    InvalidSpec,
    /// A regular expression or a CEL expression that does not compile.
    InvalidExpression,
    /// A Secret, a ConfigMap, a key in one, or another object that is not there.
    UnresolvedReference,
    /// RBAC keeps Probity from reading what it refers to.
    NotPermitted,
    /// It needs a cluster, and there is none.
    NotSupported,
}

impl Fault {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidSpec => "InvalidSpec",
            Self::InvalidExpression => "InvalidExpression",
            Self::UnresolvedReference => "UnresolvedReference",
            Self::NotPermitted => "NotPermitted",
            Self::NotSupported => "NotSupported",
        }
    }
}

/// One mistake in one object. Neither text ever holds a secret value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub path: FieldPath,
    /// What is wrong, in one line.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
    pub fault: Fault,
    /// Whether what is missing is a Secret, a ConfigMap or a key in one (state reason SecretMissing).
    pub secret_missing: bool,
    /// Whether it is the field's name that is wrong, and not its value.
    pub about_name: bool,
    /// Positions, in the set that was given, of the other objects that have a part in it.
    pub others: Vec<usize>,
}

impl FieldError {
    pub fn new(path: FieldPath, fault: Fault, message: impl Into<String>) -> Self {
        Self {
            path,
            message: message.into(),
            hint: None,
            fault,
            secret_missing: false,
            about_name: false,
            others: Vec::new(),
        }
    }

    pub fn invalid(path: FieldPath, message: impl Into<String>) -> Self {
        Self::new(path, Fault::InvalidSpec, message)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// `spec.a[0].b: message`; the hint is left out.
impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.path.steps().is_empty() {
            return f.write_str(&self.message);
        }
        write!(f, "{}: {}", self.path, self.message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_people_write_it() {
        let path = FieldPath::of("spec.http.expect.status[0]");
        assert_eq!(path.to_string(), "spec.http.expect.status[0]");
        assert_eq!(path.parent().unwrap().to_string(), "spec.http.expect.status");
        assert!(path.starts_with(&FieldPath::of("spec.http")));
        assert!(!path.starts_with(&FieldPath::of("spec.htt")));
        assert_eq!(FieldPath::of("metadata.labels").field("a.b/c").to_string(), "metadata.labels[a.b/c]");
        assert_eq!(FieldPath::root().to_string(), "");
        assert_eq!(FieldPath::of("spec").field("a\u{1b}[31m\n").to_string(), "spec[a\\u{1b}[31m\\n]");
        assert_eq!(FieldPath::of("spec").field("x".repeat(1000)).to_string().chars().count(), 4 + 317 + 3);
    }
}
