//! Data on stdout.

use crate::{Code, Diagnose, Failure};
use std::fmt;
use std::io::{self, Write as _};

#[derive(Debug)]
struct WriteError(io::Error);

impl fmt::Display for WriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("cannot write to stdout")
    }
}

impl std::error::Error for WriteError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Diagnose for WriteError {
    fn code(&self) -> Code {
        Code::Output
    }
}

/// Writes `data` to stdout and flushes it. A reader that has gone away (`| head`) is no error: the
/// tool goes on to its own exit status.
///
/// # Errors
/// Any other failure to write, such as a full disk.
pub fn print(data: &[u8]) -> Result<(), Failure> {
    print_on(data).map(drop)
}

/// Who reads stdout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reader {
    /// Somebody, or a file.
    There,
    /// Nobody any more.
    Gone,
}

/// As [`print`], for a tool that prints on and on, and has nothing to do once its reader is gone.
///
/// # Errors
/// As [`print`].
pub fn print_on(data: &[u8]) -> Result<Reader, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(data).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(Reader::There),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Reader::Gone),
        Err(error) => Err(WriteError(error).into()),
    }
}

/// Replaces control characters by visible escapes, so that foreign text cannot steer a terminal or
/// break a line of output.
#[must_use]
pub fn escape_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}
