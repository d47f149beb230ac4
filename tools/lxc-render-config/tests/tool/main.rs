//! lxc-render-config as its users see it, and its output as LXC sees it.
#![expect(clippy::unwrap_used, reason = "tests, in functions that they share too")]

mod bundle;
mod command_line;
mod corpus;
mod injection;
mod lxc;
mod lxc_info;
mod mounts;
mod rules;
mod seccomp;
mod table;
