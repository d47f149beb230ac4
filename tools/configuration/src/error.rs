//! Why there is no configuration.

use bundle_validate::json::{FaultKind, Position};
use nexcage_cli::{Code, Diagnose};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// The file cannot be used.
#[derive(Debug)]
pub enum Error {
    /// It cannot be read.
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// What names it, if it is not the usual one.
        named_by: Option<&'static str>,
        /// Why.
        source: io::Error,
    },
    /// Something in it is wrong.
    Wrong {
        /// Its path.
        path: PathBuf,
        /// What, and where.
        source: Complaint,
    },
}

/// The first thing that is wrong in a file.
#[derive(Debug)]
pub struct Complaint {
    /// Where: at the key if it is about the key, else at the value.
    pub position: Position,
    /// The JSON pointer of the value; `""` is the document.
    pub pointer: String,
    /// What.
    pub wrong: Wrong,
}

/// What can be wrong at a place.
#[derive(Debug)]
pub enum Wrong {
    /// It is no strict JSON, or a key is there twice.
    Json(FaultKind),
    /// There is no such key; these are the ones that may stand there.
    Unknown(Vec<&'static str>),
    /// A value is not of the form that its key demands.
    Value {
        /// What is expected.
        expected: &'static str,
        /// What is there, shortened.
        found: String,
    },
    /// A key that is needed here is missing.
    Missing(&'static str),
    /// A range ends before it begins.
    Range {
        /// The lower end.
        first: u32,
        /// The upper end.
        last: u32,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Unreadable { path, .. } => write!(f, "cannot read the configuration {}", path.display()),
            Error::Wrong { path, source } => {
                write!(f, "{}:{}: the configuration is wrong", path.display(), source.position)
            }
        }
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::Unreadable { source, .. } => Some(source),
            Error::Wrong { source, .. } => Some(source),
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        Code::Configuration
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::Unreadable { named_by, .. } => named_by.map(|name| format!("{name} names it")),
            Error::Wrong { .. } => Some("nexcage.json(5) has every key".to_owned()),
        }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(f, "{}: ", self.pointer)?;
        }
        match &self.wrong {
            Wrong::Json(kind) => write!(f, "{kind}"),
            Wrong::Unknown(names) => write!(f, "no such key; expected one of {}", names.join(", ")),
            Wrong::Value { expected, found } => write!(f, "expected {expected}, found {found}"),
            Wrong::Missing(name) => write!(f, "expected a key {name}"),
            Wrong::Range { first, last } => write!(f, "{first} to {last} is no range"),
        }
    }
}

impl StdError for Complaint {}
