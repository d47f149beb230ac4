//! What can go wrong with a cgroup.

use nexcage_cli::{Code, Diagnose};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why something could not be done to a cgroup.
#[derive(Debug)]
pub enum Error {
    /// The system refused a call.
    System {
        /// What was being done.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
    /// No hierarchy that the cgroup is in can freeze it.
    NoFreezer {
        /// The cgroup.
        name: PathBuf,
    },
    /// The cgroup does not exist.
    NoCgroup {
        /// The cgroup.
        name: PathBuf,
    },
    /// The cgroup has no such file.
    NoFile {
        /// The cgroup.
        name: PathBuf,
        /// The file.
        file: String,
    },
    /// A file did not take its value, and those that had taken theirs have the old ones again.
    Write {
        /// The file.
        file: String,
        /// The value.
        value: String,
        /// Files that would not take their old values back.
        left: Vec<String>,
        /// Why it failed.
        source: io::Error,
    },
    /// The kernel did not do it in time.
    Timeout {
        /// What was being done.
        doing: String,
        /// How long that may take.
        limit: Duration,
    },
}

impl Error {
    pub(crate) fn system<E: Into<io::Error>>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |source| Error::System { doing, source: source.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::System { doing, .. } => write!(f, "cannot {doing}"),
            Error::NoFreezer { name } => {
                write!(f, "no hierarchy of this host can freeze the cgroup {}", name.display())
            }
            Error::NoCgroup { name } => write!(f, "there is no cgroup {}", name.display()),
            Error::NoFile { name, file } => {
                write!(f, "the cgroup {} has no file {file:?} on this host", name.display())
            }
            Error::Write { file, value, left, .. } => {
                write!(f, "cannot write {value:?} to {file} of the cgroup")?;
                match &**left {
                    [] => Ok(()),
                    left => write!(f, ", nor put back {}", left.join(", ")),
                }
            }
            Error::Timeout { doing, limit } => {
                write!(f, "cannot {doing} within {} s", limit.as_secs_f32())
            }
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::System { source, .. } | Error::Write { source, .. } => Some(source),
            Error::NoFreezer { .. }
            | Error::NoCgroup { .. }
            | Error::NoFile { .. }
            | Error::Timeout { .. } => None,
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        match self {
            Error::System { .. } | Error::Write { .. } => Code::System,
            Error::NoCgroup { .. } => Code::NotFound,
            Error::NoFreezer { .. } | Error::NoFile { .. } => Code::Host,
            Error::Timeout { .. } => Code::Timeout,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::NoFreezer { .. } => {
                Some("mount the freezer of cgroup v1, or cgroup v2 of Linux 5.2 or later".to_owned())
            }
            _ => None,
        }
    }
}
