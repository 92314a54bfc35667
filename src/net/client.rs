//! HTTP for ourselves: token endpoints, notification channels, queries. Probes do not come through here.
//!
//! One client shares the machine's roots, the resolver and the egress policy with everything else that
//! dials: the policy is asked for each resolved address, for hosts that are addresses, and on redirects. Behind an HTTP
//! proxy the names are looked up by the proxy, and only hosts that are addresses are judged here.

use std::{error::Error as _, fmt::Display, io, net::IpAddr, net::SocketAddr, sync::Arc, time::Duration};

use bytes::{Bytes, BytesMut};
use reqwest::{
    Method, RequestBuilder, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    redirect,
};
use url::{Host, Url};

use super::{Failure, Net, blocked};
use crate::{
    health::Reason,
    model::{IpFamily, Tls},
};

/// How old an address may be for a client of ours: these calls are rare, and a moved service is found soon.
const MAX_CACHE: Duration = Duration::from_secs(5);

/// How a client behaves.
#[derive(Debug, Clone)]
pub struct Limits {
    /// From the first byte sent to the last byte read.
    pub timeout: Duration,
    /// How many redirects are followed; 0 gives the redirect itself back.
    pub redirects: usize,
    /// Whether the HTTP proxy variables are honoured: for notifications and sources, not for probes.
    pub proxy: bool,
}

/// An HTTP client under the egress policy. Cheap to clone.
#[derive(Clone)]
pub struct Client {
    inner: reqwest::Client,
    net: Arc<Net>,
}

impl Client {
    /// One that trusts this machine's roots.
    ///
    /// # Errors
    /// What the TLS library says when it cannot be set up.
    pub fn new(net: &Arc<Net>, limits: &Limits) -> Result<Self, String> {
        Self::trusting(net, limits, None)
    }

    /// One that trusts the authorities of `ca`, which is PEM, beside this machine's roots.
    ///
    /// # Errors
    /// What is wrong with `ca`, or what the TLS library says when it cannot be set up.
    pub fn trusting(net: &Arc<Net>, limits: &Limits, ca: Option<&str>) -> Result<Self, String> {
        Self::build(net, limits, net.tls.verifying(ca)?)
    }

    /// One that does as an object's `tls` says. Its `ca` stands in place of this machine's roots, and its
    /// `server_name` is verified but not sent. Costs some 100 KB: keep it, and share it between equal settings.
    ///
    /// # Errors
    /// What is wrong with the object's PEM, or what the TLS library says when it cannot be set up.
    pub fn with_tls(net: &Arc<Net>, limits: &Limits, tls: &Tls) -> Result<Self, String> {
        Self::build(net, limits, net.tls.verifying_as(tls)?)
    }

    #[expect(clippy::disallowed_methods, reason = "this is the place that the ban sends everyone to")]
    fn build(net: &Arc<Net>, limits: &Limits, tls: rustls::ClientConfig) -> Result<Self, String> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls)
            .dns_resolver(Arc::new(Names(Arc::clone(net))))
            .redirect(redirects(net, limits.redirects))
            .timeout(limits.timeout);
        if !limits.proxy {
            builder = builder.no_proxy();
        }
        let inner = builder.build().map_err(|error| error.to_string())?;
        Ok(Self { inner, net: Arc::clone(net) })
    }

    /// Begins a request.
    ///
    /// # Errors
    /// Blocked when the URL's host is an address that the egress policy denies.
    pub fn request(&self, method: Method, url: Url) -> Result<RequestBuilder, Failure> {
        check_literal(&self.net, &url)?;
        Ok(self.inner.request(method, url))
    }
}

