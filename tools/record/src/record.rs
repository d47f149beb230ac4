//! The record itself.

use crate::{ContainerId, Error, Namespace, ProcessId};
use nexcage_cgroup::Cgroup;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The version of the format that this crate writes and reads.
const VERSION: u32 = 2;

/// A moment in nanoseconds since the Unix epoch, written as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(SystemTime);

impl Timestamp {
    /// The present moment.
    #[must_use]
    pub fn now() -> Self {
        Timestamp(SystemTime::now())
    }
}

impl Timestamp {
    /// As the system has it.
    #[must_use]
    pub fn time(self) -> SystemTime {
        self.0
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        humantime::format_rfc3339_nanos(self.0).fmt(f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_rfc3339(&text).map(Timestamp).map_err(serde::de::Error::custom)
    }
}

/// A container's status, in the words of runtime.md#state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The shim is still making it.
    Creating,
    /// nexcage-init holds the process and waits for *go*.
    Created,
    /// The process runs.
    Running,
    /// The process is frozen. Never written down: the kernel knows.
    Paused,
    /// The process has ended.
    Stopped,
}

impl Status {
    /// The word of the specification.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Creating => "creating",
            Status::Created => "created",
            Status::Running => "running",
            Status::Paused => "paused",
            Status::Stopped => "stopped",
        }
    }
}

/// Who starts the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Backend {
    /// Plain LXC, by `lxc-start`.
    Lxc {
        /// The container's cgroup, relative to the root of each hierarchy.
        cgroup: String,
        /// Directories above it that did not exist before, deepest first.
        #[serde(skip_serializing_if = "Vec::is_empty", default)]
        new_parents: Vec<PathBuf>,
    },
    /// Proxmox VE, by `pct start`.
    Pct {
        /// The id of the CT.
        vmid: u32,
        /// The CT's cgroup, relative to the root of each hierarchy.
        cgroup: String,
        /// What the description of the CT holds until it is filled in, if `pct create` makes it.
        #[serde(skip_serializing_if = "Option::is_none", default)]
        mark: Option<String>,
    },
}

impl Backend {
    /// The container's cgroup, relative to the root of each hierarchy.
    #[must_use]
    pub fn cgroup(&self) -> &Path {
        match self {
            Backend::Lxc { cgroup, .. } | Backend::Pct { cgroup, .. } => Path::new(cgroup),
        }
    }
}

/// What was begun and has not ended, written down before its first effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The creation. Without a shim it will not come to its end, and is undone.
    Create,
    /// The start: the process may have begun or not.
    Start,
    /// The deletion, which can be repeated.
    Delete,
}

/// How the process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// The exit status as a shell gives it: 0 to 255, 128 + n for death by signal n.
    pub status: u8,
    /// When it was learned.
    pub at: Timestamp,
    /// Nobody was there to learn the status, which is 255 for want of a better one.
    #[serde(skip_serializing_if = "is_false", default)]
    pub lost: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
fn is_false(value: &bool) -> bool {
    !*value
}

impl Exit {
    /// A status that was learned just now.
    #[must_use]
    pub fn learned(status: u8) -> Self {
        Exit { status, at: Timestamp::now(), lost: false }
    }

    /// The end of a process that nobody watched.
    #[must_use]
    pub fn lost() -> Self {
        Exit { status: 255, at: Timestamp::now(), lost: true }
    }
}

/// What the disk holds about a container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    version: u32,
    /// The container's id.
    pub id: String,
    /// The namespace of the id.
    pub namespace: String,
    /// The bundle's directory, absolute.
    pub bundle: String,
    /// The status when the record was written; [`Record::observe`] tells the one of now.
    pub status: Status,
    /// What was begun and has not ended.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub step: Option<Step>,
    /// Who starts the container.
    pub backend: Backend,
    /// Whether the process has a terminal.
    #[serde(skip_serializing_if = "is_false", default)]
    pub terminal: bool,
    /// Whether it was run in the foreground, and is removed when its process has ended.
    #[serde(skip_serializing_if = "is_false", default)]
    pub foreground: bool,
    /// When the container was made.
    pub created: Timestamp,
    /// The shim that writes this record.
    pub shim: ProcessId,
    /// The container's PID 1 on the host, once it is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub process: Option<ProcessId>,
    /// How the process ended, once it has and its status is known.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit: Option<Exit>,
    /// The bundle's annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub annotations: BTreeMap<String, String>,
}

/// A record held against the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// The status of now.
    pub status: Status,
    /// The pid of the live process.
    pub pid: Option<i32>,
    /// The record claims something that is no longer so: nobody was there to write down the end.
    pub stale: bool,
}

impl Record {
    /// A new record in status *creating*.
    #[must_use]
    pub fn new(
        id: &ContainerId,
        namespace: &Namespace,
        bundle: &str,
        shim: ProcessId,
        backend: Backend,
    ) -> Self {
        Record {
            version: VERSION,
            id: id.to_string(),
            namespace: namespace.to_string(),
            bundle: bundle.to_owned(),
            status: Status::Creating,
            step: Some(Step::Create),
            backend,
            terminal: false,
            foreground: false,
            created: Timestamp::now(),
            shim,
            process: None,
            exit: None,
            annotations: BTreeMap::new(),
        }
    }

    pub(crate) fn parse(text: &[u8], path: &Path) -> Result<Self, Error> {
        let format = |source| Error::Format { path: path.to_owned(), source };
        let record: Record = serde_json::from_slice(text).map_err(format)?;
        if record.version != VERSION {
            let text = format!("version {} is not {VERSION}", record.version);
            return Err(format(serde::de::Error::custom(text)));
        }
        Ok(record)
    }

    /// Asks the kernel whether the record still holds.
    #[must_use]
    pub fn observe(&self) -> Observed {
        let alive = self.process.filter(|process| process.is_alive());
        let (status, stale) = match (self.status, alive) {
            (Status::Stopped, _) => (Status::Stopped, false),
            (Status::Running, Some(_)) if Cgroup::find(self.backend.cgroup()).is_frozen() => {
                (Status::Paused, false)
            }
            (status, Some(_)) => (status, false),
            (Status::Creating, None) if self.shim.is_alive() => (Status::Creating, false),
            // The shim may be about to write the end down.
            (_, None) => (Status::Stopped, !self.shim.is_alive()),
        };
        Observed { status, pid: alive.map(|process| process.pid), stale }
    }

    /// How long ago the container was made; zero if the clock was set back since.
    #[must_use]
    pub fn age(&self) -> Duration {
        SystemTime::now().duration_since(self.created.0.max(UNIX_EPOCH)).unwrap_or_default()
    }
}
