//! `nexcage help`: the help of the tool or of a command.

use crate::arguments;
use crate::command_line::{self, COMMANDS, own_name};
use crate::context::Global;
use nexcage_cli::{Args, Failure, Tool};

/// What `nexcage help --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage help",
    summary: "print the help of nexcage or of a command",
    usage: &["[COMMAND]"],
    options: &[],
    statuses: command_line::STATUSES,
};

pub(crate) fn main(_: Global, mut args: Args) -> Result<u8, Failure> {
    let mut names = arguments::read(&mut args, |name, _| arguments::unknown(name))?.into_iter();
    let Some(name) = names.next() else {
        return Err(Failure::help(&command_line::TOOL, COMMANDS));
    };
    arguments::nothing(names.next())?;
    let command = COMMANDS.iter().find(|tool| name == own_name(tool));
    let command =
        command.ok_or_else(|| Failure::usage(format!("unknown command {:?}", name.to_string_lossy())))?;
    Err(Failure::help(command, &[]))
}
