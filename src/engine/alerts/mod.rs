//! Alerting as it runs: the loop around the pure book and desk.
//!
//! ```text
//!   bell ──► book ──► desk ──► one commit of the store ──► outboxes ──► channels
//!            (rules)  (who is told)      (then, and not before)
//! ```
//! Owns the order: what a step changed is one transaction, and a notification goes to its outbox when that is on disk,
//! or is known not to get there in time. Asks sources in tasks of their own, so that a slow one delays nobody. The engine
//! of the probes never waits for it.

mod acts;
mod ask;
mod bell;
mod blind;
pub mod board;
mod dead;
mod judging;
mod known;
mod ledger;
mod points;
mod record;
mod show;
mod silences;
mod tally;
mod tell;
mod trials;
mod windows;
mod world;

use std::{
    collections::BTreeSet, convert::Infallible, panic::AssertUnwindSafe, pin::pin, sync::Arc,
    thread::available_parallelism, time::Duration,
};

use failpoint::failpoint;
use futures::{FutureExt, StreamExt, stream::FuturesOrdered};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    alert::{
        Episode, Moment, Phase, Timeline, Transition, Turn,
        book::{self, Book},
        desk::{self, ChannelIs, Desk, Mute, MuteKey, MuteKind, Routing},
        rule::{Evaluation, Found},
        template::{Queries, Template},
    },
    clock::Clock,
    history::{Commit, Loaded, Settled, Space, Store},
    model::{Kind, Object, ObjectId, ObjectKey, ReceiverKind},
    notify::outbox::{Item, Outboxes},
    query::Sources,
    source::{Catalog, Verdict},
    vitals::Beat,
};

use super::Snapshot;
pub use acts::{Act, Acted, Subject};
pub use ask::Fallback;
pub use bell::Bell;
pub use board::Board;
pub(crate) use judging::{Judging, failed, render};
pub use ledger::Books;
pub use tally::Tally;
pub use trials::{Asker, NoTrial, TrialPool, Trials, Tried};
pub(crate) use windows::Windows;
pub use world::figure;
pub(crate) use world::{Now as Present, seen};

/// Changes of checks that are taken before what follows from them is written: one transaction of so many alerts is some
/// megabytes.
const GULP: usize = 1_000;

/// Alerts that were left out, as there are too many, are tried again after this long, in milliseconds.
const TRY_AGAIN: i64 = 60_000;

/// How long a step may be away from the clock: silences go by the wall clock, which may be stepped.
const LOOK: i64 = 1_000;

/// What became of a commit, and what waits for it: what is to be sent, and answers to people.
type Settling = (Settled, Vec<Item>, Vec<acts::Answer>);

/// The book, the desk and everything that their effects reach.
pub struct Alerting {
    bell: Bell,
    catalog: Arc<Catalog>,
    snapshot: Snapshot,
    store: Arc<dyn Store>,
    outboxes: Outboxes,
    sources: Arc<Sources>,
    fallback: Option<Fallback>,
    /// Questions to sources that are under way: at most one per rule.
    asking: JoinSet<Option<(ObjectKey, u64, Evaluation, Duration)>>,
    /// Evaluations that fill in templates at once: half of the cores.
    desks: Arc<Semaphore>,
    /// When alerts that were left out are tried again, on the timeline.
    try_again: Option<i64>,
    clock: Clock,
    beat: Beat,
    /// The namespace whose silences and windows reach all, and whose default channels serve all.
    operator: Arc<str>,
    timeline: Timeline,
    book: Book,
    desk: Desk,
    windows: Windows,
    silences: silences::Silences,
    /// Everything that is configured was told once.
    loaded: bool,
    /// What came for the desk before that: it knows no channel yet that could be told instead. As many as wait in the
    /// outboxes at most, and what an earlier process left.
    early: Vec<desk::Event>,
    /// Channels that stand for an Alertmanager and have just come, once everything has.
    alertmanagers: BTreeSet<ObjectKey>,
    sights: tell::Sights,
    show: show::Show,
    /// What the audit trail says of rules that do not see.
    blindness: blind::Blind,
    commit: Commit,
    sending: Vec<Item>,
    /// To people, who wait for what they did to be on disk.
    answering: Vec<acts::Answer>,
    order: u64,
    committing: FuturesOrdered<futures::future::BoxFuture<'static, Settling>>,
}

