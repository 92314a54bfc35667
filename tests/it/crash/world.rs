//! A run: targets, a receiver, manifests, a data folder, and one life of the program after the other.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    net::SocketAddr,
    path::PathBuf,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{
    PATIENCE,
    judge::{Evidence, Lived},
    life::{Life, was_killed},
    receiver::Receiver,
    targets::Targets,
};

pub struct World {
    dir: TempDir,
    /// Where the store is.
    pub data: PathBuf,
    pub targets: Targets,
    pub receiver: Receiver,
    checks: usize,
    life: Option<Life>,
    /// Fail points of the lives to come; those after them have none.
    arms: VecDeque<String>,
    lives: Vec<Lived>,
    /// What never came.
    missing: Vec<String>,
    /// How many lives a fail point, and not the test, has ended.
    pub deaths: usize,
}

impl World {
    /// `checks` targets with a check each, which is called `c0` and on.
    pub fn new(checks: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let world = Self {
            data: dir.path().join("data"),
            dir,
            targets: Targets::start(checks),
            receiver: Receiver::start(),
            checks,
            life: None,
            arms: VecDeque::new(),
            lives: Vec::new(),
            missing: Vec::new(),
            deaths: 0,
        };
        fs::create_dir(world.dir.path().join("manifests")).unwrap();
        let address = world.targets.address;
        let check = |number| {
            format!(
                "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata: {{name: c{number}}}\nspec: \
                 {{interval: 1s, failureThreshold: 1, http: {{url: 'http://{address}/{number}'}}}}\n---\n"
            )
        };
        world.write("checks", &(0..checks).map(check).collect::<String>());
        world
    }

    /// A rule over all checks: `spec` is what more it says.
    pub fn rule(&self, spec: &str) {
        self.object(
            "rule",
            "AlertRule",
            &format!("condition: {{healthCheck: {{selector: {{}}}}}}, alertName: Down, {spec}"),
        );
    }

    /// A webhook that tells the receiver's channel of this name: `spec` is what more it says.
    pub fn webhook(&self, name: &str, spec: &str) {
        let url = format!("http://{}/{name}", self.receiver.address);
        self.object(name, "NotificationChannel", &format!("webhook: {{url: {{value: '{url}'}}}}, {spec}"));
    }

    pub fn object(&self, name: &str, kind: &str, spec: &str) {
        let text = format!(
            "apiVersion: probity.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {{{}}}\n",
            spec.trim_end_matches(", ")
        );
        self.write(name, &text);
    }

    fn write(&self, name: &str, text: &str) {
        // Whole at once, as a file that is half written is not taken.
        let folder = self.dir.path().join("manifests");
        let part = self.dir.path().join(format!("{name}.part"));
        fs::write(&part, text).unwrap();
        fs::rename(part, folder.join(format!("{name}.yaml"))).unwrap();
    }

    pub fn arm(&mut self, arms: &[&str]) {
        self.arms.extend(arms.iter().map(|arm| (*arm).to_owned()));
    }

    /// Fail points that no life has had yet.
    pub fn arms_left(&self) -> usize {
        self.arms.iter().filter(|arm| !arm.is_empty()).count()
    }

    pub fn life(&mut self) -> &mut Life {
        self.life.as_mut().expect("it lives")
    }

