//! The shim's binary; see the library.

fn main() -> std::process::ExitCode {
    // Before anything else touches a signal: what the caller ignores is part of the environment.
    nexcage_cli::run(&nexcage_shim::TOOL, nexcage_shim::main)
}
