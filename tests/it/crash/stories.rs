//! What happens in a run up to, and after, its fail point.

use std::time::Duration;

use probity::{
    audit::{Entry, Event},
    clock::{Clock, rfc3339},
    history::{self, Commit, Options, Store as _},
};

use super::{ack::acknowledge, judge::Allowed, receiver::Reply, wall, world::World};

/// One alert per message, told at once, and its end after a second.
const EACH: &str = "grouping: {by: [alertname, healthcheck], wait: 0s, interval: 1s}";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Story {
    /// It is told that a check is down, and that it is up.
    Plain,
    /// The receiver cannot, at first.
    Retry,
    /// The channel refuses it for good, and another one is told.
    Dead,
    /// Three checks that are told as one.
    Group,
    /// Three, of which the limit lets one out.
    Digest,
    /// It is muted for a while.
    Silence,
    /// Nobody acts.
    Escalation,
    /// Somebody acts on it.
    Ack,
    /// It has to be down for a while.
    Pending,
    /// Messages that wait go out as one, to people.
    Fold,
    /// The database is of the version before.
    Migration,
    /// Rows of the trail are too old.
    Cut,
    /// It was killed while it fired, and again as it comes back.
    Restart,
    /// It is told to stop, and killed while it does.
    Stop,
    /// Killed from outside, while the receiver has the message and has not answered.
    Hang,
}

impl Story {
    pub fn checks(self) -> usize {
        if matches!(self, Self::Group | Self::Digest) { 3 } else { 1 }
    }

    pub fn allowed(self) -> Allowed {
        Allowed { again: usize::from(self == Self::Silence), grouped: self == Self::Group, untrue: false }
    }

    /// What is there before the first life.
    pub fn prepare(self, world: &World) {
        let critical = "severity: critical, notify: [{name: hook}]";
        match self {
            Self::Group => {
                world.rule("severity: high, notify: [{name: hook}]");
                world.webhook("hook", "grouping: {by: [alertname], wait: 1s, interval: 1s}");
            }
            Self::Digest => {
                world.rule(critical);
                world.webhook("hook", &format!("{EACH}, rateLimit: {{max: 1, per: 3s}}"));
            }
            Self::Dead => {
                world.rule(critical);
                world.webhook("hook", &format!("{EACH}, fallback: {{name: spare}}"));
                world.webhook("spare", EACH);
                world.receiver.plan("hook", |_, _| Reply::Status(404));
            }
            Self::Escalation => {
                world.rule(&format!("{critical}, escalate: [{{after: 1s, name: second}}]"));
                world.webhook("hook", EACH);
                world.webhook("second", EACH);
            }
            Self::Fold => {
                world.rule(critical);
                let url = format!("http://{}/people", world.receiver.address);
                world.object("hook", "NotificationChannel", &format!("slack: {{url: {{value: '{url}'}}}}, {EACH}"));
                // For as long as it takes until the end waits too.
                world.receiver.plan("people", |number, _| if number < 5 { Reply::Status(503) } else { Reply::OK });
            }
            Self::Pending => {
                world.rule(&format!("{critical}, for: 2s"));
                world.webhook("hook", EACH);
            }
            _ => {
                world.rule(critical);
                world.webhook("hook", EACH);
            }
        }
        match self {
            Self::Retry | Self::Restart => {
                world.receiver.plan("hook", |number, _| if number % 2 == 0 { Reply::Status(503) } else { Reply::OK });
            }
            Self::Hang => world.receiver.plan("hook", |number, _| match number {
                0 => Reply::Hang(Duration::from_secs(5)),
                _ => Reply::OK,
            }),
            Self::Migration => older(world),
            Self::Cut => old(world),
            _ => {}
        }
    }

    pub fn tell(self, world: &mut World) {
        let checks = self.checks();
        let all = |world: &World, channel: &str, status: &str, times: usize| {
            (0..checks).all(|check| world.told(channel, check, status) >= times)
        };
        let set = |world: &World, up: bool| (0..checks).for_each(|check| world.targets.set(check, up));
        let channel = match self {
            Self::Dead => "spare",
            Self::Fold => "people",
            _ => "hook",
        };
        world.start();
        match self {
            Self::Cut | Self::Migration => {
                // Cut with the first flush of results; the migration is the start.
                let wanted = world.arms_left() + 1;
                world.until("the fail point", |world| world.deaths >= wanted);
            }
            _ => {}
        }
        set(world, false);
        match self {
            Self::Hang => {
                world.until("the first message", |world| !world.receiver.deliveries().is_empty());
                world.kill();
            }
            Self::Restart => {
                world.until("the first message", |world| !world.receiver.deliveries().is_empty());
                world.kill();
                world.start();
            }
            _ => {}
        }
        if self == Self::Fold {
            world.until("the first message", |world| !world.receiver.deliveries().is_empty());
        } else {
            world.until("that it fires", |world| all(world, channel, "firing", 1));
        }
        match self {
            Self::Escalation => {
                world.until("the escalation", |world| all(world, "second", "firing", 1));
            }
            Self::Ack => acknowledge(world),
            Self::Silence => {
                let (from, until) = (rfc3339(wall()), rfc3339(wall() + 3_600_000));
                let spec = format!("matchers: ['alertname=Down'], startsAt: '{from}', endsAt: '{until}'");
                world.object("silence", "Silence", &spec);
                world.until("that it is muted", |world| world.rows("suppression", "default/silence") > 0);
                world.remove("silence");
                world.until("that it fires still", |world| all(world, channel, "firing", 2));
            }
            _ => {}
        }
        set(world, true);
        if self == Self::Stop {
            let seen = world.targets.answers(0).len();
            world.until("a run", |world| world.targets.answers(0).len() > seen + 1);
            world.life().terminate();
            world.life().wait();
        }
        world.until("that it has ended", |world| all(world, channel, "resolved", 1));
        if self == Self::Escalation {
            world.until("that it has ended", |world| all(world, "second", "resolved", 1));
        }
    }
}

/// Leaves a database of the version before alerting.
fn older(world: &World) {
    history::open(&world.data, Options::new(Clock::system())).unwrap().close();
    let database = rusqlite::Connection::open(world.data.join("probity.db")).unwrap();
    database.execute_batch("DROP TABLE kept; DROP TABLE outbox; DROP TABLE audit; PRAGMA user_version = 1;").unwrap();
}

/// Leaves rows of the trail that are too old.
fn old(world: &World) {
    const DAY: i64 = 86_400_000;
    let clock = Clock::system();
    clock.step_wall(-500 * DAY);
    let at = clock.wall();
    let store = history::open(&world.data, Options::new(clock)).unwrap();
    let event = Event::Ack { change: "ended".into(), by: "".into(), comment: "".into() };
    let entry = Entry {
        at,
        namespace: "default".into(),
        rule: None,
        alert: None,
        fingerprint: None,
        notification: None,
        event,
    };
    drop(store.commit(Commit { audit: vec![entry; 300], ..Commit::default() }));
    store.close();
}
