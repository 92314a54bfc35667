//! What a change of a file touches, and what it leaves alone.

use std::{fs, io::Write, sync::Arc, time::Duration};

use probity::health::Reason;

use super::harness::{PICKED_UP, Source, check};

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_picked_up_in_time_and_touches_one_check() {
    let files: Vec<_> = (0..50).map(|n| (format!("{n}.yaml"), check(&format!("c{n}"), "10s"))).collect();
    let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let mut source = Source::start(&files).await;
    let before: Vec<_> = (0..50).map(|n| source.entry(&format!("c{n}")).unwrap()).collect();

    let (name, took) = source.timed(|source| source.write("7.yaml", &check("c7", "30s"))).await;
    assert_eq!(name, "c7");
    assert!(took < PICKED_UP, "{took:?}");
    assert_eq!((source.model("c7").generation, source.model("c7").interval), (2, Duration::from_secs(30)));
    assert_eq!(source.until_marked("mark").await, [""; 0]);
    for (n, entry) in before.iter().enumerate().filter(|(n, _)| *n != 7) {
        assert!(Arc::ptr_eq(entry, &source.entry(&format!("c{n}")).unwrap()), "c{n}");
    }
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_change_the_content_changes_nothing() {
    let mut source = Source::start(&[("a.yaml", &check("a", "10s")), ("b.yaml", &check("b", "10s"))]).await;
    let before = source.entry("a").unwrap();
    // The same bytes again; other bytes that say the same; another file that says the same.
    source.write("a.yaml", &check("a", "10s"));
    source.write("b.yaml", &format!("# a comment\n{}", check("b", "10s").replace("interval:", "interval:  ")));
    assert_eq!(source.until_marked("one").await, [""; 0]);
    fs::rename(source.path("a.yaml"), source.path("z.yaml")).unwrap();
    assert_eq!(source.until_marked("two").await, [""; 0]);
    assert!(Arc::ptr_eq(&before, &source.entry("a").unwrap()));
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn labels_change_an_object_but_not_its_generation() {
    let mut source = Source::start(&[("a.yaml", &check("a", "10s"))]).await;
    source.write("a.yaml", &check("a", "10s").replace("{name: a}", "{name: a, labels: {tier: web}}"));
    assert_eq!(source.next().await, "a");
    let entry = source.entry("a").unwrap();
    assert_eq!((entry.generation, entry.labels.get("tier").map(String::as_str)), (1, Some("web")));
    assert_eq!(source.model("a").labels, entry.labels);
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_half_written_file_is_waited_for() {
    let mut source = Source::start(&[("a.yaml", &(check("a", "10s") + &check("b", "10s")))]).await;
    let text = check("a", "20s") + &check("b", "30s");
    let (first, second) = text.split_at(text.find("name: b").unwrap());
    let mut file = fs::File::create(source.path("a.yaml")).unwrap();
    file.write_all(first.as_bytes()).unwrap();
    // The stimulus itself: a writer that takes its time.
    tokio::time::sleep(Duration::from_millis(500)).await;
    file.write_all(second.as_bytes()).unwrap();
    assert_eq!(source.changes(2).await, ["a", "b"]);
    assert_eq!((source.model("a").generation, source.model("b").generation), (2, 2));
    assert!(source.entry("b").unwrap().stale.is_none());
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_cannot_be_parsed_keeps_its_objects_running() {
    let mut source = Source::start(&[("a.yaml", &check("a", "10s")), ("b.yaml", &check("b", "10s"))]).await;
    source.write("a.yaml", "kind: [\n");
    assert_eq!(source.next().await, "a");
    let entry = source.entry("a").unwrap();
    let stale = entry.stale.as_deref().unwrap();
    assert!(stale.contains("a.yaml:"), "{stale}");
    assert!(source.is_accepted("a") && entry.generation == 1);
    assert!(source.entry("b").unwrap().stale.is_none());

    // It parses again, and says something else.
    source.write("a.yaml", &check("a", "20s"));
    assert_eq!(source.next().await, "a");
    let entry = source.entry("a").unwrap();
    assert_eq!((entry.generation, entry.stale.clone()), (2, None));

    // Too large is no better than no YAML.
    fs::File::options().write(true).open(source.path("a.yaml")).unwrap().set_len(17 << 20).unwrap();
    assert_eq!(source.next().await, "a");
    let entry = source.entry("a").unwrap();
    assert!(entry.stale.as_deref().unwrap().contains("16 MiB"), "{entry:?}");
    source.write("a.yaml", &check("a", "20s"));
    assert_eq!(source.next().await, "a");
    let entry = source.entry("a").unwrap();
    assert_eq!((entry.generation, entry.stale.clone()), (2, None));
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalid_object_does_not_run_on_under_its_old_spec() {
    let mut source = Source::start(&[("a.yaml", &(check("a", "10s") + &check("b", "10s")))]).await;
    source.write("a.yaml", &(check("a", "nonsense") + &check("b", "10s")));
    assert_eq!(source.next().await, "a");
    let refused = source.refused("a");
    assert_eq!((refused.ready_reason, refused.reason), ("InvalidSpec", Reason::InvalidSpec));
    assert!(refused.message.contains("spec.interval"), "{}", refused.message);
    assert!(source.is_accepted("b"));

    source.write("a.yaml", &(check("a", "20s") + &check("b", "10s")));
    assert_eq!(source.next().await, "a");
    assert_eq!(source.model("a").generation, 3);
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_file_no_longer_holds_is_gone() {
    let mut source =
        Source::start(&[("a.yaml", &(check("a", "10s") + &check("b", "10s"))), ("c.yaml", &check("c", "10s"))]).await;
    source.write("a.yaml", &check("a", "10s"));
    assert_eq!(source.next().await, "b");
    assert!(source.entry("b").is_none());
    let (name, took) = source.timed(|source| source.remove("c.yaml")).await;
    assert_eq!(name, "c");
    assert!(took < PICKED_UP && source.entry("c").is_none(), "{took:?}");
    assert_eq!(source.catalog.len(), 1);
    source.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_with_one_name_the_first_runs_and_the_second_takes_over() {
    let mut source =
        Source::start(&[("a.yaml", &check("x", "10s")), ("b.yaml", &(check("x", "20s") + &check("other", "10s")))])
            .await;
    assert_eq!(source.model("x").interval, Duration::from_secs(10));
    let note = source.entry("x").unwrap().note.clone().unwrap();
    assert!(note.contains("b.yaml:1:1") && source.entry("other").unwrap().note.is_none(), "{note}");
    source.remove("a.yaml");
    assert_eq!(source.next().await, "x");
    assert!(source.entry("x").unwrap().note.is_none());
    assert_eq!((source.model("x").interval, source.model("x").generation), (Duration::from_secs(20), 2));
    // An earlier one comes: it is the first now.
    source.write("0.yaml", &check("x", "30s"));
    assert_eq!(source.next().await, "x");
    assert_eq!((source.model("x").interval, source.model("x").generation), (Duration::from_secs(30), 3));
    source.stop().await;
}
