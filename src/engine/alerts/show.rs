//! Writes what has changed in a turn of the loop on the board, and tells who watches it.
//!
//! Owns what has to be looked at again; what is shown of it is read from the book and the desk. A turn that changes ten
//! alerts of ten thousand touches ten.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    board::{Board, Evaluated, RuleCell, RuleView, SilenceView, WindowView},
    tally::Tally,
};
use crate::{
    alert::{
        AlertIs, Counts, Episode, Incident, RuleIs, Shown,
        book::Book,
        desk::{Desk, MuteKey, MuteKind, Routes},
        rule::Sight,
    },
    clock::WallMs,
    model::{Kind, Object, ObjectId, ObjectKey},
    schedule::Span,
    source::{Entry, Verdict},
};

/// What is to be shown anew.
pub(super) struct Show {
    board: Board,
    pub(super) tally: Tally,
    /// Objects that are others now; None: gone.
    objects: BTreeMap<ObjectId, Option<Arc<Entry>>>,
    rules: BTreeSet<ObjectKey>,
    alerts: BTreeMap<ObjectKey, BTreeSet<Incident>>,
    /// Looks at rules that are not on the board yet, as they came in the same turn.
    evaluated: BTreeMap<ObjectKey, Evaluated>,
    /// Channels or namespaces are others now: every rule may be told elsewhere.
    routes: bool,
    /// When a silence or a window next begins or ends, and when that was last looked at, by the wall clock.
    next: Option<WallMs>,
    last: WallMs,
}

/// What it is read from.
pub(super) struct Now<'a> {
    pub(super) book: &'a Book,
    pub(super) desk: &'a Desk,
    pub(super) wall: WallMs,
}

impl Show {
    pub(super) fn new(board: Board, tally: Tally) -> Self {
        Self {
            board,
            tally,
            objects: BTreeMap::new(),
            rules: BTreeSet::new(),
            alerts: BTreeMap::new(),
            evaluated: BTreeMap::new(),
            routes: false,
            next: None,
            last: WallMs::MIN,
        }
    }

    /// This is what the sources hold of an object now.
    pub(super) fn object(&mut self, id: ObjectId, entry: Option<Arc<Entry>>) {
        self.objects.insert(id, entry);
    }

    /// The sight of a rule is another.
    pub(super) fn rule(&mut self, key: ObjectKey) {
        self.rules.insert(key);
    }

    pub(super) fn alerts(&mut self, rule: ObjectKey, incidents: impl IntoIterator<Item = Incident>) {
        self.alerts.entry(rule).or_default().extend(incidents);
    }

    /// Every rule may be told elsewhere.
    pub(super) fn routes(&mut self) {
        self.routes = true;
    }

    /// Stands at once, so that a reader who sees an alert finds when it was looked at.
    pub(super) fn evaluated(&mut self, rule: &ObjectKey, evaluated: Evaluated) {
        self.tally.evaluated(evaluated.result, evaluated.took);
        match self.board.rule(rule) {
            Some(cell) => cell.set_evaluated(evaluated),
            None => drop(self.evaluated.insert(rule.clone(), evaluated)),
        }
    }

    /// Writes everything that has changed.
    pub(super) fn publish(&mut self, now: &Now<'_>) {
        let mut told: BTreeSet<ObjectId> = BTreeSet::new();
        let mut mutes: BTreeSet<ObjectId> = self.turned(now);
        for (id, entry) in std::mem::take(&mut self.objects) {
            match id.kind {
                Kind::AlertRule => self.put_rule(&id.key, entry, now),
                Kind::NotificationChannel => self.board.put_channel(&id.key, entry),
                Kind::Silence => self.put_silence(&id.key, entry, now),
                Kind::MaintenanceWindow => self.put_window(&id.key, entry, now),
                Kind::HealthCheck | Kind::SloTarget => continue,
            }
            told.insert(id);
        }
        for (rule, incidents) in std::mem::take(&mut self.alerts) {
            let Some(cell) = self.board.rule(&rule) else { continue };
            let mut counts = cell.view().counts;
            for incident in incidents {
                let alert = now.book.rule(&rule).and_then(|(_, state)| state.get(incident)).cloned();
                let alert = alert.map(|episode| Arc::new(Shown::of(episode, now.desk.alert(incident))));
                self.put_alert(&cell, incident, alert, &mut counts, &mut mutes);
            }
            let sight = cell.view().sight.clone();
            self.show_rule(&cell, sight, counts, now);
            told.insert(ObjectId::new(Kind::AlertRule, rule));
        }
        if std::mem::take(&mut self.routes) {
            self.rules.extend(self.board.rules().iter().map(|cell| cell.key.clone()));
        }
        for rule in std::mem::take(&mut self.rules) {
            let Some(cell) = self.board.rule(&rule) else { continue };
            let sight = sight(&rule, now);
            if self.show_rule(&cell, sight, cell.view().counts, now) {
                told.insert(ObjectId::new(Kind::AlertRule, rule));
            }
        }
        for id in mutes {
            if self.show_mute(&id, now) {
                told.insert(id);
            }
        }
        for id in &told {
            self.board.tell(id);
        }
        // Of a rule that came and went within the turn nobody asks.
        self.evaluated.clear();
        self.last = now.wall;
    }

