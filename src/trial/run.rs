//! One test, from its start to its end: time goes from one thing that is due to the next.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use super::{
    Entry, Event, Failure, Happens, Objects, Test,
    answers::Answers,
    checks::Checks,
    judge::{self, Present},
    log::Log,
    show,
};
use crate::{
    alert::{
        Incident, Moment, Notification, Timeline,
        book::{self, Book},
        desk::{self, ChannelIs, Desk, Mute, MuteKey, MuteKind, Routing},
        rule::{Found, Sight},
        template::{Queries, Template},
    },
    clock::Now,
    engine::alerts::{self, Windows, render},
    model::{Condition, Labels, ObjectKey, Silence},
    validate::{DEFAULT_NAMESPACE, FieldPath},
};

/// What happens at one moment comes to rest after a few turns: a check, its rules, who is told, a fallback.
const TURNS_MAX: usize = 10_000;
/// Notifications that wait to be looked at: at some 2 KB each, 200 MB.
const TOLD_MAX: usize = 100_000;

/// What came of a test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// None: it passed.
    pub failures: Vec<Failure>,
    /// What happened; empty where nobody asked for it.
    pub timeline: Vec<Entry>,
    /// How many entries more there were.
    pub omitted: usize,
    /// How long it lasted, in milliseconds of its own time.
    pub lasted: i64,
}

/// Runs a test that [`super::bind()`] found right. `keep` keeps the timeline.
pub fn run(objects: &Objects, test: &Test, keep: bool) -> Report {
    let mut trial = Trial::new(objects, test, keep);
    let (end, mut at) = (test.end(), 0);
    let mut events = test.events.iter().peekable();
    let mut expected = test.expect.iter().enumerate().peekable();
    trial.begin(objects);
    loop {
        trial.at = at;
        while let Some(event) = events.next_if(|event| event.at <= at) {
            trial.happen(event);
        }
        if !trial.settle() {
            break;
        }
        while let Some((number, expect)) = expected.next_if(|(_, expect)| expect.at <= at) {
            let present =
                Present { book: &trial.book, desk: &trial.desk, snapshot: &trial.checks.snapshot, told: &trial.told };
            trial.failures.extend(judge::judge(expect, number, &present));
            if expect.told.is_some() {
                trial.told.clear();
            }
        }
        if at >= end {
            break;
        }
        let given = events.peek().map(|event| event.at).into_iter().chain(expected.peek().map(|(_, next)| next.at));
        let next = given.chain(trial.next_due()).min().unwrap_or(end);
        at = next.clamp(at + 1, end);
    }
    let Log { entries, omitted, .. } = trial.log;
    Report { failures: trial.failures, timeline: entries, omitted, lasted: at }
}

struct Trial<'t> {
    test: &'t Test,
    /// Milliseconds since the start.
    at: i64,
    timeline: Timeline,
    checks: Checks,
    answers: Answers<'t>,
    book: Book,
    desk: Desk,
    windows: Windows,
    /// Channels that give permanent errors, and which.
    broken: BTreeMap<ObjectKey, Arc<str>>,
    told: Vec<(i64, Arc<Notification>)>,
    blind: BTreeSet<ObjectKey>,
    log: Log,
    failures: Vec<Failure>,
}

impl<'t> Trial<'t> {
    fn new(objects: &Objects, test: &'t Test, keep: bool) -> Self {
        let now = Now { mono: Duration::ZERO, wall: test.start };
        Self {
            test,
            at: 0,
            timeline: Timeline::new(now),
            checks: Checks::new(test, objects.checks.values(), now),
            answers: Answers::new(test),
            book: Book::default().in_step(),
            desk: Desk::new(DEFAULT_NAMESPACE),
            windows: Windows::default(),
            broken: BTreeMap::new(),
            told: Vec::new(),
            blind: BTreeSet::new(),
            log: Log::new(keep),
            failures: Vec::new(),
        }
    }

    fn now(&self) -> Now {
        let since = u64::try_from(self.at).unwrap_or_default();
        Now { mono: Duration::from_millis(since), wall: self.test.start.saturating_add(self.at) }
    }

