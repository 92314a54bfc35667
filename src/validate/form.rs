//! What objects of all kinds have in common: from the text of one to its spec, and every mistake on the way.

use std::{collections::BTreeMap, convert::Infallible, sync::LazyLock};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::{
    checker::Checker,
    field::{FieldError, FieldPath},
    metadata,
    metadata::Metadata,
    references::References,
    shape::{Findings, MAX_MISTAKES, Shape},
    suggest,
};
use crate::{
    api,
    model::{Kind, Labels, Pool},
};

/// What an object has at its root. What a status says is ours to write, and never read.
const ROOT: [&str; 5] = ["apiVersion", "kind", "metadata", "spec", "status"];

static LABELS: LazyLock<Pool<BTreeMap<String, String>>> = LazyLock::new(Pool::new);

/// The form of one kind.
pub struct Form {
    spec: Shape,
    /// What to say to whoever leaves the spec out.
    example: &'static str,
}

impl Form {
    pub fn of(kind: Kind, example: &'static str) -> Self {
        Self::of_schema(&api::schema(kind)["properties"]["spec"], example)
    }

    /// The form of a kind that no API server knows: the schema of its spec.
    pub fn of_schema(spec: &Value, example: &'static str) -> Self {
        Self { spec: Shape::new(spec), example }
    }

    /// What `model` makes of the object, or every mistake.
    pub fn judge<S: DeserializeOwned, M>(
        &self,
        object: &Value,
        namespace: &str,
        references: &dyn References,
        model: impl FnOnce(&mut Checker<'_>, &FieldPath, &Metadata, &S) -> Option<M>,
    ) -> Result<M, Vec<FieldError>> {
        let mut mistakes = Vec::new();
        let metadata = metadata::read(object, &mut mistakes);
        self.root(object, &mut mistakes);

        let path = FieldPath::of("spec");
        let mut found = Findings::default();
        let spec = match object.get("spec") {
            None | Some(Value::Null) => {
                mistakes.push(FieldError::invalid(path.clone(), "is required").hint(self.example));
                None
            }
            Some(spec) => self.spec.check(spec, &path, &mut found),
        };
        mistakes.append(&mut found.mistakes);
        if found.more > 0 {
            mistakes.push(FieldError::invalid(path.clone(), format!("and {} mistakes more", found.more)));
        }

        let namespace = metadata.namespace.clone().unwrap_or_else(|| namespace.to_owned());
        let mut checker =
            Checker { raw: object, namespace: &namespace, references, left_out: &found.left_out, mistakes };
        let model = spec
            .and_then(|spec| typed(&mut checker, &path, spec))
            .and_then(|spec| model(&mut checker, &path, &metadata, &spec));
        match (model, checker.mistakes) {
            (Some(model), mistakes) if mistakes.is_empty() => Ok(model),
            // Whoever gives no model has said why; were it not so, the object must not pass in silence.
            (None, mistakes) if mistakes.is_empty() => Err(vec![FieldError::invalid(path, "cannot be used")]),
            (_, mistakes) => Err(mistakes),
        }
    }

    fn root(&self, object: &Value, mistakes: &mut Vec<FieldError>) {
        let fields = object.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        for name in fields.filter(|name| !ROOT.contains(name)).take(MAX_MISTAKES) {
            let near = suggest::nearest(name, ROOT);
            let hint = match near {
                Some(near) => format!("did you mean {near}?"),
                None if self.spec.has(name) => format!("did you mean spec.{name}?"),
                None => format!("the fields here: {}", ROOT.join(", ")),
            };
            let mistake = FieldError::invalid(FieldPath::root().field(name), "unknown field").hint(hint);
            mistakes.push(FieldError { about_name: true, ..mistake });
        }
    }

    /// The schema's verdict alone, for tests that hold it against an API server's.
    pub fn shape(&self, object: &Value) -> Vec<FieldError> {
        let mut found = Findings::default();
        let empty = Value::Object(Map::new());
        self.spec.check(object.get("spec").unwrap_or(&empty), &FieldPath::of("spec"), &mut found);
        found.mistakes
    }
}

/// What the shape let through has the type's form; the test of all bad manifests would show it otherwise.
fn typed<S: DeserializeOwned>(checker: &mut Checker<'_>, path: &FieldPath, spec: Value) -> Option<S> {
    serde_json::from_value(spec).map_err(|error| checker.refuse(path, format!("cannot be read: {error}"))).ok()
}

/// The labels, shared with every object that has the same ones.
pub fn labels(labels: &BTreeMap<String, String>) -> Labels {
    let Ok(shared) = LABELS.get::<Infallible>(&format!("{labels:?}"), || Ok(labels.clone()));
    shared
}
