//! What can go wrong in a shim.

mod kept;
mod refusal;

pub(crate) use kept::Kept;
pub(crate) use refusal::Refusal;

use crate::backend::pct::words;
use lxc_render_config::lxc_config::BadValue;
use nexcage_cli::{Code, Diagnose};
use nexcage_handover::Step;
use serde::{Deserialize, Serialize};
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a container could not be run.
#[derive(Debug)]
pub(crate) enum Error {
    /// The bundle has findings of severity error; they were logged.
    Invalid { errors: usize },
    /// An error of a library that has its own code.
    Other { error: Box<dyn StdError>, code: Code, hint: Option<String> },
    /// A file or a system call that has to work did not.
    System { doing: String, source: io::Error },
    /// An input file cannot be read.
    Input { path: PathBuf, source: io::Error },
    /// The LXC configuration names no root file system.
    NoRootfs { path: PathBuf },
    /// The file system of an unprivileged CT's image has no ID-mapped mounts.
    Owners { rootfs: PathBuf, source: io::Error },
    /// The bundle names a cgroup that exists.
    CgroupTaken { path: PathBuf },
    /// `lxc-start` is not in PATH.
    LxcMissing,
    /// nexcage-init is in none of its places.
    InitMissing { looked: Vec<PathBuf> },
    /// LXC ended without starting the container; its own words.
    LxcStart { words: String },
    /// There is no `pct` where the configuration says.
    PctMissing { program: PathBuf },
    /// `pct` ended without having done it; its own words.
    Pct { command: Pct, words: String },
    /// Somebody holds the lock of a CT's configuration.
    CtLocked { vmid: u32 },
    /// A CT's configuration cannot be made or removed.
    NoQuorum { doing: String, source: io::Error },
    /// A CT is not to be removed.
    Kept(Kept),
    /// Every VMID is taken.
    NoVmid { first: u32, last: u32 },
    /// So many things that have lost their container are still there; why was logged.
    NotRemoved { left: usize },
    /// A step did not end in time.
    Timeout { doing: &'static str, limit: Duration, words: String },
    /// A signal came before the process was started.
    Interrupted { signal: i32 },
    /// nexcage-init does not follow the protocol, or went away.
    Handover { what: String, words: String },
    /// nexcage-setup is in none of its places.
    SetupMissing { looked: Vec<PathBuf> },
    /// A mount or a hook failed.
    Undone(nexcage_setup::plan::Failure),
    /// nexcage-init failed at a step; the object is the program, or what a task is about.
    Setup { step: Step, errno: u32, object: String },
    /// What came from the container is no terminal's master.
    NoMaster,
    /// The process has ended, but nobody can tell how.
    ExitLost { pid: i32 },
    /// What a worker told.
    Told(Told),
    /// A worker ended without a word.
    WorkerDied { doing: &'static str },
}

/// What `pct` is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pct {
    Start,
    Create,
    Destroy,
}

impl Pct {
    /// What it could not do, and the code of that.
    fn failure(self) -> (&'static str, Code) {
        match self {
            Pct::Start => ("start the container", Code::PctStart),
            Pct::Create => ("create the CT", Code::PctCreate),
            Pct::Destroy => ("destroy the CT", Code::PctDestroy),
        }
    }
}

/// An error as it comes from another process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Told {
    /// The code's name.
    code: String,
    text: String,
    hint: Option<String>,
    run_status: u8,
}

impl Told {
    pub(crate) fn of(error: &Error) -> Self {
        Told {
            code: error.code().name().to_owned(),
            text: nexcage_cli::causes(error),
            hint: error.hint(),
            run_status: error.run_status(),
        }
    }
}

impl Error {
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Error {
        let doing = doing.into();
        move |source| Error::System { doing, source }
    }

    /// The same error with LXC's own words, where they may explain it.
    pub(crate) fn with_words(mut self, said: String) -> Self {
        if let Error::Timeout { words, .. } | Error::Handover { words, .. } = &mut self {
            *words = said;
        }
        self
    }

    /// The exit status of `nexcage-shim run`, which must not look like a container's own.
    pub(crate) fn run_status(&self) -> u8 {
        match (self, self.code().status()) {
            (Error::Told(told), _) => told.run_status,
            (Error::Interrupted { signal }, _) => u8::try_from(128 + signal).unwrap_or(125),
            (_, status @ (2 | 126 | 127)) => status,
            _ => 125,
        }
    }
}

