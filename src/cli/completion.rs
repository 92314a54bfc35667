//! `probity completion`: a script that lets a shell complete our commands and flags.

use std::io::Write as _;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Exit};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  source <(probity completion bash)\n  probity completion zsh > \"${fpath[1]}/_probity\"\n  \
                        probity completion fish > ~/.config/fish/completions/probity.fish"
)]
pub struct Args {
    /// The shell that is to complete
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: Shell,
}

pub fn run(args: &Args) -> Exit {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "probity", &mut script);
    match std::io::stdout().lock().write_all(&script) {
        // Whoever reads has seen enough, as `head` does.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("probity completion: cannot write to standard output: {error}");
            Exit::CouldNotRun
        }
        _ => Exit::Good,
    }
}
