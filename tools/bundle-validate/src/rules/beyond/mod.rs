//! Rules beyond the specification: facts of the kernel and of runtimes. A document that breaks one
//! is valid, but will not start, or not do what it seems to say.

pub(super) mod linux;
pub(super) mod mounts;
pub(super) mod process;
pub(super) mod resources;
pub(super) mod seccomp;