    /// Where the life under way serves, once it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.life.as_ref()?.address()
    }

    pub fn start(&mut self) {
        let arm = self.arms.pop_front().unwrap_or_default();
        self.life = Some(Life::start(self.dir.path(), &self.data, self.lives.len() + 1, &arm));
    }

    /// Waits until the life under way knows all that is configured.
    pub fn until_ready(&mut self) {
        self.until("that manifests are read", |world| world.life.as_ref().is_some_and(|life| life.ready().is_some()));
    }

    /// Takes a manifest away again.
    pub fn remove(&self, name: &str) {
        fs::remove_file(self.dir.path().join(format!("manifests/{name}.yaml"))).unwrap();
    }

    /// Rows of the audit trail of this kind whose text holds this, as another process sees them.
    pub fn rows(&self, kind: &str, text: &str) -> i64 {
        let read = "SELECT count(*) FROM audit WHERE kind = ?1 AND instr(CAST(body AS TEXT), ?2) > 0";
        self.database().query_row(read, [kind, text], |row| row.get(0)).unwrap_or(0)
    }

    fn database(&self) -> rusqlite::Connection {
        let database = rusqlite::Connection::open(self.data.join("probity.db")).unwrap();
        database.busy_timeout(Duration::from_secs(5)).unwrap();
        database
    }

    /// SIGKILL from outside, and no new life yet.
    pub fn kill(&mut self) {
        if let Some(mut life) = self.life.take() {
            life.kill();
            self.lives.push(life.lived());
        }
    }

    /// Begins another life where a fail point has ended the last one.
    pub fn live_on(&mut self) {
        let Some(life) = &mut self.life else { return self.start() };
        if let Some(status) = life.ended() {
            assert!(was_killed(status), "it ended by itself ({status}):\n{}", life.told());
            self.deaths += 1;
            self.lives.push(life.lived());
            self.start();
        }
    }

    /// Waits until it is so, through as many lives as it takes. What never comes is noted, and false.
    pub fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) -> bool {
        let begin = Instant::now();
        while !is_so(self) {
            self.live_on();
            if begin.elapsed() > PATIENCE {
                let told = self.life().told();
                self.missing.push(format!("never came: {what}\n{told}"));
                return false;
            }
            thread::sleep(Duration::from_millis(20));
        }
        true
    }

    /// In how many different messages a channel was told that a check's alert has this status.
    pub fn told(&self, channel: &str, check: usize, status: &str) -> usize {
        let name = format!("c{check}");
        let is_it = |alert: &&Value| alert["labels"]["healthcheck"] == *name && alert["status"] == status;
        let deliveries = self.receiver.deliveries();
        let taken = deliveries.iter().filter(|one| one.channel == channel && one.reply.is_taken());
        let told = taken.filter(|one| one.body["alerts"].as_array().into_iter().flatten().any(|alert| is_it(&alert)));
        told.map(|one| one.key.clone()).collect::<BTreeSet<_>>().len()
    }

    /// Notifications that have not ended, as another process sees them.
    fn open(&self) -> i64 {
        let read = "SELECT (SELECT count(*) FROM outbox WHERE state IN ('queued', 'in flight'))
                         + (SELECT count(*) FROM kept WHERE space IN ('episode', 'dead'))";
        self.database().query_row(read, [], |row| row.get(0)).unwrap_or(1)
    }

    /// Waits until nothing is open any more, ends the last life in order, and gathers what there is to judge.
    pub fn end(mut self) -> (Evidence, TempDir) {
        self.until("the end of all that is open", |world| world.open() == 0);
        self.life().terminate();
        let status = self.life().wait();
        assert_eq!(status.code(), Some(0), "{}", self.life().told());
        let head = self.life().log().lines().filter_map(head_in).next_back();
        let lived = self.life().lived();
        self.lives.push(lived);
        let (trail, proof) = (self.audit(&["-o", "json"]), self.audit(&["verify"]));
        let evidence = Evidence {
            deliveries: self.receiver.deliveries(),
            trail: serde_json::from_slice(&trail.stdout).unwrap(),
            answers: (0..self.checks).map(|number| self.targets.answers(number)).collect(),
            lives: self.lives,
            missing: self.missing,
            is_proven: proof.status.code() == Some(0),
            proof: String::from_utf8(proof.stdout).unwrap(),
            head,
        };
        (evidence, self.dir)
    }

    fn audit(&self, arguments: &[&str]) -> std::process::Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_probity"));
        command.arg("audit").args(arguments).args(["--data-dir", self.data.to_str().unwrap()]).output().unwrap()
    }
}

/// The head that a line of the log tells.
fn head_in(line: &str) -> Option<String> {
    let line: Value = serde_json::from_str(line).ok()?;
    Some(line["head"].as_str()?.to_owned())
}
