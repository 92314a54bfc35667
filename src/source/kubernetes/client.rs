//! The client of the API server: how its connections are made, and how soon one that leads nowhere is noticed.
//!
//! Owns every bound on time below a single request. Decides nothing about what is asked, nor how often. Called when the
//! way to the API server is prepared.

use std::time::Duration;

use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{Client as Http, connect::HttpConnector},
    rt::TokioExecutor,
};
use kube::{
    Client, Config, Error,
    client::{Body, ClientBuilder, ConfigExt as _},
};
use tower::{BoxError, util::MapErr};

/// For the kernels to agree on a connection. What is sent to open it is sent again after 1 s, and the next time only
/// after 3: with the 2 s between two tries an API server that is back is found within 3 s.
const DIAL: Duration = Duration::from_secs(2);
/// With TLS: an API server that starts takes connections seconds before it speaks.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest silence on a connection. Watches end by themselves within [`super::WATCH`], so a longer one is a
/// connection that leads nowhere.
const READ: Duration = Duration::from_secs(super::WATCH as u64 + 15);
/// For a body that is sent, a few KB.
const WRITE: Duration = Duration::from_secs(15);

/// A machine that is lost, or a firewall that forgets, ends no connection: it falls silent, and a watch would go on
/// hearing nothing. After 3 s of silence the other kernel is asked every second whether it has the connection; without
/// an answer it is given up after 6 s, and if there is no such connection any more at once.
const SILENCE: Duration = Duration::from_secs(3);
const ASKED_EVERY: Duration = Duration::from_secs(1);
const ASKED_TIMES: u32 = 3;

/// A client for the cluster of this configuration. Whether it answers is not tried.
pub(super) fn client(config: &Config) -> Result<Client, Error> {
    // A way around a proxy that was asked for would be a surprise.
    if let Some(proxy) = &config.proxy_url {
        return Err(Error::ProxyProtocolUnsupported { proxy_url: Box::new(proxy.clone()) });
    }
    let mut dial = HttpConnector::new();
    // It is given https, too, and does what is below it.
    dial.enforce_http(false);
    dial.set_connect_timeout(Some(DIAL));
    dial.set_keepalive(Some(SILENCE));
    dial.set_keepalive_interval(Some(ASKED_EVERY));
    dial.set_keepalive_retries(Some(ASKED_TIMES));
    let mut connector = TimeoutConnector::new(config.rustls_https_connector_with_connector(dial)?);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_read_timeout(Some(READ));
    connector.set_write_timeout(Some(WRITE));
    // The time that a connection lay idle is no silence of the server's.
    connector.set_reset_reader_on_write(true);
    let http: Http<_, Body> = Http::builder(TokioExecutor::new()).build(connector);
    // No retries: who asks knows best whether and when to ask again.
    let http = MapErr::new(http, BoxError::from);
    let stack = ClientBuilder::new(http, config.default_namespace.clone()).with_layer(&config.extra_headers_layer()?);
    Ok(match config.auth_layer()? {
        Some(auth) => stack.with_layer(&auth).with_layer(&config.base_uri_layer()).build(),
        None => stack.with_layer(&config.base_uri_layer()).build(),
    })
}
