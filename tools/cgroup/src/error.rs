//! What can go wrong with a cgroup.

use nexcage_cli::{Code, Diagnose};
use std::error::Error as StdError;
use std::fmt;
use std::io;

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
}

impl Error {
    pub(crate) fn system<E: Into<io::Error>>(doing: impl Into<String>) -> impl FnOnce(E) -> Self {
        let doing = doing.into();
        move |source| Error::System { doing, source: source.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Error::System { doing, .. } = self;
        write!(f, "cannot {doing}")
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let Error::System { source, .. } = self;
        Some(source)
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        Code::System
    }
}
