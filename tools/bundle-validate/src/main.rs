//! The command line; see [`bundle_validate::command`].

fn main() -> std::process::ExitCode {
    nexcage_cli::run(&bundle_validate::command::TOOL, bundle_validate::command::main)
}