    fn moment(&self) -> Moment {
        self.timeline.at(self.now())
    }

    /// Everything that is configured comes, as when the program starts.
    fn begin(&mut self, objects: &Objects) {
        for channel in objects.channels.values() {
            self.desk(desk::Event::Channel(channel.key.clone(), ChannelIs::Valid(channel.clone())));
        }
        for silence in objects.silences.values() {
            let key = MuteKey { kind: MuteKind::Silence, object: silence.key.clone() };
            self.desk(desk::Event::Mute(key, Some(Mute::of_silence(silence, DEFAULT_NAMESPACE))));
        }
        for window in objects.windows.values() {
            self.windows.set(&window.key, Some(window.clone()));
            self.window(&window.key);
        }
        for rule in objects.rules.values() {
            // One that nobody answers sees nothing that a test could speak of.
            if let Condition::Promql { expr, .. } = &rule.condition
                && !self.answers.has(&rule.key, expr)
            {
                continue;
            }
            let (key, uid) = (rule.key.clone(), Arc::from(""));
            self.desk(desk::Event::Rule(key.clone(), Some(Arc::new(Routing::from(&**rule)))));
            self.book(book::Event::Rule { key, uid, rule: Some(rule.clone()) });
        }
        // Rules look at all checks now: what led to how they are, they need not be told.
        self.checks.turn(self.now());
        self.checks.changed.clear();
        self.book(book::Event::Loaded);
        self.desk(desk::Event::Loaded);
    }

    /// When something is due next, in milliseconds since the start.
    fn next_due(&self) -> Option<i64> {
        let now = self.moment();
        let alerting = self.book.next_due().into_iter().chain(self.desk.next_due(now)).min();
        let since = alerting.map(|due| self.at.saturating_add(due.saturating_sub(now.at)));
        since.into_iter().chain(self.checks.next_due()).min()
    }

    /// Does all that is due by now. False when it does not come to rest.
    fn settle(&mut self) -> bool {
        for _ in 0..TURNS_MAX {
            self.checks.turn(self.now());
            for (key, transition) in std::mem::take(&mut self.checks.transitions) {
                self.log.note(self.at, || show::transition(&key, &transition));
            }
            for (key, seen) in std::mem::take(&mut self.checks.changed) {
                self.book(book::Event::Check { key, seen });
            }
            for key in self.windows.turned(self.now().wall) {
                self.window(&key);
            }
            self.book(book::Event::Time);
            self.desk(desk::Event::Time);
            if self.told.len() > TOLD_MAX {
                self.fail(format!("over {TOLD_MAX} notifications and no `told` that looks at them"), "expect");
                return false;
            }
            if self.next_due().is_none_or(|due| due > self.at) {
                return true;
            }
        }
        self.fail("what happens at this moment does not come to an end: please report this".to_owned(), "expect");
        false
    }

    fn fail(&mut self, what: String, path: &str) {
        let (path, at) = (FieldPath::of(path), self.at);
        self.failures.push(Failure { path, at, what, missing: Vec::new(), unexpected: Vec::new(), matched: 0 });
    }

    fn book(&mut self, event: book::Event) {
        let now = self.moment();
        let world = alerts::Present { snapshot: &self.checks.snapshot, at: now.wall };
        let mut effects = Vec::new();
        // A rule over checks has no source that its templates could query.
        let mut fill = |template: &Template, found: &Found| {
            render(template, found, now.wall, &Queries::default(), &mut BTreeSet::new())
        };
        self.book.step(event, now, &world, &mut fill, &mut effects);
        for effect in effects {
            match effect {
                book::Effect::Transitions(transitions) => {
                    for transition in &transitions {
                        if transition.turn.is_kept() {
                            self.log.note(self.at, || show::turn(transition.turn, &transition.episode));
                        }
                    }
                    self.desk(desk::Event::Transitions(transitions));
                }
                book::Effect::Ask(order) => {
                    let evaluation = self.answers.evaluate(&order, self.at);
                    self.book(book::Event::Answered { rule: order.rule.key.clone(), number: order.number, evaluation });
                }
                book::Effect::Rule(key) => self.look(&key),
                book::Effect::Alerts(..) | book::Effect::Evaluated(..) | book::Effect::Skipped(..) => {}
            }
        }
    }

