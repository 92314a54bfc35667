//! One document of a file, and what can be wrong with the text of one.

use std::{fmt, sync::Arc};

use serde_json::Value;

use super::position::{self, Mark, Marks, Position};
use crate::validate::FieldPath;

/// One object as it is written, and where each of its values is.
#[derive(Debug, Clone)]
pub struct Document {
    /// The file as the user named it.
    pub file: Arc<str>,
    pub value: Value,
    pub(super) marks: Marks,
    /// Plain scalars that are not read as the text they look like (`yes`, `010`, `1_000`), by their number
    /// in the walk; see [`Document::hint`].
    pub(super) surprising: Box<[(usize, Box<str>)]>,
}

impl Document {
    pub(super) fn unlocated(file: &Arc<str>, value: Value) -> Self {
        let mark = Mark { key: Position::START, value: Position::START };
        Self {
            file: file.clone(),
            marks: vec![mark; position::count(&value)].into(),
            value,
            surprising: Box::default(),
        }
    }

    /// Empty when there is none, or when it is not text.
    pub fn api_version(&self) -> &str {
        self.text("/apiVersion")
    }

    /// Empty when there is none, or when it is not text.
    pub fn kind(&self) -> &str {
        self.text("/kind")
    }

    /// Empty when there is none, or when it is not text.
    pub fn name(&self) -> &str {
        self.text("/metadata/name")
    }

    /// `default` when the document does not say.
    pub fn namespace(&self) -> &str {
        match self.text("/metadata/namespace") {
            "" => "default",
            namespace => namespace,
        }
    }

    fn text(&self, pointer: &str) -> &str {
        self.value.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// Where the document begins.
    pub fn start(&self) -> Position {
        position::locate(&self.value, &self.marks, &FieldPath::root())
    }

    /// Where the value at `path` is. Of a field that is absent: where the innermost object or list is that
    /// would hold it.
    pub fn position(&self, path: &FieldPath) -> Position {
        position::locate(&self.value, &self.marks, path)
    }

    /// Where the key that `path` ends in is; else as [`Document::position`].
    pub fn key_position(&self, path: &FieldPath) -> Position {
        position::locate_key(&self.value, &self.marks, path)
    }

    /// What to say beside a mistake about the value at `path` when it was written as something that YAML
    /// does not read as text: `yes` is true, `010` is 8.
    pub fn hint(&self, path: &FieldPath) -> Option<String> {
        let (at, true) = position::index_of(&self.value, path) else { return None };
        let found = self.surprising.binary_search_by_key(&at, |(index, _)| *index).ok()?;
        let (_, written) = self.surprising.get(found)?;
        let read = path.lookup(&self.value)?;
        Some(format!("`{written}` without quotes is read as {read}, as kubectl reads it; for text write \"{written}\""))
    }
}

/// What is wrong with the text of a file: it cannot be read as documents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mistake {
    pub file: Arc<str>,
    pub position: Position,
    /// The root when the mistake is not at a value.
    pub path: FieldPath,
    /// What is wrong, in one line.
    pub message: String,
    /// What would be right.
    pub hint: Option<String>,
}

/// `FILE:LINE:COLUMN: path: message`; the hint is left out.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", self.file, self.position)?;
        if !self.path.steps().is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// What a file holds.
#[derive(Debug, Default)]
pub struct Reading {
    /// In the order of the text. Lists (`kind: List`) are given as their items.
    pub documents: Vec<Document>,
    /// Empty when the whole file could be read.
    pub mistakes: Vec<Mistake>,
}
