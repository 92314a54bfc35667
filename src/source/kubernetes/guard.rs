//! Finds the addresses that probes have no business with: the API server's, the nodes' and our own.
//!
//! Owns where they are looked up, and how often. What is not permitted to be read is left out, and said once. A
//! supervised task of `probity run` in a cluster; `net` keeps probes from what it finds.

use std::{collections::HashMap, convert::Infallible, net::IpAddr, sync::Arc, time::Duration};

use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{
    Api, Client,
    api::ListParams,
    core::{ApiResource, GroupVersionKind, NotUsed, Object},
};
use serde::Deserialize;
use tokio::{net::UdpSocket, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    Cluster,
    watch::{self, Heard, Why, follow, trouble},
};
use crate::net::Guarded;

const SERVER: &str = "the API server's address";
const NODE: &str = "a node's own address";
const SELF: &str = "Probity's own address";

/// API servers are replaced in minutes, not in seconds.
const EVERY: Duration = Duration::from_secs(60);
/// RBAC that keeps us from the nodes is seldom changed.
const DENIED: Duration = Duration::from_secs(300);
/// For one request.
const PATIENCE: Duration = Duration::from_secs(10);
/// Nodes that wait to be taken in.
const INBOX: usize = 64;

/// Whether it was once looked where all of them are. Cheap to clone; all clones are one.
#[derive(Debug, Clone, Default)]
pub struct FirstLook {
    servers: CancellationToken,
    nodes: CancellationToken,
}

impl FirstLook {
    /// Waits for it, or as long as the two look-ups may take: nothing is probed before, as an address that is not
    /// known yet is not guarded yet.
    pub async fn wait(&self) {
        let both = async { tokio::join!(self.servers.cancelled(), self.nodes.cancelled()) };
        if tokio::time::timeout(PATIENCE * 2, both).await.is_err() {
            tracing::warn!("where the API servers and the nodes are is not known yet: they may be probed until it is");
        }
    }
}

/// Of a node, what is read of it.
type Node = Object<NotUsed, NodeStatus>;

#[derive(Debug, Clone, Default, Deserialize)]
struct NodeStatus {
    #[serde(default)]
    addresses: Vec<NodeAddress>,
}

#[derive(Debug, Clone, Deserialize)]
struct NodeAddress {
    address: String,
}

/// Keeps `guarded` up to the cluster until `shutdown`, and tells `first` when it has done so once.
///
/// # Errors
/// Never: what cannot be found is tried again.
pub async fn guard(
    cluster: Cluster,
    guarded: Guarded,
    first: FirstLook,
    shutdown: CancellationToken,
) -> Result<(), Infallible> {
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = servers(&cluster, &guarded, &first.servers) => {}
        () = nodes(&cluster.client, &guarded, &first.nodes) => {}
    }
    Ok(())
}

async fn servers(cluster: &Cluster, guarded: &Guarded, looked: &CancellationToken) {
    let host = cluster.server.host().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = cluster.server.port_u16().unwrap_or(443);
    let mut endpoints: Vec<IpAddr> = Vec::new();
    let mut said = false;
    loop {
        let mut found: Vec<IpAddr> = match tokio::net::lookup_host((host.as_str(), port)).await {
            Ok(all) => all.map(|address| address.ip()).collect(),
            Err(_) => Vec::new(),
        };
        guarded.set(SELF, own(&found, port).await);
        match tokio::time::timeout(PATIENCE, behind(&cluster.client)).await {
            Ok(Ok(behind)) => endpoints = behind,
            Ok(Err(error)) => {
                let trouble = trouble(&error);
                if trouble.why == Why::Denied && !std::mem::replace(&mut said, true) {
                    tracing::info!("the API servers behind {host} are not known, and may be probed: {}", trouble.text);
                }
            }
            Err(_) => {}
        }
        found.extend(&endpoints);
        guarded.set(SERVER, found);
        looked.cancel();
        tokio::time::sleep(EVERY).await;
    }
}

