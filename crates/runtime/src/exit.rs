//! The exit codes of the programs.

use std::process::{ExitCode, Termination};

/// How a program ended, as its exit code says. A usage error is 2 and comes from the command line
/// parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// 0: it did what was asked, or was told to stop and did.
    Done,
    /// 1: it failed.
    Failed,
    /// 64: its configuration is bad, and starting it again will not help (`EX_USAGE` of sysexits).
    BadConfiguration,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Done => Self::SUCCESS,
            Exit::Failed => Self::FAILURE,
            Exit::BadConfiguration => Self::from(64),
        }
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}