impl<E: Diagnose> From<Box<E>> for Error {
    fn from(error: Box<E>) -> Self {
        Error::Other { code: error.code(), hint: error.hint(), error }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Box::new(refusal).into()
    }
}

impl From<BadValue> for Error {
    fn from(error: BadValue) -> Self {
        Error::Other { code: Code::Refused, hint: None, error: Box::new(error) }
    }
}

impl From<nexcage_record::Error> for Error {
    fn from(error: nexcage_record::Error) -> Self {
        Box::new(error).into()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Invalid { errors } => {
                let s = if *errors == 1 { "" } else { "s" };
                write!(f, "the bundle breaks the runtime specification ({errors} error{s})")
            }
            Error::Other { error, .. } => error.fmt(f),
            Error::System { doing, .. } => write!(f, "cannot {doing}"),
            Error::Input { path, .. } => write!(f, "cannot read {}", path.display()),
            Error::NoRootfs { path } => {
                write!(f, "{} has no lxc.rootfs.path, and LXC would take the host's root", path.display())
            }
            Error::Owners { rootfs, .. } => {
                write!(
                    f,
                    "{} belongs to the host's root, and its owners cannot be mapped into a user namespace",
                    rootfs.display()
                )
            }
            Error::CgroupTaken { path } => {
                write!(f, "the cgroup {} exists and may be somebody else's", path.display())
            }
            Error::LxcMissing => f.write_str("cannot start LXC: there is no lxc-start in PATH"),
            Error::InitMissing { looked } => write!(f, "nexcage-init is not in {}", places(looked)),
            Error::SetupMissing { looked } => write!(f, "nexcage-setup is not in {}", places(looked)),
            Error::Undone(failure) => {
                write!(f, "cannot {}", failure.what)?;
                if let Some(errno) = failure.errno {
                    write!(f, ": {}", io::Error::from_raw_os_error(errno))?;
                }
                if failure.pointer.is_empty() { Ok(()) } else { write!(f, " ({})", failure.pointer) }
            }
            Error::LxcStart { words } => write!(f, "lxc-start could not start the container: {words}"),
            Error::PctMissing { program } => {
                write!(f, "cannot start the CT: there is no {}", program.display())
            }
            Error::Pct { command, words } => write!(f, "pct could not {}: {words}", command.failure().0),
            Error::CtLocked { vmid } => write!(f, "somebody works on the configuration of CT {vmid}"),
            Error::NoQuorum { doing, .. } => write!(f, "cannot {doing}"),
            Error::Kept(kept) => kept.fmt(f),
            Error::NotRemoved { left } => write!(f, "{left} of what was listed could not be removed"),
            Error::NoVmid { first, last } => write!(f, "every VMID from {first} to {last} is taken"),
            Error::Timeout { doing, limit, words } => {
                write!(f, "{doing} did not happen within {} s{}", limit.as_secs_f32(), after(words))
            }
            Error::Interrupted { signal } => write!(f, "signal {signal} came before the process was started"),
            Error::Handover { what, words } => {
                write!(f, "the hand-over to nexcage-init failed: {what}{}", after(words))
            }
            Error::Setup { step: Step::Exec, object, .. } => write!(f, "cannot execute {object:?}"),
            Error::Setup { step: Step::Node | Step::Link | Step::Propagation, object, .. } => {
                write!(f, "cannot set up {object} in the container")
            }
            Error::NoMaster => f.write_str("nexcage-init sent no terminal, though the process wants one"),
            Error::Setup { step, .. } => write!(f, "cannot {} in the container", step.text()),
            Error::Told(told) => f.write_str(&told.text),
            Error::WorkerDied { doing } => write!(f, "cannot {doing}: the shim's worker has died"),
            Error::ExitLost { pid } => {
                write!(f, "process {pid} has ended, but its exit status could not be learned")
            }
        }?;
        match self {
            Error::Setup { errno, .. } if *errno != 0 => {
                write!(f, ": {}", io::Error::from_raw_os_error(raw(*errno)))
            }
            _ => Ok(()),
        }
    }
}

fn places(looked: &[PathBuf]) -> String {
    let places: Vec<_> = looked.iter().map(|path| path.display().to_string()).collect();
    places.join(" or ")
}

/// An errno as the system's headers have it.
fn raw(errno: u32) -> i32 {
    i32::try_from(errno).unwrap_or(0)
}