/// What alerting is made of.
pub struct Parts {
    pub bell: Bell,
    pub catalog: Arc<Catalog>,
    pub snapshot: Snapshot,
    pub store: Arc<dyn Store>,
    pub outboxes: Outboxes,
    pub sources: Arc<Sources>,
    /// Who is asked by rules that name nobody.
    pub fallback: Option<Fallback>,
    pub clock: Clock,
    pub beat: Beat,
    pub operator: Arc<str>,
    /// Where it is shown what is so now.
    pub board: Board,
    pub tally: Tally,
    /// Namespaces have labels, and what is not known of them lets nobody in.
    pub in_cluster: bool,
}

impl Alerting {
    /// Goes on where an earlier process ended: its open alerts, what was told to whom, and what waits to be sent.
    pub fn new(parts: Parts, loaded: &Loaded) -> Self {
        let Parts {
            bell,
            catalog,
            snapshot,
            store,
            outboxes,
            sources,
            fallback,
            clock,
            beat,
            operator,
            board,
            tally,
            in_cluster,
        } = parts;
        failpoint!("restore.loaded");
        let text = |(key, value): (&Arc<str>, &Arc<[u8]>)| {
            Some((key.to_string(), std::str::from_utf8(value).ok()?.to_owned()))
        };
        let rows: Vec<(String, String)> = loaded.of(Space::Desk).filter_map(text).collect();
        let last = rows.iter().find(|(key, _)| key == "clock").and_then(|(_, value)| Desk::last_kept(value));
        let timeline = last.map_or_else(|| Timeline::new(clock.now()), |last| Timeline::resume(clock.now(), last));
        let (desk, unread) = Desk::restore(&operator, rows.iter().map(|(key, value)| (&**key, &**value)));
        let desk = if in_cluster { desk.in_cluster() } else { desk };
        for key in unread {
            error!(key, "what was kept of alerting under this key cannot be read, and is left out");
        }
        let episodes = loaded.of(Space::Episode).filter_map(|(key, value)| {
            let episode = serde_json::from_slice::<Episode>(value);
            episode.map_err(|error| error!(%key, %error, "an open alert cannot be read, and is left out")).ok()
        });
        let (early, unread) = dead::left(loaded);
        for key in unread {
            error!(%key, "a notification that a channel did not take cannot be read, and nobody is told instead");
        }
        let book = Book::restore(episodes.map(Arc::new));
        let order = loaded.outbox.iter().map(|row| row.order).max().unwrap_or_default();
        let log = Arc::new(desk::log_channel());
        outboxes.set(log);
        board.set_outboxes(outboxes.clone());
        for row in &loaded.outbox {
            if let Some(item) = ledger::item(row) {
                outboxes.put(item);
            }
        }
        failpoint!("restore.queued");
        Self {
            bell,
            catalog,
            snapshot,
            store,
            outboxes,
            sources,
            fallback,
            asking: JoinSet::new(),
            desks: Arc::new(Semaphore::new(available_parallelism().map_or(1, |cores| cores.get().div_ceil(2)))),
            try_again: None,
            clock,
            beat,
            operator,
            timeline,
            book,
            desk,
            windows: Windows::default(),
            silences: silences::Silences::default(),
            loaded: false,
            early,
            alertmanagers: BTreeSet::new(),
            sights: tell::Sights::default(),
            show: show::Show::new(board, tally),
            blindness: blind::Blind::default(),
            commit: Commit::default(),
            sending: Vec::new(),
            answering: Vec::new(),
            order,
            committing: FuturesOrdered::new(),
        }
    }

