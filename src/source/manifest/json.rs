//! The text of JSON values → trees. Strings and numbers are read by `serde_json`, so that they mean the same.

use serde_json::Value;

use super::position::Position;
use super::tree::{Body, Budget, Entry, MAX_DEPTH, Node, unique};
use super::yaml::Fault;
use crate::validate::FieldPath;

/// Reads the values of `text`, one after the other with white space between, and adds them to `nodes`.
/// `line` is the number (from 1) of its first line.
pub(super) fn read(text: &str, line: u32, budget: &mut Budget, nodes: &mut Vec<Node>) -> Result<(), Vec<Fault>> {
    let mut reader = Reader { text, at: 0, seen: 0, place: Position { line, column: 1 }, budget };
    loop {
        reader.space();
        if reader.peek().is_none() {
            return Ok(());
        }
        let node = reader.value(0)?;
        nodes.push(node);
    }
}

struct Reader<'t, 'b> {
    text: &'t str,
    /// The next byte.
    at: usize,
    /// Up to which byte `place` has been counted.
    seen: usize,
    place: Position,
    budget: &'b mut Budget,
}

impl Reader<'_, '_> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// The place of the next byte. Called in the order of the text, so that each character is counted once.
    fn here(&mut self) -> Position {
        let passed = self.text.get(self.seen..self.at).unwrap_or_default();
        let mut chars = passed.chars().peekable();
        while let Some(c) = chars.next() {
            // A line ends with LF, CR or both, as it does for the YAML parser.
            let next = chars.peek().copied().or_else(|| self.peek().map(char::from));
            if c == '\n' || (c == '\r' && next != Some('\n')) {
                self.place = Position { line: self.place.line.saturating_add(1), column: 1 };
            } else {
                self.place.column = self.place.column.saturating_add(1);
            }
        }
        self.seen = self.at;
        self.place
    }

    fn fault<T>(&mut self, message: impl Into<String>) -> Result<T, Vec<Fault>> {
        let at = self.here();
        Err(vec![Fault::new(at, message)])
    }

    fn value(&mut self, depth: usize) -> Result<Node, Vec<Fault>> {
        let at = self.here();
        self.budget.take(1, 0).map_err(|message| vec![Fault::new(at, message)])?;
        let body = match self.peek() {
            Some(b'{' | b'[') if depth == MAX_DEPTH => {
                return self.fault(format!("lists and objects are nested more than {MAX_DEPTH} deep"));
            }
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Body::Scalar(Value::String(self.string()?), None),
            Some(b'-' | b'0'..=b'9') => self.word("a number that JSON cannot hold")?,
            Some(b'a'..=b'z') => self.word("no word of JSON: true, false or null, or text in quotes")?,
            Some(_) => return self.fault("a value is missing here"),
            None => return self.fault("the file ends too early"),
        };
        Ok(Node { at, body })
    }

    fn object(&mut self, depth: usize) -> Result<Body, Vec<Fault>> {
        self.at += 1;
        let mut entries = Vec::new();
        self.space();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Body::Map(entries));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return self.fault("a key in quotes is missing here");
            }
            let key_at = self.here();
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return self.fault("a `:` is missing here");
            }
            self.at += 1;
            self.space();
            let node = self.value(depth + 1).map_err(|faults| below(faults, &FieldPath::root().field(key.as_str())))?;
            entries.push(Entry { key, key_at, key_written: None, node, merged: false });
            if self.is_last(b'}', "a `,` or `}` is missing here")? {
                break;
            }
        }
        let entries = unique(entries).map_err(|twice| {
            twice.into_iter().map(|key| Fault::duplicate(&FieldPath::root(), key)).collect::<Vec<_>>()
        })?;
        Ok(Body::Map(entries))
    }

    fn list(&mut self, depth: usize) -> Result<Body, Vec<Fault>> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Body::List(items));
        }
        loop {
            self.space();
            let item = self.value(depth + 1).map_err(|faults| below(faults, &FieldPath::root().index(items.len())))?;
            items.push(item);
            if self.is_last(b']', "a `,` or `]` is missing here")? {
                return Ok(Body::List(items));
            }
        }
    }

    /// Passes over the `,` between two items, or the end after the last.
    fn is_last(&mut self, end: u8, missing: &str) -> Result<bool, Vec<Fault>> {
        self.space();
        let last = match self.peek() {
            Some(b',') => false,
            Some(byte) if byte == end => true,
            _ => return self.fault(missing),
        };
        self.at += 1;
        Ok(last)
    }

    fn string(&mut self) -> Result<String, Vec<Fault>> {
        let start = self.at;
        let mut end = start + 1;
        loop {
            match self.text.as_bytes().get(end) {
                None => return self.fault("a quote is opened and never closed"),
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(_) => end += 1,
            }
        }
        let written = self.text.get(start..=end).unwrap_or_default();
        let Ok(text) = serde_json::from_str::<String>(written) else {
            return self
                .fault("this text holds a line break, a control character or an escape that JSON does not know");
        };
        let at = self.here();
        self.budget.take(0, text.len()).map_err(|message| vec![Fault::new(at, message)])?;
        self.at = end + 1;
        Ok(text)
    }

    /// A number, or true, false, null.
    fn word(&mut self, wrong: &str) -> Result<Body, Vec<Fault>> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && !"+-.".contains(c)).unwrap_or(rest.len());
        let written = rest.get(..length).unwrap_or_default();
        let Ok(value) = serde_json::from_str(written) else {
            let shown: String = written.chars().take(40).collect();
            return self.fault(format!("`{shown}` is {wrong}"));
        };
        self.at += length;
        Ok(Body::Scalar(value, None))
    }
}

/// Says that the faults are at or under `step`. Paths are made on the way out of a fault only: a file without
/// one pays nothing for them.
fn below(mut faults: Vec<Fault>, step: &FieldPath) -> Vec<Fault> {
    for fault in &mut faults {
        fault.path = step.join(&fault.path);
    }
    faults
}
