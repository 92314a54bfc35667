//! Trails with something wrong in them, and that it is found and named.

use proptest::prelude::*;

use super::*;

/// Milliseconds in 2027.
const T0: i64 = 1_800_000_000_000;

/// A trail as a store would write it.
#[derive(Debug, Clone, Default)]
struct Trail {
    rows: Vec<Row>,
    head: Head,
}

impl Trail {
    /// Of chains with so many rows each, the first one of which is its start.
    fn of(chains: &[usize]) -> Self {
        let mut trail = Self::default();
        for &rows in chains {
            trail.start();
            (1..rows).for_each(|n| trail.push(&entry(n)));
        }
        trail
    }

    fn start(&mut self) {
        let last = (!self.rows.is_empty()).then_some(self.head);
        self.head.place = Place { chain: self.head.place.chain + 1, seq: 0 };
        self.push(&Entry::start(T0, last, ""));
    }

    fn push(&mut self, entry: &Entry) {
        let row = follow(&self.head, Body::of(entry));
        self.head = row.head();
        self.rows.push(row);
    }

    /// As the retention does.
    fn cut(&mut self, rows: usize) {
        let removed: Vec<_> = self.rows.drain(..rows).collect();
        let up_to = removed.last().unwrap().head();
        self.push(&Entry::of_process(T0, Event::Cut { up_to, rows: rows as u64 }));
    }

    fn verify(&self, wanted: Option<Head>) -> Result<Proof, Broken> {
        verify(&self.rows, wanted)
    }
}

/// Different kinds in turn, some of one alert.
fn entry(n: usize) -> Entry {
    let event = match n % 4 {
        0 => Event::Transition {
            from: "Pending".into(),
            to: "Firing".into(),
            reason: None,
            value: Some("0.25".into()),
            message: "Error rate is 25 %".into(),
        },
        1 => Event::Told { channel: "ops/slack".into(), status: "firing".into(), why: "First".into() },
        2 => Event::Notification {
            channel: "ops/slack".into(),
            alerts: 1,
            attempt: 2,
            outcome: "retry".into(),
            answer: "429 Too Many Requests".into(),
            next: Some(T0 + 1_000),
            ambiguous: false,
            unrecorded: n % 8 == 2,
        },
        _ => Event::Ack { change: "set".into(), by: "ann".into(), comment: "".into() },
    };
    Entry {
        at: T0 + n as i64,
        namespace: "shop".into(),
        rule: Some("high-error-rate".into()),
        alert: Some("HighErrorRate".into()),
        fingerprint: Some(format!("{n:016x}").into()),
        notification: (!n.is_multiple_of(4)).then(|| format!("{n:032x}").into()),
        event,
    }
}

fn broken(place: Place, why: Why) -> Result<Proof, Broken> {
    Err(Broken { chain: place.chain, seq: place.seq, why })
}

#[test]
fn a_body_is_one_text_and_is_read_again() {
    let body = Body::of(&entry(2));
    assert_eq!(
        String::from_utf8(body.bytes.clone()).unwrap(),
        "{\"alert\":\"HighErrorRate\",\"alerts\":1,\"answer\":\"429 Too Many Requests\",\
         \"at\":\"2027-01-15T08:00:00.002Z\",\"attempt\":2,\"channel\":\"ops/slack\",\
         \"fingerprint\":\"0000000000000002\",\"kind\":\"notification\",\"namespace\":\"shop\",\
         \"next\":\"2027-01-15T08:00:01.000Z\",\"notification\":\"00000000000000000000000000000002\",\
         \"outcome\":\"retry\",\"rule\":\"high-error-rate\",\"unrecorded\":true}"
    );
    assert_eq!(body.index.at, T0 + 2);
    assert_eq!(&*body.index.kind, "notification");
    let row = follow(&Head::default(), body);
    assert_eq!(row.entry(), Some(entry(2)));
    assert_eq!(Item::of(&row).row().body, row.body);
}

