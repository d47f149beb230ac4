//! What LXC cannot do for a container, or not exactly: mounts with every option of the runtime
//! specification, and hooks.
//!
//! The program `nexcage-setup` is LXC's mount hook: it runs in the container's namespaces before
//! pivot_root(2), with the host's tree still in sight, and carries out a [`plan`] that the shim sends
//! over a [`channel`]. What only the host's root can do, such as opening the sources of bind mounts,
//! the shim has done by then ([`tree`]); detached mounts travel as descriptors.
//!
//! ```text
//! setup                                  shim
//!  ── Hello (version) ──────────────────▶
//!  ◀── Mounts (steps), a descriptor for every bind mount
//!  ── Done ─────────────────────────────▶      prestart and createRuntime hooks run now
//!  ◀── Hooks (createContainer, state) ───
//!  ── Done ─────────────────────────────▶      LXC goes on
//!  ── Failed ───────────────────────────▶      in place of either *Done*
//! ```

pub mod cgroups;
pub mod channel;
mod copy_up;
pub mod hook;
mod kernel;
pub mod modes;
mod mounts;
pub mod namespaces;
pub mod plan;
mod target;
pub mod tree;

pub use kernel::{flags, keep_inherited, load_filter};

/// The protocol's version: raised with every change of a message.
pub const VERSION: u32 = 2;
