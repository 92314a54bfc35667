//! Reads what a story is made of: rows about an alert, as far back as its newest episode goes, and what concerns it
//! beside them.
//!
//! Who reads is passed in, so that a server and a folder are read alike.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    asked::Asked,
    course::{Phase, folded_into},
    story::courses,
};
use crate::{
    audit::{Entry, Event, Kind, Place},
    clock::WallMs,
    history::{AUDIT_PAGE_MAX, About, AuditPage, AuditQuery},
};

/// How far back is looked, one after the other, until an alert's beginning is found: most are told from the first.
const BACK: [i64; 4] = [3_600_000, 86_400_000, 8 * 86_400_000, 64 * 86_400_000];

/// Rows that one story is made of, at some 600 bytes each: 6 MB. Of more the newest stay.
const ROWS_MAX: usize = 10_000;

/// Pages that are read for one story, a few milliseconds each.
const PAGES_MAX: usize = 60;

/// Notifications that others were folded into, and that are looked for by themselves.
const FOLDED_MAX: usize = 16;

/// Rows about what was asked, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Gathered {
    /// What was meant; None where no row is about any meaning.
    pub about: Option<About>,
    pub entries: Vec<Entry>,
    /// There are more rows than were read.
    pub is_cut: bool,
}

/// What is asked of the trail.
#[derive(Debug, Clone)]
pub struct Window {
    /// None: as far back as it takes.
    pub since: Option<WallMs>,
    /// Rows after this moment are not told.
    pub at: WallMs,
    /// None: all of them.
    pub namespaces: Option<Arc<BTreeSet<Arc<str>>>>,
}

/// Reads what there is about the first meaning that rows are about.
///
/// # Errors
/// Whatever `fetch` fails with.
pub async fn gather<E, F, Fut>(asked: &Asked, window: &Window, mut fetch: F) -> Result<Gathered, E>
where
    F: FnMut(AuditQuery) -> Fut,
    Fut: Future<Output = Result<AuditPage, E>>,
{
    let sinces: Vec<WallMs> = match window.since {
        Some(since) => vec![since],
        None => BACK.iter().map(|back| window.at.saturating_sub(*back)).chain([WallMs::MIN]).collect(),
    };
    for about in &asked.meanings {
        let mut found: Option<Rows> = None;
        for since in &sinces {
            let query = query(window, *since, Some(about.clone()), None);
            let rows = read(query, &mut fetch).await?;
            // What is nearer is worth more than what is further.
            if rows.is_cut && found.as_ref().is_some_and(|found| !found.by_place.is_empty()) {
                break;
            }
            let whole = rows.is_cut || is_whole(&rows);
            found = Some(rows);
            if whole {
                break;
            }
        }
        let Some(mut rows) = found.filter(|found| !found.by_place.is_empty()) else { continue };
        beside(window, about, &mut rows, &mut fetch).await?;
        let Rows { by_place, is_cut } = rows;
        return Ok(Gathered { about: Some(about.clone()), entries: by_place.into_values().collect(), is_cut });
    }
    Ok(Gathered::default())
}

/// Rows by when they were written and where they stand.
#[derive(Default)]
struct Rows {
    by_place: BTreeMap<(WallMs, Place), Entry>,
    is_cut: bool,
}

fn query(window: &Window, since: WallMs, about: Option<About>, kind: Option<Kind>) -> AuditQuery {
    AuditQuery {
        since: Some(since),
        // What was written in that millisecond is told.
        until: Some(window.at.saturating_add(1)),
        about,
        kind,
        namespaces: window.namespaces.clone(),
        after: None,
        limit: AUDIT_PAGE_MAX,
    }
}

async fn read<E, F, Fut>(mut query: AuditQuery, fetch: &mut F) -> Result<Rows, E>
where
    F: FnMut(AuditQuery) -> Fut,
    Fut: Future<Output = Result<AuditPage, E>>,
{
    let mut found = Rows::default();
    for _ in 0..PAGES_MAX {
        let page = fetch(query.clone()).await?;
        for row in &page.rows {
            if let Some(entry) = row.entry() {
                found.by_place.insert((entry.at, row.place), entry);
            }
        }
        while found.by_place.len() > ROWS_MAX {
            found.by_place.pop_first();
            found.is_cut = true;
        }
        match page.next {
            Some(next) => query.after = Some(next),
            None => return Ok(found),
        }
    }
    found.is_cut = true;
    Ok(found)
}

/// Whether each alert's newest episode is there from its beginning.
fn is_whole(rows: &Rows) -> bool {
    let courses = courses(rows.by_place.values());
    !courses.is_empty() && courses.values().all(|course| course.is_whole && course.phase != Phase::Dropped)
}

/// What concerns the alerts and is not about them: notifications that theirs were folded into, changes of their rule,
/// starts of the process and failures of the store.
async fn beside<E, F, Fut>(window: &Window, about: &About, rows: &mut Rows, fetch: &mut F) -> Result<(), E>
where
    F: FnMut(AuditQuery) -> Fut,
    Fut: Future<Output = Result<AuditPage, E>>,
{
    let mut folded = BTreeSet::new();
    let mut rules = BTreeSet::new();
    for entry in rows.by_place.values() {
        if let Event::Notification { answer, .. } = &entry.event
            && let Some(id) = folded_into(answer)
        {
            folded.insert(Arc::<str>::from(id));
        }
        if let (Some(rule), Some(_)) = (&entry.rule, &entry.fingerprint) {
            rules.insert((entry.namespace.clone(), rule.clone()));
        }
    }
    let began = courses(rows.by_place.values()).values().map(|course| course.began).min();
    let since = began.or(window.since).unwrap_or(WallMs::MIN);
    let mut more = Vec::new();
    for id in folded.into_iter().take(FOLDED_MAX) {
        more.push(query(window, WallMs::MIN, Some(About::Notification(id)), None));
    }
    if let (Some((namespace, name)), true, false) =
        (rules.first().cloned(), rules.len() == 1, matches!(about, About::Rule { .. }))
    {
        more.push(query(window, since, Some(About::Rule { namespace: Some(namespace), name }), Some(Kind::Rule)));
    }
    // They are about no namespace, and told to who may see all.
    if window.namespaces.is_none() && began.is_some() {
        more.extend([Kind::Start, Kind::Gap].map(|kind| query(window, since, None, Some(kind))));
    }
    for query in more {
        rows.by_place.append(&mut read(query, fetch).await?.by_place);
    }
    Ok(())
}
