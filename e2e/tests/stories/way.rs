//! A way to a Service: straight from the node, or through `kubectl port-forward` into a cluster of the user's own.

use std::{
    cell::RefCell,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Stdio},
};

use e2e::Kubectl;

use crate::{
    visitor::{self, get},
    world::World,
};

/// Open for as long as it is held.
pub enum Way {
    Straight(SocketAddr),
    Forwarded(Box<RefCell<Forward>>),
}

/// `kubectl port-forward`, which ends with this.
pub struct Forward {
    kubectl: Kubectl,
    arguments: [String; 5],
    address: SocketAddr,
    child: Option<Child>,
}

impl Way {
    pub fn to(world: &World, namespace: &str, service: &str, port: u16) -> Result<Self, String> {
        if world.node.is_some() {
            return Ok(Self::Straight(visitor::address(world, namespace, service, port)?));
        }
        // From outside a cluster no Service has an address.
        let arguments = ["--namespace", namespace, "port-forward", &format!("service/{service}"), &format!(":{port}")]
            .map(str::to_owned);
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        let mut forward = Forward { kubectl: world.kubectl.clone(), arguments, address, child: None };
        forward.open()?;
        Ok(Self::Forwarded(Box::new(RefCell::new(forward))))
    }

    pub fn address(&self) -> SocketAddr {
        match self {
            Self::Straight(address) => *address,
            Self::Forwarded(forward) => forward.borrow().address,
        }
    }

    /// Status and body of an answer, to whoever has this token. A forward ends with the first connection that is
    /// reset, so it is opened again for one more try.
    pub fn get(&self, path: &str, token: &str) -> Result<(u16, String), String> {
        let answer = get(self.address(), path, token);
        match self {
            Self::Forwarded(forward) if answer.is_err() => {
                forward.borrow_mut().open()?;
                get(self.address(), path, token)
            }
            _ => answer,
        }
    }
}

impl Forward {
    /// Begins, or begins anew.
    fn open(&mut self) -> Result<(), String> {
        self.close();
        let mut command = self.kubectl.command();
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| format!("cannot run kubectl: {error}"))?;
        let said = child.stdout.take();
        self.child = Some(child);
        let mut line = String::new();
        if let Some(said) = said {
            BufReader::new(said).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        // Forwarding from 127.0.0.1:35673 -> 8080
        let address = line.split_whitespace().find_map(|word| word.parse().ok());
        self.address = address.ok_or_else(|| format!("kubectl port-forward says {line:?}"))?;
        Ok(())
    }

    fn close(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Forward {
    fn drop(&mut self) {
        self.close();
    }
}