    /// Puts an alert on the board, or takes it off.
    fn put_alert(
        &self,
        cell: &RuleCell,
        incident: Incident,
        alert: Option<Arc<Shown>>,
        counts: &mut Counts,
        mutes: &mut BTreeSet<ObjectId>,
    ) {
        let before = cell.put(incident, alert.clone());
        self.tally.alert(before.as_deref(), alert.as_deref());
        for (alert, count) in [(&before, Counts::take as fn(&mut Counts, AlertIs)), (&alert, Counts::add)] {
            let Some(alert) = alert else { continue };
            count(counts, alert.is());
            mutes.extend(alert.suppressed.mutes.iter().map(object_of));
        }
    }

    fn put_rule(&mut self, key: &ObjectKey, entry: Option<Arc<Entry>>, now: &Now<'_>) {
        let cell = self.board.rule(key);
        let known = now.book.rule(key);
        // Of a rule that is gone, refused, or made anew under its name no alert is left that the book does not have.
        if let Some(cell) = cell.as_ref().filter(|_| known.is_none()) {
            for before in cell.clear().values() {
                self.tally.alert(Some(before), None);
            }
        }
        let Some(entry) = entry else {
            self.board.remove_rule(key);
            return;
        };
        match cell {
            Some(cell) => {
                let counts = if known.is_some() { cell.view().counts } else { Counts::default() };
                let view = view(entry, Some(&cell.view()), sight(key, now), counts, now);
                cell.set(view);
            }
            None => {
                let view = view(entry, None, sight(key, now), Counts::default(), now);
                let cell = RuleCell::new(key.clone(), view);
                if let Some(evaluated) = self.evaluated.remove(key) {
                    cell.set_evaluated(evaluated);
                }
                self.board.put_rule(Arc::new(cell));
            }
        }
        if let Some((_, state)) = known {
            self.alerts(key.clone(), state.episodes().map(|episode| episode.incident));
        }
    }

    /// Whether it shows something else than before.
    fn show_rule(&self, cell: &RuleCell, sight: Sight, counts: Counts, now: &Now<'_>) -> bool {
        let before = cell.view();
        let after = view(before.entry.clone(), Some(&before), sight, counts, now);
        let changed = !after.is_same(&before);
        if changed {
            cell.set(after);
        }
        changed
    }

    fn put_silence(&mut self, key: &ObjectKey, entry: Option<Arc<Entry>>, now: &Now<'_>) {
        let view = entry.map(|entry| SilenceView { entry, mutes: muted(now, MuteKind::Silence, key) });
        if let Some(silence) = view.as_ref().and_then(SilenceView::model) {
            self.turns_at([silence.starts_at, silence.ends_at], now.wall);
        }
        self.board.put_silence(key, view);
    }

    fn put_window(&mut self, key: &ObjectKey, entry: Option<Arc<Entry>>, now: &Now<'_>) {
        let view = entry.map(|entry| {
            let span = span(&entry, now.wall);
            WindowView { entry, span, mutes: muted(now, MuteKind::MaintenanceWindow, key) }
        });
        if let Some(span) = view.as_ref().and_then(|view| view.span) {
            self.turns_at([span.start, span.end], now.wall);
        }
        self.board.put_window(key, view);
    }

