//! A place in a file, and where each value of a document is.

use std::fmt;

use serde_json::Value;

use crate::validate::{FieldPath, Step};

/// A place in a text. It is written `LINE:COLUMN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// From 1.
    pub line: u32,
    /// From 1, in characters.
    pub column: u32,
}

impl Position {
    /// The first character of a file.
    pub const START: Self = Self { line: 1, column: 1 };
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Where one value is: its key (for an item of a list, the item itself) and the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Mark {
    pub key: Position,
    pub value: Position,
}

impl Mark {
    /// Where a person would look: at the value when it stands beside its key, else at the key.
    fn shown(self) -> Position {
        if self.value.line == self.key.line { self.value } else { self.key }
    }
}

/// The marks of a document's values, in the order in which a walk over the value meets them: a container
/// before what it holds. Flat, because a tree of its own would cost more memory than the document.
pub(super) type Marks = Box<[Mark]>;

/// The number in the walk of the value at `path`, or of the innermost container of it that is there.
pub(super) fn index_of(root: &Value, path: &FieldPath) -> (usize, bool) {
    let (mut value, mut at) = (root, 0);
    for step in path.steps() {
        let child = match (value, step) {
            (Value::Object(map), Step::Field(name)) => descend(map.iter().map(|(k, v)| (k.as_str() == &**name, v))),
            (Value::Array(items), Step::Index(index)) => {
                descend(items.iter().enumerate().map(|(i, v)| (i == *index, v)))
            }
            _ => None,
        };
        let Some((offset, inner)) = child else { return (at, false) };
        at += 1 + offset;
        value = inner;
    }
    (at, true)
}

/// How many values come before the wanted child, and that child.
fn descend<'a>(children: impl Iterator<Item = (bool, &'a Value)>) -> Option<(usize, &'a Value)> {
    let mut before = 0;
    for (wanted, child) in children {
        if wanted {
            return Some((before, child));
        }
        before += count(child);
    }
    None
}

/// How many values a walk over `value` meets, itself included.
pub(super) fn count(value: &Value) -> usize {
    1 + match value {
        Value::Object(map) => map.values().map(count).sum(),
        Value::Array(items) => items.iter().map(count).sum::<usize>(),
        _ => 0,
    }
}

/// The place to show for `path`.
pub(super) fn locate(root: &Value, marks: &[Mark], path: &FieldPath) -> Position {
    marks.get(index_of(root, path).0).map_or(Position::START, |mark| mark.shown())
}

/// The place of the key that `path` ends in.
pub(super) fn locate_key(root: &Value, marks: &[Mark], path: &FieldPath) -> Position {
    marks.get(index_of(root, path).0).map_or(Position::START, |mark| mark.key)
}
