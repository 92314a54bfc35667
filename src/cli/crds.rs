//! `probity crds`: the CustomResourceDefinitions, on standard output or as files.

use std::{fs, io::Write as _, path::PathBuf};

use super::Exit;
use crate::api;

#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  probity crds | kubectl apply --server-side -f -")]
pub struct Args {
    /// Write one file per kind into this folder, in place of standard output
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

pub fn run(args: &Args) -> Exit {
    let result = match &args.dir {
        Some(dir) => write_files(dir),
        None => write_out(),
    };
    match result {
        Ok(()) => Exit::Good,
        Err(message) => {
            eprintln!("probity crds: {message}");
            Exit::CouldNotRun
        }
    }
}

fn write_files(dir: &std::path::Path) -> Result<(), String> {
    fs::create_dir_all(dir).map_err(|error| format!("cannot make the folder {}: {error}", dir.display()))?;
    for (plural, crd) in api::crds() {
        let path = dir.join(plural).with_extension("yaml");
        fs::write(&path, api::yaml_document(&crd))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        println!("{}", path.display());
    }
    Ok(())
}

fn write_out() -> Result<(), String> {
    let mut out = std::io::stdout().lock();
    for (_, crd) in api::crds() {
        match out.write_all(api::yaml_document(&crd).as_bytes()) {
            // Whoever reads has seen enough, as `head` does.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => return Ok(()),
            result => result.map_err(|error| format!("cannot write to standard output: {error}"))?,
        }
    }
    Ok(())
}
