//! All that the text of manifests can tell: every mistake with its place.
//!
//! Owns the way from paths to located findings; what is a mistake, `validate` decides. Runs nothing and
//! changes nothing. Called by `probity validate` and
//! `probity check`, and by whoever has bytes of unknown worth (the fuzz targets).

use std::{collections::HashSet, path::PathBuf, sync::Arc};

use super::manifest::{self, Document, FindError, LoadError, Position};
use crate::{
    api::TEST_KIND,
    model::{Channel, HealthCheck, Kind, Object, ObjectKey},
    trial::Suite,
    validate::{self, Fault, FieldError, FieldPath, Judged, Setting, What},
};

/// What was found in a set of files.
#[derive(Debug, Default)]
pub struct Review {
    /// In the order of the files and of their text.
    pub findings: Vec<Finding>,
    /// Files that could not be read, and why. What is in them is not judged.
    pub unread: Vec<String>,
    pub files: usize,
    /// Objects of our kinds without a mistake.
    pub good_objects: usize,
    /// Those of them that can run without a cluster.
    pub checks: Vec<Arc<HealthCheck>>,
    /// Those that cannot, and why.
    pub unsupported: Vec<(ObjectKey, String)>,
    /// Channels, with their Secrets, as far as they could be judged.
    pub channels: Vec<Arc<Channel>>,
    /// All objects without a mistake, with their files.
    pub objects: Vec<(Arc<str>, Object)>,
    /// Tests of rules without a mistake in themselves.
    pub tests: Vec<TestFile>,
}

/// A test of rules, and where each of its values is.
#[derive(Debug, Clone)]
pub struct TestFile {
    pub document: Document,
    pub suite: Arc<Suite>,
}

/// Something to tell about a place in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub gravity: Gravity,
    pub file: Arc<str>,
    pub position: Position,
    /// Kind, namespace and name, such as `HealthCheck default/a`; empty when it is about no known object.
    pub object: String,
    /// The root when it is about the whole.
    pub path: FieldPath,
    pub message: String,
    pub hint: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gravity {
    Mistake,
    /// Worth knowing, and no mistake.
    Note,
}

/// What is taken for granted.
#[derive(Debug, Clone, Copy, Default)]
pub struct Leniency {
    /// Whether what is referred to may be somewhere else: a reference that leads nowhere is then a note.
    pub external_refs: bool,
    /// What the manifests are for.
    pub setting: Setting,
}

impl Review {
    pub fn mistakes(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.gravity == Gravity::Mistake)
    }
}

/// Reads and judges all manifests under `paths` as one set.
///
/// # Errors
/// When a path is not there or a folder cannot be listed.
pub fn paths(paths: &[PathBuf], leniency: Leniency) -> Result<Review, FindError> {
    let mut review = Review::default();
    for path in paths {
        if manifest::find(std::slice::from_ref(path))?.is_empty() {
            let file = Arc::from(path.display().to_string());
            let message = "there are no manifests in this folder";
            review.findings.push(at_file(file, message.to_owned(), Some("*.yaml, *.yml or *.json".to_owned())));
        }
    }
    let mut documents = Vec::new();
    for path in manifest::find(paths)? {
        let file: Arc<str> = path.display().to_string().into();
        review.files += 1;
        match manifest::load(&path) {
            Ok(bytes) => read(&file, &bytes, &mut documents, &mut review),
            Err(error @ LoadError::TooLarge { .. }) => {
                review.findings.push(at_file(file, error.to_string(), None));
            }
            Err(LoadError::Unreadable { source, .. }) => review.unread.push(format!("cannot read {file}: {source}")),
        }
    }
    judge(&documents, leniency, &mut review);
    if documents.is_empty() {
        // Not one manifest in all of them is not what anybody meant.
        review.findings.iter_mut().for_each(|finding| finding.gravity = Gravity::Mistake);
    }
    Ok(review)
}

/// Reads and judges one text. Any bytes will do.
pub fn text(file: &Arc<str>, bytes: &[u8], leniency: Leniency) -> Review {
    let mut review = Review { files: 1, ..Review::default() };
    let mut documents = Vec::new();
    read(file, bytes, &mut documents, &mut review);
    judge(&documents, leniency, &mut review);
    review
}

fn at_file(file: Arc<str>, message: String, hint: Option<String>) -> Finding {
    let (gravity, position) = (Gravity::Mistake, Position::START);
    Finding { gravity, file, position, object: String::new(), path: FieldPath::root(), message, hint }
}

fn read(file: &Arc<str>, bytes: &[u8], documents: &mut Vec<Document>, review: &mut Review) {
    let reading = manifest::read(file, bytes);
    if reading.documents.is_empty() && reading.mistakes.is_empty() {
        let finding = at_file(file.clone(), "there is no manifest in this file".to_owned(), None);
        review.findings.push(Finding { gravity: Gravity::Note, ..finding });
    }
    review.findings.extend(reading.mistakes.into_iter().map(|mistake| Finding {
        gravity: Gravity::Mistake,
        file: mistake.file,
        position: mistake.position,
        object: String::new(),
        path: mistake.path,
        message: mistake.message,
        hint: mistake.hint,
    }));
    documents.extend(reading.documents);
}