/// Reads a body of at most `max` bytes.
///
/// # Errors
/// BodyTooLarge when there is more, or what the connection says.
pub async fn read_bounded(mut response: Response, max: usize) -> Result<Bytes, Failure> {
    let peer = peer_of(response.url());
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| from_request(&error, &peer))? {
        if chunk.len() > max - body.len() {
            return Err(Failure::new(Reason::BodyTooLarge, format!("{peer} sent a body of more than {max} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

/// Reads the first `max` bytes of a body, or all of a shorter one; what comes after them is not waited for.
///
/// # Errors
/// What the connection says.
pub async fn read_start(mut response: Response, max: usize) -> Result<Bytes, Failure> {
    let peer = peer_of(response.url());
    let mut body = BytesMut::new();
    while body.len() < max {
        let Some(chunk) = response.chunk().await.map_err(|error| from_request(&error, &peer))? else { break };
        body.extend_from_slice(chunk.get(..max - body.len()).unwrap_or(&chunk));
    }
    Ok(body.freeze())
}

/// What an error of a request says about `peer`. The URL, which may hold a secret, is not in it.
pub fn from_request(error: &reqwest::Error, peer: &dyn Display) -> Failure {
    let mut source = error.source();
    let mut io = None;
    while let Some(inner) = source {
        if let Some(failure) = inner.downcast_ref::<Failure>() {
            return failure.clone();
        }
        if let Some(tls) = inner.downcast_ref::<rustls::Error>() {
            return Failure::from_tls(tls, peer);
        }
        let inner_io = inner.downcast_ref::<io::Error>();
        if let Some(one) = inner_io.filter(|one| one.kind() != io::ErrorKind::Other) {
            io = Some(one);
        }
        // What an I/O error wraps is not its source, but what is behind that.
        source = match inner_io.and_then(io::Error::get_ref) {
            Some(wrapped) => Some(wrapped),
            None => inner.source(),
        };
    }
    if let Some(io) = io {
        return Failure::from_io(io, peer);
    }
    let (reason, what) = match error {
        error if error.is_timeout() => (Reason::Timeout, "did not answer in time"),
        error if error.is_redirect() => (Reason::TooManyRedirects, "redirects too often"),
        error if error.is_connect() => (Reason::ConnectionReset, "could not be connected to"),
        _ => (Reason::ProtocolError, "did not answer as HTTP"),
    };
    Failure::new(reason, format!("{peer} {what}"))
}

/// Host and port of a URL, which is what messages may name.
pub fn peer_of(url: &Url) -> String {
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) => format!("{host}:{port}"),
        (Some(host), None) => host.to_owned(),
        (None, _) => "the peer".to_owned(),
    }
}

/// Addresses in URLs are dialled without a look-up, so they are checked before.
fn check_literal(net: &Net, url: &Url) -> Result<(), Failure> {
    let ip: IpAddr = match url.host() {
        Some(Host::Ipv4(v4)) => v4.into(),
        Some(Host::Ipv6(v6)) => v6.into(),
        Some(Host::Domain(_)) | None => return Ok(()),
    };
    net.egress.check(ip).map_err(|denied| blocked(&ip.to_string(), &denied))
}

fn redirects(net: &Arc<Net>, max: usize) -> redirect::Policy {
    if max == 0 {
        return redirect::Policy::none();
    }
    let net = Arc::clone(net);
    redirect::Policy::custom(move |attempt| {
        if attempt.previous().len() > max {
            return attempt.error(Failure::new(Reason::TooManyRedirects, format!("over {max} redirects")));
        }
        match check_literal(&net, attempt.url()) {
            Ok(()) => attempt.follow(),
            Err(failure) => attempt.error(failure),
        }
    })
}

/// Our resolver and policy, as reqwest calls them.
struct Names(Arc<Net>);

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let net = Arc::clone(&self.0);
        Box::pin(async move {
            let (addresses, _) = net.resolve(&Arc::from(name.as_str()), IpFamily::Any, MAX_CACHE).await?;
            let sockets: Vec<_> = addresses.as_slice().iter().map(|&ip| SocketAddr::new(ip, 0)).collect();
            Ok(Box::new(sockets.into_iter()) as Addrs)
        })
    }
}
