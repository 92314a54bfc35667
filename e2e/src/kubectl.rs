//! `kubectl`, run as a person would.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Context, Result, Tools};

/// `kubectl` with a kubeconfig.
#[derive(Debug, Clone)]
pub struct Kubectl {
    pub(crate) program: PathBuf,
    /// None: the user's own.
    pub(crate) config: Option<PathBuf>,
    /// For its caches, so that it leaves none behind.
    pub(crate) home: PathBuf,
}

/// What a command wrote.
#[derive(Debug, Clone)]
pub struct Output {
    pub ok: bool,
    pub stdout: String,
    pub stderr: String,
}

impl Kubectl {
    /// As the user, with the kubeconfig that is theirs.
    #[must_use]
    pub fn of_the_user(tools: &Tools, home: &Path) -> Self {
        Self { program: tools.path("kubectl"), config: None, home: home.to_owned() }
    }

    /// The kubeconfig; None: the user's own.
    pub fn config(&self) -> Option<&Path> {
        self.config.as_deref()
    }

    /// The program with what it needs around it, for whoever runs it in another way than to its end.
    #[must_use]
    pub fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        match &self.config {
            Some(config) => command.env("KUBECONFIG", config).env("HOME", &self.home),
            None => command.env("KUBECACHEDIR", self.home.join("cache")),
        };
        command
    }

    /// Runs a command to its end.
    ///
    /// # Errors
    /// When it cannot be started; that it fails is in the output.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<Output> {
        let output = self.command().args(arguments).output().context("cannot run kubectl")?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Ok(Output { ok: output.status.success(), stdout: text(&output.stdout), stderr: text(&output.stderr) })
    }

    /// As [`Kubectl::run`], for a command that must succeed. Gives what it wrote.
    ///
    /// # Errors
    /// When it fails.
    pub fn must<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Result<String> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let output = self.run(&arguments)?;
        if output.ok {
            return Ok(output.stdout);
        }
        let shown: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_string_lossy()).collect();
        Err(format!("kubectl {}: {}", shown.join(" "), output.stderr.trim()))
    }
}
