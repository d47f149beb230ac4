//! `nexcage start`: lets the process of a created container run.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::{Context, Global};
use crate::error::Error;
use crate::shim::Shim;
use nexcage_cli::{Args, Failure, Tool};
use nexcage_record::ContainerId;

/// What `nexcage start --help` says.
pub(crate) static TOOL: Tool = Tool {
    name: "nexcage start",
    summary: "run the process of a created container",
    usage: &["ID"],
    options: &[],
    statuses: STATUSES,
};

pub(crate) fn main(global: Global, args: Args) -> Result<u8, Failure> {
    let id = arguments::only_id(args)?;
    start(&global.context()?, id).map_err(|error| {
        let status = error.status_without_a_process();
        Failure::from(error).with_status(status)
    })?;
    Ok(0)
}

fn start(context: &Context, id: ContainerId) -> Result<(), Error> {
    Shim::of(context, &context.container(id))?.start("").map(drop)
}
