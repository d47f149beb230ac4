//! `pct exec`: becomes lxc-attach.

use super::Command;
use super::Session;
use crate::command_line::Call;
use crate::failure::Failure;
use std::os::unix::process::CommandExt;

pub(super) fn run(session: &Session<'_>, command: &Command, call: &Call) -> Result<(), Failure> {
    let vmid = call.vmid()?;
    session.store().load(vmid)?;
    let container = session.container(vmid);
    if !container.is_running() {
        return Err(Failure::died(format!("container '{vmid}' not running!")));
    }
    let words = call.extra(command);
    if words.is_empty() {
        return Err(Failure::died("missing command at /usr/share/perl5/PVE/CLI/pct.pm line 246."));
    }
    let environment = if call.option("keep-env") == Some("0") { "--clear-env" } else { "--keep-env" };
    let mut attach = container.tool("lxc-attach");
    attach.env_remove(crate::settings::VARIABLE);
    Err(attach.arg(environment).arg("--").args(words).exec().into())
}
