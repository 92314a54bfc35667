//! Values that are written in place or taken from Secrets and ConfigMaps.

use std::sync::Arc;

use super::{
    checker::Checker,
    field::{Fault, FieldError, FieldPath},
    references::{Lookup, ValueKind},
    suggest,
};
use crate::{
    api::{CredentialSource, KeyRef, TextSource, ValueFrom},
    model::{ObjectKey, Secret},
};

/// A text with where it came from.
#[derive(Debug)]
pub struct Text {
    pub value: Secret<String>,
    /// Whether it came from a Secret.
    pub is_secret: bool,
}

impl Checker<'_> {
    /// A text that is written in place or referred to.
    pub fn text(&mut self, path: &FieldPath, source: &TextSource) -> Option<Text> {
        self.exactly_one(path, &["value", "valueFrom"]);
        match (&source.value, &source.value_from) {
            (Some(value), None) => Some(Text { value: Secret::new(value.clone()), is_secret: false }),
            (None, Some(from)) => self.value_from(&path.field("valueFrom"), from),
            _ => None,
        }
    }

    /// A credential, always referred to.
    pub fn credential(&mut self, path: &FieldPath, source: &CredentialSource) -> Option<Secret<String>> {
        Some(self.value_from(&path.field("valueFrom"), &source.value_from)?.value)
    }

    /// What a key of a Secret or a ConfigMap holds.
    pub fn value_from(&mut self, path: &FieldPath, from: &ValueFrom) -> Option<Text> {
        self.exactly_one(path, &["secretKeyRef", "configMapKeyRef"]);
        let (kind, field, reference) = match (&from.secret_key_ref, &from.config_map_key_ref) {
            (Some(reference), None) => (ValueKind::Secret, "secretKeyRef", reference),
            (None, Some(reference)) => (ValueKind::ConfigMap, "configMapKeyRef", reference),
            _ => return None,
        };
        let value = self.resolve(&path.field(field), kind, reference)?;
        Some(Text { value, is_secret: kind == ValueKind::Secret })
    }

    fn resolve(&mut self, path: &FieldPath, kind: ValueKind, reference: &KeyRef) -> Option<Secret<String>> {
        let object = ObjectKey::new(self.namespace, reference.name.as_str());
        let key = &reference.key;
        let (at, message, hint) = match self.references.value(kind, &object, key) {
            Lookup::Found(bytes) => match text(&bytes) {
                Some(text) => return Some(text),
                None => {
                    let message = format!("the value under key {key} of {kind} {object} is not UTF-8 text");
                    self.refuse(&path.field("key"), message);
                    return None;
                }
            },
            Lookup::NoObject => (path.field("name"), format!("{kind} {object} is not there"), None),
            Lookup::NotPermitted(why) => {
                let message = format!("{kind} {object} may not be read: {why}");
                let mistake = FieldError::new(path.field("name"), Fault::NotPermitted, message);
                self.mistakes.push(FieldError { secret_missing: true, ..mistake });
                return None;
            }
            Lookup::NoKey(keys) => {
                let hint = match suggest::nearest(key, keys.iter().map(String::as_str)) {
                    Some(near) => format!("did you mean {near}?"),
                    None if keys.is_empty() => "it has no keys".to_owned(),
                    // A status takes 1 KiB; ten keys of usual length are well below.
                    None => {
                        format!("its keys: {}", keys.iter().take(10).map(String::as_str).collect::<Vec<_>>().join(", "))
                    }
                };
                (path.field("key"), format!("{kind} {object} has no key {key}"), Some(hint))
            }
        };
        let mistake =
            FieldError { secret_missing: true, hint, ..FieldError::new(at, Fault::UnresolvedReference, message) };
        self.mistakes.push(mistake);
        None
    }
}

fn text(bytes: &Secret<Arc<[u8]>>) -> Option<Secret<String>> {
    std::str::from_utf8(bytes.expose()).ok().map(|text| Secret::new(text.to_owned()))
}
