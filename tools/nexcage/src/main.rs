//! The binary; see the library.

fn main() -> std::process::ExitCode {
    nexcage_cli::run(&nexcage::TOOL, nexcage::main)
}