#[test]
fn every_kind_is_read_as_it_was_written_and_called_as_it_is() {
    let head = Trail::of(&[3]).head;
    let text = || std::sync::Arc::<str>::from("x");
    let events = [
        entry(0).event,
        entry(1).event,
        entry(2).event,
        entry(3).event,
        Event::Suppression {
            by: text(),
            name: text(),
            channel: Some(text()),
            status: text(),
            ended: true,
            until: Some(1_800_000_000_000),
            said: text(),
            instead: Some(text()),
        },
        Event::Suppression {
            by: text(),
            name: "".into(),
            channel: None,
            status: text(),
            ended: false,
            until: None,
            said: "".into(),
            instead: None,
        },
        Event::Silence { id: text(), change: text(), by: text(), comment: text(), matchers: vec![text(), text()] },
        Event::Trial { channel: text(), by: text(), outcome: text(), answer: text() },
        Event::Rule { change: text(), generation: 3, message: "".into() },
        Event::Gap { from: T0, why: text(), unrecorded: 2, lost: Lost { audit: 1, ..Lost::default() } },
        Event::Cut { up_to: head, rows: 9 },
        Event::Start { version: text(), head: Some(head), note: text() },
    ];
    let mut kinds = std::collections::BTreeSet::new();
    for event in events {
        let entry = Entry::of_process(T0, event);
        let row = follow(&Head::default(), Body::of(&entry));
        assert_eq!(row.entry().as_ref(), Some(&entry), "{}", String::from_utf8_lossy(&row.body));
        assert!(!entry.words().is_empty() && !entry.about().is_empty());
        let kind = entry.event.kind();
        assert_eq!(row.index.unwrap().kind.parse(), Ok(kind));
        kinds.insert(kind);
    }
    assert_eq!(kinds.len(), Kind::ALL.len());
}

#[test]
fn a_time_out_of_range_and_a_long_text_are_cut_and_the_row_is_sound() {
    let mut trail = Trail::of(&[1]);
    for at in [i64::MIN, -1, i64::MAX] {
        trail.push(&Entry { at, alert: Some("a".repeat(9_000).into()), ..entry(0) });
    }
    assert_eq!(trail.verify(Some(trail.head)).unwrap().rows, 4);
    assert!(trail.rows.iter().all(|row| row.body.len() < 4_096 && row.value().is_some()));
}

#[test]
fn an_empty_trail_is_whole_unless_a_head_is_known() {
    let trail = Trail::of(&[2]);
    assert_eq!(Trail::default().verify(None), Ok(Proof::default()));
    assert_eq!(Trail::default().verify(Some(trail.head)), broken(Place { chain: 1, seq: 1 }, Why::Tail));
}

#[test]
fn a_head_of_another_trail_is_told() {
    let (trail, mut other) = (Trail::of(&[3, 3]), Trail::of(&[3]));
    other.start();
    other.push(&entry(7));
    assert_eq!(trail.verify(Some(other.head)), broken(other.head.place, Why::Head));
    // Of a chain whose end is gone, though another one was begun behind it.
    let long = Trail::of(&[5]);
    assert_eq!(trail.verify(Some(long.head)), broken(long.head.place, Why::Missing));
}

#[test]
fn what_the_retention_cut_stays_proven() {
    let mut trail = Trail::of(&[4, 3, 5]);
    let (old, kept) = (trail.rows[2].head(), trail.rows[8].head());
    trail.cut(4);
    let proof = trail.verify(Some(kept)).unwrap();
    assert_eq!((proof.rows, proof.chains, proof.cut.map(|cut| cut.place)), (9, 2, Some(Place { chain: 1, seq: 4 })));
    trail.cut(4);
    assert_eq!(trail.verify(None).unwrap().chains, 1);
    assert_eq!(trail.verify(None).unwrap().cut.map(|cut| cut.place), Some(Place { chain: 3, seq: 1 }));
    let last_cut = trail.verify(None).unwrap().cut;
    assert!(trail.verify(last_cut).is_ok());
    assert_eq!(trail.verify(Some(old)), broken(old.place, Why::HeadCut));

    let mut more = trail.clone();
    more.rows.remove(0);
    assert_eq!(more.verify(None), broken(more.rows[0].place, Why::Beginning));
    let mut less = Trail::of(&[4, 3]);
    let up_to = less.rows[1].head();
    less.push(&Entry::of_process(T0, Event::Cut { up_to, rows: 2 }));
    assert_eq!(less.verify(None), broken(Place { chain: 1, seq: 1 }, Why::Uncut));
}

#[test]
fn a_row_that_was_written_anew_with_a_digest_of_its_own_is_told_by_its_neighbour() {
    let mut trail = Trail::of(&[4]);
    let changed = Body::of(&Entry { namespace: "other".into(), ..entry(1) });
    trail.rows[1] = follow(&trail.rows[0].head(), changed);
    assert_eq!(trail.verify(None), broken(Place { chain: 1, seq: 3 }, Why::Replaced));
}

