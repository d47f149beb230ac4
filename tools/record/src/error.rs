//! What can go wrong with a record.

use nexcage_cli::{Code, Diagnose};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// An id that is none, or a record that cannot be read or written.
#[derive(Debug)]
pub enum Error {
    /// The text cannot be an id or a namespace.
    BadId {
        /// `container id` or `namespace`.
        what: &'static str,
        /// The text.
        text: String,
        /// Why not.
        reason: &'static str,
    },
    /// A container of this id exists.
    Exists {
        /// Its directory.
        path: PathBuf,
    },
    /// No container of this id exists.
    NotFound {
        /// The directory that is not there.
        path: PathBuf,
    },
    /// A system call on a file failed.
    Io {
        /// What was being done.
        doing: &'static str,
        /// To which file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// The file does not hold a record of a version that we know.
    Format {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::BadId { what, text, reason } => write!(f, "{what} {text:?} {reason}"),
            Error::Exists { path } => write!(f, "the container {} exists", path.display()),
            Error::NotFound { path } => write!(f, "there is no container {}", path.display()),
            Error::Io { doing, path, .. } => write!(f, "cannot {doing} {}", path.display()),
            Error::Format { path, .. } => write!(f, "{} is not a record", path.display()),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Io { source, .. } => Some(source),
            Error::Format { source, .. } => Some(source),
            Error::BadId { .. } | Error::Exists { .. } | Error::NotFound { .. } => None,
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        match self {
            Error::BadId { .. } => Code::Id,
            Error::Exists { .. } => Code::Exists,
            Error::NotFound { .. } => Code::NotFound,
            Error::Io { .. } | Error::Format { .. } => Code::Record,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::BadId { .. } => Some("use letters, digits, '_', '+', '-' and '.'".into()),
            Error::Exists { .. } => Some("choose another --id, or end that container first".into()),
            _ => None,
        }
    }
}
