//! The text of one YAML document → a tree.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
};

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span, Tag};
use serde_json::Value;

use super::position::Position;
use super::scalar;
use super::tree::{Body, Budget, Entry, MAX_DEPTH, Node, unique};
use crate::validate::FieldPath;

/// What is wrong with a document, before it is known in which file.
pub(super) struct Fault {
    pub at: Position,
    pub path: FieldPath,
    pub message: String,
    pub hint: Option<String>,
}

impl Fault {
    pub fn new(at: Position, message: impl Into<String>) -> Self {
        Self { at, path: FieldPath::root(), message: message.into(), hint: None }
    }

    pub fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// A key that was written twice in the object at `path`.
    pub fn duplicate(path: &FieldPath, (key, first, second): (String, Position, Position)) -> Self {
        let message = format!("`{key}` is written twice: the first is at line {}, column {}", first.line, first.column);
        Self { at: second, path: path.field(key), message, hint: Some("remove one of the two".to_owned()) }
    }
}

/// More flow indicators than this in one document are refused: the parser holds the tokens of a flow
/// collection (`[…]`, `{…}`) until it ends, some 300 bytes for each of these. No object that etcd can store,
/// 1.5 MiB, comes near; a large list in JSON is not read by this parser.
const MAX_FLOW_INDICATORS: usize = 1_000_000;

/// Reads `text`, which begins at `line` (from 1) of its file, and adds what it holds to `nodes`: one node, or
/// more where `...` ends one of them.
pub(super) fn read(text: &str, line: u32, budget: &mut Budget, nodes: &mut Vec<Node>) -> Result<(), Vec<Fault>> {
    let place = Place { line };
    if text.bytes().filter(|b| matches!(b, b'[' | b'{' | b',')).count() > MAX_FLOW_INDICATORS {
        let message = format!("this document has more than {MAX_FLOW_INDICATORS} of the characters `[`, `{{` and `,`");
        return Err(vec![Fault::new(place.of_line(1), message).hint("split it, or write it as valid JSON")]);
    }
    let mut builder = Builder { place, budget, nodes, stack: Vec::new(), anchors: HashMap::new() };
    // The parser is not ours and asserts what it believes. No text is known that proves it wrong; if there is
    // one, it must be a mistake in a file and not the end of the process.
    let parsed = catch_unwind(AssertUnwindSafe(|| {
        let mut parser = Parser::new_from_str(text);
        while let Some(next) = parser.next_event() {
            let (event, span) = next.map_err(|error| vec![explain(&error, text, place)])?;
            builder.event(event, span)?;
        }
        Ok(())
    }));
    parsed.unwrap_or_else(|_| Err(vec![Fault::new(place.of_line(1), "the YAML parser gave up on this document")]))
}

#[derive(Clone, Copy)]
struct Place {
    line: u32,
}

impl Place {
    fn of(self, marker: Marker) -> Position {
        let small = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        // The parser counts lines from 1 and columns from 0.
        Position { line: self.line - 1 + small(marker.line()), column: small(marker.col()).saturating_add(1) }
    }

    fn of_line(self, line: u32) -> Position {
        Position { line: self.line - 1 + line, column: 1 }
    }
}

struct Builder<'b> {
    place: Place,
    budget: &'b mut Budget,
    nodes: &'b mut Vec<Node>,
    stack: Vec<Frame>,
    /// What `&name` stands for, by the parser's number for it; None until it is complete.
    anchors: HashMap<usize, Option<Node>>,
}

/// A list or an object that has begun.
struct Frame {
    at: Position,
    anchor: usize,
    kind: FrameKind,
}

enum FrameKind {
    List(Vec<Node>),
    Map(Vec<Entry>, Option<Key>),
}

enum Key {
    Name {
        name: String,
        at: Position,
        written: Option<Box<str>>,
    },
    /// `<<`
    Merge(Position),
}

type Step = Result<(), Vec<Fault>>;

