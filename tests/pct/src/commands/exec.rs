//! `pct exec`: becomes lxc-attach.

use super::Command;
use super::Session;
use crate::command_line::Call;
use crate::failure::Failure;
use std::os::unix::process::CommandExt;

pub(super) fn run(session: &Session<'_>, command: &Command, call: &Call) -> Result<(), Failure> {
    let mut attach = attach(session, call)?;
    let words = call.extra(command);
    if words.is_empty() {
        return Err(Failure::died("missing command at /usr/share/perl5/PVE/CLI/pct.pm line 246."));
    }
    Err(attach.arg("--").args(words).exec().into())
}

/// lxc-attach to the running CT, with the environment that the call asks for.
///
/// # Errors
/// There is no such CT, or it does not run.
pub(super) fn attach(session: &Session<'_>, call: &Call) -> Result<std::process::Command, Failure> {
    let vmid = call.vmid()?;
    session.store().load(vmid)?;
    let container = session.container(vmid);
    if !container.is_running() {
        return Err(Failure::died(format!("container '{vmid}' not running!")));
    }
    let mut attach = container.tool("lxc-attach");
    attach.env_remove(crate::settings::VARIABLE);
    attach.arg(if call.option("keep-env") == Some("0") { "--clear-env" } else { "--keep-env" });
    Ok(attach)
}
