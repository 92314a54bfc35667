//! Comparing, indexing and cutting, with the types that Go is strict about.

use std::{cmp::Ordering, sync::Arc};

use super::value::Value;

const INCOMPATIBLE: &str = "incompatible types for comparison";

/// Whether the first value equals one of the others.
///
/// # Errors
/// When they cannot be compared: an int with a float, a map with anything.
pub(super) fn equal(first: &Value, others: &[Value]) -> Result<bool, String> {
    for other in others {
        let same = match (first, other) {
            (Value::Bool(a), Value::Bool(b)) => a == b,
            (Value::Int(a), Value::Int(b))
            | (Value::Duration(a), Value::Duration(b))
            | (Value::Time(a), Value::Time(b)) => a == b,
            (Value::Float(a), Value::Float(b)) => a == b,
            (Value::Text(a), Value::Text(b)) => a == b,
            (Value::Nothing, Value::Nothing) => true,
            (Value::Nothing, _) | (_, Value::Nothing) => false,
            (Value::Labels(_) | Value::Map(_) | Value::Samples(_) | Value::Root, _) => {
                return Err(format!("non-comparable type {}", first.kind()));
            }
            _ => return Err(INCOMPATIBLE.to_owned()),
        };
        if same {
            return Ok(true);
        }
    }
    Ok(false)
}

/// How two values are ordered; None where one of them is NaN.
///
/// # Errors
/// When they are not of one ordered type.
pub(super) fn order(a: &Value, b: &Value) -> Result<Option<Ordering>, String> {
    match (a, b) {
        (Value::Int(a), Value::Int(b)) | (Value::Duration(a), Value::Duration(b)) => Ok(Some(a.cmp(b))),
        (Value::Float(a), Value::Float(b)) => Ok(a.partial_cmp(b)),
        (Value::Text(a), Value::Text(b)) => Ok(Some(a.cmp(b))),
        _ if a.kind() == b.kind() => Err("invalid type for comparison".to_owned()),
        _ => Err(INCOMPATIBLE.to_owned()),
    }
}

pub(super) fn length(value: &Value) -> Result<Value, String> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Labels(labels) => labels.len(),
        Value::Samples(samples) => samples.len(),
        Value::Map(map) => map.len(),
        other => return Err(format!("len of type {}", other.kind())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

pub(super) fn index(value: &Value, at: &Value) -> Result<Value, String> {
    let place = |length: usize| match at {
        Value::Int(at) => {
            usize::try_from(*at).ok().filter(|at| *at < length).ok_or_else(|| format!("index out of range: {at}"))
        }
        other => Err(format!("cannot index with type {}", other.kind())),
    };
    match (value, at) {
        (Value::Labels(labels), Value::Text(name)) => Ok(Value::text(labels.value(name))),
        (Value::Map(map), Value::Text(name)) => Ok(map.get(name.as_ref()).cloned().unwrap_or(Value::Nothing)),
        (Value::Labels(_) | Value::Map(_), other) => Err(format!("value has type {}; should be string", other.kind())),
        (Value::Samples(samples), _) => {
            let at = place(samples.len())?;
            Ok(samples.get(at).map_or(Value::Nothing, |sample| Value::Sample(Arc::clone(sample))))
        }
        (Value::Text(text), _) => {
            let at = place(text.len())?;
            Ok(text.as_bytes().get(at).map_or(Value::Nothing, |byte| Value::Int(i64::from(*byte))))
        }
        (other, _) => Err(format!("can't index item of type {}", other.kind())),
    }
}

/// The part of a text (in bytes) or of a query's result from the first index up to the second.
pub(super) fn slice(value: &Value, bounds: &[Value]) -> Result<Value, String> {
    let length = match value {
        Value::Text(text) => text.len(),
        Value::Samples(samples) => samples.len(),
        other => return Err(format!("can't slice item of type {}", other.kind())),
    };
    let bound = |index: usize, default: usize| match bounds.get(index) {
        None => Ok(default),
        Some(Value::Int(at)) => {
            usize::try_from(*at).ok().filter(|at| *at <= length).ok_or_else(|| format!("index out of range: {at}"))
        }
        Some(other) => Err(format!("cannot index with type {}", other.kind())),
    };
    let (from, to) = (bound(0, 0)?, bound(1, length)?);
    if from > to {
        return Err(format!("invalid slice index: {from} > {to}"));
    }
    match value {
        Value::Text(text) => match text.get(from..to) {
            Some(part) => Ok(Value::text(part)),
            None => Err("a slice of a text cuts a character in two".to_owned()),
        },
        Value::Samples(samples) => Ok(Value::Samples(samples.get(from..to).unwrap_or_default().into())),
        other => Err(format!("can't slice item of type {}", other.kind())),
    }
}
