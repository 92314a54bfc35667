//! What a schema alone can tell: fields, types, choices, patterns, lengths and ranges.
//!
//! The verdict is that of an API server with strict field validation; the words are ours. Beside the
//! mistakes it gives the value without what was wrong, so that what is left can still be judged.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value};

use super::{
    field::{FieldError, FieldPath, Step},
    meaning, suggest,
};

/// A structural schema, compiled.
#[derive(Debug)]
pub struct Shape {
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Object {
        fields: BTreeMap<String, Shape>,
        required: Vec<String>,
    },
    Map {
        value: Box<Shape>,
        max: usize,
    },
    List {
        item: Box<Shape>,
        min: usize,
        max: usize,
        keys: Vec<String>,
    },
    Text {
        choices: Vec<String>,
        pattern: Option<Regex>,
        min: usize,
        max: usize,
    },
    /// A point in time (RFC 3339, section 5.6).
    Moment,
    Integer {
        min: i64,
        max: i64,
    },
    /// `x-kubernetes-int-or-string`: the one or the other.
    IntegerOrText {
        integer: Box<Shape>,
        text: Box<Shape>,
    },
    Number,
    Boolean,
    Any,
}

/// More mistakes of one object than a person reads are counted, and no more: an object may have a million.
pub const MAX_MISTAKES: usize = 100;

/// What to say to whoever writes a credential where only a reference may stand.
const NEVER_IN_PLACE: &str =
    "a credential is never written in place; refer to it: {valueFrom: {secretKeyRef: {name: …, key: …}}}";

const MOMENT: &str = "such as 2026-01-31T12:00:00Z";

/// What a walk found.
#[derive(Debug, Default)]
pub struct Findings {
    pub mistakes: Vec<FieldError>,
    /// How many mistakes there are beside these.
    pub more: usize,
    /// Where values were left out because they, or something in them, are wrong.
    pub left_out: Vec<FieldPath>,
}

impl Findings {
    fn add(&mut self, mistake: impl FnOnce() -> FieldError) {
        if self.mistakes.len() < MAX_MISTAKES {
            self.mistakes.push(mistake());
        } else {
            self.more += 1;
        }
    }
}

