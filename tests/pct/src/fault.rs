//! Faults that a test asks for.

use crate::settings::Settings;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::{fs, io};

/// What goes wrong with the next `pct start`; `Fail` and `Hang` with the next `pct create` as well, once the
/// archive is unpacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Fault {
    /// It fails with this output and status, and starts nothing.
    Fail {
        /// Printed on stdout as it is: warnings and LXC's log lines.
        stdout: String,
        /// Printed on stderr as it is.
        stderr: String,
        /// The exit status.
        status: u8,
    },
    /// It does nothing for so long, then goes on.
    Hang {
        /// In milliseconds.
        milliseconds: u64,
    },
    /// It dies by SIGKILL when it has started the container's unit; its worker goes on.
    Killed,
    /// The CT's conf is gone when it starts the container's unit.
    ConfLost,
}

impl Fault {
    /// The fault that the node's run directory asks for.
    pub(crate) fn wanted(settings: &Settings) -> io::Result<Option<Fault>> {
        match fs::read(file(settings)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn file(settings: &Settings) -> PathBuf {
    settings.run.join("fault")
}
