//! Silences in the store: what is made, changed and ended, and what is refused.

use std::sync::LazyLock;

use parking_lot::Mutex;

use super::*;
use crate::history::{AuditQuery, Volatile};

static NOTHING: LazyLock<Loaded> = LazyLock::new(Loaded::default);

struct Bench {
    silences: Silences,
    store: Arc<dyn Store>,
    told: Arc<Mutex<Vec<ObjectId>>>,
}

fn start(store: Arc<dyn Store>, loaded: &Loaded) -> Bench {
    let told = Arc::<Mutex<Vec<ObjectId>>>::default();
    let heard = told.clone();
    let tell: Tell = Arc::new(move |id| heard.lock().push(id));
    let catalog = Arc::<Catalog>::default();
    let silences = Silences::in_store(catalog, store.clone(), Clock::system(), "default".into(), tell, loaded);
    Bench { silences, store, told }
}

fn draft(texts: &[&str]) -> Draft {
    let now = Clock::system().wall();
    Draft {
        matchers: texts.iter().map(|text| Matcher::parse(text).unwrap()).collect(),
        starts_at: now - 10_000,
        ends_at: now + 3_600_000,
        created_by: "ann".to_owned(),
        comment: "deploy".to_owned(),
    }
}

impl Bench {
    async fn set(&self, texts: &[&str], before: Option<&str>) -> Result<Arc<str>, MadeError> {
        let before = before.map(|id| self.silences.get(id).unwrap());
        self.silences.set(draft(texts), before.as_ref(), None).await
    }

    fn stage(&self, id: &str) -> SilenceStateName {
        let silence = self.silences.get(id).unwrap().silence;
        stage(silence.starts_at, silence.ends_at, Clock::system().wall())
    }

    async fn rows(&self) -> Vec<String> {
        let page = self.store.audit(AuditQuery { limit: 100, ..AuditQuery::default() }).await.unwrap();
        let entries = page.rows.iter().filter_map(|row| row.entry());
        let silences = entries.filter_map(|entry| match entry.event {
            audit::Event::Silence { id, change, by, .. } => Some(format!("{id} {change} {by}")),
            _ => None,
        });
        silences.collect()
    }
}

#[tokio::test]
async fn what_is_made_is_in_force_is_kept_and_ends() {
    let store: Arc<dyn Store> = Arc::new(Volatile::default());
    let bench = start(store.clone(), &NOTHING);
    let one = bench.set(&["alertname=A", "namespace=shop"], None).await.unwrap();
    let found = bench.silences.get(&one).unwrap();
    assert_eq!((&*found.silence.key.namespace, &*found.silence.created_by), ("shop", "ann"));
    // A beginning in the past is now.
    assert!(found.silence.starts_at > Clock::system().wall() - 9_000);
    // The end moves, and it is the same one.
    let longer = Draft {
        starts_at: found.silence.starts_at,
        ends_at: found.silence.ends_at + 9_000,
        ..draft(&["alertname=A", "namespace=shop"])
    };
    assert_eq!(bench.silences.set(longer, Some(&found), None).await.unwrap(), one);
    // Others are muted, so it is another one.
    let two = bench.set(&["alertname=B"], Some(&one)).await.unwrap();
    assert_ne!(one, two);
    assert_eq!((bench.stage(&one), bench.stage(&two)), (SilenceStateName::Expired, SilenceStateName::Active));
    assert_eq!(bench.told.lock().len(), 4);

    let again = start(store.clone(), &store.load().unwrap());
    assert_eq!((again.stage(&one), again.stage(&two)), (SilenceStateName::Expired, SilenceStateName::Active));
    assert_eq!(again.told.lock().len(), 2);
    let found = again.silences.get(&two).unwrap();
    assert_eq!(&*found.silence.key.namespace, "default");
    again.silences.expire(&found, None).await.unwrap();
    again.silences.expire(&again.silences.get(&two).unwrap(), None).await.unwrap();
    assert_eq!(again.stage(&two), SilenceStateName::Expired);
    let want = [
        format!("shop/{one} created ann"),
        format!("shop/{one} changed ann"),
        format!("default/{two} created ann"),
        format!("shop/{one} expired "),
        format!("default/{two} expired "),
    ];
    assert_eq!(again.rows().await, want);
    again.silences.sweep().await;
    assert_eq!(again.silences.all().len(), 2);
}

