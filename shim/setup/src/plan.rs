//! What is to be done, as it travels from the shim to nexcage-setup.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// One thing to do in the container's tree of mounts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The JSON pointer of the field of config.json that asks for it.
    pub pointer: String,
    /// Where, relative to the root of the container.
    pub target: String,
    /// What.
    pub action: Action,
}

/// What is done at a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Mount a new file system.
    Fresh(Fresh),
    /// Mount what stands at a path of the host. The shim has made the mount, which travels.
    Bind(Bind),
    /// Mount a tmpfs with every v1 hierarchy of cgroups in it.
    Cgroups {
        /// `MS_*` flags of the hierarchies.
        flags: u32,
    },
    /// Change the file system that is mounted there.
    Remount(Fresh),
    /// Mount what is there over itself; LXC takes away what is mounted on /dev/pts once.
    Again,
    /// Make the mount that is there read-only.
    Seal,
    /// Make what is there read-only by a mount of its own; nothing is fine.
    ReadOnly,
    /// Hide what is there; nothing is fine.
    Mask,
}

/// A new file system.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Fresh {
    /// Its type.
    pub fs_type: String,
    /// Its device, or any word.
    pub source: String,
    /// `MS_*` flags.
    pub flags: u32,
    /// Its own options, joined by commas.
    pub data: String,
    /// Whether what the mount covers is copied into it.
    pub copy_up: bool,
    /// For it and what is below it.
    pub recursive: Attributes,
}

/// A bind mount.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Bind {
    /// A path of the host.
    pub source: PathBuf,
    /// Instead of what is there, a new sysfs of the network namespace at this path.
    pub network: Option<PathBuf>,
    /// Whether mounts below the source come along.
    pub with_submounts: bool,
    /// Of the uppermost mount.
    pub top: Attributes,
    /// Of all mounts, set after `top`.
    pub recursive: Attributes,
    /// How owners are mapped.
    pub id_map: Option<IdMap>,
    /// Whether mounts made below it later reach the host, where the source is shared.
    pub peers: bool,
}

/// Attributes of a mount, `MOUNT_ATTR_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Attributes {
    /// To be set.
    pub set: u64,
    /// To be cleared before.
    pub clear: u64,
}

/// The map of an ID-mapped mount, in the form of user_namespaces(7): the ids that the file system has
/// are the inner ones.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct IdMap {
    /// Lines of uid_map.
    pub users: String,
    /// Lines of gid_map.
    pub groups: String,
    /// Whether it holds for the mounts below too.
    pub recursive: bool,
}

/// A hook of the runtime specification.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hook {
    /// The JSON pointer of its entry in config.json.
    pub pointer: String,
    /// The program.
    pub path: String,
    /// argv; the path alone if the bundle gives none.
    pub args: Vec<String>,
    /// The whole environment.
    pub env: Vec<String>,
    /// How long it may take, in seconds.
    pub timeout: Option<u32>,
}

/// The state of a container as the runtime specification defines it, for a hook's stdin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct State {
    /// The version of the specification.
    pub oci_version: String,
    /// The container's id.
    pub id: String,
    /// creating, created, running or stopped.
    pub status: String,
    /// The container's first process as the hook sees it; none if there is none any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<i32>,
    /// The bundle's directory.
    pub bundle: PathBuf,
    /// The annotations.
    #[serde(skip_serializing_if = "BTreeMap::is_empty", default)]
    pub annotations: BTreeMap<String, String>,
}

/// Whom hooks inside the container are run as: what the process will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "documented at nexcage-handover's Process, whose fields they are")]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
    pub groups: Vec<u32>,
    pub umask: u32,
    pub cwd: PathBuf,
    pub bounding: u64,
    pub effective: u64,
    pub permitted: u64,
    pub inheritable: u64,
    pub ambient: u64,
    pub no_new_privileges: bool,
    pub seccomp_flags: u32,
    /// `struct sock_filter`s, 8 bytes each; empty for no filter.
    pub seccomp: Vec<u8>,
}

/// From nexcage-setup to the shim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// It has begun and speaks this version.
    Hello(u32),
    /// What was asked for is done.
    Done,
    /// It is not.
    Failed(Failure),
}

/// From the shim to nexcage-setup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// Carry these out; a descriptor for each [`Action::Bind`] follows, in their order.
    Mounts(Vec<Step>),
    /// Run these hooks here.
    Hooks(Vec<Hook>, State),
    /// Join the container whose init's pidfd follows, become this, and run these hooks.
    Join(Vec<Hook>, State, Box<Identity>),
}

/// Why something was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The JSON pointer of the field that asks for it.
    pub pointer: String,
    /// What could not be done, to follow "cannot".
    pub what: String,
    /// The system's reason.
    pub errno: Option<i32>,
    /// Whether it is a hook that failed.
    pub is_hook: bool,
}