impl Shape {
    /// Compiles a schema. What it does not know it takes for anything; a test sees to it that there is
    /// nothing of that kind in ours.
    pub fn new(schema: &Value) -> Self {
        let size = |name: &str, absent| schema[name].as_u64().and_then(|n| usize::try_from(n).ok()).unwrap_or(absent);
        let texts = |name: &str| {
            schema[name].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let either = |kind: &str| {
            let mut schema = schema.clone();
            schema["x-kubernetes-int-or-string"] = Value::Null;
            schema["type"] = kind.into();
            Box::new(Self::new(&schema))
        };
        let kind = match schema["type"].as_str() {
            None if schema["x-kubernetes-int-or-string"] == true => {
                Kind::IntegerOrText { integer: either("integer"), text: either("string") }
            }
            Some("object") if schema["properties"].is_object() => Kind::Object {
                fields: schema["properties"]
                    .as_object()
                    .into_iter()
                    .flatten()
                    .map(|(name, inner)| (name.clone(), Self::new(inner)))
                    .collect(),
                required: texts("required"),
            },
            Some("object") => Kind::Map {
                value: Box::new(Self::new(&schema["additionalProperties"])),
                max: size("maxProperties", usize::MAX),
            },
            Some("array") => Kind::List {
                item: Box::new(Self::new(&schema["items"])),
                min: size("minItems", 0),
                max: size("maxItems", usize::MAX),
                keys: texts("x-kubernetes-list-map-keys"),
            },
            Some("string") if schema["format"] == "date-time" => Kind::Moment,
            Some("string") => Kind::Text {
                choices: texts("enum"),
                pattern: schema["pattern"].as_str().and_then(|pattern| Regex::new(pattern).ok()),
                min: size("minLength", 0),
                max: size("maxLength", usize::MAX),
            },
            Some("integer") => Kind::Integer {
                min: schema["minimum"].as_i64().unwrap_or(i64::MIN),
                max: schema["maximum"].as_i64().unwrap_or(i64::MAX),
            },
            Some("number") => Kind::Number,
            Some("boolean") => Kind::Boolean,
            _ => Kind::Any,
        };
        Self { kind }
    }

    /// Whether it is an object with a field of that name.
    pub fn has(&self, name: &str) -> bool {
        matches!(&self.kind, Kind::Object { fields, .. } if fields.contains_key(name))
    }

    /// Walks `value` and gives what is right of it; None when nothing of it can be used.
    pub fn check(&self, value: &Value, path: &FieldPath, found: &mut Findings) -> Option<Value> {
        match (&self.kind, value) {
            (Kind::Object { fields, required }, Value::Object(given)) => {
                check_object(self, fields, required, given, path, found)
            }
            (Kind::Map { value, max }, Value::Object(given)) => check_map(value, *max, given, path, found),
            (Kind::List { item, min, max, keys }, Value::Array(given)) => {
                check_list(item, (*min, *max), keys, given, path, found)
            }
            (Kind::Text { choices, pattern, min, max }, Value::String(text)) => {
                let mistake = text_mistake(text, choices, pattern.as_ref(), (*min, *max), path);
                keep(mistake, found, || value.clone())
            }
            (Kind::Moment, Value::String(text)) => {
                let right = text.parse::<jiff::Timestamp>().is_ok();
                let mistake = || {
                    FieldError::invalid(path.clone(), format!("{} must be a point in time", shown(text))).hint(MOMENT)
                };
                keep((!right).then(mistake), found, || value.clone())
            }
            (Kind::Integer { min, max }, Value::Number(number)) => match whole(number) {
                Some(whole) if (*min..=*max).contains(&whole) => Some(whole.into()),
                Some(whole) => keep(Some(range_mistake(whole, *min, *max, path)), found, || Value::Null),
                None => keep(
                    Some(FieldError::invalid(path.clone(), format!("must be a whole number, not {number}"))),
                    found,
                    || Value::Null,
                ),
            },
            (Kind::IntegerOrText { integer, .. }, Value::Number(_)) => integer.check(value, path, found),
            (Kind::IntegerOrText { text, .. }, Value::String(_)) => text.check(value, path, found),
            (Kind::Number, Value::Number(_)) | (Kind::Boolean, Value::Bool(_)) | (Kind::Any, _) => Some(value.clone()),
            _ => keep(Some(self.type_mistake(value, path)), found, || Value::Null),
        }
    }

    fn type_mistake(&self, value: &Value, path: &FieldPath) -> FieldError {
        let (wanted, hint) = match &self.kind {
            Kind::Object { fields, .. } if fields.contains_key("valueFrom") && !fields.contains_key("value") => {
                ("an object", Some(NEVER_IN_PLACE.to_owned()))
            }
            Kind::Object { fields, .. } => ("an object", Some(format!("its fields: {}", names(fields)))),
            Kind::Map { .. } => ("an object", None),
            Kind::List { .. } => ("a list", Some("one item a line, each after `- `".to_owned())),
            Kind::Text { pattern: Some(pattern), .. } => {
                ("a string", meaning::of(pattern.as_str()).map(|meaning| meaning.example.to_owned()))
            }
            Kind::Text { choices, .. } if !choices.is_empty() => ("a string", Some(one_of(choices))),
            Kind::Moment => ("a point in time", Some(MOMENT.to_owned())),
            Kind::Text { .. } => (
                "a string",
                matches!(value, Value::Number(_) | Value::Bool(_)).then(|| format!("in quotes: \"{value}\"")),
            ),
            Kind::Integer { .. } => (
                "a whole number",
                value.as_str().and_then(|text| text.parse::<i64>().ok()).map(|_| "without quotes".to_owned()),
            ),
            Kind::IntegerOrText { .. } => ("a whole number or a string", None),
            Kind::Number => ("a number", None),
            Kind::Boolean => ("true or false", value.as_str().map(|_| "without quotes".to_owned())),
            Kind::Any => ("something else", None),
        };
        // The value itself is not shown: it may be a credential in the wrong place.
        let mistake = FieldError::invalid(path.clone(), format!("must be {wanted}, not {}", type_name(value)));
        match hint {
            Some(hint) => mistake.hint(hint),
            None => mistake,
        }
    }

    /// The paths under this schema that end in `name`, for a field that stands in the wrong place.
    fn places(&self, name: &str, at: &FieldPath, found: &mut Vec<FieldPath>) {
        match &self.kind {
            Kind::Object { fields, .. } => {
                for (field, shape) in fields {
                    if field == name {
                        found.push(at.field(field.as_str()));
                    }
                    shape.places(name, &at.field(field.as_str()), found);
                }
            }
            Kind::List { item, .. } => item.places(name, &at.index(0), found),
            _ => {}
        }
    }

    /// The mistake of a field that is not in this schema.
    fn unknown_field(&self, name: &str, path: &FieldPath, given: &Map<String, Value>) -> FieldError {
        let Kind::Object { fields, .. } = &self.kind else {
            return FieldError::invalid(path.clone(), "unknown field");
        };
        let mistake = FieldError { about_name: true, ..FieldError::invalid(path.field(name), "unknown field") };
        if name == "value" && fields.contains_key("valueFrom") {
            return mistake.hint(NEVER_IN_PLACE);
        }
        if let Some(near) = suggest::nearest(name, fields.keys().map(String::as_str)) {
            return mistake.hint(format!("did you mean {near}?"));
        }
        let mut places = Vec::new();
        self.places(name, path, &mut places);
        // A place under something that is there is likelier than one under what is not.
        let is_given = |place: &&FieldPath| match place.steps().get(path.steps().len()) {
            Some(Step::Field(name)) => given.contains_key(&**name),
            _ => false,
        };
        match places.iter().find(is_given).or_else(|| places.first()) {
            Some(place) => mistake.hint(format!("did you mean {place}?")),
            None => mistake.hint(format!("the fields here: {}", names(fields))),
        }
    }
}

fn keep(mistake: Option<FieldError>, found: &mut Findings, value: impl FnOnce() -> Value) -> Option<Value> {
    match mistake {
        None => Some(value()),
        Some(mistake) => {
            found.left_out.push(mistake.path.clone());
            found.add(|| mistake);
            None
        }
    }
}

fn check_object(
    shape: &Shape,
    fields: &BTreeMap<String, Shape>,
    required: &[String],
    given: &Map<String, Value>,
    path: &FieldPath,
    found: &mut Findings,
) -> Option<Value> {
    let mut kept = Map::new();
    for (name, value) in given {
        // The API server takes null for absent.
        if value.is_null() && fields.contains_key(name) {
            continue;
        }
        match fields.get(name) {
            None => found.add(|| shape.unknown_field(name, path, given)),
            Some(inner) => {
                if let Some(value) = inner.check(value, &path.field(name.as_str()), found) {
                    kept.insert(name.clone(), value);
                }
            }
        }
    }
    let mut whole = true;
    for name in required {
        let absent = given.get(name).is_none_or(Value::is_null);
        if absent {
            let hint = match &fields.get(name).map(|inner| &inner.kind) {
                Some(Kind::Object { fields, .. }) => format!("its fields: {}", names(fields)),
                _ => format!("add `{name}:`"),
            };
            found.add(|| FieldError::invalid(path.field(name.as_str()), "is required").hint(hint));
        }
        whole &= kept.contains_key(name);
    }
    if !whole {
        found.left_out.push(path.clone());
        return None;
    }
    Some(Value::Object(kept))
}

fn check_map(
    shape: &Shape,
    max: usize,
    given: &Map<String, Value>,
    path: &FieldPath,
    found: &mut Findings,
) -> Option<Value> {
    if given.len() > max {
        let mistake =
            FieldError::invalid(path.clone(), format!("has {} entries, at most {max} are allowed", given.len()));
        return keep(Some(mistake), found, || Value::Null);
    }
    let kept = given
        .iter()
        .filter_map(|(name, value)| Some((name.clone(), shape.check(value, &path.field(name.as_str()), found)?)));
    Some(Value::Object(kept.collect()))
}

fn check_list(
    item: &Shape,
    (min, max): (usize, usize),
    keys: &[String],
    given: &[Value],
    path: &FieldPath,
    found: &mut Findings,
) -> Option<Value> {
    let count = given.len();
    let plural = if count == 1 { "item" } else { "items" };
    let mistake = if count < min {
        Some(format!("must have at least {min} {}", if min == 1 { "item" } else { "items" }))
    } else if count > max {
        Some(format!("has {count} {plural}, at most {max} are allowed"))
    } else {
        None
    };
    if let Some(message) = mistake {
        return keep(Some(FieldError::invalid(path.clone(), message)), found, || Value::Null);
    }
    let kept: Vec<_> = given.iter().enumerate().map(|(at, value)| item.check(value, &path.index(at), found)).collect();
    // An item cannot be left out alone: the numbers of those behind it would change.
    let kept = kept.into_iter().collect::<Option<Vec<_>>>();
    if !keys.is_empty() {
        let key = |value: &Value| keys.iter().map(|key| value[key.as_str()].clone()).collect::<Vec<_>>();
        for (at, value) in given.iter().enumerate() {
            if let Some(first) = given[..at].iter().position(|other| value.is_object() && key(other) == key(value)) {
                let message = format!("the same {} as {}", keys.join(" and "), path.index(first));
                found.add(|| FieldError::invalid(path.index(at), message));
            }
        }
    }
    if kept.is_none() {
        found.left_out.push(path.clone());
    }
    kept.map(Value::Array)
}

fn text_mistake(
    text: &str,
    choices: &[String],
    pattern: Option<&Regex>,
    (min, max): (usize, usize),
    path: &FieldPath,
) -> Option<FieldError> {
    let length = text.chars().count();
    if length > max {
        let message = format!("has {length} characters, at most {max} are allowed");
        return Some(FieldError::invalid(path.clone(), message));
    }
    if length < min {
        return Some(FieldError::invalid(path.clone(), "must not be empty"));
    }
    if !choices.is_empty() && !choices.iter().any(|choice| choice == text) {
        let mistake = FieldError::invalid(path.clone(), format!("{} is not known here", shown(text)));
        return Some(match suggest::nearest(text, choices.iter().map(String::as_str)) {
            Some(near) => mistake.hint(format!("did you mean {near}? {}", one_of(choices))),
            None => mistake.hint(one_of(choices)),
        });
    }
    let pattern = pattern.filter(|pattern| !pattern.is_match(text))?;
    Some(match meaning::of(pattern.as_str()) {
        Some(meaning) if meaning.may_show => {
            FieldError::invalid(path.clone(), format!("{} is not {}", shown(text), meaning.what)).hint(meaning.example)
        }
        Some(meaning) => FieldError::invalid(path.clone(), format!("is not {}", meaning.what)).hint(meaning.example),
        None => FieldError::invalid(path.clone(), format!("{} does not match {pattern}", shown(text))),
    })
}

fn range_mistake(number: i64, min: i64, max: i64, path: &FieldPath) -> FieldError {
    let message = match (min, max) {
        (i64::MIN, _) => format!("{number} is over {max}"),
        (_, i64::MAX) => format!("{number} is under {min}"),
        _ => format!("{number} is not in {min} to {max}"),
    };
    FieldError::invalid(path.clone(), message)
}

/// `5.0` is the whole number 5, as it is for an API server.
fn whole(number: &serde_json::Number) -> Option<i64> {
    number.as_i64().or_else(|| {
        let float = number.as_f64()?;
        // Below 2^53 every whole float is exact.
        (float.fract() == 0.0 && float.abs() < 9_007_199_254_740_992.0).then_some(float as i64)
    })
}

/// A value in a message: quoted, on one line, and cut.
pub fn shown(text: &str) -> String {
    const MAX: usize = 60;
    match text.char_indices().nth(MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

fn names(fields: &BTreeMap<String, Shape>) -> String {
    fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn one_of(choices: &[String]) -> String {
    format!("one of {}", choices.join(", "))
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
