//! From the documents of a file to what they claim.

use std::{path::Path, sync::Arc};

use serde_json::Value;

use super::index::Claim;
use crate::{
    model::{ObjectId, ObjectKey},
    source::{
        digest::{Digest, digest},
        manifest::Document,
        verdicts::Id,
    },
    validate::{FieldError, FieldPath, Identity, Payload, ValueKind, identify, payload},
};

fn digest_of(value: Option<&Value>) -> Digest {
    // A value has nothing in it that cannot be written.
    digest(&value.and_then(|value| serde_json::to_vec(value).ok()).unwrap_or_default())
}

/// What the documents of a file say.
#[derive(Default)]
pub(super) struct Claimed {
    pub claims: Vec<(Id, Claim)>,
    /// What is wrong with those that claim nothing, by their position.
    pub mistakes: Vec<(usize, FieldError)>,
}

/// What the documents of `file` claim.
pub(super) fn claims(file: &Arc<Path>, documents: &[Document]) -> Claimed {
    let Claimed { mut claims, mut mistakes } = Claimed::default();
    for (number, document) in documents.iter().enumerate() {
        let ours = match identify(&document.value) {
            Ok(Identity::Ours(kind)) => Ok(kind),
            Ok(Identity::Secret) => Err(ValueKind::Secret),
            Ok(Identity::ConfigMap) => Err(ValueKind::ConfigMap),
            // For `probity test`; whoever keeps tests beside manifests knows it.
            Ok(Identity::Test) => continue,
            Ok(Identity::Foreign(what)) => {
                tracing::debug!(file = %document.file, line = document.start().line, "{what} is not for Probity");
                continue;
            }
            Err(mistake) => {
                mistakes.push((number, mistake));
                continue;
            }
        };
        if let Some(mistake) = unusable(document) {
            mistakes.push((number, mistake));
            continue;
        }
        let key = ObjectKey::new(document.namespace(), document.name());
        let mut claim = Claim {
            file: file.clone(),
            number,
            start: document.start(),
            content: digest_of(Some(&document.value)),
            spec: Digest::default(),
            payload: Payload::new(),
        };
        let id = match ours {
            Ok(kind) => {
                claim.spec = digest_of(document.value.get("spec"));
                Id::Object(ObjectId::new(kind, key))
            }
            Err(kind) => {
                let (values, wrong) = payload(kind, &document.value);
                claim.payload = values;
                mistakes.extend(wrong.into_iter().map(|mistake| (number, mistake)));
                Id::Values(kind, key)
            }
        };
        claims.push((id, claim));
    }
    Claimed { claims, mistakes }
}

/// Why nothing can be kept under the name of a document. `validate` says more of the names that can be.
fn unusable(document: &Document) -> Option<FieldError> {
    let path = FieldPath::of("metadata.name");
    let name = match path.lookup(&document.value) {
        Some(Value::String(name)) if !name.is_empty() => name,
        None | Some(Value::Null | Value::String(_)) => {
            return Some(FieldError::invalid(path, "is required").hint("metadata: {name: …}"));
        }
        Some(_) => {
            let hint = document.hint(&path).unwrap_or_else(|| "put it in quotes".to_owned());
            return Some(FieldError::invalid(path, "must be a text").hint(hint));
        }
    };
    let good = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-' || c == b'.';
    (name.len() > 253 || !name.bytes().all(good)).then(|| {
        FieldError::invalid(path, "is not a name").hint("lower-case letters, digits, - and ., such as coordinator-api")
    })
}
