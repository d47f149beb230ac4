//! The file of a baseline.

use crate::report::baseline::{Baseline, Malformed};
use nexcage_cli::{Code, Diagnose};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Reads a baseline.
pub(super) fn read(path: &Path) -> Result<Baseline, Error> {
    let text = fs::read_to_string(path).map_err(|source| Error::Read { path: path.to_owned(), source })?;
    Baseline::parse(&text).map_err(|source| Error::Format { path: path.to_owned(), source })
}

/// Writes a baseline: a reader sees the old one or the new one, never a part.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let written = replace(path, &temporary, text);
    if written.is_err() {
        // What could not be made may not be there; the first error is the one to tell.
        drop(fs::remove_file(&temporary));
    }
    written.map_err(|source| Error::Write { path: path.to_owned(), source })
}

fn replace(path: &Path, temporary: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(temporary, path)
}

/// Why a baseline cannot be used.
#[derive(Debug)]
pub(super) enum Error {
    Read { path: PathBuf, source: io::Error },
    Format { path: PathBuf, source: Malformed },
    Write { path: PathBuf, source: io::Error },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Read { path, .. } => write!(f, "cannot read the baseline {}", path.display()),
            Error::Format { path, .. } => write!(f, "{} is not a baseline", path.display()),
            Error::Write { path, .. } => write!(f, "cannot write the baseline {}", path.display()),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Read { source, .. } | Error::Write { source, .. } => Some(source),
            Error::Format { source, .. } => Some(source),
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        match self {
            Error::Read { .. } => Code::Input,
            Error::Format { .. } => Code::Syntax,
            Error::Write { .. } => Code::Output,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::Read { .. } | Error::Format { .. } => {
                Some("--write-baseline makes a baseline of what is found now".to_owned())
            }
            Error::Write { .. } => None,
        }
    }
}
