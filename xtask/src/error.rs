//! How the project's commands fail.

use nexcage_cli::{Code, Diagnose};
use std::fmt;
use std::io;
use std::process::ExitStatus;

/// What went wrong.
#[derive(Debug)]
pub(crate) enum Error {
    /// A program could not be started.
    Start { program: String, source: io::Error },
    /// A program ended with a status other than 0.
    Ended { program: String, status: ExitStatus },
    /// A file could not be read or written.
    File { path: String, source: io::Error },
    /// The recordings of the real `pct` could not be replayed.
    Replay(pct_stand_in::replay::Error),
    /// What was seen is not what was expected.
    Unexpected(String),
    /// The machine is not one that the command can set up itself.
    Machine(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Start { program, .. } => write!(f, "cannot start {program}"),
            Error::Ended { program, status } => write!(f, "{program}: {status}"),
            Error::File { path, .. } => write!(f, "{path}"),
            Error::Replay(_) => f.write_str("the recordings of pct"),
            Error::Unexpected(text) | Error::Machine(text) => f.write_str(text),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Start { source, .. } | Error::File { source, .. } => Some(source),
            Error::Replay(source) => Some(source),
            Error::Ended { .. } | Error::Unexpected(_) | Error::Machine(_) => None,
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        match self {
            Error::Unexpected(_) | Error::Ended { .. } => Code::Invalid,
            Error::Start { .. } | Error::File { .. } | Error::Replay(_) | Error::Machine(_) => Code::System,
        }
    }
}