/// A trail of some chains.
fn chains() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..7, 1..5)
}

proptest! {
    #[test]
    fn a_whole_trail_is_proven(chains in chains(), at in any::<prop::sample::Index>()) {
        let trail = Trail::of(&chains);
        let proof = trail.verify(Some(at.get(&trail.rows).head())).unwrap();
        prop_assert_eq!(proof.head, Some(trail.head));
        prop_assert_eq!((proof.rows, proof.chains), (trail.rows.len() as u64, chains.len() as u64));
    }

    #[test]
    fn a_changed_byte_of_any_row_is_found_there(
        chains in chains(), at in any::<prop::sample::Index>(), byte in any::<prop::sample::Index>(), bit in 0..8u8,
    ) {
        let mut trail = Trail::of(&chains);
        let row = at.get_mut(&mut trail.rows);
        let place = row.place;
        let mut all = [&mut row.previous, &mut row.body, &mut row.digest];
        let mut offset = byte.index(all.iter().map(|bytes| bytes.len()).sum());
        for bytes in &mut all {
            if let Some(byte) = bytes.get_mut(offset) {
                *byte ^= 1u8 << bit;
                break;
            }
            offset -= bytes.len();
        }
        let Broken { chain, seq, .. } = trail.verify(None).unwrap_err();
        prop_assert_eq!(Place { chain, seq }, place);
    }

    #[test]
    fn a_changed_column_of_any_row_is_found_there(chains in chains(), at in any::<prop::sample::Index>(), which in 0..7) {
        let mut trail = Trail::of(&chains);
        let row = at.get_mut(&mut trail.rows);
        let place = row.place;
        let index = row.index.as_mut().unwrap();
        let name = match which {
            0 => { index.at += 1; "at" }
            1 => { index.kind = "gap".into(); "kind" }
            2 => { index.namespace = "other".into(); "namespace" }
            3 => { index.rule = Some("other".into()); "rule" }
            4 => { index.alert = Some("other".into()); "alert" }
            5 => { index.fingerprint = Some("other".into()); "fingerprint" }
            _ => { index.notification = Some("other".into()); "notification" }
        };
        prop_assert_eq!(trail.verify(None), broken(place, Why::Column(name)));
    }

    #[test]
    fn a_missing_row_is_named(chains in chains(), at in any::<prop::sample::Index>()) {
        let mut trail = Trail::of(&chains);
        let at = at.index(trail.rows.len());
        let place = trail.rows.remove(at).place;
        let got = trail.verify(Some(trail.head));
        if at == trail.rows.len() {
            // Of a chain that was only its first row, the one before goes on.
            let last = trail.rows.last().map_or(Place { chain: 1, seq: 0 }, |row| row.place);
            prop_assert_eq!(got, broken(Place { seq: last.seq + 1, ..last }, Why::Tail));
        } else if at == 0 {
            prop_assert_eq!(got, broken(trail.rows[0].place, Why::Beginning));
        } else {
            prop_assert_eq!(got, broken(place, Why::Missing));
        }
    }

    #[test]
    fn a_tail_that_was_cut_shows_against_a_head(chains in chains(), kept in any::<prop::sample::Index>()) {
        let mut trail = Trail::of(&chains);
        trail.rows.truncate(kept.index(trail.rows.len()));
        let Broken { chain, seq, why } = trail.verify(Some(trail.head)).unwrap_err();
        prop_assert_eq!(why, Why::Tail);
        let last = trail.rows.last().map_or(Place { chain: 1, seq: 0 }, |row| row.place);
        prop_assert_eq!((chain, seq), (last.chain, last.seq + 1));
        prop_assert!(trail.verify(None).is_ok(), "without a head nobody can tell");
    }

    #[test]
    fn rows_in_another_order_are_not_a_trail(
        chains in chains(), a in any::<prop::sample::Index>(), b in any::<prop::sample::Index>(),
    ) {
        let mut trail = Trail::of(&chains);
        let (a, b) = (a.index(trail.rows.len()), b.index(trail.rows.len()));
        prop_assume!(a != b);
        trail.rows.swap(a, b);
        prop_assert!(trail.verify(None).is_err());
    }
}
