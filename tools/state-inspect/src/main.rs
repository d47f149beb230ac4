//! The binary; see the library.

fn main() -> std::process::ExitCode {
    nexcage_cli::run(&state_inspect::TOOL, state_inspect::main)
}