    /// Notes when a rule cannot see, and when it can again.
    fn look(&mut self, key: &ObjectKey) {
        let sight = self.book.rule(key).map(|(_, state)| state.sight());
        let said = match sight {
            Some(Sight::Failing { message, .. }) if self.blind.insert(key.clone()) => {
                format!("rule {key} cannot see: {message}")
            }
            Some(Sight::Clear) if self.blind.remove(key) => format!("rule {key} can see again"),
            _ => return,
        };
        self.log.note(self.at, || said);
    }

    fn desk(&mut self, event: desk::Event) {
        let mut effects = Vec::new();
        self.desk.step(event, self.moment(), &mut effects);
        let mut dead = Vec::new();
        for effect in effects {
            match effect {
                desk::Effect::Notify(notification) => {
                    if let Some(error) = self.broken.get(&notification.channel) {
                        dead.push((notification, error.clone()));
                        continue;
                    }
                    self.log.note(self.at, || show::line(&notification));
                    self.told.push((self.at, notification));
                }
                desk::Effect::Fact(fact) => {
                    if let Some(line) = show::fact(&fact) {
                        self.log.note(self.at, || line);
                    }
                }
                desk::Effect::Keep { .. } | desk::Effect::Show(_) => {}
            }
        }
        for (notification, error) in dead {
            self.desk(desk::Event::Dead { notification, error });
        }
    }

    fn window(&mut self, key: &ObjectKey) {
        let mute = self.windows.mute(key, DEFAULT_NAMESPACE, self.now().wall);
        self.desk(desk::Event::Mute(MuteKey { kind: MuteKind::MaintenanceWindow, object: key.clone() }, mute));
    }

    fn happen(&mut self, event: &Event) {
        let now = self.moment();
        match &event.what {
            Happens::Silence { key, matchers, duration } => {
                self.log.note(self.at, || format!("silence {key} begins"));
                let ends_at = now.wall.saturating_add(crate::alert::millis(*duration));
                let silence = Silence {
                    key: key.clone(),
                    generation: 1,
                    labels: Labels::default(),
                    matchers: matchers.clone(),
                    starts_at: now.wall,
                    ends_at,
                    comment: Arc::from(""),
                    created_by: Arc::from(""),
                    is_kept: false,
                };
                let mute = Mute::of_silence(&silence, DEFAULT_NAMESPACE);
                let key = MuteKey { kind: MuteKind::Silence, object: key.clone() };
                self.desk(desk::Event::Mute(key, Some(mute)));
            }
            Happens::Expire(key) => {
                self.log.note(self.at, || format!("silence {key} is ended"));
                self.desk(desk::Event::Mute(MuteKey { kind: MuteKind::Silence, object: key.clone() }, None));
            }
            Happens::Acknowledge { labels, by } => {
                // What is due at this moment fires first, so that it can be acted on.
                if !self.settle() {
                    return;
                }
                let fits = |labels_of: &crate::alert::Labels| {
                    labels.iter().all(|(name, value)| labels_of.value(name) == value)
                };
                let firing = |view: &desk::View<'_>| view.episode().phase == crate::alert::Phase::Firing;
                let incidents: Vec<Incident> = (self.desk.alerts())
                    .filter(|view| firing(view) && fits(&view.episode().labels))
                    .map(|view| view.episode().incident)
                    .collect();
                if incidents.is_empty() {
                    let path = format!("events[{}].acknowledge", event.index);
                    self.fail("no alert with these labels fires".to_owned(), &path);
                }
                for incident in incidents {
                    self.desk(desk::Event::Acknowledge { incident, by: by.clone(), comment: Arc::from("") });
                }
            }
            Happens::Channel { key, fails: Some(error) } => {
                self.log.note(self.at, || format!("channel {key} gives an error from now on: {error}"));
                self.broken.insert(key.clone(), error.clone());
            }
            Happens::Channel { key, fails: None } => {
                self.log.note(self.at, || format!("channel {key} can be reached again"));
                self.broken.remove(key);
            }
        }
    }
}
