//! From the start of the process to its first probe, and the size of the program.

use std::{fs, thread::sleep, time::Duration};

use super::{
    figures::Figures,
    manifests::{self, Check, EXPECTATIONS},
    process::Probity,
    server::Server,
};

const MANIFESTS: u32 = 1000;

pub fn run(figures: &mut Figures) {
    eprintln!("start with {MANIFESTS} manifests");
    let size = fs::metadata(env!("CARGO_BIN_EXE_probity")).unwrap().len();
    figures.at_most("stripped release binary", size as f64 / f64::from(1 << 20), 30.0, "MiB");
    let slowest = (0..5).map(|_| first_probe()).max().unwrap();
    figures.at_most("start to first probe, slowest of 5", slowest as f64, 1000.0, "ms");
}

/// Milliseconds until the server is asked for the first time.
fn first_probe() -> u64 {
    let server = Server::start();
    let folder = tempfile::tempdir().unwrap();
    let checks = folder.path().join("checks");
    manifests::write(
        &checks,
        1,
        (0..MANIFESTS).map(|number| Check {
            number,
            scheme: "http",
            port: server.http,
            interval: "10s",
            more: EXPECTATIONS,
        }),
    );
    let start = server.counts().now;
    let _probity = Probity::start(&checks, &folder.path().join("data"), &[]);
    loop {
        if let Some(first) = server.counts().first {
            return first - start;
        }
        sleep(Duration::from_millis(10));
    }
}
