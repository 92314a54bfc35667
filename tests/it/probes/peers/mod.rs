//! Peers that probes talk to: certificates, scripted servers that misbehave on purpose, and real ones.

pub mod dns;
pub mod http;
pub mod pki;
pub mod real;
pub mod script;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use probity::{
    clock::Clock,
    model::{Address, Degraded, Place, Probe},
    net::{Egress, Net},
    probe::{Context, Job, Outcome, run},
};
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// A server in this process. It ends with the value.
pub struct Peer {
    pub address: SocketAddr,
    task: AbortHandle,
}

impl Peer {
    /// Serves each connection with `serve`, on a port of its own.
    pub async fn tcp<F, S>(serve: S) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
        S: Fn(TcpStream) -> F + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream));
            }
        });
        Self { address, task: task.abort_handle() }
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The peer under a name for 127.0.0.1.
    pub fn named(&self, host: &str) -> Address {
        Address { host: host.into(), port: self.port() }
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A context that may dial loopback and asks `servers` for names; `localhost` needs none.
pub fn context(servers: &[SocketAddr]) -> Context {
    let egress = Egress { allow_loopback: true, ..Egress::default() };
    let clock = Clock::system();
    Context::new(clock.clone(), Arc::new(Net::with_servers(egress, clock, servers)))
}

/// One run with a timeout that no healthy machine reaches.
pub async fn probe(context: &Context, probe: Probe) -> Outcome {
    probe_within(context, probe, Duration::from_secs(20)).await
}

pub async fn probe_within(context: &Context, probe: Probe, timeout: Duration) -> Outcome {
    let job = Job {
        probe: &probe,
        place: &Place::Named,
        degraded: &Degraded::default(),
        timeout,
        retries: 0,
        max_cache: Duration::from_secs(5),
    };
    run(context, &job).await
}
