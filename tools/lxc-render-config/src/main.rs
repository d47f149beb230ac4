//! The command line; see [`lxc_render_config::command`].

fn main() -> std::process::ExitCode {
    nexcage_cli::run(&lxc_render_config::command::TOOL, lxc_render_config::command::main)
}
