//! `probity run`: arguments in, a process that goes on until it is told to stop.

use std::{net::SocketAddr, path::PathBuf};

use url::Url;

use crate::{
    controller::Budgets,
    settings::{DEFAULT_IN_FLIGHT, Kept, MAX_IN_FLIGHT, Origin, Retention, Settings, retention},
    telemetry,
};

use super::{Cli, Exit, egress::EgressArgs};

const EXAMPLE: &str = "Example:
  probity run --manifests manifests/quickstart
  probity run --manifests checks/ secrets.yaml --listen 127.0.0.1:9090 --data-dir /var/lib/probity
  KUBECONFIG=~/.kube/config probity run --namespace shop --namespace billing";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLE)]
pub struct Args {
    /// Files and folders of manifests, read again when they change; without them the objects are those of the
    /// cluster around, or of the kubeconfig
    #[arg(long, env = "PROBITY_MANIFESTS", value_name = "PATH", num_args = 1.., value_delimiter = ',')]
    manifests: Vec<PathBuf>,
    /// Namespaces of the cluster to watch [default: all of them]
    #[arg(long, env = "PROBITY_NAMESPACE", value_name = "NS", num_args = 1.., value_delimiter = ',',
          conflicts_with = "manifests")]
    namespace: Vec<String>,
    /// Address to serve on; port 0 picks a free one
    #[arg(long, env = "PROBITY_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8080",
          value_parser = address)]
    listen: SocketAddr,
    /// Folder for history and state; used by one process at a time
    #[arg(long, env = "PROBITY_DATA_DIR", value_name = "DIR", default_value = "./probity-data")]
    data_dir: PathBuf,
    #[command(flatten)]
    egress: EgressArgs,
    /// Probe runs that may go on at once; what is due beyond that waits its turn
    #[arg(long, env = "PROBITY_MAX_IN_FLIGHT", value_name = "N", default_value_t = DEFAULT_IN_FLIGHT as u64,
          value_parser = clap::value_parser!(u64).range(1..=MAX_IN_FLIGHT as u64))]
    max_in_flight: u64,
    /// Statuses in the cluster that are written a second for the sake of slow figures alone; 0 is off
    #[arg(long, env = "PROBITY_STATUS_REFRESH_PER_SECOND", value_name = "N", default_value_t = 10,
          value_parser = clap::value_parser!(u32).range(0..=10_000))]
    status_refresh_per_second: u32,
    /// Statuses in the cluster that are written a second after transitions and first results
    #[arg(long, env = "PROBITY_STATUS_TRANSITIONS_PER_SECOND", value_name = "N", default_value_t = 200,
          value_parser = clap::value_parser!(u32).range(1..=10_000))]
    status_transitions_per_second: u32,
    /// The Prometheus that rules ask which name no source: those of the operator's namespace
    #[arg(long, env = "PROBITY_PROMETHEUS_URL", value_name = "URL", value_parser = prometheus_url)]
    prometheus_url: Option<Url>,
    /// Let rules of every namespace ask it: it may hold what tenants must not read
    #[arg(long, env = "PROBITY_SHARED_PROMETHEUS", requires = "prometheus_url")]
    shared_prometheus: bool,
    /// How long data is kept, by kind [default: history=100d,audit=400d]
    #[arg(long, env = "PROBITY_RETENTION", value_name = "KIND=DURATION", value_delimiter = ',', value_parser = retention)]
    retention: Vec<Kept>,
    /// File with the bearer token that readers must bring when not on loopback
    #[arg(long, env = "PROBITY_API_TOKEN_FILE", value_name = "FILE")]
    api_token_file: Option<PathBuf>,
    /// In a cluster, let whoever reaches the address read, without a token
    #[arg(long, env = "PROBITY_OPEN_READS", conflicts_with = "manifests")]
    open_reads: bool,
    /// Certificate chain to serve with, PEM; read again when it changes
    #[arg(long, env = "PROBITY_TLS_CERT", value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Key of the certificate, PEM
    #[arg(long, env = "PROBITY_TLS_KEY", value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| "write a numeric address and a port, as in 127.0.0.1:8080, 0.0.0.0:8080 or [::]:8080".to_owned())
}

fn prometheus_url(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let plain = url.filter(|url| url.username().is_empty() && url.password().is_none());
    plain.ok_or_else(|| "write http://HOST:PORT or https://…, without credentials".to_owned())
}

pub fn run(cli: &Cli, args: &Args) -> Exit {
    if let Err(error) = telemetry::init(cli.log_format, &cli.log_level) {
        eprintln!("probity: {error}");
        return Exit::Usage;
    }
    let (origin, egress) = if args.manifests.is_empty() {
        (Origin::Cluster { namespaces: args.namespace.clone() }, args.egress.in_cluster())
    } else {
        (Origin::Files(args.manifests.clone()), args.egress.stand_alone())
    };
    crate::run::run(Settings {
        origin,
        listen: args.listen,
        data_dir: args.data_dir.clone(),
        egress,
        max_in_flight: usize::try_from(args.max_in_flight).unwrap_or(MAX_IN_FLIGHT),
        status: Budgets { transitions: args.status_transitions_per_second, refreshes: args.status_refresh_per_second },
        retention: Retention::with(&args.retention),
        api_token_file: args.api_token_file.clone(),
        open_reads: args.open_reads,
        tls_cert: args.tls_cert.clone(),
        tls_key: args.tls_key.clone(),
        prometheus: args.prometheus_url.clone(),
        shared_prometheus: args.shared_prometheus,
        log_format: telemetry::format_of(cli.log_format, &std::io::stdout()),
    })
}
