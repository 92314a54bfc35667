//! Whether rows are all there, and as they were written.
//!
//! What it shows without anything from outside: a changed byte, a row that is missing between others, a beginning that
//! was removed otherwise than by the retention. Whoever may write into the database could make a new trail that hangs
//! together, or cut its end off: that shows against a head that was kept elsewhere.

use super::{Digest, Event, Head, Index, Place, Row};

/// What was proven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Proof {
    /// The last row; None where there is none.
    pub head: Option<Head>,
    pub rows: u64,
    pub chains: u64,
    /// The last row that the retention removed.
    pub cut: Option<Head>,
}

/// The first row at which something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("row {seq} of chain {chain}: {why}")]
pub struct Broken {
    pub chain: u64,
    pub seq: u64,
    pub why: Why,
}

/// What is wrong with a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    #[error("it is missing")]
    Missing,
    #[error("it was changed: its body or its digests are not those that were written")]
    Changed,
    #[error("its column {0} was changed: it says something else than the body")]
    Column(&'static str),
    #[error("it does not follow the row before it: one of them was replaced")]
    Replaced,
    #[error("it is no entry of an audit trail")]
    NoEntry,
    #[error("a chain begins with a row of kind start, and has no other of that kind")]
    Start,
    #[error("what came before it is missing, and no row tells that it was cut for its age")]
    Beginning,
    #[error("a later row tells that it was cut for its age, and it is there")]
    Uncut,
    #[error("the end of the trail is missing from here on: the head that was given is of a later row")]
    Tail,
    #[error("it is not the row that the given head names")]
    Head,
    #[error("the given head is of a row that was cut for its age, so it proves nothing; take a newer one")]
    HeadCut,
}

/// Looks at rows one by one, in the order of their places.
#[derive(Debug, Default)]
pub struct Verifier {
    /// What was kept from outside, and whether it was met.
    wanted: Option<Head>,
    met: bool,
    /// The first row's place, and what it says of the one before.
    first: Option<(Place, Digest)>,
    proof: Proof,
}

impl Verifier {
    /// With the head that the trail must still hold, if one is known.
    pub fn new(wanted: Option<Head>) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// Takes the next row.
    ///
    /// # Errors
    /// When something is wrong at or before it. No other row is to be given then.
    pub fn take(&mut self, row: &Row) -> Result<(), Broken> {
        let Place { chain, seq } = row.place;
        let broken = |why| Err(Broken { chain, seq, why });
        if let Some(last) = &self.proof.head {
            gap(last.place, row)?;
        }
        let head = row.head();
        if row.digest != head.digest.0 {
            return broken(Why::Changed);
        }
        let Ok(previous) = <[u8; 32]>::try_from(&*row.previous) else { return broken(Why::Changed) };
        if self.proof.head.is_some_and(|last| last.digest.0 != previous) {
            return broken(Why::Replaced);
        }
        let Some(index) = Index::of(&row.body) else { return broken(Why::NoEntry) };
        if let Some(column) = row.index.as_ref().and_then(|stored| differs(stored, &index)) {
            return broken(Why::Column(column));
        }
        match row.entry().map(|entry| entry.event) {
            Some(Event::Start { .. }) if seq == 1 => self.proof.chains += 1,
            // The first chain that is left may have lost its beginning to the retention.
            Some(Event::Start { .. }) => return broken(Why::Start),
            _ if seq == 1 => return broken(Why::Start),
            Some(Event::Cut { up_to, .. }) => self.proof.cut = Some(up_to),
            _ => {}
        }
        if self.wanted.is_some_and(|wanted| wanted.place == row.place) {
            if self.wanted != Some(head) {
                return broken(Why::Head);
            }
            self.met = true;
        }
        if self.first.is_none() {
            self.first = Some((row.place, Digest(previous)));
            self.proof.chains += u64::from(seq != 1);
        }
        self.proof.head = Some(head);
        self.proof.rows += 1;
        Ok(())
    }

    /// What was proven, after the last row.
    ///
    /// # Errors
    /// When the beginning or the end is not what it should be.
    pub fn finish(self) -> Result<Proof, Broken> {
        let at = |Place { chain, seq }: Place, why| Err(Broken { chain, seq, why });
        if let Some((first, previous)) = self.first {
            let follows = match self.proof.cut {
                None => first == Place { chain: 1, seq: 1 } && previous == Digest::default(),
                Some(cut) if cut.place >= first => return at(first, Why::Uncut),
                Some(cut) => {
                    let next = Place { chain: cut.place.chain, seq: cut.place.seq + 1 };
                    let after = Place { chain: cut.place.chain + 1, seq: 1 };
                    (first == next || first == after) && previous == cut.digest
                }
            };
            if !follows {
                return at(first, Why::Beginning);
            }
        }
        match (self.wanted, self.proof.head) {
            (Some(_), None) => at(Place { chain: 1, seq: 1 }, Why::Tail),
            (Some(wanted), Some(head)) if !self.met => {
                if wanted.place > head.place {
                    // A chain of its own may have been begun behind what was cut off.
                    return at(Place { chain: head.place.chain, seq: head.place.seq + 1 }, Why::Tail);
                }
                match self.proof.cut {
                    Some(cut) if cut == wanted => Ok(self.proof),
                    Some(cut) if wanted.place <= cut.place => at(wanted.place, Why::HeadCut),
                    _ => at(wanted.place, Why::Missing),
                }
            }
            _ => Ok(self.proof),
        }
    }
}

/// Whether a row is missing between the last one and this.
fn gap(last: Place, row: &Row) -> Result<(), Broken> {
    let missing = |chain, seq| Err(Broken { chain, seq, why: Why::Missing });
    let Place { chain, seq } = row.place;
    if chain == last.chain {
        return if seq == last.seq + 1 { Ok(()) } else { missing(chain, last.seq + 1) };
    }
    if chain != last.chain + 1 {
        return missing(last.chain + 1, 1);
    }
    if seq != 1 {
        return missing(chain, 1);
    }
    // A chain tells where the one before it ended.
    match row.entry().map(|entry| entry.event) {
        Some(Event::Start { head: Some(head), .. }) if head.place > last && head.place.chain == last.chain => {
            missing(last.chain, last.seq + 1)
        }
        _ => Ok(()),
    }
}

/// The column that says something else than the body.
fn differs(stored: &Index, body: &Index) -> Option<&'static str> {
    let columns = [
        ("at", stored.at == body.at),
        ("kind", stored.kind == body.kind),
        ("namespace", stored.namespace == body.namespace),
        ("rule", stored.rule == body.rule),
        ("alert", stored.alert == body.alert),
        ("fingerprint", stored.fingerprint == body.fingerprint),
        ("notification", stored.notification == body.notification),
    ];
    columns.into_iter().find(|(_, same)| !same).map(|(name, _)| name)
}

/// All rows at once.
///
/// # Errors
/// As [`Verifier`].
pub fn verify<'a>(rows: impl IntoIterator<Item = &'a Row>, wanted: Option<Head>) -> Result<Proof, Broken> {
    let mut verifier = Verifier::new(wanted);
    rows.into_iter().try_for_each(|row| verifier.take(row))?;
    verifier.finish()
}