#[tokio::test]
async fn what_is_wrong_with_one_is_said_and_nothing_is_kept() {
    let bench = start(Arc::new(Volatile::default()), &NOTHING);
    for (texts, want) in [
        (&["a=~.*"][..], "silence invalid: spec.matchers: they match every alert"),
        (&["a=\"\"", "b=~\"x|\""], "they match every alert"),
        (&[], "spec.matchers"),
        (&["a=b", "namespace=No_Such"], "is not the name of a namespace"),
    ] {
        let error = bench.set(texts, None).await.unwrap_err().to_string();
        assert!(error.contains(want), "{texts:?}: {error}");
    }
    let many = vec!["a=b"; 51];
    assert!(bench.set(&many, None).await.unwrap_err().to_string().contains("at most 50"));
    assert!(bench.silences.all().is_empty() && bench.told.lock().is_empty() && bench.rows().await.is_empty());
    // One that cannot be made ends none.
    let one = bench.set(&["a=b"], None).await.unwrap();
    bench.set(&["a=~.*"], Some(&one)).await.unwrap_err();
    assert_eq!(bench.stage(&one), SilenceStateName::Active);
    let before = bench.silences.get(&one).unwrap();
    let over = Draft { ends_at: 0, ..draft(&["a=b"]) };
    assert!(matches!(bench.silences.set(over, Some(&before), None).await, Err(MadeError::Times(_))));
    // Somebody else was faster.
    bench.silences.expire(&before, None).await.unwrap();
    let late = bench.silences.expire(&before, None).await.unwrap_err().to_string();
    assert!(late.contains("at the same time"), "{late}");
}

#[tokio::test]
async fn there_is_an_end_to_how_many_are_kept() {
    let bench = start(Arc::new(Volatile::default()), &NOTHING);
    for _ in 0..kept::MAX {
        bench.set(&["a=b"], None).await.unwrap();
    }
    let full = bench.set(&["a=b"], None).await.unwrap_err();
    assert!(matches!(full, MadeError::TooMany(kept::MAX)) && full.to_string().contains("expire some"));
    // One that is over makes room, and the one that has been for longest goes.
    let mut all = bench.silences.all().into_iter();
    let (first, second) = (all.next().unwrap(), all.next().unwrap());
    for over in [&first, &second] {
        bench.silences.expire(over, None).await.unwrap();
        let ended = bench.silences.get(&over.id).unwrap().silence.ends_at;
        while Clock::system().wall() <= ended {
            tokio::task::yield_now().await;
        }
    }
    let made = bench.set(&["a=c"], None).await.unwrap();
    assert_eq!(bench.silences.all().len(), kept::MAX);
    let there = |id: &str| bench.silences.get(id).is_some();
    assert!(there(&made) && there(&second.id) && !there(&first.id));
    // The store has it so, too.
    let again = start(bench.store.clone(), &bench.store.load().unwrap());
    assert_eq!(again.silences.all().len(), kept::MAX);
    assert!(again.silences.get(&made).is_some() && again.silences.get(&first.id).is_none());
}

#[test]
fn names_have_ids_that_stay_and_what_the_cluster_knows_is_never_cut_off() {
    let id = id_of(&ObjectKey::new("shop", "deploy"));
    assert_eq!(id, id_of(&ObjectKey::new("shop", "deploy")));
    assert_ne!(id, id_of(&ObjectKey::new("shop", "other")));
    assert!(uuid::Uuid::parse_str(&id).is_ok());
    for (claimed, user, want) in [
        ("ann", None, "ann"),
        ("", Some("system:a"), "system:a"),
        ("system:a", Some("system:a"), "system:a"),
        ("ann", Some("system:a"), "ann (system:a)"),
    ] {
        assert_eq!(author(claimed, user), want);
    }
    let long = author(&"x".repeat(500), Some("system:a"));
    assert!(long.chars().count() == 253 && long.ends_with(" (system:a)"), "{long}");
}
