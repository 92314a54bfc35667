//! What the engine's calls, the writer, the loader and the readers share. Short locks only, never over a disk.
//!
//! Locks are taken in this order: a target's `Recent`, then [`State`]. A record, the parts that come of it and
//! the number of the flush that will hold both are so one step, and a reader sees each run exactly once.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::{Arc, mpsc::SyncSender},
    time::Duration,
};

use parking_lot::{Condvar, Mutex};

use crate::{
    audit::Head,
    clock::WallMs,
    history::{
        Keeper, PATIENCE, Part, Record, Stats, StoreHealth,
        due::{Change, Due},
        frame, row,
    },
    model::TargetKey,
};

use super::{
    Options,
    batch::{Batch, Gap},
};

/// Records that wait for a flush, 64 bytes each: 10,000 checks at 10 s make 5,000 in 5 s, so that a disk may stand
/// still for four minutes; or for 26 s at 10,000 a second.
pub const RECORDS_MAX: usize = 4 * frame::RECORDS_MAX;

/// Transitions that wait, some 300 bytes each: as many as there are checks in the largest setting that is measured.
pub const TRANSITIONS_MAX: usize = 10_000;

/// Bytes of parts that wait for their row, some 200 each: half a day of hours of 10,000 targets.
pub const PENDING_BYTES_MAX: usize = 32 << 20;

pub struct Shared {
    pub dir: PathBuf,
    pub options: Options,
    pub state: Mutex<State>,
    /// Something is urgent, asked for, or over.
    pub writer_bell: Condvar,
    /// Something is to be loaded, or over.
    pub loader_bell: Condvar,
}

pub struct State {
    /// In order, so that the targets of a check lie together.
    pub ids: BTreeMap<TargetKey, u32>,
    pub next_id: u32,
    pub due: HashMap<u32, Due>,
    pub held: BTreeMap<u32, Held>,
    pub unsaved: Unsaved,
    pub records: Vec<Record>,
    /// Commits that wait.
    pub urgent: Batch,
    /// Monotonic; since when the oldest of those that are being written waits.
    pub writing_since: Option<Duration>,
    /// What the audit trail is still to tell of a time in which the store failed.
    pub gap: Option<Gap>,
    /// The audit trail's last row.
    pub head: Option<Head>,
    pub pending: Pending,
    /// The last flush: parts that it covers have this number or a lower one.
    pub seq: u64,
    /// Who waits for a flush that begins from now on.
    pub asked: Vec<SyncSender<()>>,
    pub closing: bool,
    /// Frames that an earlier process left are in rows.
    pub replayed: bool,
    /// Days up to this one have rows of their own.
    pub rolled: u32,
    pub stats: Stats,
    pub health: StoreHealth,
}

/// Who holds a target's history in memory.
pub struct Held {
    pub keeper: Arc<dyn Keeper>,
    /// What was on disk is merged. Until then none of its rows is written.
    pub loaded: bool,
    pub gone: bool,
}

/// What is known here and not yet on disk, beside results.
#[derive(Default)]
pub struct Unsaved {
    pub targets: Vec<(u32, TargetKey)>,
    pub due: Vec<(u32, Change)>,
}

impl Unsaved {
    /// Puts back what could not be written, before what has come since.
    pub fn restore(&mut self, mut failed: Self) {
        failed.targets.append(&mut self.targets);
        failed.due.append(&mut self.due);
        *self = failed;
    }
}

/// Parts of hours that wait for their row.
#[derive(Default)]
pub struct Pending {
    /// By target and hour.
    parts: BTreeMap<(u32, u32), Waiting>,
    /// Since the last flush.
    fresh: Vec<(u32, u32)>,
    /// Being written: a reader still needs them.
    writing: Vec<((u32, u32), Waiting)>,
    bytes: usize,
}

/// A part, and the flush that covers it.
#[derive(Clone)]
pub struct Waiting {
    pub part: Part,
    /// u64::MAX until then.
    pub seq: u64,
}

/// About what a map's entry costs beside the bytes.
const ENTRY_BYTES: usize = 96;

impl Pending {
    /// Adds a part, covered by the next flush. False when there was no room for it.
    pub fn add(&mut self, target: u32, part: Part) -> bool {
        let fits = self.bytes + part.body.len() + ENTRY_BYTES <= PENDING_BYTES_MAX;
        if fits {
            self.fresh.push((target, part.hour));
            self.put(target, Waiting { part, seq: u64::MAX });
        }
        fits
    }

    fn put(&mut self, target: u32, waiting: Waiting) {
        let place = (target, waiting.part.hour);
        let waiting = match self.parts.remove(&place) {
            Some(before) => {
                self.bytes -= before.part.body.len() + ENTRY_BYTES;
                join(before, waiting)
            }
            None => waiting,
        };
        self.bytes += waiting.part.body.len() + ENTRY_BYTES;
        self.parts.insert(place, waiting);
    }

