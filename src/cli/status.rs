//! `probity status`. (in work)

use super::{Cli, Exit};

#[derive(Debug, clap::Args)]
pub struct Args {}

pub fn run(_cli: &Cli, _args: &Args) -> Exit {
    Exit::CouldNotRun
}
