//! `nexcage version`: as `--version`.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::Global;
use nexcage_cli::{Args, Failure, Tool, print, version_text};

/// What `nexcage version --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage version",
    summary: "print the version of nexcage and of the specification",
    usage: &[""],
    options: &[],
    statuses: STATUSES,
};

pub(crate) fn main(_: Global, mut args: Args) -> Result<u8, Failure> {
    let values = arguments::read(&mut args, |name, _| arguments::unknown(name))?;
    arguments::nothing(values.into_iter().next())?;
    print(version_text("nexcage").as_bytes())?;
    Ok(0)
}
