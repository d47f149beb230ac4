//! `nexcage state`: the state document of a container.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::{Context, Global};
use crate::error::Error;
use crate::state_document::Known;
use nexcage_cli::{Args, Failure, Tool, print};
use nexcage_record::ContainerId;

/// What `nexcage state --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage state",
    summary: "print the state of a container as JSON",
    usage: &["ID"],
    options: &[],
    statuses: STATUSES,
};

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let id = arguments::only_id(args)?;
    print(text(&global.context()?, id)?.as_bytes())?;
    Ok(0)
}

fn text(context: &Context, id: ContainerId) -> Result<String, Error> {
    let container = context.container(id);
    context.launcher.settle(&container.dir)?;
    let known = Known::read(&container.dir)?;
    let text = serde_json::to_string_pretty(&known.document()).map_err(Error::unprintable)?;
    Ok(format!("{text}\n"))
}
