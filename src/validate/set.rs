//! A set of objects, as a folder of manifests holds them.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;

use super::{
    Invalid, Judged, What,
    bundle::{Bundle, Setting},
    cycles::{InCycle, cycles},
    field::{FieldError, FieldPath},
    identity::{self, Identity},
    metadata, payload, probity_test,
    references::ValueKind,
};
use crate::model::{Kind, Object, ObjectKey};

/// Stand-alone, the namespace of a manifest that names none.
pub const DEFAULT_NAMESPACE: &str = "default";

/// The fields of a Secret and of a ConfigMap.
const SECRET: [&str; 7] = ["apiVersion", "kind", "metadata", "data", "stringData", "type", "immutable"];
const CONFIG_MAP: [&str; 6] = ["apiVersion", "kind", "metadata", "data", "binaryData", "immutable"];

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Ours {
    Object(Kind),
    Values(ValueKind),
}

pub fn judge(objects: &[&Value], setting: Setting) -> Vec<Judged> {
    let mut bundle = Bundle::new(setting);
    let mut places: HashMap<(Ours, ObjectKey), Vec<usize>> = HashMap::new();
    let mut kinds = Vec::with_capacity(objects.len());
    let mut judged: Vec<Judged> = Vec::with_capacity(objects.len());

    for (at, object) in objects.iter().enumerate() {
        let mut one = Judged { what: What::Unknown, key: None, mistakes: Vec::new(), notes: Vec::new() };
        let kind = match identity::identify(object) {
            Ok(Identity::Ours(kind)) => Some(Ours::Object(kind)),
            Ok(Identity::Secret) => Some(Ours::Values(ValueKind::Secret)),
            Ok(Identity::ConfigMap) => Some(Ours::Values(ValueKind::ConfigMap)),
            Ok(Identity::Test) => {
                one.key = key(object);
                match probity_test::judge(object, DEFAULT_NAMESPACE) {
                    Ok(suite) => one.what = What::Test(Some(Arc::new(suite))),
                    Err(mistakes) => (one.what, one.mistakes) = (What::Test(None), mistakes),
                }
                None
            }
            Ok(Identity::Foreign(name)) => {
                one.what = What::Foreign(name);
                None
            }
            Err(mistake) => {
                one.mistakes.push(mistake);
                None
            }
        };
        if let Some(kind) = kind {
            one.key = key(object);
            if let Some(key) = &one.key {
                places.entry((kind, key.clone())).or_default().push(at);
            }
            match kind {
                Ours::Object(kind) => {
                    one.what = What::Ours(kind, None);
                    if kind == Kind::HealthCheck {
                        one.key.iter().for_each(|key| bundle.add_check(key));
                    }
                }
                Ours::Values(values) => {
                    one.what = if values == ValueKind::Secret { What::Secret } else { What::ConfigMap };
                    let known: &[&str] = if values == ValueKind::Secret { &SECRET } else { &CONFIG_MAP };
                    metadata::known_fields(object, known, &FieldPath::root(), &mut one.mistakes);
                    metadata::read(object, &mut one.mistakes);
                    let (payload, mistakes) = payload::payload(values, object);
                    one.mistakes.extend(mistakes);
                    if let Some(key) = &one.key {
                        bundle.add_values(values, key.clone(), payload);
                    }
                }
            }
        }
        kinds.push(kind);
        judged.push(one);
    }
    for ((object, kind), one) in objects.iter().zip(&kinds).zip(&mut judged) {
        if let Some(Ours::Object(kind)) = *kind {
            match super::object(kind, object, DEFAULT_NAMESPACE, &bundle) {
                Ok(model) => one.what = What::Ours(kind, Some(model)),
                Err(Invalid(mistakes)) => one.mistakes = mistakes,
            }
        }
    }
    circles(objects, &places, &mut judged);
    duplicates(&places, &mut judged);
    blind_targets(objects, &mut judged);
    for one in &mut judged {
        if let What::Ours(_, model) = &mut one.what
            && !one.mistakes.is_empty()
        {
            *model = None;
        }
    }
    judged
}

