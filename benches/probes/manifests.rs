//! The manifests of the checks that are measured.

use std::{fmt::Write as _, fs, net::Ipv4Addr, path::Path};

/// Where target `number` is: 250 addresses, so that no destination is asked too often for its ports to last.
pub fn host(number: u32) -> Ipv4Addr {
    Ipv4Addr::new(127, 0, 1, u8::try_from(number % 250).unwrap() + 1)
}

/// One check, as a document.
pub struct Check<'a> {
    pub number: u32,
    pub scheme: &'a str,
    pub port: u16,
    pub interval: &'a str,
    /// Lines to put under `http:`.
    pub more: &'a str,
}

impl Check<'_> {
    pub fn document(&self) -> String {
        let Self { number, scheme, port, interval, more } = self;
        let host = host(*number);
        format!(
            "apiVersion: probity.dev/v1alpha1\nkind: HealthCheck\nmetadata:\n  name: check-{number:05}\n  \
             labels: {{component: bench, tier: backend}}\nspec:\n  interval: {interval}\n  timeout: 5s\n  http:\n    \
             url: {scheme}://{host}:{port}/t/{number}\n{more}---\n"
        )
    }
}

/// Everything on: a status range, a header, a regular expression and a CEL expression over the parsed body.
pub const EXPECTATIONS: &str = r#"    expect:
      status: ["200-299"]
      headers: [{name: Content-Type, matches: "application/json.*"}]
      bodyMatches: ["\"status\":\\s*\"healthy\""]
      when: "response.json.status == 'healthy' && response.json.queue < 100"
"#;

/// Writes the checks into `folder`, `per_file` to a file.
pub fn write<'a>(folder: &Path, per_file: usize, checks: impl Iterator<Item = Check<'a>>) {
    fs::create_dir_all(folder).unwrap();
    let documents: Vec<_> = checks.map(|check| check.document()).collect();
    for (number, chunk) in documents.chunks(per_file).enumerate() {
        let mut text = String::new();
        for document in chunk {
            write!(text, "{document}").unwrap();
        }
        fs::write(folder.join(format!("checks-{number:04}.yaml")), text).unwrap();
    }
}
