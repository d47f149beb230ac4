//! Why a bundle is not rendered.

use bundle_validate::json::{Node, Position};
use nexcage_cli::{Code, Diagnose};
use std::fmt;
use std::io;
use std::path::PathBuf;

/// A field that cannot be expressed, or not safely.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its JSON pointer (RFC 6901).
    pub pointer: String,
    /// Where it stands in config.json.
    pub position: Position,
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub advice: &'static str,
}

impl Refusal {
    pub(crate) fn new(node: Node<'_>, reason: impl Into<String>, advice: &'static str) -> Self {
        Refusal { pointer: node.pointer(), position: node.position(), reason: reason.into(), advice }
    }
}

/// Why a bundle is not rendered.
#[derive(Debug)]
pub enum RenderError {
    /// It asks for things that cannot be expressed; in the order of the document, never empty.
    Refused(Vec<Refusal>),
    /// Its root file system cannot be opened.
    Rootfs {
        /// The path as it was looked up.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The text would not be read back as what was rendered: a fault of this program.
    NotInert {
        /// The first key that differs.
        key: String,
    },
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = if self.pointer.is_empty() { "the document" } else { &self.pointer };
        write!(f, "{}: {pointer}: {}; {}", self.position, self.reason, self.advice)
    }
}

impl fmt::Display for RenderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RenderError::Refused(refusals) => {
                let plural = if refusals.len() == 1 { "" } else { "s" };
                write!(f, "{} field{plural} of config.json refused", refusals.len())?;
                for (index, refusal) in refusals.iter().enumerate() {
                    write!(f, "{} {refusal}", if index == 0 { ":" } else { " |" })?;
                }
                Ok(())
            }
            RenderError::Rootfs { path, .. } => {
                write!(f, "cannot open the root file system {}", path.display())
            }
            RenderError::NotInert { key } => {
                write!(f, "the rendered text would not be read back as intended, from {key} on")
            }
        }
    }
}

impl std::error::Error for RenderError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            RenderError::Rootfs { source, .. } => Some(source),
            RenderError::Refused(_) | RenderError::NotInert { .. } => None,
        }
    }
}

impl Diagnose for RenderError {
    fn code(&self) -> Code {
        match self {
            RenderError::Rootfs { .. } => Code::Input,
            RenderError::Refused(_) | RenderError::NotInert { .. } => Code::Refused,
        }
    }
}
