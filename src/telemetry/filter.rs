//! From `--log-level` to what is let through.

use tracing_subscriber::EnvFilter;

/// What is kept quieter when only a level is given. Below error these speak of their own
/// inner life (handshakes, connection reuse, resolver retries), which says nothing about a check.
const QUIET: &[&str] = &[
    "h2",
    "hickory_net",
    "hickory_proto",
    "hickory_resolver",
    "hyper",
    "hyper_util",
    "kube_runtime",
    "mio",
    "reqwest",
    "rustls",
    "tower",
    "warp",
];

/// Says each failed request again, however often it is tried: what it means is ours to say, once.
const SILENT: &[&str] = &["kube_client"];

/// A plain level holds for us, and keeps dependencies quieter; anything else is taken as a filter in
/// the language of tracing, to the letter.
pub(super) fn parse(level: &str) -> Result<EnvFilter, String> {
    let level = level.trim();
    let quiet = match level.to_ascii_lowercase().as_str() {
        "" => return Err("it is empty".to_owned()),
        "off" => "off",
        "error" => "error",
        "warn" | "info" => "error",
        "debug" => "info",
        "trace" => "debug",
        _ => {
            // A bare word that is no level would silently be taken as the name of a module.
            if !level.contains(['=', ',', '[']) {
                return Err("it is no level".to_owned());
            }
            return EnvFilter::builder().parse(level).map_err(|e| e.to_string());
        }
    };
    let mut all = level.to_ascii_lowercase();
    for name in SILENT {
        all.push_str(&format!(",{name}=off"));
    }
    for name in QUIET {
        all.push_str(&format!(",{name}={quiet}"));
    }
    EnvFilter::builder().parse(all).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn levels_and_filters_are_taken_and_the_rest_is_refused() {
        for good in ["error", "WARN", " info ", "debug", "trace", "off", "info,probity::probe=debug", "probity=trace"] {
            assert!(parse(good).is_ok(), "{good}");
        }
        for bad in ["", "loud", "infoo", "probity=loud", "info,=,"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn dependencies_are_quieter_than_we_are() {
        let shown = parse("info").unwrap().to_string();
        assert!(shown.contains("hyper=error"), "{shown}");
        assert!(parse("debug").unwrap().to_string().contains("rustls=info"));
    }
}
