//! nexcage-shim: runs one OCI bundle as an LXC container and supervises it.
//!
//! [`serve`] is how a shim begins; its [`supervisor`] is a loop that never waits for one thing alone.
//! What takes time or memory is [`work`], done in forks. Around them: a [`backend`] starts LXC, the
//! [`handover`] gives the process to nexcage-init, [`join`] brings further ones in, [`exit`] learns
//! wait statuses, and [`stdio`], [`relay`], [`limits`], [`setup`], [`hooks`] and [`signals`] each do
//! what their names say, once, for every backend.

mod backend;
mod command_line;
pub mod containerd;
mod error;
mod exit;
mod fault;
mod fork;
mod handover;
mod hooks;
mod join;
mod limits;
mod lost;
mod lxc_log;
mod memory;
mod relay;
mod rootfs;
mod scheduling;
mod seccomp;
mod serve;
mod setup;
mod signals;
mod stats;
mod stdio;
mod supervisor;
mod terminal;
mod wait;
mod work;

pub use command_line::{TOOL, main};
pub use fault::PLACES as FAULT_PLACES;

use nexcage_record::Record;
use std::path::Path;

/// The cgroup of a container, relative to the root of each hierarchy.
fn cgroup_of(record: &Record) -> &Path {
    record.backend.cgroup()
}
