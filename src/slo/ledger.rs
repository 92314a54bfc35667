//! What one target keeps of its past: a cell per hour, and the minutes of the hours that a window's edge cuts. Pure.
//!
//! ```text
//!        first                                                    folded        now
//! hours    ├────┼────┼──//──┼────┼────┼────┼────┼────┼────┼────┼─open──┤
//! edges         ····                 ····           ····  ···· ·······
//! live                                                                 ├┬┬┬┬┬┬┬┤   the caller's: these may still change
//! ```
//! Of 30 days that is about 10 KB: 721 hours of 10 bytes, and six hours of minutes of 0.4 KB, or 0.6 KB where they are no whole
//! numbers: the one that fills, the one before it, and those that 6 h, 1 d, 3 d and 30 d cut.
//! What planned work leaves out is kept beside it, per hour: 20 bytes for each hour that it touches.
//!
//! It is exact to the minute where the minutes of all edges are known, and says so where they are not. It can be built
//! anew from the store at any time, and is then the same.

use std::collections::VecDeque;

use crate::history::MINUTE_MS;

use super::{
    cell::{Cell, Observed},
    packed::{Edge, Packed},
};

/// The past of one target up to [`Ledger::folded`].
#[derive(Debug, Clone)]
pub struct Ledger {
    /// The first hour that is kept.
    first: u32,
    /// From `first` on, whole hours.
    hours: VecDeque<Packed>,
    /// By hour; those of which something is left out.
    corrections: Vec<Correction>,
    /// No two of one hour; all of `hours`.
    edges: Vec<Edge>,
    open: Open,
    folded: u32,
}

/// The hour that fills.
#[derive(Debug, Clone)]
pub(super) struct Open {
    pub edge: Edge,
    raw: Cell,
    corrected: Cell,
    excluded_ms: f64,
}

/// What an hour comes to when planned work is left out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Correction {
    pub hour: u32,
    pub cell: Packed,
    pub excluded_ms: f32,
}

/// What has become of a minute that was to be folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folded {
    Taken,
    /// It was folded before, and is as it was then.
    Known,
    /// There are minutes between it and the last one. Nothing is taken: build the ledger anew.
    Gap,
}

/// The vectors of hours grow by so many, and not by double: a thousand of these stay in memory.
const GROW: usize = 8;

/// Edges there are at most: twice what the window, seven burn rates and both windows of four tiers may cut. Of more the
/// oldest is read again when it is wanted.
const EDGES_MAX: usize = 32;

impl Ledger {
    /// A ledger of which the first minute to come is `from`.
    pub fn new(from: u32) -> Self {
        Self {
            first: from / 60,
            hours: VecDeque::new(),
            corrections: Vec::new(),
            edges: Vec::new(),
            open: Open::new(from / 60),
            folded: from,
        }
    }

    /// A ledger of all minutes from `from` up to, and without, `to`. They come in order; those that are missing are
    /// minutes of which nothing was seen. The minutes of the hours that `starts` cut are kept.
    pub fn build(from: u32, to: u32, starts: &[u32], minutes: impl IntoIterator<Item = (u32, Observed)>) -> Self {
        // From a whole hour, as hours are what is kept; a window of some minutes needs none of them.
        let from = from.min(to) / 60 * 60;
        let mut ledger = Self::new(from);
        let cuts = |hour: u32| starts.iter().any(|start| cut(*start) == Some(hour)) || hour + 1 >= to / 60;
        let nothing = Observed::default();
        for (minute, observed) in minutes.into_iter().filter(|(minute, _)| (from..to).contains(minute)) {
            while ledger.folded < minute {
                ledger.take(&nothing, cuts);
            }
            if ledger.folded == minute {
                ledger.take(&observed, cuts);
            }
        }
        while ledger.folded < to {
            ledger.take(&nothing, cuts);
        }
        ledger
    }

    /// The minute that is to be folded next: all before it are in here, and no later one.
    pub fn folded(&self) -> u32 {
        self.folded
    }

    /// The first minute of which anything can be in here.
    pub fn begins(&self) -> u32 {
        self.first.saturating_mul(60)
    }

    /// Takes a minute that changes no more. They come in order.
    pub fn fold(&mut self, minute: u32, observed: &Observed) -> Folded {
        if minute < self.folded {
            return Folded::Known;
        }
        if minute > self.folded {
            return Folded::Gap;
        }
        self.take(observed, |_| true);
        Folded::Taken
    }

    /// Says which minutes windows begin at now: lets go of the edges that no window has any more, and gives the hours of
    /// which the minutes are wanted, by [`Ledger::set_edge`].
    pub fn settle(&mut self, starts: &[u32]) -> Vec<u32> {
        let open = self.open.edge.hour;
        // The hour before the open one is kept: a window of two hours comes to it, and it need not be read again.
        self.edges.retain(|edge| edge.hour + 1 >= open || starts.iter().any(|start| cut(*start) == Some(edge.hour)));
        let mut wanted: Vec<u32> = starts
            .iter()
            .filter_map(|start| cut(*start))
            .filter(|hour| (self.first..open).contains(hour) && self.edge(*hour).is_none())
            .collect();
        wanted.sort_unstable();
        wanted.dedup();
        wanted
    }

