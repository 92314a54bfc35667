//! However the files came to be as they are, the verdicts are those of a first look at them.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use proptest::prelude::*;

use super::{
    claims::{Claimed, claims},
    index::{Index, Touched},
    judged::judge,
};
use crate::{
    model::{Object, ObjectId, ObjectKey},
    source::{Present, Verdict, manifest},
    validate,
};

/// What the source does with the content of files, without the files.
#[derive(Default)]
struct Reader {
    index: Index,
    files: BTreeMap<Arc<Path>, String>,
}

impl Reader {
    /// Takes what these files hold now; None: the file is gone.
    fn take(&mut self, changes: &[(&str, Option<String>)]) {
        let mut touched = Touched::default();
        for (name, text) in changes {
            let path: Arc<Path> = Arc::from(Path::new(name));
            match text {
                None => {
                    self.files.remove(&path);
                    self.index.gone(&path, &mut touched);
                }
                Some(text) => {
                    self.files.insert(path.clone(), text.clone());
                    let reading = manifest::read(&Arc::from(*name), text.as_bytes());
                    let trouble = reading.mistakes.first().map(|mistake| Arc::from(mistake.to_string()));
                    match trouble {
                        Some(trouble) if self.index.knows(&path) => self.index.trouble(&path, trouble, &mut touched),
                        trouble => {
                            let Claimed { claims, .. } = claims(&path, &reading.documents);
                            self.index.say(&path, claims, trouble, &mut touched);
                        }
                    }
                }
            }
        }
        self.index.settle(touched);
        for path in self.index.due_files() {
            let text = self.files.get(&path).cloned().unwrap_or_default();
            let documents = manifest::read(&Arc::from("x"), text.as_bytes()).documents;
            for (key, claim) in self.index.take_due(&path) {
                let (judged, _) = judge(&self.index, validate::RETENTION, &key, &claim, &documents[claim.number]);
                self.index.judge(&key, judged);
            }
        }
        self.index.find_circles();
    }

    /// The verdict on each check.
    fn verdicts(&self) -> BTreeMap<String, String> {
        let mut verdicts = BTreeMap::new();
        for name in NAMES {
            let verdict = match self.index.present(&ObjectId::check(ObjectKey::new("default", name))) {
                Present::Gone => continue,
                Present::Unsaid => "unread".to_owned(),
                Present::Entry(entry) => match entry.verdict {
                    Verdict::Accepted(Object::HealthCheck(check)) => {
                        format!("{:?} {:?} {:?}", check.interval, check.depends_on, check.probe)
                    }
                    Verdict::Accepted(other) => panic!("a {}", other.kind()),
                    Verdict::Refused(refused) => format!("{refused:?}"),
                },
            };
            verdicts.insert(name.to_owned(), verdict);
        }
        verdicts
    }
}

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const FILES: [&str; 3] = ["1.yaml", "2.yaml", "3.yaml"];

fn object() -> impl Strategy<Value = String> {
    let name = prop::sample::select(&NAMES[..]);
    let check = (name.clone(), 0..4u8, prop::option::of(name)).prop_map(|(name, kind, on)| {
        let on = on.map(|on| format!("  dependsOn: [{{name: {on}}}]\n")).unwrap_or_default();
        let probe = match kind {
            0 => "tcp: {address: \"a:1\"}",
            1 => "tcp: {address: \"b:2\"}",
            2 => "tcp: {}",
            _ => "http: {url: \"http://a/\", auth: {bearer: {token: {valueFrom: {secretKeyRef: {name: s, key: k}}}}}}",
        };
        format!(
            "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {{name: {name}}}\nspec:\n{on}  {probe}\n"
        )
    });
    let secret = prop::sample::select(&["k: one", "k: two", "other: three"][..])
        .prop_map(|data| format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: s}}\nstringData: {{{data}}}\n"));
    prop_oneof![5 => check, 1 => secret]
}

fn content() -> impl Strategy<Value = Option<String>> {
    let text = prop::collection::vec(object(), 0..5).prop_map(|objects| Some(objects.join("---\n")));
    prop_oneof![6 => text, 1 => Just(None)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_way_there_does_not_matter(
        steps in prop::collection::vec((prop::sample::select(&FILES[..]), content(), any::<bool>()), 1..12)
    ) {
        let mut followed = Reader::default();
        let mut now = BTreeMap::new();
        for (file, text, breaks) in steps {
            if breaks && now.contains_key(file) {
                // What cannot be read in between leaves no trace.
                followed.take(&[(file, Some("a: [".to_owned()))]);
            }
            followed.take(&[(file, text.clone())]);
            now.insert(file, text);
        }
        let mut fresh = Reader::default();
        fresh.take(&now.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(followed.verdicts(), fresh.verdicts());
    }
}
