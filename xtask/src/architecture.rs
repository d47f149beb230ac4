//! The machines that are built for.

use std::ffi::OsStr;

/// An architecture of a processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Architecture {
    Amd64,
    Arm64,
}

impl Architecture {
    /// Both.
    pub(crate) const ALL: [Architecture; 2] = [Architecture::Amd64, Architecture::Arm64];

    /// By Debian's name.
    pub(crate) fn parse(name: &OsStr) -> Option<Self> {
        Self::ALL.into_iter().find(|architecture| name == architecture.debian())
    }

    /// That of this program, which is the machine's.
    pub(crate) fn own() -> Self {
        if cfg!(target_arch = "aarch64") { Architecture::Arm64 } else { Architecture::Amd64 }
    }

    /// Debian's name.
    pub(crate) fn debian(self) -> &'static str {
        match self {
            Architecture::Amd64 => "amd64",
            Architecture::Arm64 => "arm64",
        }
    }

    /// The kernel's name.
    pub(crate) fn kernel(self) -> &'static str {
        match self {
            Architecture::Amd64 => "x86_64",
            Architecture::Arm64 => "aarch64",
        }
    }

    /// The name that tools and directories of GNU have.
    pub(crate) fn gnu(self) -> &'static str {
        match self {
            Architecture::Amd64 => "x86_64-linux-gnu",
            Architecture::Arm64 => "aarch64-linux-gnu",
        }
    }

    /// Rust's name of the target.
    pub(crate) fn target(self) -> &'static str {
        match self {
            Architecture::Amd64 => "x86_64-unknown-linux-gnu",
            Architecture::Arm64 => "aarch64-unknown-linux-gnu",
        }
    }

    /// A tool for its files: `strip`, `objdump`.
    pub(crate) fn tool(self, name: &str) -> String {
        if self == Self::own() { name.to_owned() } else { format!("{}-{name}", self.gnu()) }
    }
}