/// The API servers themselves, behind the address that is spoken to.
async fn behind(client: &Client) -> Result<Vec<IpAddr>, kube::Error> {
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), "default");
    let list = slices.list(&ListParams::default().labels("kubernetes.io/service-name=kubernetes")).await?;
    let addresses = list.items.into_iter().flat_map(|slice| slice.endpoints).flat_map(|endpoint| endpoint.addresses);
    Ok(addresses.filter_map(|address| address.parse().ok()).collect())
}

/// Our own address: as the pod was told, else the one from which the API server is spoken to. Connecting a UDP socket
/// sends nothing.
async fn own(servers: &[IpAddr], port: u16) -> Vec<IpAddr> {
    let mut own: Vec<IpAddr> = match std::env::var("POD_IPS").or_else(|_| std::env::var("POD_IP")) {
        Ok(told) => told.split(',').filter_map(|ip| ip.trim().parse().ok()).collect(),
        Err(_) => Vec::new(),
    };
    for server in servers.iter().take(1) {
        let any: IpAddr = if server.is_ipv4() { [0; 4].into() } else { [0u16; 8].into() };
        let Ok(socket) = UdpSocket::bind((any, 0)).await else { continue };
        if socket.connect((*server, port)).await.is_ok()
            && let Ok(local) = socket.local_addr()
        {
            own.push(local.ip());
        }
    }
    own
}

async fn nodes(client: &Client, guarded: &Guarded, looked: &CancellationToken) {
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk("", "v1", "Node"), "nodes");
    let mut said = false;
    loop {
        let api: Api<Node> = Api::all_with(client.clone(), &resource);
        let (told, mut inbox) = mpsc::channel(INBOX);
        let mut known: HashMap<Arc<str>, Vec<IpAddr>> = HashMap::new();
        let take = async {
            let mut listing = HashMap::new();
            while let Some(heard) = inbox.recv().await {
                match heard {
                    Heard::Begin => listing = HashMap::new(),
                    Heard::Listed((name, addresses)) => {
                        listing.insert(name, addresses);
                        continue;
                    }
                    Heard::Complete => {
                        known = std::mem::take(&mut listing);
                        guarded.set(NODE, known.values().flatten().copied());
                        looked.cancel();
                        continue;
                    }
                    Heard::Applied((name, addresses)) => {
                        if known.get(&name) == Some(&addresses) {
                            continue;
                        }
                        known.insert(name, addresses);
                    }
                    Heard::Gone((name, _)) => {
                        known.remove(&name);
                    }
                    Heard::Trouble(trouble) if trouble.why == Why::Denied => return trouble.text,
                    Heard::Trouble(_) | Heard::Recovered => continue,
                }
                guarded.set(NODE, known.values().flatten().copied());
            }
            Arc::default()
        };
        tokio::select! {
            () = follow(api, watch::config(), told, |heard| heard.map(addresses)) => {}
            why = take => {
                // They are not ours to know.
                looked.cancel();
                if !std::mem::replace(&mut said, true) {
                    tracing::info!("the nodes' addresses are not known, and may be probed: {why}");
                }
            }
        }
        tokio::time::sleep(DENIED).await;
    }
}

fn addresses(node: Node) -> (Arc<str>, Vec<IpAddr>) {
    let all = node.status.unwrap_or_default().addresses;
    let addresses = all.into_iter().filter_map(|address| address.address.parse().ok()).collect();
    (node.metadata.name.unwrap_or_default().into(), addresses)
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[tokio::test]
    async fn nothing_begins_before_both_were_looked_for_once() {
        let first = FirstLook::default();
        let mut waiting = std::pin::pin!(first.wait());
        assert_eq!(waiting.as_mut().now_or_never(), None);
        first.nodes.cancel();
        assert_eq!(waiting.as_mut().now_or_never(), None);
        first.servers.cancel();
        assert_eq!(waiting.as_mut().now_or_never(), Some(()));
    }
}
