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
pub mod pve;
mod render;
mod report;
mod rootfs;
mod wire;

pub use cgroup_version::{CgroupChoice, CgroupVersion};
pub use error::{Refusal, RenderError};
pub use lxc_config::LxcConfig;
pub use prepare::{MountPoint, prepare_mount_points};
pub use render::{
    Action, Argument, Hooks, HostId, Listener, Operator, Rendered, Rlimit, Rule, Scheduler, Seccomp,
    annotations, render,
};
pub use report::{Fate, report};
pub use wire::{WireError, Wires, wire};

use nexcage_mapping::Lookup;
use std::sync::LazyLock;

/// The table of what becomes of every field.
static ROWS: LazyLock<Lookup> = LazyLock::new(Lookup::new);

/// What a rendering depends on besides the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Options {
    /// The version of cgroups that limits are written for.
    pub cgroup: CgroupChoice,
    /// The oldest LXC that has to understand the configuration.
    pub lxc: LxcVersion,
    /// Fields, as in [`nexcage_mapping::TABLE`], that may be lost instead of being refused. Only a
    /// row of which [`nexcage_mapping::Row::may_be_lost`] says so has this effect.
    pub allowed_losses: Vec<&'static str>,
    /// Where the image is.
    pub image: Image,
}

/// Where the files of a root file system are, before the container is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Image {
    /// In the directory that `root.path` names.
    #[default]
    Bundle,
    /// Where nobody can look yet: what is mounted on it is nexcage-setup's, which finds its way inside.
    Elsewhere,
}

/// Versions of LXC with differences that matter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum LxcVersion {
    /// 5.0.
    #[default]
    V5,
    /// 6.0.
    V6,
    /// 7.0, which knows cgroup v2 alone.
    V7,
}

impl Options {
    fn allows(&self, refusal: &Refusal) -> bool {
        !self.allowed_losses.is_empty()
            && ROWS.of_pointer(&refusal.pointer).is_some_and(|row| {
                row.may_be_lost() && self.allowed_losses.iter().any(|allowed| below(row.field, allowed))
            })
    }
}

/// Whether a field of the table is this one or stands below it.
pub(crate) fn below(field: &str, above: &str) -> bool {
    field.strip_prefix(above).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
