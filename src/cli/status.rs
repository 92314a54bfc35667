//! `probity status`: what a running Probity sees now, as a table or as JSON.

mod fetch;
mod table;

use std::{
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
};

use clap::ValueEnum;
use url::Url;

use super::{Cli, Exit};
use crate::clock::Clock;

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  probity status\n  probity status --server https://probity.example:8080 --api-token-file token\n  \
                  probity status -o json | jq .failed_checks"
)]
pub struct Args {
    /// Where Probity serves; a certificate is checked against the machine's roots (or SSL_CERT_FILE)
    #[arg(long, env = "PROBITY_SERVER", value_name = "URL", default_value = "http://127.0.0.1:8080", value_parser = server)]
    pub server: Url,
    /// File with the bearer token that a server on another address than loopback wants
    #[arg(long, env = "PROBITY_API_TOKEN_FILE", value_name = "FILE")]
    pub api_token_file: Option<PathBuf>,
    /// How to tell: a table, or the JSON of /health/detailed
    #[arg(short, long, value_enum, default_value = "table", value_name = "FORMAT")]
    pub output: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Table,
    Json,
}

fn server(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
    let mut url = url.ok_or("it is no URL of a server; give http://HOST:PORT or https://HOST:PORT")?;
    if !url.path().ends_with('/') {
        // What follows is a folder of this, not beside it.
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

pub fn run(_cli: &Cli, args: &Args) -> Exit {
    let clock = Clock::system();
    let told = match fetch::ask(args, &clock) {
        Ok(told) => told,
        Err(error) => {
            eprintln!("probity status: {error}");
            return error.exit();
        }
    };
    let text = match args.output {
        Format::Json => told.json,
        Format::Table => {
            let colour = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
            table::render(told.checks, clock.wall(), colour)
        }
    };
    if let Err(error) = std::io::stdout().lock().write_all(text.as_bytes())
        // Whoever reads has seen enough, as `head` does.
        && error.kind() != std::io::ErrorKind::BrokenPipe
    {
        eprintln!("probity status: cannot write to standard output: {error}");
        return Exit::CouldNotRun;
    }
    if told.bad { Exit::Bad } else { Exit::Good }
}

#[cfg(test)]
mod tests {
    use super::server;

    #[test]
    fn a_server_is_a_url_with_a_host() {
        assert_eq!(server("http://127.0.0.1:8080").unwrap().as_str(), "http://127.0.0.1:8080/");
        assert_eq!(server("https://x/probity").unwrap().join("health").unwrap().as_str(), "https://x/probity/health");
        for bad in ["127.0.0.1:8080", "localhost:8080", "ftp://x", "http://", "unix:/run/x", ""] {
            assert!(server(bad).is_err(), "{bad}");
        }
    }
}
