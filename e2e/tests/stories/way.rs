//! A way to a Service: straight from the node, or through `kubectl port-forward` into a cluster of the user's own.

use std::{
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child, Stdio},
};

use crate::{
    visitor::{self, get},
    world::World,
};

/// Open for as long as it is held.
pub struct Way {
    pub address: SocketAddr,
    /// `kubectl port-forward`, which ends with this.
    forward: Option<Child>,
}

impl Way {
    pub fn to(world: &World, namespace: &str, service: &str, port: u16) -> Result<Self, String> {
        match &world.node {
            Some(_) => Ok(Self { address: visitor::address(world, namespace, service, port)?, forward: None }),
            None => Self::forwarded(world, namespace, service, port),
        }
    }

    /// From outside a cluster no Service has an address.
    fn forwarded(world: &World, namespace: &str, service: &str, port: u16) -> Result<Self, String> {
        let mut command = world.kubectl.command();
        command.args(["--namespace", namespace, "port-forward", &format!("service/{service}"), &format!(":{port}")]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| format!("cannot run kubectl: {error}"))?;
        let said = child.stdout.take();
        let mut way = Self { address: SocketAddr::from(([127, 0, 0, 1], 0)), forward: Some(child) };
        let mut line = String::new();
        if let Some(said) = said {
            BufReader::new(said).read_line(&mut line).map_err(|error| error.to_string())?;
        }
        // Forwarding from 127.0.0.1:35673 -> 8080
        let address = line.split_whitespace().find_map(|word| word.parse().ok());
        way.address = address.ok_or_else(|| format!("kubectl port-forward says {line:?}"))?;
        Ok(way)
    }

    /// Status and body of an answer, to whoever has this token.
    pub fn get(&self, path: &str, token: &str) -> Result<(u16, String), String> {
        get(self.address, path, token)
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        if let Some(child) = &mut self.forward {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
