//! A rendered bundle as a CT of Proxmox VE: the CT's own configuration, and the file that it
//! includes, which LXC reads unfiltered (pct.md, section 2).

mod conf;
mod include;

pub use conf::{conf, included, includes};
pub use include::include;

use nexcage_cli::{Code, Diagnose};
use std::fmt;
use std::path::PathBuf;

/// What a CT's configuration says of its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Host {
    /// The architecture in Proxmox's word.
    pub arch: &'static str,
    /// All memory, in MiB.
    pub memory: u64,
    /// All swap, in MiB.
    pub swap: u64,
}

/// Why a bundle cannot be a CT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PveError {
    /// The path would end its line or its value in the configuration.
    Path(PathBuf),
}

impl Host {
    /// This host (proc(5), /proc/meminfo).
    #[must_use]
    pub fn this() -> Self {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
        let arch = match std::env::consts::ARCH {
            "aarch64" => "arm64",
            "arm" => "armhf",
            "riscv64" => "riscv64",
            "x86" => "i386",
            _ => "amd64",
        };
        Host { arch, memory: mib(&text, "MemTotal:"), swap: mib(&text, "SwapTotal:") }
    }
}

fn mib(meminfo: &str, name: &str) -> u64 {
    let line = meminfo.lines().find_map(|line| line.strip_prefix(name));
    let kib: Option<u64> = line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok());
    kib.unwrap_or_default() / 1024
}

impl fmt::Display for PveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let PveError::Path(path) = self;
        write!(f, "the path {path:?} cannot stand in a CT's configuration")
    }
}

impl std::error::Error for PveError {}

impl Diagnose for PveError {
    fn code(&self) -> Code {
        Code::Refused
    }

    fn hint(&self) -> Option<String> {
        Some("use a path without commas, control characters and outer blanks".to_owned())
    }
}
