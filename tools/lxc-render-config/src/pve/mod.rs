//! A rendered bundle as a CT of Proxmox VE: the CT's own configuration, and the file that it
//! includes, which LXC reads unfiltered (pct.md, section 2).

mod conf;
mod description;
mod disk;
mod include;
mod limits;
mod network;
mod wishes;

pub use conf::{ID_RANGE, PROXMOX_ID_MAP, conf, included, includes, is_set, value};
pub use disk::{Disk, Template};
pub use wishes::{ANNOTATION, CONFIGURATION, KEYS, Wishes};

use nexcage_cli::{Code, Diagnose};
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// What a CT's configuration says beside the rendered lines.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// The container's id.
    pub id: &'a str,
    /// The namespace of the id.
    pub namespace: &'a str,
    /// The bundle's directory.
    pub bundle: &'a Path,
    /// The root file system.
    pub rootfs: Rootfs<'a>,
    /// The file that the configuration includes.
    pub include: &'a Path,
    /// The bundle's annotations.
    pub annotations: &'a BTreeMap<String, String>,
    /// What they and the administrator ask for.
    pub wishes: &'a Wishes,
}

/// A root file system: a directory, absolute, or a volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rootfs<'a> {
    /// It belongs to the container's root, as whom it is on the host.
    ContainerRoot(&'a Path),
    /// It belongs to the host's root: in a user namespace it needs an ID-mapped mount.
    HostRoot(&'a Path),
    /// What `pct create` has made, as the CT's configuration has it.
    Volume(&'a str),
}

/// A CT: its configuration, and what the included file has to leave to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ct {
    /// The text of its own configuration.
    pub conf: String,
    taken: Vec<&'static str>,
    wishes: Wishes,
}

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
    /// An annotation, or a value in nexcage's configuration, is not what Proxmox takes.
    Wish {
        /// Its JSON pointer.
        place: String,
        /// Why, in Proxmox's words.
        why: String,
    },
    /// An annotation asks for a network and the bundle has no network namespace of its own.
    NoNetwork,
    /// It would be a privileged CT.
    Privileged,
    /// The configuration has more bytes than pmxcfs takes.
    TooLong(usize),
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
        match self {
            PveError::Path(path) => write!(f, "the path {path:?} cannot stand in a CT's configuration"),
            PveError::Wish { place, why } => write!(f, "{place}: {why}"),
            PveError::NoNetwork => {
                f.write_str("an annotation asks for a network, and the bundle has no new network namespace")
            }
            PveError::Privileged => f.write_str(
                "without a user namespace it would be a privileged CT, which /pct/withoutUserNamespace excludes",
            ),
            PveError::TooLong(bytes) => {
                write!(f, "the CT's configuration has {bytes} bytes, and pmxcfs takes 1 MiB")
            }
        }
    }
}

impl std::error::Error for PveError {}

impl Diagnose for PveError {
    fn code(&self) -> Code {
        Code::Refused
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            PveError::Path(_) => "use a path without commas, control characters and outer blanks",
            PveError::Wish { .. } => "nexcage-pve(7) has the options and their forms",
            PveError::NoNetwork => {
                "list a namespace of type network without a path, or remove the annotation"
            }
            PveError::Privileged => {
                "list a namespace of type user with uidMappings and gidMappings, or change the configuration"
            }
            PveError::TooLong(_) => "shorten its annotations",
        };
        Some(hint.to_owned())
    }
}