fn judge(documents: &[Document], leniency: Leniency, review: &mut Review) {
    let values: Vec<_> = documents.iter().map(|document| &document.value).collect();
    // What stands in a file that cannot be read to its end may not be what was meant.
    let damaged: HashSet<Arc<str>> = review.mistakes().map(|mistake| mistake.file.clone()).collect();
    let judged = validate::set_in(&values, leniency.setting);
    for (document, one) in documents.iter().zip(&judged) {
        if let What::Foreign(name) = &one.what {
            let finding = at_file(document.file.clone(), format!("skipped: {name} is not judged here"), None);
            review.findings.push(Finding { gravity: Gravity::Note, position: document.start(), ..finding });
        }
        let mut good = matches!(one.what, What::Ours(..) | What::Test(_)) && !damaged.contains(&document.file);
        for mistake in &one.mistakes {
            let found = locate(document, one, mistake, documents, leniency);
            good &= found.gravity == Gravity::Note;
            review.findings.push(found);
        }
        for note in &one.notes {
            review
                .findings
                .push(Finding { gravity: Gravity::Note, ..locate(document, one, note, documents, leniency) });
        }
        review.good_objects += usize::from(good);
        match &one.what {
            What::Ours(_, Some(object)) => review.objects.push((document.file.clone(), object.clone())),
            What::Test(Some(suite)) => {
                review.tests.push(TestFile { document: document.clone(), suite: suite.clone() });
            }
            _ => {}
        }
        match (&one.what, &one.key, one.mistakes.as_slice()) {
            (What::Ours(_, Some(Object::HealthCheck(check))), _, _) => review.checks.push(check.clone()),
            (What::Ours(_, Some(Object::NotificationChannel(channel))), _, _) => review.channels.push(channel.clone()),
            (What::Ours(Kind::HealthCheck, None), Some(key), [first, rest @ ..])
                if [first].into_iter().chain(rest).all(|mistake| mistake.fault == Fault::NotSupported) =>
            {
                review.unsupported.push((key.clone(), first.to_string()));
            }
            _ => {}
        }
    }
    review.findings.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
}

fn locate(document: &Document, judged: &Judged, mistake: &FieldError, all: &[Document], leniency: Leniency) -> Finding {
    let place =
        if mistake.about_name { document.key_position(&mistake.path) } else { document.position(&mistake.path) };
    let mut message = mistake.message.clone();
    // Two are enough to find the rest.
    for other in mistake.others.iter().take(2).filter_map(|at| all.get(*at)) {
        let place = other.position(&mistake.path);
        message += &format!("; another at {}:{place}", other.file);
    }
    let gravity = match mistake.fault {
        Fault::UnresolvedReference if leniency.external_refs => Gravity::Note,
        // Right as it stands, for a cluster.
        Fault::NotSupported => Gravity::Note,
        _ => Gravity::Mistake,
    };
    let object = match (&judged.what, &judged.key) {
        (What::Ours(kind, _), Some(key)) => format!("{kind} {key}"),
        (What::Test(_), Some(key)) => format!("{TEST_KIND} {key}"),
        (What::Secret, Some(key)) => format!("Secret {key}"),
        (What::ConfigMap, Some(key)) => format!("ConfigMap {key}"),
        _ => String::new(),
    };
    let hint = document.hint(&mistake.path).or_else(|| mistake.hint.clone());
    Finding { gravity, file: document.file.clone(), position: place, object, path: mistake.path.clone(), message, hint }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(text: &str, leniency: Leniency) -> Vec<String> {
        let review = super::text(&Arc::from("a.yaml"), text.as_bytes(), leniency);
        let line = |found: &Finding| {
            let Finding { gravity, position, path, message, .. } = found;
            format!("{gravity:?} {position} {path} {message}")
        };
        review.findings.iter().map(line).collect()
    }

    const REFERS: &str = "
apiVersion: probity.dev/v1alpha1
kind: HealthCheck
metadata: {name: a}
spec:
  dependsOn: [{name: b}]
  http:
    url: http://a
    auth: {bearer: {token: {valueFrom: {secretKeyRef: {name: s, key: k}}}}}
";

    #[test]
    fn a_reference_that_leads_nowhere_is_a_mistake_or_a_note() {
        let mistakes = lines(REFERS, Leniency::default());
        assert_eq!(
            mistakes,
            [
                "Mistake 6:22 spec.dependsOn[0].name HealthCheck default/b is not there",
                "Mistake 9:62 spec.http.auth.bearer.token.valueFrom.secretKeyRef.name Secret default/s is not there",
            ]
        );
        let notes = lines(REFERS, Leniency { external_refs: true, ..Leniency::default() });
        assert_eq!(notes.iter().filter(|line| line.starts_with("Note")).count(), 2, "{notes:?}");
    }

    #[test]
    fn two_of_one_name_are_both_told_with_the_place_of_the_other() {
        let one = "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata:\n  name: a\nspec: {tcp: {address: 'a:1'}}\n";
        assert_eq!(
            lines(&format!("{one}---\n{one}"), Leniency::default()),
            [
                "Mistake 4:9 metadata.name there is more than one HealthCheck default/a; another at a.yaml:10:9",
                "Mistake 10:9 metadata.name there is more than one HealthCheck default/a; another at a.yaml:4:9",
            ]
        );
    }

    #[test]
    fn others_are_skipped_and_what_needs_a_cluster_is_no_mistake() {
        let text = "apiVersion: apps/v1\nkind: Deployment\n---\napiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {name: a}\nspec:\n  http:\n    service: {name: b, port: 80}\n";
        assert_eq!(
            lines(text, Leniency::default()),
            [
                "Note 1:1  skipped: apps/v1 Deployment is not judged here",
                "Note 9:14 spec.http.service needs a cluster, which knows where the Service is",
            ]
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            super::text(&Arc::from("x"), &bytes, Leniency::default());
        }

        #[test]
        fn no_damage_to_a_manifest_makes_it_panic(at in 0..REFERS.len(), length in 0usize..30, put in "[\\PC\n]{0,5}") {
            let end = (at + length).min(REFERS.len());
            let damaged = format!("{}{put}{}", &REFERS[..at], &REFERS[end..]);
            super::text(&Arc::from("x"), damaged.as_bytes(), Leniency::default());
        }
    }
}
