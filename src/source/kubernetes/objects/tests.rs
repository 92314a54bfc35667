//! What watches tell, in any order, and what is then said of the objects.

use std::collections::HashMap;

use serde_json::json;

use super::*;
use crate::{model::Secret, validate::Payload};

/// Secrets by name; None: read, and not there.
#[derive(Default)]
struct Known(HashMap<&'static str, Option<Payload>>);

impl Held for Known {
    fn lookup(&self, _: ValueKind, object: &ObjectKey, key: &str) -> Option<Lookup> {
        let found = self.0.get(&*object.name)?;
        Some(found.as_ref().map_or(Lookup::NoObject, |payload| Lookup::in_payload(payload, key)))
    }
}

fn key(name: &str) -> ObjectKey {
    ObjectKey::new("ns", name)
}

fn seen(name: &str, uid: &str, spec: Value) -> Seen {
    let text = json!({
        "apiVersion": "probity.dev/v1alpha1",
        "kind": "HealthCheck",
        "metadata": {"name": name, "namespace": "ns", "generation": 1},
        "spec": spec,
    });
    Seen { key: key(name), uid: uid.into(), generation: 1, text: Ok(text), status: None }
}

fn tcp() -> Value {
    json!({"tcp": {"address": "a:1"}})
}

fn after(names: &[&str]) -> Value {
    let names: Vec<_> = names.iter().map(|name| json!({"name": name})).collect();
    json!({"tcp": {"address": "a:1"}, "dependsOn": names})
}

fn keyed() -> Value {
    let from = json!({"valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}});
    json!({"http": {"url": "http://a", "auth": {"bearer": {"token": from}}}})
}

/// What is said of an object: nothing when it is gone.
fn said(objects: &Objects, name: &str) -> String {
    match objects.present(&key(name)) {
        Present::Gone => String::new(),
        Present::Unsaid => "waits".to_owned(),
        Present::Entry(Entry { uid, verdict: Verdict::Accepted(_), .. }) => format!("{uid} accepted"),
        Present::Entry(Entry { uid, verdict: Verdict::Refused(refused), .. }) => {
            format!("{uid} {}: {}", refused.ready_reason, refused.message)
        }
    }
}

fn whole_cluster() -> Objects {
    Objects::new(Kind::HealthCheck, &[None])
}

#[test]
fn a_check_waits_for_a_value_that_is_being_fetched() {
    let (mut objects, mut known) = (whole_cluster(), Known::default());
    objects.seen(0, seen("a", "1", keyed()), &known);
    assert_eq!(objects.settle(&known), [key("a")].into());
    assert_eq!(objects.take_wants(), [(ValueKind::Secret, key("s"))].into());
    assert!(objects.wants(ValueKind::Secret, &key("s")));
    assert_eq!(said(&objects, "a"), "waits");
    assert!(objects.is_waiting());

    known.0.insert("s", None);
    objects.value_changed(ValueKind::Secret, &key("s"));
    objects.settle(&known);
    assert!(said(&objects, "a").starts_with("1 UnresolvedReference: "), "{}", said(&objects, "a"));
    assert!(!objects.is_waiting());

    known.0.insert("s", Some([("k".to_owned(), Secret::new(b"v".as_slice().into()))].into()));
    objects.value_changed(ValueKind::Secret, &key("s"));
    assert_eq!(objects.settle(&known), [key("a")].into());
    assert_eq!(said(&objects, "a"), "1 accepted");

    objects.gone(&key("a"), "1");
    assert_eq!(objects.settle(&known), [key("a")].into());
    assert_eq!(objects.take_wants(), [(ValueKind::Secret, key("s"))].into());
    assert!(!objects.wants(ValueKind::Secret, &key("s")));
    assert_eq!((said(&objects, "a"), objects.len()), (String::new(), 0));
}

#[test]
fn a_dependency_that_the_list_has_not_told_yet_is_not_missing() {
    let (mut objects, known) = (whole_cluster(), Known::default());
    objects.begin(0);
    objects.seen(0, seen("a", "1", after(&["b"])), &known);
    objects.seen(0, seen("c", "1", after(&["d"])), &known);
    objects.settle(&known);
    assert_eq!((said(&objects, "a"), said(&objects, "c")), ("waits".to_owned(), "waits".to_owned()));
    objects.seen(0, seen("b", "1", tcp()), &known);
    objects.complete(0);
    objects.settle(&known);
    assert_eq!((said(&objects, "a"), said(&objects, "b")), ("1 accepted".to_owned(), "1 accepted".to_owned()));
    assert!(said(&objects, "c").contains("HealthCheck ns/d is not there"));
    objects.seen(0, seen("d", "1", tcp()), &known);
    objects.settle(&known);
    assert_eq!(said(&objects, "c"), "1 accepted");
    objects.gone(&key("b"), "1");
    objects.settle(&known);
    assert!(said(&objects, "a").contains("HealthCheck ns/b is not there"));
}

#[test]
fn what_a_second_list_does_not_tell_is_gone_and_only_in_its_own_namespace() {
    let known = Known::default();
    let mut objects = Objects::new(Kind::HealthCheck, &[Some("ns".into()), Some("other".into())]);
    for scope in [0, 1] {
        objects.begin(scope);
    }
    objects.seen(0, seen("a", "1", tcp()), &known);
    objects.seen(0, seen("b", "1", tcp()), &known);
    let mut elsewhere = seen("a", "1", tcp());
    elsewhere.key = ObjectKey::new("other", "a");
    objects.seen(1, elsewhere, &known);
    objects.complete(0);
    objects.complete(1);
    objects.settle(&known);
    objects.begin(0);
    objects.seen(0, seen("b", "1", tcp()), &known);
    objects.complete(0);
    assert_eq!(objects.settle(&known), [key("a")].into());
    assert_eq!((said(&objects, "a"), said(&objects, "b"), objects.len()), (String::new(), "1 accepted".to_owned(), 2));
}

#[test]
fn one_that_was_made_anew_outlives_the_end_of_the_old_one() {
    let (mut objects, known) = (whole_cluster(), Known::default());
    objects.seen(0, seen("a", "1", tcp()), &known);
    objects.settle(&known);
    objects.seen(0, seen("a", "1", tcp()), &known);
    assert!(objects.settle(&known).is_empty());
    objects.seen(0, seen("a", "2", tcp()), &known);
    objects.gone(&key("a"), "1");
    assert_eq!(objects.settle(&known), [key("a")].into());
    assert_eq!(said(&objects, "a"), "2 accepted");
}

#[test]
fn a_node_may_be_read_from_the_namespace_of_probity_and_no_other() {
    let known = Known::default();
    let node = || json!({"workload": {"kind": "Node", "name": "n"}});
    let mut objects = whole_cluster().run_from("ns".into());
    objects.seen(0, seen("a", "1", node()), &known);
    objects.settle(&known);
    assert_eq!(said(&objects, "a"), "1 accepted");
    let mut elsewhere = whole_cluster().run_from("other".into());
    elsewhere.seen(0, seen("a", "1", node()), &known);
    elsewhere.settle(&known);
    assert!(said(&elsewhere, "a").starts_with("1 NotPermitted: "), "{}", said(&elsewhere, "a"));
}

#[test]
fn circles_come_and_go() {
    let (mut objects, known) = (whole_cluster(), Known::default());
    objects.seen(0, seen("a", "1", after(&["b"])), &known);
    objects.seen(0, seen("b", "1", after(&["a"])), &known);
    objects.settle(&known);
    assert_eq!(said(&objects, "a"), "1 InvalidSpec: spec.dependsOn: goes in a circle: a → b → a");
    objects.seen(0, seen("b", "1", tcp()), &known);
    objects.settle(&known);
    assert_eq!((said(&objects, "a"), said(&objects, "b")), ("1 accepted".to_owned(), "1 accepted".to_owned()));
}

#[test]
fn one_that_cannot_be_read_is_refused_and_its_neighbours_are_not() {
    let (mut objects, known) = (whole_cluster(), Known::default());
    let broken = Seen { text: Err("cannot be read: no".to_owned()), ..seen("a", "1", tcp()) };
    objects.seen(0, broken, &known);
    objects.seen(0, seen("b", "1", json!({"interval": 5, "shape": {}})), &known);
    objects.seen(0, seen("c", "1", after(&["a"])), &known);
    objects.settle(&known);
    assert_eq!(said(&objects, "a"), "1 InvalidSpec: cannot be read: no");
    assert!(said(&objects, "b").starts_with("1 InvalidSpec: "));
    assert_eq!(said(&objects, "c"), "1 accepted");
}

#[test]
fn a_window_is_judged_by_how_long_history_is_kept() {
    let spec =
        json!({"target": 99.9, "window": {"rolling": "365d"}, "indicator": {"availability": {"healthChecks": {}}}});
    let mut year = seen("a", "1", spec);
    year.text.as_mut().unwrap()["kind"] = Kind::SloTarget.as_str().into();
    let known = Known::default();
    let judged = |objects: Objects, year: &Seen| {
        let mut objects = objects;
        let Seen { key, uid, generation, text, .. } = year;
        let year =
            Seen { key: key.clone(), uid: uid.clone(), generation: *generation, text: text.clone(), status: None };
        objects.seen(0, year, &known);
        objects.settle(&known);
        said(&objects, "a")
    };
    let targets = || Objects::new(Kind::SloTarget, &[None]);
    assert!(judged(targets(), &year).ends_with("is longer than history is kept, which is 100d"));
    assert_eq!(judged(targets().keeping(Duration::from_secs(365 * 86_400)), &year), "1 accepted");
}
