//! A pod that cannot reach the API server, in a way that nobody is told of: packets are lost, no connection ends.
//!
//! Only ever inside the namespaces of `e2e/namespaces.sh`, whose firewall is no one else's.

use std::process::Command;

use crate::{Context, Result, tools};

/// Lasts until it is dropped.
pub struct Partition {
    rules: [Vec<String>; 2],
}

impl Partition {
    /// Loses what goes between this pod and the API server, whose port this is.
    pub(crate) fn of(pod: &str, port: u16) -> Result<Self> {
        let rule = |words: &str| words.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let rules = [
            rule(&format!("INPUT --source {pod} --protocol tcp --dport {port} --jump DROP")),
            rule(&format!("OUTPUT --destination {pod} --protocol tcp --sport {port} --jump DROP")),
        ];
        let partition = Self { rules };
        for rule in &partition.rules {
            let output = iptables("--insert", rule).context("cannot run iptables")?;
            if !output.status.success() {
                return Err(format!("iptables: {}", String::from_utf8_lossy(&output.stderr).trim()));
            }
        }
        Ok(partition)
    }
}

impl Drop for Partition {
    fn drop(&mut self) {
        for rule in &self.rules {
            let _ = iptables("--delete", rule);
        }
    }
}

fn iptables(how: &str, rule: &[String]) -> std::io::Result<std::process::Output> {
    let program = tools::which("iptables").unwrap_or_else(|| "iptables".into());
    Command::new(program).args(["--wait", how]).args(rule).output()
}