impl Builder<'_> {
    fn event(&mut self, event: Event<'_>, span: Span) -> Step {
        let at = self.place.of(span.start);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                if let Some(Frame { kind: FrameKind::Map(_, key @ None), .. }) = self.stack.last_mut() {
                    *key = Some(read_key(&text, style, tag.as_deref(), at)?);
                    return self.pay(1, text.len(), at);
                }
                let plain = style == ScalarStyle::Plain;
                let value = read_scalar(&text, plain, tag.as_deref()).map_err(|m| vec![Fault::new(at, m)])?;
                self.pay(1, text.len(), at)?;
                let surprise = plain && tag.is_none() && scalar::surprises(&text, &value);
                let node = Node { at, body: Body::Scalar(value, surprise.then(|| Box::from(&*text))) };
                self.finish(node, anchor)
            }
            Event::SequenceStart(anchor, _) => self.open(at, anchor, FrameKind::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.open(at, anchor, FrameKind::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.close(),
            Event::Alias(anchor) => self.alias(anchor, at),
            Event::DocumentEnd => {
                self.anchors.clear();
                Ok(())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(()),
        }
    }

    fn pay(&mut self, values: usize, text: usize, at: Position) -> Step {
        self.budget.take(values, text).map_err(|message| vec![Fault::new(at, message)])
    }

    fn open(&mut self, at: Position, anchor: usize, kind: FrameKind) -> Step {
        if let Some(Frame { kind: FrameKind::Map(_, None), .. }) = self.stack.last() {
            let fault = Fault::new(at, "a list or an object cannot be a key: keys are text");
            return Err(vec![
                fault.hint("a template's {{ … }} without quotes reads like this; fill it in, or quote it"),
            ]);
        }
        if self.stack.len() == MAX_DEPTH {
            return Err(vec![Fault::new(at, format!("lists and objects are nested more than {MAX_DEPTH} deep"))]);
        }
        self.pay(1, 0, at)?;
        if anchor != 0 {
            self.anchors.insert(anchor, None);
        }
        self.stack.push(Frame { at, anchor, kind });
        Ok(())
    }

    fn close(&mut self) -> Step {
        let Some(Frame { at, anchor, kind }) = self.stack.pop() else { return Ok(()) };
        let body = match kind {
            FrameKind::List(items) => Body::List(items),
            FrameKind::Map(entries, _) => Body::Map(unique(entries).map_err(|twice| {
                let path = self.path();
                twice.into_iter().map(|key| Fault::duplicate(&path, key)).collect::<Vec<_>>()
            })?),
        };
        self.finish(Node { at, body }, anchor)
    }

    fn alias(&mut self, anchor: usize, at: Position) -> Step {
        let node = match self.anchors.get(&anchor) {
            Some(Some(node)) => node,
            Some(None) => return Err(vec![Fault::new(at, "this alias stands inside what it refers to")]),
            None => return Err(vec![Fault::new(at, "this alias refers to nothing in this document")]),
        };
        if let Some(Frame { kind: FrameKind::Map(_, None), .. }) = self.stack.last() {
            let Body::Scalar(Value::String(name), _) = &node.body else {
                return Err(vec![Fault::new(at, "an alias that is a key must refer to text")]);
            };
            let key = Key::Name { name: name.clone(), at, written: None };
            let length = name.len();
            if let Some(Frame { kind: FrameKind::Map(_, slot), .. }) = self.stack.last_mut() {
                *slot = Some(key);
            }
            return self.pay(1, length, at);
        }
        let weight = node.weight();
        if self.stack.len() + weight.depth > MAX_DEPTH {
            let message = format!("with its aliases written out it is nested more than {MAX_DEPTH} deep");
            return Err(vec![Fault::new(at, message)]);
        }
        // Paid before it is copied, so that a short text cannot ask for much memory.
        self.budget.take(weight.values, weight.text).map_err(|message| vec![Fault::new(at, message)])?;
        let body = node.body.clone();
        self.finish(Node { at, body }, 0)
    }

    /// Puts a complete node where it belongs.
    fn finish(&mut self, node: Node, anchor: usize) -> Step {
        if anchor != 0 {
            let weight = node.weight();
            self.pay(weight.values, weight.text, node.at)?;
            self.anchors.insert(anchor, Some(node.clone()));
        }
        match self.stack.last_mut().map(|frame| &mut frame.kind) {
            None => self.nodes.push(node),
            Some(FrameKind::List(items)) => items.push(node),
            Some(FrameKind::Map(entries, key)) => match key.take() {
                Some(Key::Name { name, at, written }) => {
                    entries.push(Entry { key: name, key_at: at, key_written: written, node, merged: false });
                }
                Some(Key::Merge(at)) => merge(entries, node, at)?,
                // `event` and `open` have put a key here before a value can come.
                None => {}
            },
        }
        Ok(())
    }

    /// Where the builder is.
    fn path(&self) -> FieldPath {
        self.stack.iter().fold(FieldPath::root(), |path, frame| match &frame.kind {
            FrameKind::List(items) => path.index(items.len()),
            FrameKind::Map(_, Some(Key::Name { name, .. })) => path.field(name.as_str()),
            FrameKind::Map(_, _) => path.field("<<"),
        })
    }
}

