//! The programs that people type, by their tables.

use nexcage_cli::Tool;

/// A program.
#[derive(Debug)]
pub(crate) struct Program {
    /// Its own table.
    pub(crate) tool: &'static Tool,
    /// The tables of its commands, if it has some.
    pub(crate) commands: &'static [&'static Tool],
}

/// All of them.
pub(crate) fn programs() -> [Program; 5] {
    [
        Program { tool: &bundle_validate::command::TOOL, commands: &[] },
        Program { tool: &lxc_render_config::command::TOOL, commands: &[] },
        Program { tool: &nexcage::TOOL, commands: nexcage::COMMANDS },
        Program { tool: &nexcage_shim::TOOL, commands: &[] },
        Program { tool: &state_inspect::TOOL, commands: &[] },
    ]
}
