//! What the process's exit code says.

/// The exit codes of every command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Good = 0,
    /// It ran, and found something bad.
    Bad = 1,
    /// Bad input or usage.
    Usage = 2,
    /// It could not run.
    CouldNotRun = 3,
}

impl From<Exit> for std::process::ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
