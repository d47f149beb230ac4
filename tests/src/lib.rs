//! The ground that end-to-end tests, `cargo xtask demo` and `cargo xtask bench` stand on: real
//! bundles, a sandbox that runs the tools on them, and a look at what they leave on the machine.
//!
//! The tests themselves are in `e2e/`, one module a topic. They run the tools as a user would: from
//! `TOOLS_BIN_DIR`, or from the target directory they were built into.

mod config;
mod container;
mod containerd;
mod cri;
mod machine;
mod noise;
mod rootfs;
mod run;
mod sandbox;
mod terminal;
mod tools;

pub use config::{Bundle, Config};
pub use container::{Container, Pipes};
pub use containerd::image::NAME as IMAGE;
pub use containerd::{Containerd, Events, await_that, containerd_directory};
pub use cri::{Cri, CriContainer, Failed, Pod, Said};
pub use machine::Traces;
pub use noise::noise;
pub use run::{Run, Running};
pub use sandbox::{Backend, FIRST_VMID, Sandbox};
pub use terminal::AtTerminal;
pub use tools::tools_directory;