fn read_key(text: &str, style: ScalarStyle, tag: Option<&Tag>, at: Position) -> Result<Key, Vec<Fault>> {
    let plain = style == ScalarStyle::Plain;
    if plain && tag.is_none() && text == "<<" {
        return Ok(Key::Merge(at));
    }
    let value = read_scalar(text, plain, tag).map_err(|message| vec![Fault::new(at, message)])?;
    let written = (plain && tag.is_none() && scalar::surprises(text, &value)).then(|| Box::from(text));
    let name = match value {
        Value::String(name) => name,
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ => return Err(vec![Fault::new(at, "a key is missing before the `:`")]),
    };
    Ok(Key::Name { name, at, written })
}

fn read_scalar(text: &str, plain: bool, tag: Option<&Tag>) -> Result<Value, String> {
    match tag {
        None if plain => scalar::resolve(text),
        Some(tag) if tag.is_yaml_core_schema() => scalar::tagged(&tag.suffix, text),
        // Quoted; or a tag of someone's own, which kubectl takes for text.
        _ => Ok(Value::String(text.to_owned())),
    }
}

/// Puts in what `<<` refers to. Of a list of objects the earlier ones win, so they come last.
fn merge(entries: &mut Vec<Entry>, node: Node, at: Position) -> Step {
    let wrong = || vec![Fault::new(at, "`<<` takes an alias of an object, or a list of such")];
    let maps = match node.body {
        Body::Map(map) => vec![map],
        Body::List(items) => {
            let maps = items.into_iter().rev().map(|item| match item.body {
                Body::Map(map) => Some(map),
                _ => None,
            });
            maps.collect::<Option<Vec<_>>>().ok_or_else(wrong)?
        }
        Body::Scalar(..) => return Err(wrong()),
    };
    entries.extend(maps.into_iter().flatten().map(|entry| Entry { merged: true, ..entry }));
    Ok(())
}

/// The parser's message in words for people who do not know how YAML parsers work.
fn explain(error: &ScanError, text: &str, place: Place) -> Fault {
    let at = place.of(*error.marker());
    // The parser may stop before the line break, when the tab is what follows it.
    let first = error.marker().line().saturating_sub(1);
    let tab = (0u32..).zip(text.split('\n').skip(first).take(2)).find_map(|(after, line)| {
        let indent = line.len() - line.trim_start_matches([' ', '\t']).len();
        Some((after, line.get(..indent)?.find('\t')?))
    });
    if let Some((after, column)) = tab.filter(|(after, _)| *after == 0 || error.info().contains("tab")) {
        let column = u32::try_from(column + 1).unwrap_or(u32::MAX);
        let at = Position { line: at.line.saturating_add(after), column };
        return Fault::new(at, "a tab in the indentation").hint("YAML is indented by spaces only");
    }
    let info = error.info();
    let (message, hint) = match info {
        "mapping values are not allowed in this context" => {
            ("a `:` where no value can begin", "look at the indentation, or quote a text that holds `: `")
        }
        "simple key expect ':'" | "simple key expected" => {
            ("a key without its `:`", "look at the indentation, and that a space follows the `:`")
        }
        "while parsing a block mapping, did not find expected key" => {
            ("this does not fit the object that it stands in", "look at the indentation, or at a quote that ends early")
        }
        "while parsing a block collection, did not find expected '-' indicator" => {
            ("this does not fit the list that it stands in", "look at the indentation: every item begins with `- `")
        }
        "block sequence entries are not allowed in this context" => {
            ("a `-` where no list can begin", "put the list on lines of its own")
        }
        "while parsing a flow mapping, did not find expected ',' or '}'" => {
            ("a `,` or `}` is missing", "quote a text that holds one of {}[],")
        }
        "while parsing a flow sequence, expected ',' or ']'" => {
            ("a `,` or `]` is missing", "quote a text that holds one of {}[],")
        }
        "while scanning a quoted scalar, found unexpected end of stream" => {
            ("a quote is opened and never closed", "close it; a quote within single quotes is written twice")
        }
        "while parsing a quoted scalar, found unknown escape character" => {
            ("an escape that YAML does not know", "write a backslash as \\\\, or use single quotes")
        }
        "while parsing node, found unknown anchor" => ("this alias refers to nothing in this document", ""),
        "invalid trailing content after double-quoted scalar" => {
            ("something follows a closing quote", "quote the whole text, or none of it")
        }
        "recursion limit exceeded" => ("lists and objects are nested too deep", ""),
        "did not find expected <document start>" => {
            ("this does not belong to the object before it", "look at the indentation")
        }
        "while parsing a node, did not find expected node content" => ("a value is missing here", ""),
        "unexpected eof" => ("the file ends too early", ""),
        other if other.starts_with("unexpected character") => {
            return Fault::new(at, other.to_owned()).hint("quote a text that begins with one of @ ` %");
        }
        other => (other, ""),
    };
    let fault = Fault::new(at, message);
    if hint.is_empty() { fault } else { fault.hint(hint) }
}