fn after(words: &str) -> String {
    if words.is_empty() { String::new() } else { format!("; LXC says: {words}") }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Error::System { source, .. }
            | Error::NoQuorum { source, .. }
            | Error::Input { source, .. }
            | Error::Owners { source, .. } => Some(source),
            Error::Other { error, .. } => error.source(),
            _ => None,
        }
    }
}

impl Diagnose for Error {
    fn code(&self) -> Code {
        match self {
            Error::Invalid { .. } => Code::Invalid,
            Error::Other { code, .. } => *code,
            Error::System { .. } => Code::System,
            Error::Input { .. } => Code::Input,
            Error::LxcMissing => Code::LxcMissing,
            Error::InitMissing { .. } => Code::InitMissing,
            Error::SetupMissing { .. } => Code::SetupMissing,
            Error::Undone(failure) if failure.is_hook => Code::Hook,
            Error::Undone(_) => Code::Mount,
            Error::LxcStart { .. } => Code::LxcStart,
            Error::PctMissing { .. } => Code::PctMissing,
            Error::Pct { command, words } => words::code(words).unwrap_or(command.failure().1),
            Error::CtLocked { .. } => Code::CtLocked,
            Error::NoQuorum { .. } => Code::NoQuorum,
            Error::Kept(kept) => kept.code(),
            Error::NotRemoved { .. } => Code::System,
            Error::NoVmid { .. } => Code::NoVmid,
            Error::NoRootfs { .. } | Error::CgroupTaken { .. } | Error::Owners { .. } => Code::Refused,
            Error::Timeout { .. } => Code::Timeout,
            Error::Interrupted { .. } => Code::Interrupted,
            Error::Handover { .. } | Error::NoMaster => Code::Handover,
            Error::Setup { step: Step::Exec, errno, .. } => match raw(*errno) {
                libc::ENOENT | libc::ENOTDIR => Code::NoProgram,
                _ => Code::NotExecutable,
            },
            Error::Setup { .. } => Code::ProcessSetup,
            Error::ExitLost { .. } => Code::ExitLost,
            Error::Told(told) => Code::by_name(&told.code).unwrap_or(Code::System),
            Error::WorkerDied { .. } => Code::System,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Error::Other { hint, .. } => hint.clone(),
            Error::Told(told) => told.hint.clone(),
            Error::Invalid { .. } => Some("bundle-validate explains each finding".into()),
            Error::NoRootfs { .. } => Some("keep the line that lxc-render-config prints".into()),
            Error::Owners { .. } => Some(
                "an overlay, for one, has no ID-mapped mounts: give it to the mapped root (chown -R), or have an engine name its layers"
                    .into(),
            ),
            Error::CgroupTaken { .. } => Some(
                "name one that does not exist (linux.cgroupsPath), or none; another --root may have a container of this id"
                    .into(),
            ),
            Error::LxcMissing => Some("install the package lxc (on Proxmox VE: lxc-pve)".into()),
            Error::SetupMissing { .. } => Some("put it beside nexcage-shim".into()),
            Error::Undone(failure) if failure.is_hook => Some("correct the hook or remove it".into()),
            Error::Undone(_) => Some("correct the mount's source, type or options".into()),
            Error::InitMissing { .. } => Some("name its place with --init".into()),
            Error::PctMissing { .. } => Some("--backend lxc starts it without Proxmox VE".into()),
            Error::Pct { words, .. } => Some(words::hint(words).to_owned()),
            Error::CtLocked { .. } => Some("try again when it is done".into()),
            Error::NoQuorum { .. } => Some("pmxcfs is read-only without a quorum of the cluster, which pvecm status tells; try again when it is back".into()),
            Error::Kept(kept) => Some(kept.hint()),
            Error::NoVmid { .. } => Some("widen pct.vmids in the configuration".into()),
            Error::Timeout { .. } => Some("--timeout sets the limit".into()),
            Error::Setup { step: Step::Label, .. } => Some(
                "process.apparmorProfile needs AppArmor on the host, process.selinuxLabel SELinux, and both /proc in the container"
                    .into(),
            ),
            Error::Setup { step: Step::Bounding | Step::User | Step::CapabilitySets | Step::Ambient, .. } => {
                Some("without process.noNewPrivileges linux.seccomp has to allow it".into())
            }
            Error::Setup { step: Step::Terminal, .. } => Some("mount devpts on /dev/pts".into()),
            _ => None,
        }
    }
}
