//! Renders an OCI bundle as an LXC configuration.
//!
//! [`render`] reads a validated [`Bundle`](bundle_validate::Bundle) and gives the configuration
//! together with what LXC cannot be told: the process for nexcage-init, and steps for the shim.
//! [`nexcage_mapping::TABLE`] says what becomes of every field of the specification.
//!
//! Invariants: no field is dropped silently, the audit looks at every value of the document; what
//! is rendered reads back, by an independent parser of LXC's grammar, as exactly what was meant;
//! nothing of the host is changed, only looked at, but by [`prepare_mount_points`].

mod audit;
mod capability;
mod cgroup_version;
pub mod command;
mod error;
mod field;
pub mod lxc_config;
mod prepare;
mod render;
mod rootfs;
mod wire;

pub use cgroup_version::{CgroupChoice, CgroupVersion};
pub use error::{Refusal, RenderError};
pub use lxc_config::LxcConfig;
pub use prepare::{MountPoint, prepare_mount_points};
pub use render::{HostId, Rendered, Rlimit, render};
pub use wire::{WireError, wire};

/// What a rendering depends on besides the bundle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// The version of cgroups that limits are written for.
    pub cgroup: CgroupChoice,
}