    /// Whether it mutes another number of alerts, or is at another time of its own, than was shown.
    fn show_mute(&mut self, id: &ObjectId, now: &Now<'_>) -> bool {
        let key = &id.key;
        match id.kind {
            Kind::Silence => {
                let Some(before) = self.board.silence(key) else { return false };
                self.put_silence(key, Some(before.entry.clone()), now);
                let after = self.board.silence(key);
                // Whether it has begun or ended meanwhile is in the time, not in the view.
                after.is_some_and(|after| after.mutes != before.mutes || after.is(now.wall) != before.is(self.last))
            }
            Kind::MaintenanceWindow => {
                let Some(before) = self.board.window(key) else { return false };
                self.put_window(key, Some(before.entry.clone()), now);
                let after = self.board.window(key);
                after.is_some_and(|after| {
                    (after.span, after.mutes) != (before.span, before.mutes)
                        || after.is_open(now.wall) != before.is_open(self.last)
                })
            }
            Kind::HealthCheck | Kind::AlertRule | Kind::NotificationChannel | Kind::SloTarget => false,
        }
    }

    fn turns_at(&mut self, times: [WallMs; 2], wall: WallMs) {
        let next = times.into_iter().filter(|at| *at > wall).chain(self.next).min();
        self.next = next;
    }

    /// All silences and windows, when one of them has begun or ended, or the wall clock was set back. There are as many
    /// as people have made, and this is as seldom as they begin.
    fn turned(&mut self, now: &Now<'_>) -> BTreeSet<ObjectId> {
        let due = self.next.is_some_and(|next| next <= now.wall) || now.wall < self.last;
        if !due {
            return BTreeSet::new();
        }
        self.next = None;
        let silences = self.board.silences();
        let windows = self.board.windows();
        let silences = silences.iter().map(|view| view.entry.id.clone());
        silences.chain(windows.iter().map(|view| view.entry.id.clone())).collect()
    }
}

fn object_of(key: &MuteKey) -> ObjectId {
    let kind = match key.kind {
        MuteKind::Silence => Kind::Silence,
        MuteKind::MaintenanceWindow => Kind::MaintenanceWindow,
    };
    ObjectId::new(kind, key.object.clone())
}

fn muted(now: &Now<'_>, kind: MuteKind, key: &ObjectKey) -> usize {
    now.desk.muted_by(&MuteKey { kind, object: key.clone() }).map_or(0, BTreeSet::len)
}

fn span(entry: &Entry, wall: WallMs) -> Option<Span> {
    let Verdict::Accepted(Object::MaintenanceWindow(window)) = &entry.verdict else { return None };
    let open = |at| window.window.active_at(at);
    open(wall).or_else(|| open(window.window.next_change_after(wall)?))
}

/// A rule as it is now.
fn view(entry: Arc<Entry>, before: Option<&RuleView>, sight: Sight, counts: Counts, now: &Now<'_>) -> RuleView {
    let key = &entry.id.key;
    let accepted = matches!(entry.verdict, Verdict::Accepted(_));
    let known = now.book.rule(key).filter(|_| accepted);
    let is = if accepted { RuleIs::of(&sight, counts) } else { RuleIs::Error };
    let routes = known.map_or_else(Routes::default, |(model, _)| now.desk.routes(key, model.severity));
    let since = match before {
        Some(before) if before.is == is => before.since,
        // Whatever it was, its alerts went on meanwhile.
        Some(RuleView { is: RuleIs::Silenced | RuleIs::Error | RuleIs::NoData, .. }) => now.wall,
        // What an earlier process left open began then.
        _ => known.and_then(|(_, state)| began(state.episodes().map(|episode| &**episode), is)).unwrap_or(now.wall),
    };
    RuleView { entry, sight, counts, is, since, routes }
}

fn sight(rule: &ObjectKey, now: &Now<'_>) -> Sight {
    now.book.rule(rule).map_or(Sight::Clear, |(_, state)| state.sight())
}

/// When the first of the alerts that make the state began.
fn began<'a>(alerts: impl Iterator<Item = &'a Episode>, is: RuleIs) -> Option<WallMs> {
    let makes = |episode: &&Episode| match is {
        RuleIs::Pending => episode.fired.is_none(),
        RuleIs::Firing => episode.fired.is_some(),
        RuleIs::Inactive | RuleIs::Silenced | RuleIs::Error | RuleIs::NoData => false,
    };
    alerts.filter(makes).map(|episode| episode.started().wall).min()
}

#[cfg(test)]
mod tests;
