//! Secrets, ConfigMaps and dependencies: a change of one is a change of what refers to it, and of nothing else.

use std::sync::Arc;

use probity::{health::Reason, model::Probe};

use super::harness::{PICKED_UP, Source, check};

fn with_secret(name: &str) -> String {
    format!(
        "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {{name: {name}}}\nspec:\n  http:\n    url: http://127.0.0.1:1/\n    headers:\n    - name: X-Api-Key\n      valueFrom: {{secretKeyRef: {{name: keys, key: token}}}}\n---\n"
    )
}

fn secret(value: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: keys}}\nstringData: {{token: {value}}}\n---\n")
}

fn depending(name: &str, on: &str) -> String {
    check(name, "10s").replace("  interval", &format!("  dependsOn: [{{name: {on}}}]\n  interval"))
}

fn header(source: &Source, name: &str) -> String {
    match &*source.model(name).probe {
        Probe::Http(http) => http.headers.iter().map(|header| header.value.to_str().unwrap()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_changes_what_refers_to_it() {
    let files = [
        ("a.yaml", with_secret("a") + &check("other", "10s")),
        ("s.yaml", secret("first")),
        ("b.yaml", with_secret("b")),
    ];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut source = Source::start(&files).await;
    assert!(header(&source, "a").contains("first"));
    let other = source.entry("other").unwrap();

    let (_, took) = source.timed(|source| source.write("s.yaml", &secret("second"))).await;
    assert!(took < PICKED_UP, "{took:?}");
    assert_eq!(source.until_marked("mark").await.len(), 1);
    assert!(header(&source, "a").contains("second") && header(&source, "b").contains("second"));
    assert_eq!(source.model("a").generation, 1);
    assert!(Arc::ptr_eq(&other, &source.entry("other").unwrap()));
    // No value shows in what a person may see.
    assert!(!format!("{:?}", source.entry("a")).contains("second"));
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_whose_secret_is_missing_waits_for_it() {
    let mut source = Source::start(&[("a.yaml", &with_secret("a"))]).await;
    let refused = source.refused("a");
    assert_eq!((refused.ready_reason, refused.reason), ("UnresolvedReference", Reason::SecretMissing));
    assert!(refused.message.contains("keys"), "{}", refused.message);
    source.write("s.yaml", &secret("now").replace("token", "other"));
    assert_eq!(source.next().await, "a");
    assert!(source.refused("a").message.contains("token"), "{}", source.refused("a").message);
    source.write("s.yaml", &secret("now"));
    assert_eq!(source.next().await, "a");
    assert!(header(&source, "a").contains("now"));
    source.remove("s.yaml");
    assert_eq!(source.next().await, "a");
    assert_eq!(source.refused("a").reason, Reason::SecretMissing);
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_changes_while_the_check_cannot_be_parsed_is_used_later() {
    let (a, s) = (with_secret("a"), secret("first"));
    let mut source = Source::start(&[("a.yaml", &a), ("s.yaml", &s)]).await;
    // The broken file begins with another document, so that positions in it mean something else.
    source.write("a.yaml", &(check("first", "10s") + "a: [\n---\n" + &a));
    assert_eq!(source.next().await, "a");
    source.write("s.yaml", &secret("second"));
    assert_eq!(source.until_marked("mark").await, [""; 0]);
    assert!(header(&source, "a").contains("first") && source.entry("a").unwrap().stale.is_some());
    source.write("a.yaml", &a);
    assert_eq!(source.next().await, "a");
    assert!(header(&source, "a").contains("second") && source.entry("a").unwrap().stale.is_none());
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dependency_that_is_not_there_is_waited_for() {
    let mut source = Source::start(&[("a.yaml", &depending("a", "b"))]).await;
    let refused = source.refused("a");
    assert_eq!(refused.ready_reason, "UnresolvedReference");
    assert!(refused.message.contains("spec.dependsOn"), "{}", refused.message);
    source.write("b.yaml", &check("b", "10s"));
    assert_eq!(source.changes(2).await, ["a", "b"]);
    assert_eq!(&*source.model("a").depends_on[0].name, "b");
    source.remove("b.yaml");
    assert_eq!(source.changes(2).await, ["a", "b"]);
    assert_eq!(source.refused("a").ready_reason, "UnresolvedReference");
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_refuses_all_in_it_until_it_is_broken() {
    let text = |last: &str| check("alone", "10s") + &depending("a", "b") + &depending("b", "c") + &check("c", last);
    let mut source = Source::start(&[("a.yaml", &text("10s")), ("outside.yaml", &depending("outside", "a"))]).await;
    assert!(source.is_accepted("a"));

    let closed = text("10s").replace(&check("c", "10s"), &depending("c", "a"));
    source.write("a.yaml", &closed);
    assert_eq!(source.changes(3).await, ["a", "b", "c"]);
    for name in ["a", "b", "c"] {
        let refused = source.refused(name);
        assert_eq!((refused.ready_reason, refused.reason), ("InvalidSpec", Reason::InvalidSpec));
        assert!(refused.message.contains("circle") && refused.message.contains(" → "), "{}", refused.message);
    }
    assert!(source.is_accepted("alone") && source.is_accepted("outside"));

    source.write("a.yaml", &text("10s"));
    assert_eq!(source.changes(3).await, ["a", "b", "c"]);
    assert!(["a", "b", "c"].iter().all(|name| source.is_accepted(name)));
    assert_eq!((source.model("a").generation, source.model("c").generation), (1, 3));
    source.stop().await;
}
