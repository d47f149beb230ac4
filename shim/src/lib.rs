//! nexcage-shim: runs one OCI bundle as an LXC container and supervises it.
//!
//! [`run`] is the life of a container in the foreground. Around it: a [`backend`] starts LXC, the
//! [`handover`] gives the process to nexcage-init, [`exit`] learns its wait status, [`stdio`],
//! [`limits`], [`setup`], [`hooks`], [`cgroup`] and [`signals`] each do what their names say, once, for every backend.

mod backend;
mod cgroup;
mod command_line;
mod configuration;
mod error;
mod exit;
mod handover;
mod hooks;
mod limits;
mod lxc_log;
mod relay;
mod run;
mod scheduling;
mod seccomp;
mod setup;
mod signals;
mod stdio;
mod terminal;
mod wait;

pub use command_line::{TOOL, main};
