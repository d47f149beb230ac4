//! `nexcage pause` and `nexcage resume`: freeze and thaw a container.

use crate::arguments;
use crate::command_line::STATUSES;
use crate::context::Global;
use crate::error::Error;
use crate::shim::Shim;
use nexcage_cli::{Args, Failure, Tool};
use nexcage_task_api::method::{Pause, Resume};
use nexcage_task_api::task::{PauseRequest, ResumeRequest};

/// What `nexcage pause --help` says.
pub(crate) static PAUSE: Tool = Tool {
    name: "nexcage pause",
    summary: "suspend every process of a container",
    usage: &["ID"],
    options: &[],
    statuses: STATUSES,
};

/// What `nexcage resume --help` says.
pub(crate) static RESUME: Tool = Tool {
    name: "nexcage resume",
    summary: "let the processes of a paused container go on",
    usage: &["ID"],
    options: &[],
    statuses: STATUSES,
};

pub(crate) fn pause(global: Global, args: Args) -> Result<u8, Failure> {
    let mut shim = connect(global, args)?;
    let request = PauseRequest { id: shim.id() };
    shim.call::<Pause>(&request)?;
    Ok(0)
}

pub(crate) fn resume(global: Global, args: Args) -> Result<u8, Failure> {
    let mut shim = connect(global, args)?;
    let request = ResumeRequest { id: shim.id() };
    shim.call::<Resume>(&request)?;
    Ok(0)
}

fn connect(global: Global, args: Args) -> Result<Shim, Failure> {
    let id = arguments::only_id(args)?;
    let context = global.context()?;
    Shim::of(&context, &context.container(id)).map_err(|error: Error| error.into())
}