    /// Takes the minutes of an hour that an edge cuts.
    pub fn set_edge(&mut self, hour: u32, minutes: &[Observed; 60]) {
        if !(self.first..self.open.edge.hour).contains(&hour) {
            return;
        }
        let mut edge = Edge::new(hour);
        (hour * 60..).zip(minutes).for_each(|(minute, observed)| edge.set(minute, observed));
        self.edges.retain(|edge| edge.hour != hour);
        self.keep(edge);
    }

    /// Takes an hour's minutes in place of what they were: history has changed, or what is left out of it.
    pub fn replace(&mut self, hour: u32, minutes: &[Observed; 60]) {
        if !(self.first..=self.open.edge.hour).contains(&hour) {
            return;
        }
        let minutes = (hour * 60..).zip(minutes).take_while(|(minute, _)| *minute < self.folded);
        let mut open = Open::new(hour);
        minutes.for_each(|(minute, observed)| open.add(minute, observed));
        if hour == self.open.edge.hour {
            self.open = open;
            return;
        }
        if let Some(kept) = self.hours.get_mut((hour - self.first) as usize) {
            *kept = Packed::of(&open.raw);
        }
        self.corrections.retain(|correction| correction.hour != hour);
        if let Some(correction) = open.correction() {
            let place = self.corrections.partition_point(|other| other.hour < hour);
            self.corrections.insert(place, correction);
        }
        if let Some(edge) = self.edges.iter_mut().find(|edge| edge.hour == hour) {
            *edge = open.edge;
        }
    }

    /// Forgets whole hours before the one that holds `minute`.
    pub fn forget_before(&mut self, minute: u32) {
        let first = (minute / 60).clamp(self.first, self.open.edge.hour);
        self.hours.drain(..((first - self.first) as usize).min(self.hours.len()));
        self.corrections.retain(|correction| correction.hour >= first);
        self.edges.retain(|edge| edge.hour >= first);
        self.first = first;
    }

    pub(super) fn first(&self) -> u32 {
        self.first
    }

    pub(super) fn hours(&self) -> &VecDeque<Packed> {
        &self.hours
    }

    pub(super) fn open(&self) -> &Open {
        &self.open
    }

    pub(super) fn edge(&self, hour: u32) -> Option<&Edge> {
        self.edges.iter().find(|edge| edge.hour == hour)
    }

    /// Those of an hour and later ones.
    pub(super) fn corrections(&self, from: u32) -> &[Correction] {
        &self.corrections[self.corrections.partition_point(|correction| correction.hour < from)..]
    }

    /// Takes the next minute. `cuts` says whether an hour's minutes are to be kept once it is full.
    fn take(&mut self, observed: &Observed, cuts: impl Fn(u32) -> bool) {
        self.open.add(self.folded, observed);
        // Of 32 bits of minutes, history counts 28.
        self.folded = self.folded.saturating_add(1);
        if !self.folded.is_multiple_of(60) {
            return;
        }
        let full = std::mem::replace(&mut self.open, Open::new(self.folded / 60));
        if self.hours.len() == self.hours.capacity() {
            self.hours.reserve_exact(GROW);
        }
        self.hours.push_back(Packed::of(&full.raw));
        if let Some(correction) = full.correction() {
            if self.corrections.len() == self.corrections.capacity() {
                self.corrections.reserve_exact(GROW);
            }
            self.corrections.push(correction);
        }
        if cuts(full.edge.hour) {
            self.keep(full.edge);
        }
    }

    fn keep(&mut self, edge: Edge) {
        if self.edges.len() >= EDGES_MAX {
            self.edges.remove(0);
        }
        self.edges.reserve_exact(1);
        self.edges.push(edge);
    }

    /// Bytes in memory, as far as they are asked for: an allocator adds its own.
    #[cfg(test)]
    pub fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.hours.capacity() * size_of::<Packed>()
            + self.corrections.capacity() * size_of::<Correction>()
            + self.edges.capacity() * size_of::<Edge>()
            + self.edges.iter().chain([&self.open.edge]).map(|edge| edge.bytes()).sum::<usize>()
    }
}

impl Open {
    fn new(hour: u32) -> Self {
        Self { edge: Edge::new(hour), raw: Cell::default(), corrected: Cell::default(), excluded_ms: 0.0 }
    }

    fn add(&mut self, minute: u32, observed: &Observed) {
        self.edge.set(minute, observed);
        self.raw += observed.cell;
        self.corrected += observed.corrected();
        self.excluded_ms += observed.excluded * MINUTE_MS as f64;
    }

    fn correction(&self) -> Option<Correction> {
        let is_touched = self.excluded_ms > 0.0;
        is_touched.then(|| Correction {
            hour: self.edge.hour,
            cell: Packed::of(&self.corrected),
            excluded_ms: self.excluded_ms as f32,
        })
    }
}

/// The hour that a window which begins at a minute cuts in two.
fn cut(start: u32) -> Option<u32> {
    (!start.is_multiple_of(60)).then_some(start / 60)
}

#[cfg(test)]
mod tests;
