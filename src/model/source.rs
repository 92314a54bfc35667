//! Where PromQL is answered: any server that speaks Prometheus' HTTP API.

use std::{sync::Arc, time::Duration};

use url::Url;

use super::{Auth, Header, Tls};

/// A valid `source`. Equal ones share a client in `query`.
#[derive(Debug, Clone)]
pub struct Source {
    /// `http` or `https`, with a host, without credentials and fragment. A path is a prefix (`/prometheus` of Mimir); a
    /// query goes along with each request (`?extra_label=…` of VictoriaMetrics).
    pub url: Url,
    /// Rare and large.
    pub auth: Option<Box<Auth>>,
    pub tls: Arc<Tls>,
    /// Such as `X-Scope-OrgID`, the tenant. Those of a Secret are marked sensitive.
    pub headers: Vec<Header>,
    /// Of one query, from the first byte sent to the last byte read; at least 1 ms.
    pub timeout: Duration,
}

impl Source {
    /// What a query may take when nothing is said: shorter than the shortest interval that people use for rules, and
    /// as long as a dashboard waits.
    pub const TIMEOUT: Duration = Duration::from_secs(10);

    /// A source that is an address and nothing else, as `--prometheus-url` gives it.
    pub fn plain(url: Url) -> Self {
        Self { url, auth: None, tls: Tls::default().shared(), headers: Vec::new(), timeout: Self::TIMEOUT }
    }

    /// Where an endpoint of the API is, such as `query` for `/api/v1/query`.
    pub fn endpoint(&self, name: &str) -> Url {
        let mut url = self.url.clone();
        let prefix = url.path().trim_end_matches('/');
        let path = format!("{prefix}/api/v1/{name}");
        url.set_path(&path);
        url.set_fragment(None);
        url
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_keep_what_the_url_has() {
        for (url, expected) in [
            ("http://prometheus:9090", "http://prometheus:9090/api/v1/query"),
            ("http://prometheus:9090/", "http://prometheus:9090/api/v1/query"),
            ("https://mimir/prometheus/", "https://mimir/prometheus/api/v1/query"),
            (
                "http://vm/select/0/prometheus?extra_label=a%3Db",
                "http://vm/select/0/prometheus/api/v1/query?extra_label=a%3Db",
            ),
            ("http://a/x%2Fy#z", "http://a/x%2Fy/api/v1/query"),
        ] {
            assert_eq!(Source::plain(url.parse().unwrap()).endpoint("query").as_str(), expected);
        }
    }
}
