//! Arguments → the checks to run, or every mistake in them.

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use serde_json::{Value, json};

use super::url;
use crate::{
    api,
    cli::{Exit, validate::format, with_source},
    model::{HealthCheck, Object, ObjectKey},
    source::review::{self, Leniency, Review},
    validate::{self, What},
};

/// What the arguments lead to.
pub struct Gathered {
    pub checks: Vec<Arc<HealthCheck>>,
    /// Right as text, but what needs a cluster cannot run here: which, and why.
    pub unsupported: Vec<(ObjectKey, String)>,
}

/// Why nothing is run.
pub struct Refusal {
    /// Every mistake, as `probity validate` tells it.
    pub text: String,
    pub exit: Exit,
}

/// Reads every path and URL.
///
/// # Errors
/// When there is a mistake in any of them, or nothing to run.
pub fn gather(arguments: &[String]) -> Result<Gathered, Refusal> {
    let (urls, paths): (Vec<&String>, Vec<_>) = arguments.iter().partition(|argument| url::is_url(argument));
    let usage = |text: String| Refusal { text, exit: Exit::Usage };
    let review = match paths.as_slice() {
        [] => Review::default(),
        paths => {
            let paths: Vec<_> = paths.iter().map(PathBuf::from).collect();
            review::paths(&paths, Leniency::default()).map_err(|error| usage(with_source(&error) + "\n"))?
        }
    };
    let (asked, wrong) = from_urls(&urls);
    if review.mistakes().next().is_some() || !wrong.is_empty() {
        let judged = if review.mistakes().next().is_some() { format::text(&review, false) } else { String::new() };
        return Err(usage(wrong + &judged));
    }
    if !review.unread.is_empty() {
        return Err(Refusal { text: review.unread.join("\n") + "\n", exit: Exit::CouldNotRun });
    }
    let gathered =
        Gathered { checks: review.checks.into_iter().chain(asked).collect(), unsupported: review.unsupported };
    if gathered.checks.is_empty() && gathered.unsupported.is_empty() {
        return Err(usage(format!("there is no HealthCheck in {}\n", arguments.join(", "))));
    }
    Ok(gathered)
}

/// The checks that URLs name, and a line for each URL that names none.
fn from_urls(urls: &[&String]) -> (Vec<Arc<HealthCheck>>, String) {
    let mut wrong = String::new();
    let mut names = HashSet::new();
    let mut objects = Vec::new();
    for argument in urls {
        match url::spec(argument) {
            Ok(spec) => objects.push((argument, object(spec, unused(url::name(argument), &mut names)))),
            Err(message) => wrong += &format!("{}: {message}\n", url::shown(argument)),
        }
    }
    let values: Vec<_> = objects.iter().map(|(_, object)| object).collect();
    let mut checks = Vec::new();
    for ((argument, _), judged) in objects.iter().zip(validate::set(&values)) {
        // The paths of these mistakes are into an object that nobody wrote.
        for mistake in &judged.mistakes {
            wrong += &format!("{}: {}\n", url::shown(argument), mistake.message);
        }
        if let What::Ours(_, Some(Object::HealthCheck(check))) = judged.what {
            checks.push(check);
        }
    }
    (checks, wrong)
}

/// A name that no other URL has been given.
fn unused(base: String, names: &mut HashSet<String>) -> String {
    let mut name = base.clone();
    let mut number = 1;
    while !names.insert(name.clone()) {
        number += 1;
        name = format!("{base}-{number}");
    }
    name
}

fn object(spec: Value, name: String) -> Value {
    json!({
        "apiVersion": format!("{}/{}", api::GROUP, api::VERSION),
        "kind": "HealthCheck",
        "metadata": {"name": name},
        "spec": spec,
    })
}
