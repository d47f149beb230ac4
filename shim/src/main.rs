//! The shim's binary; see the library.

use nexcage_shim::containerd;

fn main() -> std::process::ExitCode {
    // Before anything else touches a signal: what the caller ignores is part of the environment.
    if std::env::args_os().next().is_some_and(|name| containerd::is_meant(&name)) {
        return nexcage_cli::run(&containerd::TOOL, containerd::main);
    }
    nexcage_cli::run(&nexcage_shim::TOOL, nexcage_shim::main)
}
