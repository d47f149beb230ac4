//! `pct enter` and `pct console`: become LXC's own programs.

use super::Session;
use crate::command_line::Call;
use crate::failure::Failure;
use std::os::unix::process::CommandExt;

pub(super) fn enter(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let mut attach = super::exec::attach(session, call)?;
    Err(attach.exec().into())
}

pub(super) fn run(session: &Session<'_>, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    session.store().load(vmid)?;
    let mut console = session.container(vmid).tool("lxc-console");
    console.env_remove(crate::settings::VARIABLE);
    console.args(["-e", call.option("escape").unwrap_or("^a")]);
    Err(console.exec().into())
}