    /// Runs until `shutdown`; then writes what it has decided, and ends.
    ///
    /// # Errors
    /// Never.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<(), Infallible> {
        let bell = self.bell.clone();
        let mut timer = pin!(tokio::time::sleep_until(self.clock.instant(self.clock.mono())));
        loop {
            self.turn();
            self.beat.turn();
            let next = self.next_due();
            timer.as_mut().reset(self.clock.instant(self.timeline.mono(next)));
            tokio::select! {
                biased;
                () = shutdown.cancelled() => break,
                Some((settled, items, answers)) = self.committing.next(), if !self.committing.is_empty() => {
                    self.send(&settled, items, answers);
                }
                Some(answered) = self.asking.join_next(), if !self.asking.is_empty() => {
                    self.answered(answered.ok().flatten());
                }
                () = bell.rung() => {}
                () = &mut timer => {}
            }
        }
        // What was decided is on disk, or said to be lost, before the store closes; it goes out at the next start.
        while let Some((settled, items, answers)) = self.committing.next().await {
            self.send(&settled, items, answers);
        }
        Ok(())
    }

    fn now(&self) -> Moment {
        self.timeline.at(self.clock.now())
    }

    fn next_due(&self) -> i64 {
        let now = self.now();
        let due = self.book.next_due().into_iter().chain(self.desk.next_due(now)).min();
        due.map_or(now.at + LOOK, |at| at.min(now.at + LOOK))
    }

    /// Takes everything that was said, and what time brings; writes what follows as one.
    fn turn(&mut self) {
        let inbox = self.bell.take(GULP);
        for name in inbox.namespaces {
            let labels = self.catalog.namespaces.labels(&name);
            self.desk(desk::Event::Namespace(name, labels));
            self.show.routes();
        }
        for id in inbox.objects {
            self.object(id);
        }
        if inbox.ready {
            self.loaded = true;
            self.book(book::Event::Loaded);
            self.desk(desk::Event::Loaded);
            self.show.routes();
            failpoint!("restore.taken_up");
        }
        self.early.extend(inbox.desk);
        if self.loaded {
            // An Alertmanager takes for resolved what nobody repeats, also where its channel could not be used for a while.
            for key in std::mem::take(&mut self.alertmanagers) {
                self.outboxes.stands(&key, self.desk.told_to(&key).collect());
            }
            for event in std::mem::take(&mut self.early) {
                self.desk(event);
            }
        }
        for (key, seen) in inbox.checks {
            self.book(book::Event::Check { key, seen });
        }
        if inbox.missed {
            warn!("more checks changed at once than there is room for: every rule looks at all of its checks");
            self.book(book::Event::Missed);
        }
        self.turn_windows();
        self.commit.audit.extend(self.silences.turn(self.now().wall));
        self.book(book::Event::Time);
        self.take_in();
        self.desk(desk::Event::Time);
        for said in self.blindness.lasted(self.now()) {
            self.write_blind(&said);
        }
        for asked in inbox.acts {
            self.act(asked);
        }
        self.write();
        // Before that a channel that has not come yet would seem not to be there.
        if self.loaded {
            self.show.publish(&show::Now { book: &self.book, desk: &self.desk, wall: self.now().wall });
        }
    }

    fn book(&mut self, event: book::Event) {
        self.book_after(event, None);
    }

    /// As [`Alerting::book`], for a look at a rule that took so long before it came to this.
    fn book_after(&mut self, event: book::Event, took: Option<Duration>) {
        let now = self.now();
        let begun = self.clock.mono();
        let world = world::Now { snapshot: &self.snapshot, at: now.wall };
        let mut effects = Vec::new();
        // A rule over checks has no source that its templates could query.
        let mut fill = |template: &Template, found: &Found| {
            render(template, found, now.wall, &Queries::default(), &mut BTreeSet::new())
        };
        self.book.step(event, now, &world, &mut fill, &mut effects);
        let looks = effects.iter().filter(|effect| matches!(effect, book::Effect::Evaluated(..))).count();
        // What is looked at in one step shares its time.
        let share = self.clock.mono().saturating_sub(begun) / u32::try_from(looks.max(1)).unwrap_or(u32::MAX);
        let took = share + took.unwrap_or_default();
        let ended = self.now().at;
        for effect in effects {
            match effect {
                book::Effect::Transitions(transitions) => {
                    for transition in &transitions {
                        tell::turn(transition.turn, &transition.episode);
                        if transition.turn.is_end() {
                            self.show.alerts(transition.episode.rule.clone(), [transition.episode.incident]);
                        }
                        record::transition(&mut self.commit, transition, now.wall);
                        failpoint!("book.transition");
                    }
                    self.desk(desk::Event::Transitions(transitions));
                }
                book::Effect::Ask(order) => self.ask(order),
                book::Effect::Rule(key) => {
                    let sight = self.book.rule(&key).map(|(_, state)| state.sight());
                    self.sights.tell(&key, sight.as_ref());
                    if let Some(said) = self.blindness.see(&key, sight.as_ref(), now) {
                        self.write_blind(&said);
                    }
                    self.show.rule(key);
                }
                book::Effect::Alerts(rule, incidents) => self.show.alerts(rule, incidents),
                book::Effect::Evaluated(rule, result, due) => {
                    if let Some(due) = due {
                        self.show.tally.late(ended.saturating_sub(due));
                    }
                    self.show.evaluated(&rule, board::Evaluated { at: now.wall, took, result });
                }
                book::Effect::Skipped(why, count) => self.show.tally.skipped(why, count),
            }
        }
    }

    /// Asks a source. A panic in it is ours, and what the rule sees is that it failed.
    fn ask(&mut self, order: book::Order) {
        let (key, number) = (order.rule.key.clone(), order.number);
        let asked = ask::ask(self.sources.clone(), order, self.fallback.clone(), self.desks.clone());
        let clock = self.clock.clone();
        self.asking.spawn(async move {
            let begun = clock.mono();
            let (key, number, evaluation) = AssertUnwindSafe(asked).catch_unwind().await.unwrap_or_else(|_| {
                error!(
                    namespace = &*key.namespace,
                    name = &*key.name,
                    "asking for a rule panicked: please report this"
                );
                (key, number, Evaluation::Failed("the evaluation itself broke: see the log".into(), None))
            });
            Some((key, number, evaluation, clock.mono().saturating_sub(begun)))
        });
    }

    /// Has the audit trail say that a rule does not see what it is about, or does again.
    fn write_blind(&mut self, said: &blind::Said) {
        let generation = self.book.rule(&said.rule).map_or(0, |(rule, _)| rule.generation);
        let at = self.now().wall;
        self.commit.audit.push(record::rule(&said.rule, at, said.change, generation, &said.message));
    }

    fn answered(&mut self, answered: Option<(ObjectKey, u64, Evaluation, Duration)>) {
        let Some((rule, number, evaluation, took)) = answered else { return };
        self.book_after(book::Event::Answered { rule, number, evaluation }, Some(took));
    }

    fn desk(&mut self, event: desk::Event) {
        if self.loaded && matches!(event, desk::Event::Channel(..) | desk::Event::Namespace(..)) {
            self.show.routes();
        }
        let now = self.now();
        let mut effects = Vec::new();
        dead::settle(&mut self.commit, &event);
        self.desk.step(event, now, &mut effects);
        for effect in effects {
            failpoint!(points::of(&effect));
            match effect {
                desk::Effect::Notify(notification) => {
                    self.order += 1;
                    record::notification(&mut self.commit, &notification, self.order);
                    self.sending.push(Item::new(notification, self.order));
                }
                desk::Effect::Fact(fact) => {
                    if matches!(fact.what, desk::What::Refused) {
                        self.left_out(&fact.episode.rule.namespace, now);
                    }
                    let catalog = &self.catalog;
                    let known = |key: &MuteKey| known::of(catalog, key, now.wall);
                    record::fact(&mut self.commit, &fact, &known);
                }
                desk::Effect::Keep { key, value: Some(value) } => {
                    self.commit.put(Space::Desk, key, value.into_bytes());
                }
                desk::Effect::Keep { key, value: None } => self.commit.forget(Space::Desk, key),
                desk::Effect::Show(incident) => {
                    if let Some(alert) = self.desk.alert(incident) {
                        self.show.alerts(alert.episode().rule.clone(), [incident]);
                    }
                }
            }
        }
    }

    /// An alert was not taken, as there are too many: it is tried again in a minute.
    fn left_out(&mut self, namespace: &str, now: Moment) {
        if self.try_again.is_none() {
            error!(namespace, reason = "Limit", "{}", desk::TOO_MANY);
            self.try_again = Some(now.at + TRY_AGAIN);
        }
    }

    /// Takes alerts that were left out, where there is room now.
    fn take_in(&mut self) {
        let now = self.now().at;
        if self.try_again.is_none_or(|at| at > now) {
            return;
        }
        self.try_again = None;
        let firing = self.book.rules().flat_map(|(_, _, state)| state.episodes());
        let (out, room): (Vec<_>, Vec<_>) = firing
            .filter(|episode| episode.phase == Phase::Firing && self.desk.alert(episode.incident).is_none())
            .cloned()
            .partition(|episode| !self.desk.has_room_for(&episode.rule.namespace));
        if !out.is_empty() {
            self.try_again = Some(now + TRY_AGAIN);
        }
        let turn = |episode| Transition { turn: Turn::Firing, episode };
        self.desk(desk::Event::Transitions(room.into_iter().map(turn).collect()));
    }

    /// Hands what was decided to the store, and what is to be sent to those who wait for it.
    fn write(&mut self) {
        let answers = std::mem::take(&mut self.answering);
        if self.commit.is_empty() {
            answers.into_iter().for_each(|answer| answer.give(true));
            return;
        }
        failpoint!("alerts.decided");
        let items = std::mem::take(&mut self.sending);
        let ticket = self.store.commit(std::mem::take(&mut self.commit));
        failpoint!("alerts.handed");
        self.committing.push_back(Box::pin(async move { (ticket.await, items, answers) }));
    }

    fn send(&mut self, settled: &Settled, items: Vec<Item>, answers: Vec<acts::Answer>) {
        failpoint!((!items.is_empty()).then_some("alerts.settled"));
        let (recorded, told) = (matches!(settled, Settled::Committed { .. }), !answers.is_empty());
        failpoint!(told.then_some("acts.settled"));
        answers.into_iter().for_each(|answer| answer.give(recorded));
        failpoint!(told.then_some("acts.told"));
        for mut item in items {
            match settled {
                // An earlier commit has it: it goes out, or went out, on behalf of that one.
                Settled::Committed { known } if known.contains(&item.notification.id.0) => continue,
                Settled::Committed { .. } => {}
                Settled::Unrecorded => item.unrecorded = true,
            }
            self.outboxes.put(item);
            failpoint!("alerts.queued");
        }
    }

    /// Brings an object to what the sources hold now.
    fn object(&mut self, id: ObjectId) {
        let entry = self.catalog.get(&id);
        self.show.object(id.clone(), entry.clone());
        let ObjectId { kind, key } = id;
        let object = entry.as_ref().and_then(|entry| match &entry.verdict {
            Verdict::Accepted(object) => Some(object.clone()),
            Verdict::Refused(refused) => {
                let (namespace, name, reason) = (&*key.namespace, &*key.name, refused.ready_reason);
                warn!(namespace, name, reason, "{kind} refused: {}", refused.message);
                None
            }
        });
        let at = self.now().wall;
        match (kind, object) {
            (Kind::AlertRule, Some(Object::AlertRule(rule))) => {
                let uid = entry.map(|entry| entry.uid.clone()).unwrap_or_default();
                let known = self.book.rule(&key).map(|(rule, _)| rule.generation);
                // What is there at the start is no change.
                if self.loaded && known != Some(rule.generation) {
                    let change = if known.is_some() { "changed" } else { "accepted" };
                    self.commit.audit.push(record::rule(&key, at, change, rule.generation, ""));
                }
                self.desk(desk::Event::Rule(key.clone(), Some(Arc::new(Routing::from(&*rule)))));
                self.book(book::Event::Rule { key, uid, rule: Some(rule) });
            }
            (Kind::AlertRule, _) => {
                if let Some((rule, _)) = self.book.rule(&key) {
                    let (change, message) = match entry.as_ref().map(|entry| &entry.verdict) {
                        Some(Verdict::Refused(refused)) => ("refused", refused.message.clone()),
                        _ => ("deleted", Arc::from("")),
                    };
                    self.commit.audit.push(record::rule(&key, at, change, rule.generation, &message));
                }
                self.book(book::Event::Rule { key: key.clone(), uid: Arc::from(""), rule: None });
                self.desk(desk::Event::Rule(key, None));
            }
            (Kind::NotificationChannel, Some(Object::NotificationChannel(channel))) => {
                self.outboxes.set(channel.clone());
                if channel.receiver.kind() == ReceiverKind::Alertmanager {
                    self.alertmanagers.insert(key.clone());
                }
                self.desk(desk::Event::Channel(key, ChannelIs::Valid(channel)));
            }
            (Kind::NotificationChannel, _) => {
                let is = if entry.is_some() { ChannelIs::Refused } else { ChannelIs::Gone };
                match is {
                    ChannelIs::Gone => self.outboxes.remove(&key, self.order),
                    ChannelIs::Refused | ChannelIs::Valid(_) => self.outboxes.unset(&key),
                }
                self.desk(desk::Event::Channel(key, is));
            }
            (Kind::Silence, object) => {
                let silence = match object {
                    Some(Object::Silence(silence)) => Some(silence),
                    _ => None,
                };
                self.commit.audit.extend(self.silences.set(&key, silence.as_ref(), at, !self.loaded));
                let mute = silence.map(|silence| Mute::of_silence(&silence, &self.operator));
                self.desk(desk::Event::Mute(MuteKey { kind: MuteKind::Silence, object: key }, mute));
            }
            (Kind::MaintenanceWindow, object) => {
                let window = match object {
                    Some(Object::MaintenanceWindow(window)) => Some(window),
                    _ => None,
                };
                self.windows.set(&key, window);
                self.window(&key);
            }
            // Neither comes to alerting as an object.
            (Kind::HealthCheck | Kind::SloTarget, _) => {}
        }
    }

    /// Tells the desk when a window is open, now or next.
    fn window(&mut self, key: &ObjectKey) {
        let mute = self.windows.mute(key, &self.operator, self.now().wall);
        self.desk(desk::Event::Mute(MuteKey { kind: MuteKind::MaintenanceWindow, object: key.clone() }, mute));
    }

    /// A window that has closed may open again.
    fn turn_windows(&mut self) {
        for key in self.windows.turned(self.now().wall) {
            self.window(&key);
        }
    }
}