    /// The flush `seq` holds all that has come so far.
    pub fn cover(&mut self, seq: u64) {
        for place in std::mem::take(&mut self.fresh) {
            if let Some(waiting) = self.parts.get_mut(&place) {
                waiting.seq = seq;
            }
        }
    }

    pub fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    /// Takes up to `limit` parts of targets in the range, those that are `ready` by target and hour, to be written; in the order of hours, then targets.
    pub fn take(
        &mut self,
        targets: std::ops::Range<u32>,
        ready: impl Fn(u32, u32) -> bool,
        limit: usize,
    ) -> Vec<((u32, u32), Waiting)> {
        let mut places: Vec<_> = self
            .parts
            .range((targets.start, 0)..(targets.end, 0))
            .filter(|((target, hour), waiting)| waiting.seq != u64::MAX && ready(*target, *hour))
            .map(|(place, _)| *place)
            .collect();
        places.sort_by_key(|&(target, hour)| (hour, target));
        places.truncate(limit);
        self.writing = places.into_iter().filter_map(|place| Some((place, self.parts.remove(&place)?))).collect();
        for (_, waiting) in &self.writing {
            self.bytes -= waiting.part.body.len() + ENTRY_BYTES;
        }
        self.writing.clone()
    }

    /// What was taken is on disk; or not, and waits again.
    pub fn written(&mut self, done: bool) {
        for ((target, _), waiting) in std::mem::take(&mut self.writing) {
            if !done {
                self.put(target, waiting);
            }
        }
    }

    /// All that waits of one target, each with the flush that covers it.
    pub fn of(&self, target: u32) -> Vec<Waiting> {
        let waiting = self.parts.range((target, 0)..=(target, u32::MAX)).map(|(_, waiting)| waiting);
        let writing = self.writing.iter().filter(|((of, _), _)| *of == target).map(|(_, waiting)| waiting);
        waiting.chain(writing).cloned().collect()
    }
}

/// Two parts of one hour as one, covered by the later flush; it takes the row's place if one of them does.
fn join(before: Waiting, after: Waiting) -> Waiting {
    // Both come from `Part::new`, so both can be read; if not, the later one is what there is.
    let (Ok(mut sum), Ok(more)) = (row::decode_hour(&before.part.body), row::decode_hour(&after.part.body)) else {
        return after;
    };
    sum.merge(&more);
    Waiting {
        part: Part::new(after.part.hour, &sum, before.part.whole || after.part.whole),
        seq: before.seq.max(after.seq),
    }
}

impl State {
    pub fn new() -> Self {
        Self {
            ids: BTreeMap::new(),
            next_id: 1,
            due: HashMap::new(),
            held: BTreeMap::new(),
            unsaved: Unsaved::default(),
            records: Vec::new(),
            urgent: Batch::default(),
            writing_since: None,
            gap: None,
            head: None,
            pending: Pending::default(),
            seq: 0,
            asked: Vec::new(),
            closing: false,
            replayed: false,
            rolled: 0,
            stats: Stats::default(),
            health: StoreHealth::Ok,
        }
    }

    /// Keeps the parts that came of a record.
    pub fn add_parts(&mut self, target: u32, parts: impl IntoIterator<Item = Part>) {
        for part in parts {
            if !self.pending.add(target, part) {
                self.stats.dropped_hours += 1;
            }
        }
    }

    /// For how long the oldest commit has waited, when that is too long.
    pub fn late(&self, now: Duration) -> Option<Duration> {
        let oldest = [self.writing_since, self.urgent.since].into_iter().flatten().min()?;
        Some(now.saturating_sub(oldest)).filter(|waited| *waited > PATIENCE)
    }

    /// Whether there is something to commit.
    pub fn is_urgent(&self) -> bool {
        !self.urgent.is_empty() || self.gap.is_some()
    }

    /// What is to be told of the time since `from`, or of the longer time in which it lies.
    pub fn gap(&mut self, from: WallMs) -> &mut Gap {
        self.gap.get_or_insert_with(|| Gap::new(from))
    }

    /// Notifications of a commit of `at` go out before it is on disk.
    pub fn tell_unrecorded(&mut self, notifications: u64, at: WallMs) {
        self.stats.unrecorded += notifications;
        self.gap(at).unrecorded += notifications;
    }

    /// Notes trouble, or its end; true when that is news.
    pub fn set_health(&mut self, trouble: Option<&str>, now: WallMs) -> bool {
        let news = trouble.is_some() != matches!(self.health, StoreHealth::Degraded { .. });
        if let Some(message) = trouble {
            let since = match self.health {
                StoreHealth::Degraded { since, .. } => since,
                StoreHealth::Ok => now,
            };
            self.health = StoreHealth::Degraded { since, message: message.into() };
        } else {
            self.health = StoreHealth::Ok;
        }
        news
    }
}