/// Notes the SLOTargets whose selector finds no check of the set: it may come later, and a label may be misspelt.
fn blind_targets(objects: &[&Value], judged: &mut [Judged]) {
    if !judged.iter().any(|one| matches!(one.what, What::Ours(Kind::SloTarget, Some(_)))) {
        return;
    }
    // Also one that has mistakes is there.
    let checks: Vec<_> = (objects.iter().zip(judged.iter()))
        .filter_map(|(object, one)| match (&one.what, &one.key) {
            (What::Ours(Kind::HealthCheck, _), Some(key)) => {
                Some((key.namespace.clone(), metadata::read(object, &mut Vec::new()).labels))
            }
            _ => None,
        })
        .collect();
    for one in judged {
        let What::Ours(_, Some(Object::SloTarget(target))) = &one.what else { continue };
        let sees =
            |(namespace, labels): &(Arc<str>, _)| *namespace == target.key.namespace && target.checks.matches(labels);
        if !checks.iter().any(sees) {
            let path = FieldPath::of("spec.indicator").field(target.objective.indicator.as_str()).field("healthChecks");
            let message = "finds none of the HealthChecks that are given: there is nothing to observe";
            one.notes.push(FieldError::invalid(path, message));
        }
    }
}

/// Namespace and name, where both can be used.
fn key(object: &Value) -> Option<ObjectKey> {
    let mut ignored = Vec::new();
    let metadata = metadata::read(object, &mut ignored);
    let namespace_wrong = metadata.namespace.is_none() && !object["metadata"]["namespace"].is_null();
    let usable = !metadata.name.is_empty() && !namespace_wrong;
    usable.then(|| ObjectKey::new(metadata.namespace.as_deref().unwrap_or(DEFAULT_NAMESPACE), metadata.name.as_str()))
}

fn circles(objects: &[&Value], places: &HashMap<(Ours, ObjectKey), Vec<usize>>, judged: &mut [Judged]) {
    // By the object's place in the set. Of two with one name the first is meant.
    let edges: Vec<Vec<usize>> = (objects.iter().zip(judged.iter()))
        .map(|(object, one)| match (&one.what, &one.key) {
            (What::Ours(Kind::HealthCheck, _), Some(key)) => {
                let first =
                    |key| places.get(&(Ours::Object(Kind::HealthCheck), key)).and_then(|all| all.first()).copied();
                // usize::MAX points nowhere, and keeps the place of what does not exist.
                depends_on(object, key).map(|key| first(key).unwrap_or(usize::MAX)).collect()
            }
            _ => Vec::new(),
        })
        .collect();
    for InCycle { node, circle } in cycles(&edges) {
        let next = circle.get(1).copied().unwrap_or(node);
        // One that names itself was told so already.
        if next == node {
            continue;
        }
        let named = edges[node].iter().position(|to| *to == next).unwrap_or_default();
        let message = format!("a dependency cycle: {}", written(&circle, judged));
        judged[node].mistakes.push(FieldError::invalid(FieldPath::of("spec.dependsOn").index(named), message));
    }
}

/// `a → b → a`. Of a long circle the beginning: a status takes 1 KiB, and nobody reads more.
fn written(circle: &[usize], judged: &[Judged]) -> String {
    const MAX: usize = 20;
    let name = |at: &usize| judged[*at].key.as_ref().map_or("", |key| &*key.name);
    let shown = circle.iter().take(MAX).map(name).collect::<Vec<_>>().join(" → ");
    match circle.len() {
        0..=MAX => shown,
        length => format!("{shown} → … ({} checks)", length - 1),
    }
}

/// What a check depends on, by its raw text: also one that has mistakes elsewhere is part of a circle.
fn depends_on<'a>(object: &'a Value, check: &ObjectKey) -> impl Iterator<Item = ObjectKey> + use<'a> {
    let namespace = check.namespace.clone();
    let names = object.pointer("/spec/dependsOn").and_then(Value::as_array).into_iter().flatten();
    names.map(move |entry| ObjectKey::new(namespace.clone(), entry["name"].as_str().unwrap_or_default()))
}

fn duplicates(places: &HashMap<(Ours, ObjectKey), Vec<usize>>, judged: &mut [Judged]) {
    for ((kind, key), all) in places.iter().filter(|(_, all)| all.len() > 1) {
        let kind = match kind {
            Ours::Object(kind) => kind.to_string(),
            Ours::Values(kind) => kind.to_string(),
        };
        for at in all {
            let message = format!("there is more than one {kind} {key}");
            let mut mistake = FieldError::invalid(FieldPath::of("metadata.name"), message);
            mistake.others = all.iter().copied().filter(|other| other != at).collect();
            judged[*at].mistakes.push(mistake);
        }
    }
}
