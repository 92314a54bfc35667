//! Arguments → test files, each with the objects that it is about; or every mistake in them.

use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    api::TEST_KIND,
    cli::{Exit, validate::format, with_source},
    source::{
        manifest::{Document, FindError},
        review::{self, Finding, Gravity, Leniency, Review, TestFile},
    },
    trial::{self, Objects, Suite},
    validate::{FieldError, FieldPath, Setting},
};

/// A test file that can be run.
pub struct Gathered {
    pub document: Document,
    pub suite: Arc<Suite>,
    pub objects: Objects,
}

/// Why nothing is run.
pub struct Refusal {
    pub text: String,
    pub exit: Exit,
}

/// What a test does not see may be somewhere else.
const LENIENT: Leniency = Leniency { external_refs: true, setting: Setting::Trial };

/// # Errors
/// When there is a mistake in any file, or no test.
pub fn gather(paths: &[PathBuf]) -> Result<Vec<Gathered>, Refusal> {
    let given = review::paths(paths, LENIENT).map_err(|error| Refusal {
        text: format!("probity test: {}\n", with_source(&error)),
        exit: match error {
            FindError::Unreadable { source, .. } if source.kind() != io::ErrorKind::NotFound => Exit::CouldNotRun,
            _ => Exit::Usage,
        },
    })?;
    // What was found in the files of all of them.
    let mut told = Review { files: given.files, good_objects: given.good_objects, ..Review::default() };
    told.findings.extend(given.mistakes().cloned());
    told.unread.extend(given.unread.iter().cloned());
    let mut all = Vec::new();
    for TestFile { document, suite } in &given.tests {
        let objects = match &suite.manifests {
            None => given.objects.iter().map(|(_, object)| object.clone()).collect(),
            Some(manifests) => named(document, manifests, &given, &mut told),
        };
        let gathered = Gathered { document: document.clone(), suite: suite.clone(), objects };
        for (at, test) in suite.tests.iter().enumerate() {
            let path = FieldPath::of("spec.tests").index(at);
            for mistake in trial::bind(&gathered.objects, test) {
                told.findings.push(finding(document, suite, &path.join(&mistake.path), mistake));
            }
        }
        all.push(gathered);
    }
    if told.mistakes().next().is_some() {
        told.findings.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
        told.findings.dedup();
        return Err(Refusal { text: format::text(&told, false), exit: Exit::Usage });
    }
    if !told.unread.is_empty() {
        return Err(Refusal { text: told.unread.join("\n") + "\n", exit: Exit::CouldNotRun });
    }
    if all.is_empty() {
        let shown: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        let text = format!("probity test: there is no {TEST_KIND} in {}\n", shown.join(", "));
        return Err(Refusal { text, exit: Exit::Usage });
    }
    Ok(all)
}

/// The objects of the manifests that a test names, and of its own file.
fn named(document: &Document, manifests: &[String], given: &Review, told: &mut Review) -> Objects {
    let folder = Path::new(&*document.file).parent().unwrap_or(Path::new(""));
    let mut objects: Vec<_> =
        given.objects.iter().filter(|(file, _)| *file == document.file).map(|(_, object)| object.clone()).collect();
    for (at, manifest) in manifests.iter().enumerate() {
        match review::paths(&[folder.join(manifest)], LENIENT) {
            Ok(review) => {
                told.findings.extend(review.mistakes().cloned());
                told.unread.extend(review.unread);
                objects.extend(review.objects.into_iter().map(|(_, object)| object));
            }
            Err(error) => {
                let path = FieldPath::of("spec.manifests").index(at);
                told.findings.push(Finding {
                    gravity: Gravity::Mistake,
                    file: document.file.clone(),
                    position: document.position(&path),
                    object: format!("{TEST_KIND} {}/{}", document.namespace(), document.name()),
                    path,
                    message: with_source(&error),
                    hint: Some("a path is seen from the folder of the test file".to_owned()),
                });
            }
        }
    }
    objects.into_iter().collect()
}

fn finding(document: &Document, suite: &Suite, path: &FieldPath, mistake: FieldError) -> Finding {
    Finding {
        gravity: Gravity::Mistake,
        file: document.file.clone(),
        position: document.position(path),
        object: format!("{TEST_KIND} {}", suite.key),
        path: path.clone(),
        message: mistake.message,
        hint: mistake.hint,
    }
}
