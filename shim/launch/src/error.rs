//! What can go wrong on the way to a shim.

use nexcage_cli::{Code, Diagnose};
use nexcage_record::Error as RecordError;
use nexcage_task_api::ClientError;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A shim that cannot be started or reached.
#[derive(Debug)]
pub enum Error {
    /// There is no container, or its record cannot be read.
    Record(RecordError),
    /// nexcage-shim is nowhere.
    Missing,
    /// nexcage-shim could not be started.
    Start {
        /// The program.
        program: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// nexcage-shim says why it does not do it.
    Refused {
        /// The code that it gave.
        code: Code,
        /// Its words.
        text: String,
        /// What it says can be done.
        hint: Option<String>,
    },
    /// The container is there, but nobody answers on its socket.
    Unreachable(ClientError),
    /// nexcage-shim ended without a word.
    Died {
        /// How, in words.
        how: String,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Record(error) => error.fmt(f),
            Error::Missing => f.write_str("nexcage-shim is not installed"),
            Error::Start { program, .. } => write!(f, "cannot start {}", program.display()),
            Error::Refused { text, .. } => f.write_str(text),
            Error::Unreachable(_) => f.write_str("cannot reach the container's shim"),
            Error::Died { how } => write!(f, "nexcage-shim ended without a word ({how})"),
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Record(error) => error.source(),
            Error::Start { source, .. } => Some(source),
            Error::Unreachable(source) => Some(source),
            Error::Missing | Error::Refused { .. } | Error::Died { .. } => None,
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        match self {
            Error::Record(error) => error.code(),
            Error::Missing => Code::ShimMissing,
            Error::Refused { code, .. } => *code,
            Error::Start { .. } | Error::Unreachable(_) | Error::Died { .. } => Code::Shim,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::Record(error) => error.hint(),
            Error::Missing => {
                Some("install it beside this program, in the PATH or in /usr/libexec/nexcage".into())
            }
            Error::Refused { hint, .. } => hint.clone(),
            Error::Start { .. } | Error::Unreachable(_) | Error::Died { .. } => None,
        }
    }
}
