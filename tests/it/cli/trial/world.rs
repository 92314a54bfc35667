//! A folder with a check, a rule, a channel and a test of them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use tempfile::{TempDir, tempdir};

const MANIFESTS: &str = "apiVersion: probity.dev/v1alpha1
kind: HealthCheck
metadata: {name: web, labels: {tier: front}}
spec:
  interval: 5s
  failureThreshold: 1
  timeout: 5s
  degraded: {latency: 500ms}
  tcp: {address: 'a:1'}
---
apiVersion: probity.dev/v1alpha1
kind: AlertRule
metadata: {name: down}
spec:
  severity: high
  condition: {healthCheck: {name: web}}
  message: '{{ $labels.healthcheck }} is down'
  annotations: {runbook_url: 'https://wiki.example/down'}
  notify: [{name: lines}]
---
apiVersion: probity.dev/v1alpha1
kind: NotificationChannel
metadata: {name: lines}
spec: {log: {}}
";

/// Ten lines, so that what is expected begins on the eleventh.
pub const TEST: &str = "apiVersion: probity.dev/v1alpha1
kind: ProbityTest
metadata: {name: t}
spec:
  manifests: [m.yaml]
  tests:
  - name: one
    checks:
    - name: web
      results: ok x4 fail x2 ok
    expect:
";

pub struct Folder {
    pub dir: TempDir,
}

impl Folder {
    /// The check is well until 20 s, is down then, and well again from 30 s on.
    pub fn new(expect: &str) -> Self {
        Self::with(TEST, expect)
    }

    /// With another test before `expect`, whose lines are indented as the list that they are in.
    pub fn with(test: &str, expect: &str) -> Self {
        let dir = tempdir().unwrap();
        let indented: String = expect.lines().map(|line| format!("    {line}\n")).collect();
        fs::write(dir.path().join("m.yaml"), MANIFESTS).unwrap();
        fs::write(dir.path().join("t.test.yaml"), format!("{test}{indented}")).unwrap();
        Self { dir }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn test(&self, arguments: &[&str]) -> Output {
        probity(self.dir.path(), &[&["test"], arguments].concat())
    }
}

pub fn probity(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_probity")).current_dir(folder).args(arguments).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}
