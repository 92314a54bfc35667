//! What a Secret or a ConfigMap holds.

use std::{collections::BTreeMap, sync::Arc};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;

use super::{
    field::{FieldError, FieldPath},
    references::ValueKind,
};
use crate::model::Secret;

/// The values of a Secret or a ConfigMap by their keys.
pub type Payload = BTreeMap<String, Secret<Arc<[u8]>>>;

/// Reads `data` and `stringData` of a Secret, `data` and `binaryData` of a ConfigMap. A value that cannot be
/// read is left out, and is a mistake that does not show it. `stringData` goes before `data`, as it does for
/// the API server.
pub fn payload(kind: ValueKind, object: &Value) -> (Payload, Vec<FieldError>) {
    let mut read = Reader { payload: Payload::new(), mistakes: Vec::new() };
    match kind {
        ValueKind::Secret => {
            read.field(object, "data", true);
            read.field(object, "stringData", false);
        }
        ValueKind::ConfigMap => {
            read.field(object, "data", false);
            read.field(object, "binaryData", true);
        }
    }
    (read.payload, read.mistakes)
}

struct Reader {
    payload: Payload,
    mistakes: Vec<FieldError>,
}

impl Reader {
    fn field(&mut self, object: &Value, field: &str, is_base64: bool) {
        let path = FieldPath::root().field(field);
        let entries = match object.get(field) {
            None | Some(Value::Null) => return,
            Some(Value::Object(entries)) => entries,
            Some(_) => return self.mistakes.push(FieldError::invalid(path, "must be an object of texts")),
        };
        for (key, value) in entries {
            match bytes(value, is_base64) {
                Ok(bytes) => {
                    self.payload.insert(key.clone(), Secret::new(bytes));
                }
                Err((message, hint)) => {
                    self.mistakes.push(FieldError::invalid(path.field(key.as_str()), message).hint(hint));
                }
            }
        }
    }
}

fn bytes(value: &Value, is_base64: bool) -> Result<Arc<[u8]>, (&'static str, &'static str)> {
    match value {
        // A key without a value is an empty one, as it is for the API server.
        Value::Null => Ok(Arc::from([])),
        Value::String(text) if is_base64 => {
            // Line breaks are how long base64 is written.
            let text: String = text.split(['\n', '\r']).collect();
            let wrong = ("is not base64", "for plain text use stringData in a Secret, data in a ConfigMap");
            STANDARD.decode(text).map(Arc::from).map_err(|_| wrong)
        }
        Value::String(text) => Ok(Arc::from(text.as_bytes())),
        _ => Err(("must be a text", "put it in quotes")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(kind: ValueKind, object: &Value) -> (Vec<(String, Vec<u8>)>, Vec<String>) {
        let (payload, mistakes) = payload(kind, object);
        let values = payload.into_iter().map(|(key, value)| (key, value.expose().to_vec())).collect();
        (values, mistakes.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn both_fields_serve() {
        let secret = json!({"data": {"a": "aGk=", "b": "aGk\n=", "n": null}, "stringData": {"b": "two"}});
        let values = vec![("a".into(), b"hi".to_vec()), ("b".into(), b"two".to_vec()), ("n".into(), Vec::new())];
        assert_eq!(shown(ValueKind::Secret, &secret), (values, vec![]));
        let map = json!({"data": {"a": "aGk="}, "binaryData": {"b": "/w=="}});
        let values = vec![("a".into(), b"aGk=".to_vec()), ("b".into(), vec![0xff])];
        assert_eq!(shown(ValueKind::ConfigMap, &map), (values, vec![]));
    }

    #[test]
    fn a_mistake_shows_no_value() {
        let secret = json!({"data": {"a": "s3cr%t", "b": 5}, "stringData": ["s3cret"]});
        let (values, mistakes) = shown(ValueKind::Secret, &secret);
        assert_eq!(values, []);
        assert_eq!(
            mistakes,
            ["data.a: is not base64", "data.b: must be a text", "stringData: must be an object of texts"]
        );
    }
}
