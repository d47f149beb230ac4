//! What a shim refuses to do, because of the container's state or of what is asked.

use nexcage_cli::{Code, Diagnose};
use std::error::Error;
use std::fmt;
use std::path::PathBuf;

/// Why a call is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The container, or the process, is not in a state for this.
    WrongState { doing: &'static str, id: String, status: String },
    /// Nobody can understand what is asked.
    BadRequest { what: String },
    /// The shim serves another container.
    NoContainer { id: String },
    /// The id has a container already.
    Taken { id: String },
    /// A container whose process has ended takes no signals.
    NotRunning { id: String },
    /// The process has no terminal.
    NoTerminal { id: String },
    /// Something that is not done yet, or never.
    Unsupported { what: &'static str },
    /// A limit that cannot be changed while the container lives.
    Fixed { what: &'static str },
    /// A kind of stdio that is not served yet.
    UnsupportedStdio { name: String },
    /// A socket that cannot be named.
    LongSocket { path: PathBuf },
    /// There is no such process in the container.
    NoExec { id: String },
    /// The process's id is taken.
    ExecExists { id: String },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::WrongState { doing, id, status } => write!(f, "cannot {doing} {id}: it is {status}"),
            Refusal::BadRequest { what } => f.write_str(what),
            Refusal::NoContainer { id } => write!(f, "this shim has no container {id:?}"),
            Refusal::Taken { id } => write!(f, "the container {id} exists"),
            Refusal::NotRunning { id } => write!(f, "the container {id} is not running"),
            Refusal::NoTerminal { id } => write!(f, "{id} has no terminal"),
            Refusal::Unsupported { what } => f.write_str(what),
            Refusal::Fixed { what } => {
                write!(f, "linux.resources.{what} cannot be changed while the container lives")
            }
            Refusal::UnsupportedStdio { name } => {
                write!(
                    f,
                    "stdio {name:?}: only fd:N, FIFOs, file:// for outputs, console:// and nothing are served"
                )
            }
            Refusal::LongSocket { path } => {
                write!(f, "the path of the socket {} is too long for containerd", path.display())
            }
            Refusal::NoExec { id } => write!(f, "there is no process {id}"),
            Refusal::ExecExists { id } => write!(f, "the process {id} exists"),
        }
    }
}

impl Error for Refusal {}

impl Diagnose for Refusal {
    fn code(&self) -> Code {
        match self {
            Refusal::WrongState { .. } | Refusal::NoTerminal { .. } => Code::WrongState,
            Refusal::BadRequest { .. } | Refusal::LongSocket { .. } => Code::Usage,
            Refusal::NoContainer { .. } | Refusal::NotRunning { .. } | Refusal::NoExec { .. } => {
                Code::NotFound
            }
            Refusal::Taken { .. } | Refusal::ExecExists { .. } => Code::Exists,
            Refusal::Unsupported { .. } | Refusal::Fixed { .. } | Refusal::UnsupportedStdio { .. } => {
                Code::Unsupported
            }
        }
    }
}
