//! End-to-end tests: OCI bundles through the tools into real LXC containers and back. A module a
//! topic; every [`nexcage_tests::Sandbox`] checks at its end that nothing is left on the machine.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod about;
mod arguments;
mod cgroups;
mod cleanup;
mod completions;
mod containerd;
mod crashes;
mod ct;
mod devices;
mod elf;
mod exec;
mod failures;
mod hooks;
mod images;
mod inspect;
mod layers;
mod lifecycle;
mod live;
mod manners;
mod manual;
mod mapped;
mod mounts;
mod once;
mod peers;
mod pipeline;
mod pods;
mod privileges;
mod process;
mod scheduling;
mod seccomp;
mod signals;
mod status;
mod stdio;
mod supervision;
mod terminal;

/// The two ways in which the shim learns an exit status.
const EXIT_SOURCES: [&str; 2] = ["pidfd", "proc-events"];

/// Output as text; every test's output is UTF-8 unless it compares bytes.
fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
