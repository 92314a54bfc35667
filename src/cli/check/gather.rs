//! Arguments → the checks to run, or every mistake in them.

use std::{
    collections::HashSet,
    path::{Path, PathBuf},
    sync::Arc,
};

use serde_json::{Value, json};

use super::url;
use crate::{
    api,
    model::{HealthCheck, ObjectKey},
    source::manifest::{self, Document, Mistake},
    validate::{self, Fault, Judged, What},
};

/// What the arguments lead to.
#[derive(Default)]
pub struct Gathered {
    pub checks: Vec<Arc<HealthCheck>>,
    /// Right as text, but what needs a cluster cannot run here: which, and why.
    pub unsupported: Vec<(ObjectKey, String)>,
    /// Anything in here is bad input, and then nothing is run. One mistake each, with its hint on a line of its own.
    pub mistakes: Vec<String>,
}

/// Reads every path and URL, and judges all objects in them as one set.
pub fn gather(arguments: &[String]) -> Gathered {
    let mut gathered = Gathered::default();
    let (urls, paths): (Vec<_>, Vec<_>) = arguments.iter().partition(|argument| url::is_url(argument));
    let documents = documents(&paths, &mut gathered.mistakes);
    let mut names = HashSet::new();
    let objects: Vec<_> = urls.iter().filter_map(|url| object(url, &mut names, &mut gathered.mistakes)).collect();

    let places: Vec<_> =
        documents.iter().map(Place::Document).chain(objects.iter().map(|(url, _)| Place::Url(url))).collect();
    let values: Vec<_> =
        documents.iter().map(|document| &document.value).chain(objects.iter().map(|(_, value)| value)).collect();
    for (place, judged) in places.iter().zip(validate::set(&values)) {
        judge(place, judged, &mut gathered);
    }
    if gathered.checks.is_empty() && gathered.unsupported.is_empty() && gathered.mistakes.is_empty() {
        gathered.mistakes.push(format!("{}: there is no HealthCheck in it", arguments.join(", ")));
    }
    gathered
}

/// Where an object came from.
enum Place<'a> {
    Document(&'a Document),
    Url(&'a str),
}

fn documents(paths: &[&String], mistakes: &mut Vec<String>) -> Vec<Document> {
    let mut files: Vec<PathBuf> = Vec::new();
    for path in paths {
        match manifest::find(&[PathBuf::from(path)]) {
            Ok(found) if found.is_empty() => {
                mistakes.push(format!("{path}: no manifests in this folder (*.yaml, *.yml, *.json)"));
            }
            Ok(found) => files.extend(found),
            Err(error) => mistakes.push(with_source(&error)),
        }
    }
    let mut documents = Vec::new();
    let mut read = HashSet::new();
    for file in files.into_iter().filter(|file| read.insert(real(file))) {
        match manifest::load(&file) {
            Ok(bytes) => {
                let reading = manifest::read(&Arc::from(file.display().to_string()), &bytes);
                mistakes.extend(reading.mistakes.iter().map(line));
                documents.extend(reading.documents);
            }
            Err(error) => mistakes.push(with_source(&error)),
        }
    }
    documents
}

/// Two arguments may lead to one file, which is then read once.
fn real(file: &Path) -> PathBuf {
    file.canonicalize().unwrap_or_else(|_| file.to_owned())
}

/// The object that stands for a URL, named so that no two have one name.
fn object<'a>(argument: &'a str, names: &mut HashSet<String>, mistakes: &mut Vec<String>) -> Option<(&'a str, Value)> {
    let spec = match url::spec(argument) {
        Ok(spec) => spec,
        Err(message) => {
            mistakes.push(format!("{argument}: {message}"));
            return None;
        }
    };
    let base = url::name(argument);
    let mut name = base.clone();
    let mut number = 1;
    while !names.insert(name.clone()) {
        number += 1;
        name = format!("{base}-{number}");
    }
    let value = json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
        "kind": "HealthCheck",
        "metadata": {"name": name},
        "spec": spec,
    });
    Some((argument, value))
}

fn judge(place: &Place<'_>, judged: Judged, gathered: &mut Gathered) {
    let unsupported = judged.mistakes.iter().find(|mistake| mistake.fault == Fault::NotSupported);
    match (judged.what, judged.key, unsupported) {
        (What::HealthCheck(_), Some(key), Some(first))
            if judged.mistakes.iter().all(|mistake| mistake.fault == Fault::NotSupported) =>
        {
            gathered.unsupported.push((key, first.to_string()));
            return;
        }
        (What::HealthCheck(Some(check)), _, _) => gathered.checks.push(check),
        _ => {}
    }
    for error in judged.mistakes {
        gathered.mistakes.push(match place {
            Place::Document(document) => line(&Mistake {
                file: document.file.clone(),
                position: document.position(&error.path),
                path: error.path,
                message: error.message,
                hint: error.hint,
            }),
            // The path is one into an object that nobody wrote.
            Place::Url(url) => with_hint(format!("{url}: {}", error.message), error.hint.as_deref()),
        });
    }
}

fn line(mistake: &Mistake) -> String {
    with_hint(mistake.to_string(), mistake.hint.as_deref())
}

fn with_hint(message: String, hint: Option<&str>) -> String {
    hint.map_or_else(|| message.clone(), |hint| format!("{message}\n  {hint}"))
}

fn with_source(error: &dyn std::error::Error) -> String {
    error.source().map_or_else(|| error.to_string(), |source| format!("{error}: {source}"))
}
