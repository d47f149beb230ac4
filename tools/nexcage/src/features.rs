//! `nexcage features`: what this build recognizes, as features.md of the runtime specification has it.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::Global;
use nexcage_cli::{Args, Failure, Tool, print};

/// What `nexcage features --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage features",
    summary: "print what this build recognizes, as the features document of the specification",
    usage: &[""],
    options: &[],
    statuses: STATUSES,
};

pub(crate) fn main(_: Global, mut args: Args) -> Result<u8, Failure> {
    let values = arguments::read(&mut args, |name, _| arguments::unknown(name))?;
    arguments::nothing(values.into_iter().next())?;
    print(format!("{:#}\n", nexcage_mapping::features()).as_bytes())?;
    Ok(0)
}
