//! What is read at the start.

use std::{os::unix::fs::symlink, time::Duration};

use probity::{
    clock::Clock,
    model::{Kind, Object, ObjectId, ObjectKey},
    source::{Files, Verdict, manifest::FindError},
};

use super::harness::{Source, check};

#[tokio::test(flavor = "multi_thread")]
async fn everything_in_a_folder_is_read_before_ready() {
    let json = r#"{"apiVersion": "probity.dev/v1alpha1", "kind": "HealthCheck", "metadata": {"name": "e", "namespace": "shop"}, "spec": {"tcp": {"address": "127.0.0.1:1"}}}"#;
    let mut source = Source::over(&[
        ("two.yaml", &(check("a", "10s") + &check("b", "20s"))),
        ("deep/er/one.yml", &check("c", "10s")),
        (
            "list.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: probity.dev/v1alpha1\n  kind: HealthCheck\n  metadata: {name: d}\n  spec: {tcp: {address: \"127.0.0.1:1\"}}\n",
        ),
        ("e.json", json),
        (".hidden/x.yaml", &check("x", "10s")),
        ("README.md", "not a manifest"),
        (
            "other.yaml",
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n---\napiVersion: probity.dev/v1alpha1\nkind: Gauge\nmetadata: {name: later}\n---\njust text\n",
        ),
    ]);
    let paths = vec![source.dir.path().to_owned()];
    let mut changed: Vec<_> = source.run(paths).await.iter().map(ToString::to_string).collect();
    changed.sort();
    assert_eq!(changed, ["default/a", "default/b", "default/c", "default/d", "shop/e"]);
    assert_eq!(source.catalog.len(), 5);
    assert_eq!(source.model("b").interval, Duration::from_secs(20));
    assert_eq!(source.model("a").generation, 1);
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_documents_than_are_held_are_all_judged() {
    let mut source = Source::over(&[]);
    for file in 0..6 {
        let text: String = (0..500).map(|n| check(&format!("c-{file}-{n}"), "10s")).collect();
        source.write(&format!("{file}.yaml"), &text);
    }
    let paths = vec![source.dir.path().to_owned()];
    assert_eq!(source.run(paths).await.len(), 3_000);
    assert_eq!(source.catalog.len(), 3_000);
    assert!(source.is_accepted("c-5-499"));
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_bad_file_does_not_stop_the_others() {
    let broken = check("late", "10s") + "a: [\n---\n" + &check("later", "10s");
    let mut source = Source::start(&[("bad.yaml", &broken), ("good.yaml", &check("good", "10s"))]).await;
    assert!(source.is_accepted("good"));
    // What could be read of it runs too, and says that its file has a mistake.
    let entry = source.entry("late").unwrap();
    let stale = entry.stale.as_deref().unwrap();
    assert!(stale.contains("bad.yaml:") && source.is_accepted("later"), "{stale}");

    source.write("bad.yaml", &(check("late", "10s") + &check("later", "10s")));
    source.changes(2).await;
    assert!(source.entry("late").unwrap().stale.is_none());
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_folder_is_ready_and_filled_later() {
    let mut source = Source::start(&[]).await;
    assert!(source.catalog.is_empty());
    assert_eq!(source.until_marked("first").await, [""; 0]);
    assert!(source.is_accepted("first"));
    source.stop().await;
}

#[tokio::test]
async fn a_path_that_is_not_there_is_told_before_anything_runs() {
    let source = Source::over(&[]);
    let (sender, _receiver) = tokio::sync::mpsc::channel(1);
    let wrong = Files::new(vec![source.path("nowhere")], source.catalog.clone(), sender, Clock::system());
    assert!(matches!(wrong, Err(FindError::Unreadable { path, .. }) if path == source.path("nowhere")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mounted_config_map_is_followed_when_it_is_swapped() {
    let mut source =
        Source::over(&[("..one/checks.yaml", &check("a", "10s")), ("..two/checks.yaml", &check("a", "20s"))]);
    symlink("..one", source.path("..data")).unwrap();
    symlink("..data/checks.yaml", source.path("checks.yaml")).unwrap();
    let paths = vec![source.dir.path().to_owned()];
    source.run(paths).await;
    assert_eq!(source.model("a").interval, Duration::from_secs(10));

    symlink("..two", source.path("..data_tmp")).unwrap();
    std::fs::rename(source.path("..data_tmp"), source.path("..data")).unwrap();
    assert_eq!(source.next().await, "a");
    assert_eq!(source.model("a").interval, Duration::from_secs(20));
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_is_judged_by_how_long_history_is_kept() {
    let target = "apiVersion: probity.dev/v1alpha1\nkind: SLOTarget\nmetadata: {name: year}\nspec:\n  target: 99.9\n  window: {rolling: 365d}\n  indicator: {availability: {healthChecks: {}}}\n";
    for (days, is_accepted) in [(100, false), (365, true)] {
        let mut source = Source::over(&[("slo.yaml", target)]);
        let paths = vec![source.dir.path().to_owned()];
        source.run_as(paths, |files| files.keeping(Duration::from_secs(days * 86_400))).await;
        let id = ObjectId::new(Kind::SloTarget, ObjectKey::new("default", "year"));
        let verdict = &source.catalog.get(&id).unwrap().verdict;
        assert_eq!(matches!(verdict, Verdict::Accepted(Object::SloTarget(_))), is_accepted, "{days}: {verdict:?}");
        source.stop().await;
    }
}
