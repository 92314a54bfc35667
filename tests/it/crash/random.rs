//! Killed at any moment under load: checks that flip by themselves, and a receiver that is not always well.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use tempfile::TempDir;

use super::{judge::Evidence, receiver::Reply, targets::Targets, world::World};

const CHECKS: usize = 24;

/// Random numbers: SplitMix64 (Steele, Lea, Flood 2014).
#[derive(Clone)]
pub struct Random(pub u64);

impl Random {
    pub fn new() -> Self {
        Self(uuid::Uuid::new_v4().as_u64_pair().0)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn within(&mut self, from: u64, to: u64) -> u64 {
        from + self.next() % (to - from)
    }

    fn millis(&mut self, from: u64, to: u64) -> Duration {
        Duration::from_millis(self.within(from, to))
    }
}

/// Kills the program so often, each time at another moment of its life, and lets it come to rest.
pub fn run(kills: usize, seed: u64) -> (Evidence, TempDir) {
    let mut random = Random(seed);
    let mut world = World::new(CHECKS);
    let each = "grouping: {by: [alertname, healthcheck], wait: 0s, interval: 1s}";
    world.rule("severity: critical, notify: [{name: hook}]");
    world.webhook("hook", &format!("{each}, fallback: {{name: spare}}"));
    world.webhook("spare", each);
    let mut replies = random.clone();
    world.receiver.plan("hook", move |_, key| match replies.within(0, 100) {
        // A receiver that refuses something for good refuses it always.
        _ if key.starts_with("00") || key.starts_with("7f") || key.starts_with("ab") => Reply::Status(404),
        0..10 => Reply::Status(503),
        10..20 => Reply::Late(replies.millis(50, 500)),
        20..26 => Reply::Hang(replies.millis(0, 200)),
        26..29 => Reply::Status(429),
        _ => Reply::OK,
    });
    let stop = Arc::new(AtomicBool::new(false));
    let flips: Vec<_> = (0..CHECKS)
        .map(|number| {
            let (targets, stop, random) = (world.targets.clone(), stop.clone(), Random(random.next()));
            thread::spawn(move || flip(&targets, number, random, &stop))
        })
        .collect();
    for _ in 0..kills {
        world.start();
        // Some die as they come, others once all is configured; some live for long enough to be held to what they saw.
        let life = match random.within(0, 4) {
            0 => random.millis(50, 1_500),
            long => {
                world.until_ready();
                if long == 1 { random.millis(3_000, 6_000) } else { random.millis(0, 3_000) }
            }
        };
        thread::sleep(life);
        world.life().alive();
        world.kill();
    }
    stop.store(true, Ordering::Relaxed);
    flips.into_iter().for_each(|flip| flip.join().unwrap());
    world.start();
    let seen: Vec<_> = (0..CHECKS).map(|number| world.targets.answers(number).len()).collect();
    world.until("two runs of each check", |world| {
        (0..CHECKS).all(|number| world.targets.answers(number).len() >= seen[number] + 2)
    });
    world.end()
}

fn flip(targets: &Targets, number: usize, mut random: Random, stop: &AtomicBool) {
    let mut up = true;
    while !stop.load(Ordering::Relaxed) {
        up = !up;
        targets.set(number, up);
        // The plan: how long it stays so.
        thread::sleep(random.millis(800, 6_000));
    }
    targets.set(number, true);
}
