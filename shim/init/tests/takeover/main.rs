//! Plays the shim to nexcage-init, which runs as PID 1 of namespaces of its own, in a root file
//! system with nothing but busybox. Needs root, util-linux and a static busybox.
#![allow(clippy::unwrap_used, reason = "what the tests need and don't get fails them")]

mod container;
mod exec;
mod extra;
mod hold;
mod identity;
mod join;
mod process;
mod running;
mod seccomp;
mod shim;
mod tasks;
mod terminal;
